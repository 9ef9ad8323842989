//! The list shows every private key with its certificate, and what is wrong with either.

use serde_json::Value;

use super::{Desk, done, json, parts, refused};
use crate::support::certificate::SealCertificate;
use crate::support::establishment::write;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::softhsm::{MODULE, run};

fn list(desk: &Desk) -> Value {
    json(&done(desk.step("list").arg("--json")))
}

fn key<'a>(list: &'a Value, label: &str) -> &'a Value {
    let tokens = list["tokens"].as_array().unwrap();
    let mut keys = tokens.iter().flat_map(|token| token["keys"].as_array().unwrap());
    keys.find(|key| key["label"] == label).unwrap_or_else(|| panic!("{label} is not in {list}"))
}

fn warned(key: &Value, word: &str) -> bool {
    key["warnings"].as_array().unwrap().iter().any(|warning| warning.as_str().unwrap().contains(word))
}

#[test]
fn every_key_is_listed_with_its_certificate() {
    let certificate =
        SealCertificate::of(STRUCTURES[0]).expires_in(time::Duration::days(20) + time::Duration::hours(1));
    let seal = SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
    let desk = Desk::of(Plan::new("keys").seal(seal));
    let made = desk.generate("other", "rsa-2048");
    let all = list(&desk);
    let configured = key(&all, "seal-a");
    for (member, value) in [
        ("type", Value::from("p-256")),
        ("id", "01".into()),
        ("sensitive", true.into()),
        ("extractable", false.into()),
        ("local", true.into()),
        ("use", "seal".into()),
        ("configured", "seal-a".into()),
        ("warnings", Value::Array(Vec::new())),
    ] {
        assert_eq!(configured[member], value, "{member}");
    }
    let certificate = &configured["certificates"][0];
    assert_eq!((&certificate["source"], &certificate["days_left"]), (&"file".into(), &20.into()));
    assert!(certificate["subject"].as_str().unwrap().contains(&format!("OU={}", STRUCTURES[0])));
    let other = key(&all, "other");
    assert_eq!((&other["id"], &other["configured"]), (&made["id"], &Value::Null));
    assert_eq!(other["warnings"], Value::Array(Vec::new()));
    // For a person.
    let said = done(&mut desk.step("list"));
    for part in [
        &desk.token().label,
        "seal-a",
        "other",
        "p-256",
        "rsa-2048",
        "(20 jours)",
        "usage : cachet",
        "[[seal]] key",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(!said.contains("ATTENTION"), "{said}");
}

#[test]
fn what_is_wrong_is_told_with_its_key() {
    let desk = Desk::new();
    desk.generate("lonely", "p-256");
    desk.generate("lonely-rsa", "rsa-2048");
    for label in ["lonely", "lonely-rsa"] {
        let mut delete = desk.establishment.store.pkcs11_tool(desk.token());
        run(delete.args(["--delete-object", "--type", "pubkey", "--label", label]));
    }
    // Another key's certificate where the configuration names this one's.
    desk.generate("twin", "p-256");
    desk.certify("pki/seal-a.pem", &SealCertificate::of(STRUCTURES[0]), &desk.request("twin", "seal"));
    let all = list(&desk);
    assert!(
        warned(key(&all, "lonely"), "sans clé publique") && warned(key(&all, "lonely-rsa"), "sans clé publique")
    );
    assert!(warned(key(&all, "seal-a"), "n'est pas celui de cette clé"), "{all}");
    assert!(!warned(key(&all, "twin"), "sans clé publique"));
    desk.certify("pki/seal-a.pem", &SealCertificate::of(STRUCTURES[0]).expired(), &desk.request("seal-a", "seal"));
    assert!(warned(key(&list(&desk), "seal-a"), "hors de sa validité"));
    std::fs::remove_file(desk.path("pki/seal-a.pem")).unwrap();
    assert!(warned(key(&list(&desk), "seal-a"), "pas de certificat"));
    let uri = desk.uri("absent");
    desk.establishment.edit_file("sceau.toml", |config| config["seal"][0]["uri"] = uri.into());
    let all = list(&desk);
    assert_eq!(
        (&all["tokens"][0]["missing"][0], &key(&all, "seal-a")["configured"]),
        (&"seal-a".into(), &Value::Null)
    );
    assert!(done(&mut desk.step("list")).contains("n'est pas dans ce token"));
}

#[test]
fn a_key_that_production_refuses_is_told() {
    for (origin, word) in [
        (KeyOrigin::Imported, "CKA_LOCAL"),
        (KeyOrigin::Extractable, "CKA_EXTRACTABLE"),
        (KeyOrigin::NotSensitive, "CKA_SENSITIVE"),
    ] {
        let seal = SealPlan { origin, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
        let desk = Desk::of(Plan::new("keys").seal(seal));
        assert!(warned(key(&list(&desk), "seal-a"), word), "{origin:?}: {}", list(&desk));
    }
}

#[test]
fn one_token_that_refuses_does_not_hide_the_others() {
    let desk = Desk::of(Plan::new("keys").structures(&STRUCTURES).key_type(KeyType::P256));
    write(&desk.path("secrets/seal-b.pin"), "00000000", 0o600);
    let gone = "pkcs11:token=gone;object=seal-c";
    desk.establishment.edit_file("sceau.toml", |config| config["seal"][2]["uri"] = gone.into());
    let (code, out, said) = parts(&desk.step("list").arg("--json").output().unwrap());
    assert_eq!(code, Some(3), "{said}");
    let all = json(&out);
    assert_eq!(
        (all["tokens"].as_array().unwrap().len(), all["errors"].as_array().unwrap().len()),
        (2, 2),
        "{all}"
    );
    key(&all, "seal-a");
    let audit = key(&all, "audit");
    let public = desk.establishment.audit.as_ref().unwrap().public.to_string();
    assert_eq!((&audit["use"], &audit["type"]), (&"audit".into(), &"ed25519".into()));
    assert_eq!(audit["verifier_key"], public);
    assert!(
        done(
            &mut desk
                .step("list")
                .args(["--uri", &desk.establishment.audit.as_ref().unwrap().token.uri()])
                .args(["--module", MODULE, "--pin-file"])
                .arg(desk.path("secrets/audit.pin"))
        )
        .contains(&public)
    );
    for word in ["a refusé le PIN", "aucun token"] {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
}

#[test]
fn a_token_is_listed_before_any_configuration_exists() {
    let desk = Desk::new();
    std::fs::remove_file(desk.establishment.config()).unwrap();
    let mut list = desk.step("list");
    list.args(["--module", MODULE, "--uri", &format!("pkcs11:token={}", desk.token().label)]);
    let said = done(list.args(["--pin-file", "secrets/seal-a.pin"]));
    assert!(said.contains("seal-a") && said.contains("dans la configuration : non"), "{said}");
    let (code, _, said) = parts(&desk.step("list").output().unwrap());
    assert!(code == Some(2) && said.contains("sceau.toml"), "{said}");
}

/// Other tools may have put anything into a token: nothing of it moves the cursor or makes a line of ours.
#[test]
fn a_label_with_control_characters_is_shown_harmless_and_never_made() {
    let desk = Desk::new();
    let mut make = desk.establishment.store.pkcs11_tool(desk.token());
    run(make.args(["--keypairgen", "--key-type", "EC:prime256v1", "--label", "x\n\u{1b}[31mToken faux"]));
    let said = done(&mut desk.step("list"));
    assert!(said.contains("[31mToken faux") && !said.contains('\u{1b}'), "{said}");
    assert!(!said.lines().any(|line| line.contains("faux") && !line.contains('x')), "{said}");
    for object in ["k%0A", "k%1B[2J", "%FF"] {
        refused(&mut desk.described("generate", object, "seal"), 2, &["caractère invisible"]);
    }
}
