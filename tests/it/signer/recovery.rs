//! What is lost is found again by the same process.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use sceau::seal::wire::{Answer, Failure, Request};
use sceau::vihf::signature::SignatureAlgorithm;

use super::rig::{PIN, Rig, SOFTHSM, Setting, eventually};
use super::seal::text;
use crate::support::key_kind::KeyOrigin;
use crate::support::skip::skip;
use crate::support::wait;

/// SoftHSM writes its token's file anew at each login, emptied first and never synced: a power cut between the two would take every
/// key. Behind its unit's walls a signer cannot write there, and signs.
#[test]
fn a_soft_token_that_cannot_be_written_is_as_good_and_loses_nothing_by_a_login() {
    let mut rig = Rig::new("EC:prime256v1");
    let written = |rig: &Rig| {
        let tokens = fs::read_dir(rig.path("tokens")).unwrap().map(|token| token.unwrap().path());
        let file = |token: PathBuf| token.join("token.object").metadata().unwrap().modified().unwrap();
        tokens.map(file).collect::<Vec<_>>()
    };
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let before = written(&rig);
    drop(rig.start("seal-a-1"));
    let after = written(&rig);
    assert_ne!(before, after, "a login writes, where it can");
    if rig.shut_tokens().is_none() {
        return skip("signer: a soft token that cannot be written", "unshare is not allowed here");
    }
    let signers = ["seal-a-1", "seal-a-2"].map(|instance| rig.start(instance));
    for signer in &signers {
        assert!(signer.connect().sign(message.as_bytes()).is_ok());
    }
    assert_eq!(written(&rig), after);
}

#[test]
fn a_token_that_goes_and_comes_back_is_used_again_within_two_seconds() {
    let rig = Rig::new("EC:prime256v1");
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    let message = text(SignatureAlgorithm::EcdsaSha256);
    assert!(client.sign(message.as_bytes()).is_ok());
    for round in 1..=2 {
        fs::rename(rig.path("tokens"), rig.path("away")).unwrap();
        fs::create_dir(rig.path("tokens")).unwrap();
        eventually("the loss", || client.sign(message.as_bytes()).err());
        assert_eq!(client.sign(message.as_bytes()), Err(Failure::TokenUnreachable));
        assert_eq!(client.ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable));
        fs::remove_dir(rig.path("tokens")).unwrap();
        fs::rename(rig.path("away"), rig.path("tokens")).unwrap();
        let back = Instant::now();
        eventually("the return", || client.sign(message.as_bytes()).ok());
        assert!(back.elapsed() < Duration::from_secs(2), "{:?}", back.elapsed());
        assert_eq!(client.stats().recoveries, round);
    }
    assert_eq!(client.hello().pid, signer.child.id());
    assert!(rig.log("seal-a-1").contains("token lost"));
}

#[test]
fn a_session_that_is_dropped_while_nobody_asks_is_found_before_the_next_request() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), sessions: 2, ..Setting::default() });
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    assert_eq!(client.stats().recoveries, 0);
    fs::write(rig.path("shim/dropped"), "").unwrap();
    // Longer than the idle time: its own deadline.
    wait::eventually("the signer finds it by itself", || (client.stats().recoveries == 1).then_some(()));
    let before = client.stats().signatures;
    assert!(client.sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok());
    // And every session in turn, not the one that signed last.
    wait::eventually("both sessions sign while nobody asks", || {
        (client.stats().signatures >= before + 3).then_some(())
    });
    assert_eq!(client.stats().recoveries, 1);
}

#[test]
fn a_module_a_token_or_a_key_that_comes_late_is_waited_for() {
    let rig = Rig::empty();
    let module = rig.path("module.so");
    rig.configure(&Setting { module: &module, uri: "pkcs11:token=late;object=seal-a", ..Setting::default() });
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    let mut said = |part: &str| {
        eventually(part, || rig.log("seal-a-1").contains(part).then_some(()));
        assert_eq!(client.ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable), "{part}");
    };
    said("module.so ne se charge pas");
    symlink(SOFTHSM, &module).unwrap();
    said("aucun token ne correspond à l'uri ; présents : \\\"sceau-test\\\"");
    rig.add_token("late");
    said("aucune clé privée du token late ne correspond à l'uri ; présentes : aucune");
    let arguments = ["--module", SOFTHSM, "--token-label", "late", "--login", "--pin", PIN];
    let generate = ["--keypairgen", "--key-type", "EC:prime256v1", "--label", "seal-a"];
    rig.tool("pkcs11-tool", &[arguments.as_slice(), &generate].concat());
    eventually("the key", || matches!(client.ask(&Request::Hello), Answer::Key(_)).then_some(()));
    assert_eq!(client.stats().recoveries, 0, "nothing was lost");
}

