//! A wrong PIN is tried once, by whom ever, and what the token tells of the tries left is said, and no more.

use std::path::Path;
use std::process::Command;

use super::{Desk, SUBJECT, done, refused};
use crate::support::daemon::Daemon;
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::skip::skip;
use crate::support::softhsm::MODULE;

/// OpenSC's recorder of PKCS#11 calls; Debian's multiarch folder is the machine's.
fn spy() -> Option<std::path::PathBuf> {
    let folder = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    [folder.join("pkcs11-spy.so"), folder.join("pkcs11/pkcs11-spy.so")].into_iter().find(|path| path.exists())
}

fn spied<'c>(command: &'c mut Command, record: &Path) -> &'c mut Command {
    command.env("PKCS11SPY", MODULE).env("PKCS11SPY_OUTPUT", record)
}

#[test]
fn a_wrong_pin_reaches_the_token_once() {
    let Some(spy) = spy() else {
        return skip("keys::a_wrong_pin_reaches_the_token_once", "pkcs11-spy.so (opensc) is not installed");
    };
    let module = spy.to_str().unwrap().to_owned();
    let mut desk = Desk::of(
        Plan::new("keys")
            .key_type(KeyType::P256)
            .edit_config(move |config| config["seal"][0]["module"] = module.into()),
    );
    desk.module = spy;
    let record = desk.path("log/spy");
    let logins = || std::fs::read_to_string(&record).unwrap_or_default().matches("C_Login\n").count();
    let pin = |pin: &str| write(&desk.path("secrets/seal-a.pin"), pin, 0o600);
    pin("00000000");
    let said =
        refused(spied(&mut desk.named("generate"), &record), 3, &["a refusé le PIN", "CKF_USER_PIN_COUNT_LOW"]);
    assert!(!said.contains("00000000"), "{said}");
    assert_eq!(logins(), 1, "{}", std::fs::read_to_string(&record).unwrap());
    // Neither the same command again, nor another one, nor a signer tries it.
    for mut command in [
        desk.named("generate"),
        desk.described("generate", "other", "seal"),
        desk.described("csr", "seal-a", "authentication"),
    ] {
        if command.get_args().any(|argument| argument == "csr") {
            command.args(SUBJECT).args(["--structure", STRUCTURES[0]]);
        }
        refused(spied(&mut command, &record), 3, &["déjà été refusé", "aucun essai"]);
    }
    let env = [("PKCS11SPY", MODULE), ("PKCS11SPY_OUTPUT", record.to_str().unwrap())];
    let signer = Daemon::signer(&desk.establishment, "seal-a-1", &env);
    signer.wait_ready(1);
    assert!(signer.log().contains("déjà été refusé"), "{}", signer.log());
    drop(signer);
    assert_eq!(logins(), 1, "{}", std::fs::read_to_string(&record).unwrap());
    // The right one is tried at once, once, and clears nothing but what it must.
    pin(&desk.token().pin);
    done(spied(desk.described("generate", "other", "seal").args(["--type", "p-256"]), &record));
    assert_eq!(logins(), 2);
}

#[test]
fn what_the_flags_say_is_said_and_no_more() {
    for (fault, words) in [
        ("then-unsaid", "essais restants : le token ne le dit pas"),
        ("none", "moins qu'au départ, le token ne dit pas combien (CKF_USER_PIN_COUNT_LOW)"),
        ("then-final-try", "un seul avant verrouillage (CKF_USER_PIN_FINAL_TRY)"),
        ("then-locked", "aucun, le token est verrouillé (CKF_USER_PIN_LOCKED)"),
    ] {
        let desk = Desk::with_faults();
        desk.fault(fault);
        write(&desk.path("secrets/seal-a.pin"), "00000000", 0o600);
        let said = refused(&mut desk.described("generate", "k", "seal"), 3, &[words]);
        assert_eq!(said.matches("CKF_").count(), usize::from(fault != "then-unsaid"), "{said}");
        assert_eq!(std::fs::read_to_string(desk.path("shim/calls")).unwrap(), "ILF");
    }
}

#[test]
fn a_token_on_its_last_try_or_locked_is_not_tried() {
    for (fault, words) in [("final-try", "CKF_USER_PIN_FINAL_TRY"), ("locked", "CKF_USER_PIN_LOCKED")] {
        let desk = Desk::with_faults();
        desk.fault(fault);
        refused(&mut desk.described("generate", "k", "seal"), 3, &[words, "aucun essai n'a été fait"]);
        assert_eq!(std::fs::read_to_string(desk.path("shim/calls")).unwrap(), "IF", "{fault}: C_Login was called");
    }
}

#[test]
fn an_unclear_login_is_told_with_its_wait() {
    let desk = Desk::with_faults();
    desk.fault("unclear-login");
    refused(&mut desk.described("generate", "k", "seal"), 3, &["n'a pas dit pourquoi", "30 s", ".pin-refused"]);
    refused(&mut desk.described("generate", "k", "seal"), 3, &["il attend"]);
    assert_eq!(std::fs::read_to_string(desk.path("shim/calls")).unwrap(), "ILFIF", "the second made no try");
}
