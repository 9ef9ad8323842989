//! The key of mutual TLS in a TPM: the relay calls the DMP with it as with any other.

use super::rig::{Rig, RigPlan};
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::swtpm::Swtpm;
use crate::support::tpm_token::TpmTokens;

#[test]
fn the_relay_authenticates_with_a_key_that_lives_in_a_tpm() {
    let test = "relay::the_relay_authenticates_with_a_key_that_lives_in_a_tpm";
    for key in [KeyType::P256, KeyType::Rsa2048] {
        let Some(tokens) = TpmTokens::over(Swtpm::bare, test) else { return };
        let rig: Rig = RigPlan { key, tokens: Some(tokens), ..RigPlan::default() }.start();
        let session = rig.session();
        let answer = rig.ask(&session, PATIENTS[0]);
        assert_eq!(answer.status, 200, "{key:?}: {}", answer.text());
    }
}