#[test]
fn twins_are_named_and_not_chosen_between() {
    let rig = Rig::new("EC:prime256v1");
    rig.generate("EC:prime256v1", &["--id", "02"]);
    let signer = rig.start("seal-a-1");
    eventually("both keys", || {
        let log = rig.log("seal-a-1");
        (log.contains("(id 01)") && log.contains("(id 02)") && log.contains("précisez id=")).then_some(())
    });
    assert_eq!(signer.connect().ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable));
    drop(signer);
    rig.configure(&Setting { uri: "pkcs11:token=sceau-test;object=seal-a;id=%02", ..Setting::default() });
    assert!(matches!(rig.start("seal-a-1").connect().ask(&Request::Hello), Answer::Key(_)));
    rig.add_token("sceau-test");
    let signer = rig.start("seal-a-1");
    eventually("both tokens", || rig.log("seal-a-1").contains("précisez serial= ou slot-id=").then_some(()));
    assert_eq!(signer.connect().ask(&Request::Hello), Answer::Failure(Failure::TokenUnreachable));
}

#[test]
fn a_killed_signer_leaves_nothing_that_stops_the_next() {
    KeyOrigin::KEYRINGS.into_iter().for_each(the_next_one_starts);
}

fn the_next_one_starts(keys: KeyOrigin) {
    let rig = Rig::with(keys, "EC:prime256v1");
    let mut signer = rig.start("seal-a-1");
    let (code, message) = rig.refused("seal-a-1");
    assert!(code == Some(3) && message.contains("déjà servie"), "{message}");
    assert!(
        signer.connect().sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok(),
        "the first is unharmed"
    );
    signer.child.kill().unwrap();
    signer.child.wait().unwrap();
    assert!(signer.socket.exists(), "a killed process leaves its socket");
    let second = rig.start("seal-a-1");
    assert!(second.connect().sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok());
}

#[test]
fn sigterm_answers_what_was_asked_then_exits_zero() {
    KeyOrigin::KEYRINGS.into_iter().for_each(sigterm_answers);
}

fn sigterm_answers(keys: KeyOrigin) {
    let rig = Rig::with(keys, "rsa:4096");
    let mut signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    let message = text(SignatureAlgorithm::RsaSha256);
    client.hello();
    let (status, signed) = std::thread::scope(|scope| {
        let signing = scope.spawn(|| {
            let mut signed = 0;
            while let Ok(answer) = client.try_ask(&Request::Sign(message.as_bytes())) {
                assert!(matches!(answer, Answer::Signature(_)), "{answer:?}");
                signed += 1;
            }
            signed
        });
        eventually("signatures under way", || (signer.connect().stats().signatures > 5).then_some(()));
        signer.signal("TERM");
        (signer.child.wait().unwrap(), signing.join().unwrap())
    });
    assert!(status.success() && signed > 3, "{status} after {signed}");
    assert!(!signer.socket.exists());
}

#[test]
fn a_half_frame_or_garbage_costs_its_sender_the_connection_and_nobody_else() {
    KeyOrigin::KEYRINGS.into_iter().for_each(garbage_costs_its_sender);
}

fn garbage_costs_its_sender(keys: KeyOrigin) {
    let rig = Rig::with(keys, "EC:prime256v1");
    let signer = rig.start("seal-a-1");
    let mut other = signer.connect();
    other.hello();
    for bytes in [b"\0\0".as_slice(), b"\0\0\0\x09\x02abc", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\x01\x99"] {
        let mut client = signer.connect();
        client.0.write_all(bytes).unwrap();
        assert!(client.read().is_err(), "{bytes:?} got an answer");
        assert!(other.sign(text(SignatureAlgorithm::EcdsaSha256).as_bytes()).is_ok());
    }
    let mut pipelined = signer.connect();
    pipelined.0.write_all(b"\0\0\0\x01\x04\0\0\0\x01\x04\0\0").unwrap();
    assert!(
        matches!(pipelined.read().unwrap(), Answer::Stats(_))
            && matches!(pipelined.read().unwrap(), Answer::Stats(_))
    );
    pipelined.0.write_all(b"\0\x01\x04").unwrap();
    assert!(matches!(pipelined.read().unwrap(), Answer::Stats(_)));
}
