//! Keys are made inside the token, whole and for signatures alone, or not at all.

use std::process::Command;

use super::{Desk, done, json, refused};
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::softhsm::run;

/// The objects of that label.
fn of<'a>(objects: &'a [String], label: &str) -> Vec<&'a str> {
    let line = format!("label:      {label}");
    objects.iter().filter(|object| object.lines().any(|l| l == line)).map(String::as_str).collect()
}

#[test]
fn a_key_is_made_in_the_token_for_signatures_alone() {
    let desk = Desk::new();
    for kind in KeyType::ALL {
        let kind = kind.name();
        let label = format!("k-{kind}");
        let made = desk.generate(&label, kind);
        for (member, value) in [
            ("sensitive", true),
            ("always_sensitive", true),
            ("extractable", false),
            ("never_extractable", true),
            ("local", true),
            ("self_test", true),
            ("production", true),
        ] {
            assert_eq!(made[member], value, "{member} of {made}");
        }
        assert_eq!((made["type"].as_str(), made["label"].as_str()), (Some(kind), Some(&*label)));
        // The witness sees the same: two halves of one id, and nothing but signatures.
        let objects = desk.objects();
        let [private, public] = of(&objects, &label)[..] else { panic!("{objects:#?}") };
        let id = format!("ID:         {}", made["id"].as_str().unwrap());
        assert_eq!(made["id"].as_str().unwrap().len(), 40);
        assert!(private.starts_with("Private Key Object") && private.lines().any(|line| line == id), "{private}");
        assert!(public.starts_with("Public Key Object") && public.lines().any(|line| line == id), "{public}");
        for line in ["Usage:      sign", "Access:     sensitive, always sensitive, never extractable, local"] {
            assert!(private.lines().any(|l| l == line), "{line} is not in {private}");
        }
        assert!(public.lines().any(|line| line == "Usage:      verify"), "{public}");
    }
    let ids: std::collections::HashSet<_> = desk
        .objects()
        .iter()
        .filter_map(|o| o.lines().find(|l| l.starts_with("ID:")).map(str::to_owned))
        .collect();
    assert_eq!(ids.len(), KeyType::ALL.len() + 1, "every key has its own id");
}

#[test]
fn a_configured_key_is_made_by_its_name() {
    let desk = Desk::new();
    let uri = format!("{};type=private", desk.uri("seal-2026"));
    desk.establishment.edit_file("sceau.toml", |config| config["seal"][0]["uri"] = uri.into());
    let said = done(&mut desk.named("generate"));
    for part in ["seal-2026", "rsa-2048", "Ensuite : sceau keys csr --config", "--key seal-a"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert_eq!(of(&desk.objects(), "seal-2026").len(), 2);
}

#[test]
fn an_existing_label_is_never_replaced() {
    let desk = Desk::new();
    let before = desk.objects();
    refused(&mut desk.named("generate"), 2, &["a déjà une clé \"seal-a\"", "rien n'a été généré", "object="]);
    // A public half alone takes its label, too.
    desk.generate("half", "p-256");
    let mut delete = desk.establishment.store.pkcs11_tool(desk.token());
    run(delete.args(["--delete-object", "--type", "privkey", "--label", "half"]));
    refused(desk.described("generate", "half", "seal").args(["--type", "p-256"]), 2, &["\"half\""]);
    let mut delete = desk.establishment.store.pkcs11_tool(desk.token());
    run(delete.args(["--delete-object", "--type", "pubkey", "--label", "half"]));
    assert_eq!(desk.objects(), before);
}

#[test]
fn a_key_whose_self_test_fails_is_destroyed() {
    let desk = Desk::with_faults();
    let before = desk.objects();
    for kind in ["p-256", "rsa-2048"] {
        desk.fault("wrong-signature");
        let mut generate = desk.described("generate", "spoilt", "seal");
        refused(generate.args(["--type", kind]), 3, &["a été détruite", "ne se vérifie pas"]);
        assert_eq!(desk.objects(), before);
        std::fs::remove_file(desk.path("shim/wrong-signature")).unwrap();
    }
    desk.fault("lost");
    refused(&mut desk.described("generate", "spoilt", "seal"), 3, &["a été détruite"]);
    assert_eq!(desk.objects(), before);
    std::fs::remove_file(desk.path("shim/lost")).unwrap();
    desk.generate("spoilt", "p-256");
}

#[test]
fn what_names_no_new_key_is_2_and_a_missing_token_3() {
    let desk = Desk::new();
    let with = |uri: &str| {
        let mut command: Command = desk.step("generate");
        command.arg("--module").arg(&desk.module).args(["--pin-file", "secrets/seal-a.pin", "--use", "seal"]);
        command.args(["--uri", uri]);
        command
    };
    let token = &desk.token().label;
    refused(&mut with(&format!("pkcs11:token={token}")), 2, &["ajoutez object="]);
    refused(&mut with(&format!("pkcs11:token={token};object=k;id=%01")), 2, &["retirez-le"]);
    let said = refused(&mut with(&format!("pkcs11:token={token};object=k?pin-value=s3cr3t")), 2, &["pin-value"]);
    assert!(!said.contains("s3cr3t"), "{said}");
    refused(&mut with("pkcs11:token=absent;object=k"), 3, &["aucun token", token]);
    refused(with(&format!("pkcs11:token={token};object=k")).args(["--type", "rsa-1024"]), 2, &["--type"]);
    let mut absent = desk.step("generate");
    absent.args(["--module", "/nowhere.so", "--uri", "pkcs11:object=k", "--pin-file", "p", "--use", "seal"]);
    refused(&mut absent, 3, &["/nowhere.so"]);
    // Neither the key nor its use is guessed.
    refused(&mut desk.step("generate"), 2, &["--key"]);
    let mut command = desk.named("generate");
    refused(command.args(["--use", "authentication"]), 2, &["[[seal]]"]);
    refused(desk.step("generate").args(["--key", "seal-z"]), 2, &["seal-z".split('-').next().unwrap(), "seal-a"]);
    // A PIN is never an argument, and its file nobody else's to read.
    refused(desk.named("generate").args(["--pin", "1234"]), 2, &["argument inconnu"]);
    write(&desk.path("secrets/open.pin"), &desk.token().pin, 0o644);
    let mut open = desk.named("generate");
    refused(open.args(["--pin-file", "secrets/open.pin"]), 2, &["chmod 0400"]);
    assert!(json(&done(desk.step("list").arg("--json")))["tokens"][0]["keys"].as_array().unwrap().len() == 1);
}
