//! Certificates that change while calls go on: none is dropped.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::support::certificate::SealCertificate;
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::establishment::write;
use crate::support::key_bank;
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::{MODULE, Token};
use crate::support::wait::until;

use super::rig::{Rig, RigPlan, SOAP};

/// Calls as fast as they are answered, while `change` does something; every one must be answered by the DMP.
fn under_load(rig: &Rig, change: impl FnOnce()) -> usize {
    let session = rig.session();
    let (stop, made) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let call = || {
            while !stop.load(Ordering::Acquire) {
                let answer = rig.ask(&session, PATIENTS[0]);
                assert_eq!((answer.status, answer.whole), (200, true), "{}", answer.text());
                made.fetch_add(1, Ordering::AcqRel);
            }
        };
        let callers: Vec<_> = (0..3).map(|_| scope.spawn(call)).collect();
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        stop.store(true, Ordering::Release);
        for caller in callers {
            caller.join().unwrap();
        }
        if let Err(cause) = changed {
            std::panic::resume_unwind(cause);
        }
    });
    made.into_inner()
}

fn serials(rig: &Rig) -> Vec<String> {
    let serial = |call: &serde_json::Value| call["headers"]["X-Serial"].as_str().unwrap().to_owned();
    rig.dmp().calls().iter().map(serial).collect()
}

/// Writes a certificate of that key and names it in the configuration as `auth-new`.
fn name_second(rig: &Rig, token: &Token) {
    let (folder, structure) = (&rig.establishment.folder, &rig.establishment.structures[0]);
    let wanted = SealCertificate::of(structure).authentication();
    write(&folder.join("pki/auth-new.pem"), &rig.establishment.pki.issue(&wanted, &token.spki_der), 0o644);
    write(&folder.join("secrets/auth-new.pin"), &token.pin, 0o600);
    rig.establishment.edit_file("sceau.toml", |config| {
        let key = table([
            ("structure", structure.as_str().into()),
            ("key", "auth-new".into()),
            ("uri", token.uri().into()),
            ("module", MODULE.into()),
            ("pin_file", "secrets/auth-new.pin".into()),
            ("certificate", "pki/auth-new.pem".into()),
        ]);
        config["authentication"].as_array_mut().unwrap().push(key.into());
    });
}

/// A key whose signer is gone is not shown until the next reading, which may be an hour away: what it did not sign brings that on.
#[test]
fn a_key_that_no_longer_signs_gives_way_to_the_other() {
    // Each call has a handshake, and each handshake a signature.
    let nginx = "keepalive_timeout 0; ssl_session_tickets off; ssl_session_cache off;";
    let rig = RigPlan { nginx, ..RigPlan::default() }.start();
    let session = rig.session();
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    let first = serials(&rig)[0].clone();
    let token = key_bank::withdraw(&rig.establishment.store, "auth-new", KeyType::P256);
    name_second(&rig, &token);
    let signer = Daemon::signer(&rig.establishment, "auth-new-1", &[]);
    signer.wait_ready(1);
    rig.establishment.edit_file("sceau.toml", |config| {
        config["relay"].as_table_mut().unwrap().insert("reload_ms".into(), 3_600_000.into());
    });
    rig.relay.kill();
    rig.relay.wait_ready(2);
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    assert_ne!(serials(&rig).last(), Some(&first), "the newer one is shown");
    drop(signer);
    assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), (503, "signer-unreachable".into()));
    until("the other one is shown", || rig.ask(&session, PATIENTS[0]).status == 200);
    assert_eq!(serials(&rig).last(), Some(&first));
    assert!(rig.dmp().calls().iter().all(|call| call["verdict"] == "accepted"));
}

/// A certificate for the same key, and then a second key behind a signer of its own, named by the configuration.
#[test]
fn new_client_certificates_are_taken_under_load_without_a_dropped_call() {
    let rig = Rig::start();
    let structure = rig.establishment.structures[0].clone();
    let folder = &rig.establishment.folder;
    let wanted = SealCertificate::of(&structure).authentication();
    let token = key_bank::withdraw(&rig.establishment.store, "auth-new", KeyType::Rsa2048);
    let mut signer = None;
    let made = under_load(&rig, || {
        until("calls are made", || !serials(&rig).is_empty());
        let first = serials(&rig)[0].clone();
        write(&folder.join("pki/auth.new"), &rig.establishment.pki.issue(&wanted, &rig.spki), 0o644);
        std::fs::rename(folder.join("pki/auth.new"), folder.join("pki/auth.pem")).unwrap();
        until("the renewed certificate is shown", || serials(&rig).last() != Some(&first));
        let second = serials(&rig).last().unwrap().clone();
        // Named before its signer runs: it is not shown until it can sign.
        name_second(&rig, &token);
        let before = serials(&rig).len();
        until("calls go on with the key of before", || serials(&rig).len() > before + 10);
        let started = Daemon::signer(&rig.establishment, "auth-new-1", &[]);
        started.wait_ready(1);
        signer = Some(started);
        until("the new key's certificate is shown", || {
            let last = serials(&rig).last().cloned().unwrap();
            last != first && last != second
        });
    });
    assert!(made > 10, "{made}");
    assert!(rig.dmp().calls().iter().all(|call| call["verdict"] == "accepted"));
    // A signer bears few connections: however often files are read again, the relay keeps to its own.
    let connected = rig.signer.log().matches("connected").count();
    assert!(connected <= 2, "{connected} connections");
    drop(signer);
}

/// The certificate that a carried assertion is judged by is the file's, not the start's; a file that is none changes nothing.
#[test]
fn seal_certificates_are_read_again_without_a_restart() {
    let rig = Rig::start();
    let session = rig.session();
    let headers = format!("Host: {}\r\n{SOAP}", rig.host());
    let carry = || {
        let assertion = rig.establishment.client().consult(&session, PATIENTS[0]).unwrap().assertion;
        let security = format!(
            "<w:Security xmlns:w=\"http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd\">{assertion}</w:Security>"
        );
        let answer = rig.post("/registry", &headers, rig.query(PATIENTS[0], &security).as_bytes());
        if answer.status == 200 { (200, String::new()) } else { answer.fault() }
    };
    assert_eq!(carry().0, 200);
    let path = rig.establishment.folder.join("pki/seal-a.pem");
    let put = |pem: &str| {
        write(&path.with_extension("new"), pem, 0o644);
        std::fs::rename(path.with_extension("new"), &path).unwrap();
    };
    put("-----BEGIN CERTIFICATE-----\nAAAA\n");
    until("it is told", || rig.relay.log().contains("cannot be read again"));
    assert_eq!(carry().0, 200, "the last good one stays");
    let structure = &rig.establishment.structures[0];
    put(&rig.establishment.pki.issue(&SealCertificate::of(structure), &rig.spki));
    until("assertions of the key of before are foreign", || carry() == (400, "assertion-foreign".into()));
    put(&rig.establishment.seals[0].certificate_pem);
    until("they are ours again", || carry().0 == 200);
    assert_eq!(rig.relay.starts(), 1);
}
