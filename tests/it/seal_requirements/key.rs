//! The key itself: made in the token, sensitive, never extractable; its PIN for its owner alone.

use std::os::unix::fs::PermissionsExt;

use super::{assert_refused, conforming_seal, production};
use crate::support::daemon::Daemon;
use crate::support::key_kind::KeyOrigin;
use crate::support::seal::SealPlan;

/// The signer refuses the key by itself; and `sceaud` does, should a signer in test mode ever offer it.
fn assert_key_refused(origin: KeyOrigin, parts: &[&str]) {
    let establishment = production().seal(SealPlan { origin, ..conforming_seal() }).build();
    let parts = [parts, &["générez une nouvelle clé", "clé seal-a"]].concat();
    assert_refused(&establishment, "sceau-signer", &["--instance", "seal-a-1"], &parts);
    establishment.edit_file("sceau.toml", |config| config["mode"] = "test".into());
    let signer = Daemon::signer(&establishment, "seal-a-1", &[]);
    signer.wait_ready(1);
    establishment.edit_file("sceau.toml", |config| config["mode"] = "production".into());
    assert_refused(&establishment, "sceaud", &[], &parts);
}

#[test]
fn an_extractable_key_is_refused() {
    assert_key_refused(KeyOrigin::Extractable, &["CKA_EXTRACTABLE", "sortir du token"]);
}

#[test]
fn a_key_that_is_not_sensitive_is_refused() {
    assert_key_refused(KeyOrigin::NotSensitive, &["CKA_SENSITIVE"]);
}

#[test]
fn a_key_made_outside_the_token_is_refused() {
    assert_key_refused(KeyOrigin::Imported, &["CKA_LOCAL", "importée"]);
}

#[test]
fn a_pin_file_that_others_may_read_is_refused() {
    let establishment = production().seal(conforming_seal()).build();
    let pin = establishment.folder.join("secrets/seal-a.pin");
    for mode in [0o640, 0o604, 0o620] {
        std::fs::set_permissions(&pin, PermissionsExt::from_mode(mode)).unwrap();
        let parts = ["clé seal-a", "secrets/seal-a.pin", &format!("mode {mode:04o}"), "chmod 0400"];
        assert_refused(&establishment, "sceau-signer", &["--instance", "seal-a-1"], &parts);
    }
    std::fs::set_permissions(&pin, PermissionsExt::from_mode(0o400)).unwrap();
    Daemon::signer(&establishment, "seal-a-1", &[]).wait_ready(1);
}
