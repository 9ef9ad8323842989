//! Somebody between `sceau-attestd` and the TPM: he reads no secret, and what he changes is refused.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use sceau::traces::digest::Digest;
use serde_json::json;

use super::interposer::{code, interpose};
use super::sealing_rig::{BOOT_PIN, PIN, Sealing};
use crate::support::softhsm::run;

/// TPM2_NV_Read.
const NV_READ: u32 = 0x0000_014e;
/// Place of a counter's value in its answer: header, size of the parameters, size of the value.
const VALUE: usize = 10 + 4 + 2;

/// What the listener has, and what he does.
#[derive(Default)]
struct Listener {
    heard: Mutex<Vec<u8>>,
    /// Changes the counter's value in the TPM's answers.
    lies: AtomicBool,
}

impl Listener {
    fn passes(&self, command: &[u8], mut response: Vec<u8>) -> Vec<u8> {
        self.heard.lock().unwrap().extend([command, &response].concat());
        if code(command) == NV_READ && response.len() > VALUE + 8 && self.lies.load(Ordering::SeqCst) {
            response[VALUE + 7] ^= 1;
        }
        response
    }

    fn hears(&self, words: &[u8]) -> bool {
        self.heard.lock().unwrap().windows(words.len()).any(|window| window == words)
    }
}

#[test]
fn who_sits_between_us_and_the_tpm_reads_no_secret_and_forges_no_answer() {
    let test = "wire::who_sits_between_us_and_the_tpm_reads_no_secret_and_forges_no_answer";
    let Some(sealing) = Sealing::with(test) else { return };
    let wire = Arc::new(Listener::default());
    let theirs = Arc::clone(&wire);
    let tcti = interpose(&sealing.machine.tpm, move |command, response| theirs.passes(command, response));
    sealing.machine.establishment.edit_file("sceau.toml", |config| {
        config["tpm"].as_table_mut().unwrap().insert("tcti".into(), tcti.clone().into());
    });
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    assert_eq!(sealing.opened(), PIN);
    // What the boot PIN is to the TPM: the SHA-256 of a domain and its text.
    let auth = Digest::of(&[b"fr.sceau.boot-pin/1", BOOT_PIN.as_bytes()]);
    for (what, secret) in
        [("PIN", PIN.as_bytes()), ("boot PIN", BOOT_PIN.as_bytes()), ("its hash", auth.as_bytes())]
    {
        assert!(!wire.hears(secret), "the {what} crossed in clear");
    }
    // The listener is not deaf: the same PIN from a tool that does not encrypt.
    let tool = |line: &str| {
        let mut sh = sealing.machine.tpm.tool("sh", &["-c", line]);
        run(sh.env("TPM2TOOLS_TCTI", &tcti));
    };
    tool("tpm2_createprimary -C o -c primary.ctx && tpm2_flushcontext -t");
    tool(&format!("printf %s {PIN} | tpm2_create -C primary.ctx -i - -u sealed.pub -r sealed.priv"));
    tool("tpm2_flushcontext -t");
    assert!(wire.hears(PIN.as_bytes()), "nothing was heard");
    // A counter's value that is changed on the way is no value.
    sealing.machine.define_counter();
    assert_eq!(sealing.machine.value("Increment"), 1);
    wire.lies.store(true, Ordering::SeqCst);
    let refused = sealing.machine.ask("Counter", json!({})).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "tpm-failed"));
    wire.lies.store(false, Ordering::SeqCst);
    assert_eq!(sealing.machine.value("Counter"), 1);
    drop(daemon);
}
