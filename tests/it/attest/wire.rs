//! Somebody between `sceau-attestd` and the TPM: he reads no secret, and what he changes is refused.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use sceau::traces::digest::Digest;
use serde_json::json;

use super::sealing_rig::{BOOT_PIN, PIN, Sealing};
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// TPM2_NV_Read.
const NV_READ: u32 = 0x0000_014e;
/// First byte of a response's parameters that are a TPM2B's content: header, size of the parameters, size of the content.
const CONTENT: usize = 10 + 4 + 2;

/// What the listener has, and what he does.
#[derive(Default)]
struct Wire {
    heard: Mutex<Vec<u8>>,
    /// Code of the command under way.
    command: AtomicU32,
    /// Changes the counter's value in the TPM's answers.
    lies: AtomicBool,
}

/// Listens on a pair of ports and hands everything on to the TPM's; the first one.
fn between(tpm: &Swtpm, wire: &Arc<Wire>) -> u16 {
    let theirs: u16 = tpm.tcti().rsplit_once('=').unwrap().1.parse().unwrap();
    let pair = || {
        let first = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = first.local_addr().unwrap().port();
        Some((port, first, TcpListener::bind(("127.0.0.1", port.checked_add(1)?)).ok()?))
    };
    let (port, commands, control) = (0..20).find_map(|_| pair()).expect("a pair of free ports");
    for (listener, theirs) in [(commands, theirs), (control, theirs + 1)] {
        let wire = Arc::clone(wire);
        thread::spawn(move || {
            for caller in listener.incoming() {
                let caller = caller.unwrap();
                let tpm = TcpStream::connect(("127.0.0.1", theirs)).unwrap();
                let ways = [(caller.try_clone().unwrap(), tpm.try_clone().unwrap(), true), (tpm, caller, false)];
                for (from, to, asks) in ways {
                    let wire = Arc::clone(&wire);
                    thread::spawn(move || carry(from, to, asks, &wire));
                }
            }
        });
    }
    port
}

fn carry(mut from: TcpStream, mut to: TcpStream, asks: bool, wire: &Wire) {
    let mut piece = [0; 8192];
    while let Ok(len @ 1..) = from.read(&mut piece) {
        let bytes = &mut piece[..len];
        wire.heard.lock().unwrap().extend_from_slice(bytes);
        if let (true, Some(code)) = (asks, bytes.get(6..10)) {
            wire.command.store(u32::from_be_bytes(code.try_into().unwrap()), Ordering::SeqCst);
        }
        let is_told = !asks && wire.command.load(Ordering::SeqCst) == NV_READ && len > CONTENT + 8;
        if is_told && wire.lies.load(Ordering::SeqCst) {
            bytes[CONTENT + 7] ^= 1;
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(std::net::Shutdown::Both), to.shutdown(std::net::Shutdown::Both));
}

impl Wire {
    fn hears(&self, words: &[u8]) -> bool {
        self.heard.lock().unwrap().windows(words.len()).any(|window| window == words)
    }
}

#[test]
fn who_sits_between_us_and_the_tpm_reads_no_secret_and_forges_no_answer() {
    let test = "wire::who_sits_between_us_and_the_tpm_reads_no_secret_and_forges_no_answer";
    let Some(sealing) = Sealing::with(test) else { return };
    let wire = Arc::new(Wire::default());
    let port = between(&sealing.machine.tpm, &wire);
    let tcti = format!("swtpm:host=127.0.0.1,port={port}");
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
