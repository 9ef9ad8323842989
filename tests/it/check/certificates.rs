//! Certificates spoiled in one property each.

use super::{assert_seen, check, plan};
use crate::support::certificate::{SealCertificate, TEST_POLICY};
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;

fn right() -> SealCertificate {
    SealCertificate::of(STRUCTURES[0])
}

fn seal(key: &str, certificate: SealCertificate) -> SealPlan {
    SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], key, KeyType::P256) }
}

#[test]
fn each_spoiled_certificate_is_found_by_its_rule() {
    let days = time::Duration::days;
    for (rule, code, certificate) in [
        ("certificate-key-usage", 2, right().authentication()),
        ("certificate-structure", 2, right().structure(STRUCTURES[1])),
        ("certificate-expired", 2, right().expired()),
        ("certificate-not-yet-valid", 2, right().not_yet_valid()),
        ("certificate-policy", 2, right().policy(None)),
        ("certificate-ends-soon", 0, right().expires_in(days(50))),
        ("certificate-ends-soon", 0, right().expires_in(days(20))),
        ("certificate-ends-soon", 0, right().expires_in(days(5))),
    ] {
        assert_seen(&plan().seal(seal("seal-a", certificate)).build(), code, &[(rule, "seal-a.pem")]);
    }
    assert_seen(&plan().seal(seal("seal-a", right().expires_in(days(70)))).build(), 0, &[]);
    let foreign = plan().seal(SealPlan { unknown_ca: true, ..seal("seal-a", right()) }).build();
    assert_seen(&foreign, 2, &[("certificate-chain", "seal-a.pem")]);
    let rootless =
        plan().edit_config(|config| config["trust"]["anchors"] = toml::Value::Array(Vec::new())).build();
    assert_seen(&rootless, 2, &[("certificate-no-anchor", "seal-a.pem")]);
    let test = Plan::new("check").policy(TEST_POLICY).key_type(KeyType::P256).build();
    assert_seen(&test, 0, &[]);
    test.edit_file("sceau.toml", |config| config["mode"] = "production".into());
    let expected = [("convention-inline", "sceau.toml"), ("certificate-test-authority", "seal-a.pem")];
    assert_seen(&test, 2, &expected);
}

#[test]
fn a_file_that_is_no_certificate_is_found_and_nothing_is_concluded_from_it() {
    for file in ["pki/seal-a.pem", "pki/ca.pem", "pki/intermediate.pem"] {
        let establishment = plan().build();
        let path = establishment.folder.join(file);
        let name = path.file_name().unwrap().to_str().unwrap();
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
        assert_seen(&establishment, 2, &[("certificate-unreadable", name)]);
        std::fs::remove_file(&path).unwrap();
        assert_seen(&establishment, 2, &[("file-missing", name)]);
    }
}

#[test]
fn two_certificates_of_a_structure_overlap() {
    let days = time::Duration::days;
    let two = |old: SealCertificate| plan().seal(seal("seal-a", old)).seal(seal("seal-b", right())).build();
    // The one that ends soon has its successor: nothing is to be done about it.
    let structure = format!("structure {}", STRUCTURES[0]);
    assert_seen(&two(right().expires_in(days(20))), 0, &[("certificates-overlap", &structure)]);
    assert_seen(&two(right().expired()), 0, &[("certificate-superseded", "seal-a.pem")]);
}

#[test]
fn an_unchecked_policy_is_said() {
    let establishment = plan().policy("").build();
    assert_seen(&establishment, 0, &[("policy-unchecked", "sceau.toml")]);
    assert!(check(&establishment, &[]).out.contains("n'est pas vérifiée"));
}
