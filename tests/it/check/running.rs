//! A running establishment: signers are tried as `sceaud` tries them, and what is down is told.

use sceau::traces::note::key::VerifierKey;

use super::{STOPPED, assert_seen, check, plan, run};
use crate::support::audit::ORIGIN;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::STRUCTURES;
use crate::support::seal::SealPlan;
use crate::support::wait::until;

#[test]
fn a_running_establishment_is_good_and_a_killed_signer_is_found() {
    let establishment = plan().build();
    let daemons = Daemons::start(&establishment);
    let checked = check(&establishment, &["--json"]);
    let report = checked.json();
    assert_eq!((checked.code, report["verdict"].as_str()), (Some(0), Some("good")), "{report}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 0, "{report}");
    assert!(report["checked"].as_array().unwrap().contains(&"service".into()), "{report}");
    let clock = run(&establishment.config(), &["--json"], "no");
    assert_eq!(clock.code, Some(3), "{}", clock.out);
    assert_eq!(clock.json()["findings"][0]["rule"], "clock-unsynchronised");
    daemons.signers[0].kill_and_hold();
    let mut client = establishment.client();
    until("the signer is missed", || client.status()["ready"] == false);
    let checked = check(&establishment, &["--json"]);
    let rules: Vec<_> = checked.seen().into_iter().map(|(rule, ..)| rule).collect();
    assert_eq!(
        (rules, checked.code),
        (vec!["signer-unreachable".to_owned(), "service-not-ready".to_owned()], Some(3))
    );
    daemons.sceaud.kill_and_hold();
    let rules: Vec<_> = check(&establishment, &["--json"]).seen().into_iter().map(|(rule, ..)| rule).collect();
    assert!(rules.contains(&"service-unreachable".to_owned()), "{rules:?}");
    daemons.sceaud.release();
    daemons.signers[0].release();
}

#[test]
fn a_certificate_of_another_key_is_found_by_asking_the_signer() {
    let seal = SealPlan { other_key: true, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
    let establishment = plan().seal(seal).build();
    let signer = Daemon::signer(&establishment, "seal-a-1", &[]);
    signer.wait_ready(1);
    assert_seen(&establishment, 2, &[("certificate-other-key", "seal-a.pem")]);
}

#[test]
fn an_audit_key_that_is_another_or_away_is_found() {
    let establishment = plan().build();
    let public = establishment.folder.join("pki/AUDIT.pub");
    let right = std::fs::read_to_string(&public).unwrap();
    let other = VerifierKey::ed25519(&format!("{ORIGIN}/1"), &[7; 32]).unwrap();
    std::fs::write(&public, format!("{other}\n")).unwrap();
    let signer = Daemon::signer(&establishment, "audit-1", &[]);
    signer.wait_ready(1);
    assert_seen(&establishment, 2, &[("audit-other-key", "AUDIT.pub")]);
    std::fs::write(&public, right).unwrap();
    assert_seen(&establishment, 0, &[]);
    signer.kill_and_hold();
    assert_seen(&establishment, 3, &[("signer-unreachable", "audit-1.sock")]);
    signer.release();
}

#[test]
fn a_refused_pin_is_told_and_never_tried_by_the_check() {
    let establishment = plan().build();
    let pin = establishment.folder.join("secrets/seal-a.pin");
    crate::support::establishment::write(&pin, "0000-wrong", 0o600);
    // Nothing runs: the check says that it did not try, whatever the file holds.
    let report = check(&establishment, &["--json"]).json();
    assert!(report["not_checked"].to_string().contains("n'utilise jamais le PIN"), "{report}");
    let signer = Daemon::signer(&establishment, "seal-a-1", &[]);
    signer.wait_ready(1);
    until("the PIN was refused", || check(&establishment, &["--json"]).out.contains("pin-refused"));
    assert_seen(&establishment, 3, &[("pin-refused", "seal-a-1.sock")]);
}

/// Nothing that a test may do from outside halts `sceaud`: a stand-in says so in its place.
#[test]
fn halted_is_4() {
    use std::io::{Read, Write};
    let establishment = plan().build();
    let listener = std::os::unix::net::UnixListener::bind(establishment.token_socket()).unwrap();
    std::fs::set_permissions(establishment.token_socket(), std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .unwrap();
    let peer = std::thread::spawn(move || {
        for answer in [
            &b"{\"parameters\":{\"state\":\"halted\",\"ready\":false,\"seals\":[]}}\0"[..],
            b"{\"error\":\"fr.sceau.Token.Halted\",\"parameters\":{\"message\":\"la cause\"}}\0",
        ] {
            let mut stream = listener.accept().unwrap().0;
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(answer).unwrap();
        }
    });
    for _ in 0..2 {
        let checked = check(&establishment, &["--json"]);
        assert_eq!(
            (checked.code, checked.json()["verdict"].as_str()),
            (Some(4), Some("halted")),
            "{}",
            checked.out
        );
        assert!(checked.seen().iter().any(|(rule, ..)| rule == "service-halted"), "{}", checked.out);
    }
    peer.join().unwrap();
}

#[test]
fn a_socket_with_wrong_rights_is_found() {
    let establishment = plan().build();
    let bind = |path: &std::path::Path, mode: u32| {
        let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        listener
    };
    drop(bind(&establishment.token_socket(), 0o660));
    let signer = establishment.folder.join("run/signers/seal-a-1.sock");
    drop(bind(&signer, 0o666));
    let seen = check(&establishment, &["--json"]).seen();
    let modes: Vec<_> =
        seen.iter().filter(|(rule, ..)| rule == "socket-mode").map(|(_, file, ..)| file.as_str()).collect();
    assert_eq!(modes, ["token.sock", "seal-a-1.sock"], "{seen:?}");
    assert!(!seen.iter().any(|(rule, ..)| rule == STOPPED));
}
