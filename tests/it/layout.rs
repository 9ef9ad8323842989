//! What a plan lays out is what the product reads: every right establishment is accepted, each spoilt one refused for
//! the property that was spoilt.

use nix::unistd::User;
use rcgen::KeyUsagePurpose;
use sceau::config::Config;
use sceau::vihf::instant::Instant;
use time::{Duration, OffsetDateTime};

use crate::support::certificate::{SealCertificate, TEST_POLICY};
use crate::support::configuration::{METHODS, PROFILES, SIMPLIFIED_METHOD};
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES, TEST_STRUCTURES};
use crate::support::practitioners::{HOSTILE_NAMES, Practitioner};
use crate::support::seal::SealPlan;

/// Reads it as `sceaud` does; the message of the first refusal otherwise.
fn read(establishment: &Establishment) -> Result<usize, String> {
    let uid = |name: &str| User::from_name(name).ok().flatten().map(|user| user.uid.as_raw());
    let config = Config::load(&establishment.config()).map_err(|e| e.to_string())?;
    let now = Instant::from_ms((OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000) as i64);
    config.load_named(uid, now).map(|loaded| loaded.seals.len()).map_err(|e| e.to_string())
}

#[test]
fn right_establishments_are_accepted() {
    let plan = |name| Plan::new(name).key_type(KeyType::P256).policy(TEST_POLICY);
    for profile in PROFILES {
        assert_eq!(read(&plan("layout").profile(profile).build()), Ok(1));
    }
    let methods = [&METHODS[..], &[SIMPLIFIED_METHOD]].concat();
    assert_eq!(read(&plan("layout").structures(&TEST_STRUCTURES).methods(&methods).build()), Ok(3));
    assert_eq!(read(&plan("layout").production().structures(&STRUCTURES).build()), Ok(3));
    let mut hostile = plan("layout");
    for (number, name) in HOSTILE_NAMES.into_iter().enumerate() {
        hostile = hostile.practitioner(Practitioner::named(number, name));
    }
    assert_eq!(read(&hostile.build()), Ok(1));
}

#[test]
fn each_spoilt_certificate_is_refused_for_its_property() {
    let right = || SealCertificate::of(STRUCTURES[0]);
    let cases = [
        ("keyUsage", right().authentication()),
        ("keyUsage", right().key_usages(&[KeyUsagePurpose::ContentCommitment])),
        ("l'OU", right().structure(STRUCTURES[1])),
        ("échu", right().expired()),
        ("pas encore valide", right().not_yet_valid()),
        ("politique", right().policy(None)),
    ];
    let with = |seal: SealPlan| read(&Plan::new("layout").production().policy(TEST_POLICY).seal(seal).build());
    let plan = || SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256);
    for (word, certificate) in cases {
        let said = with(SealPlan { certificate, ..plan() }).unwrap_err();
        assert!(said.contains(word), "{word}: {said}");
    }
    let said = with(SealPlan { unknown_ca: true, ..plan() }).unwrap_err();
    assert!(said.contains("aucune chaîne"), "{said}");
    for certificate in [right().expires_in(Duration::days(6)), right().private_key_usage_period()] {
        assert_eq!(with(SealPlan { certificate, ..plan() }), Ok(1));
    }
}

#[test]
fn production_refuses_the_test_branch() {
    let plan = Plan::new("layout").structures(&STRUCTURES[..1]).key_type(KeyType::P256);
    let establishment = plan.edit_config(|config| drop(config.insert("mode".into(), "production".into()))).build();
    let said = read(&establishment).unwrap_err();
    assert!(said.contains("autorité de test"), "{said}");
}
