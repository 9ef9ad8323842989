//! Faults that no soft token has, by a module that forwards to SoftHSM.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use sceau::seal::wire::{Answer, Failure, Request};
use sceau::vihf::signature::SignatureAlgorithm;

use super::rig::{Rig, Setting, eventually};
use super::seal::text;

#[test]
fn a_module_that_hangs_gets_its_process_killed_and_the_next_one_signs() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), sessions: 2, signature_ms: 300, ..Setting::default() });
    let mut signer = rig.start("seal-a-1");
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let mut client = signer.connect();
    assert!(client.sign(message.as_bytes()).is_ok());
    fs::write(rig.path("shim/hang"), "").unwrap();
    let answer = std::thread::scope(|scope| {
        let hung = scope.spawn(|| client.try_ask(&Request::Sign(message.as_bytes())));
        assert!(matches!(signer.connect().ask(&Request::Stats), Answer::Stats(_)), "others are served meanwhile");
        hung.join().unwrap()
    });
    assert!(answer.is_err());
    // SIGABRT: it ended itself, as systemd's watchdog would have ended it.
    assert_eq!(signer.child.wait().unwrap().signal(), Some(6));
    assert!(rig.log("seal-a-1").contains("the module hangs"));
    fs::remove_file(rig.path("shim/hang")).unwrap();
    assert!(rig.start("seal-a-1").connect().sign(message.as_bytes()).is_ok());
}

#[test]
fn the_watchdog_is_fed_until_the_module_hangs() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), signature_ms: 100, ..Setting::default() });
    let mut signer = rig.spawn_with("seal-a-1", &[("WATCHDOG_USEC", "300000")]);
    signer.wait_line(b"WATCHDOG=1");
    signer.wait_line(b"READY=1");
    fs::write(rig.path("shim/hang"), "").unwrap();
    let mut client = signer.connect();
    std::thread::scope(|scope| {
        scope.spawn(|| client.try_ask(&Request::SelfTest([0; 32])));
        eventually("the hang is seen", || rig.log("seal-a-1").contains("the module hangs").then_some(()));
        signer.drain();
        // Three pings are due in the time that the log takes for three more complaints.
        let seen = rig.log("seal-a-1").matches("the module hangs").count();
        eventually("more of it", || {
            (rig.log("seal-a-1").matches("the module hangs").count() > seen + 2).then_some(())
        });
        assert!(
            !signer.drain().windows(10).any(|line| line == b"WATCHDOG=1"),
            "a hung process feeds the watchdog"
        );
        assert!(signer.child.try_wait().unwrap().is_none(), "systemd is left to end it");
        signer.child.kill().unwrap();
    });
}

#[test]
fn a_token_on_its_last_try_or_locked_is_not_tried_at_all() {
    for fault in ["final-try", "locked"] {
        let rig = Rig::new("EC:prime256v1");
        rig.configure(&Setting { module: &rig.shim(), ..Setting::default() });
        fs::write(rig.path("shim").join(fault), "").unwrap();
        let signer = rig.start("seal-a-1");
        let mut client = signer.connect();
        assert_eq!(client.ask(&Request::Hello), Answer::Failure(Failure::PinRefused), "{fault}");
        assert_eq!(calls(&rig), "IF", "{fault}: C_Login was called");
        assert!(rig.memories("run").is_empty(), "{fault}: nothing is known against the PIN");
        drop(signer);
        fs::remove_file(rig.path("shim").join(fault)).unwrap();
        assert!(matches!(rig.start("seal-a-1").connect().ask(&Request::Hello), Answer::Key(_)), "{fault}");
        assert!(calls(&rig).starts_with("IFILS"), "{fault}: once the flag is gone it logs in");
    }
}

#[test]
fn a_lost_device_is_closed_only_when_its_last_signature_is_out() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), sessions: 2, signature_ms: 60_000, ..Setting::default() });
    let signer = rig.start("seal-a-1");
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let (mut slow, mut other) = (signer.connect(), signer.connect());
    fs::write(rig.path("shim/hang"), "").unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| slow.sign(message.as_bytes()));
        eventually("one signature under way", || calls(&rig).ends_with('h').then_some(()));
        fs::write(rig.path("shim/lost"), "").unwrap();
        assert_eq!(other.sign(message.as_bytes()), Err(Failure::TokenUnreachable));
        fs::remove_file(rig.path("shim/lost")).unwrap();
        // Answered at once, by nobody's waiting.
        assert_eq!(other.sign(message.as_bytes()), Err(Failure::TokenUnreachable));
        fs::remove_file(rig.path("shim/hang")).unwrap();
        assert!(slow.join().unwrap().is_ok());
    });
    eventually("the next generation", || other.sign(message.as_bytes()).ok());
    assert_eq!(calls(&rig), "ILShSFILSS", "finalised after the slow signature, initialised after that");
    assert_eq!(other.stats().recoveries, 1);
}

pub(super) fn calls(rig: &Rig) -> String {
    fs::read_to_string(rig.path("shim/calls")).unwrap_or_default()
}

#[test]
fn sigterm_waits_for_a_slow_signature() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), signature_ms: 60_000, ..Setting::default() });
    let mut signer = rig.start("seal-a-1");
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let mut client = signer.connect();
    fs::write(rig.path("shim/hang"), "").unwrap();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| client.sign(message.as_bytes()));
        eventually("the signature under way", || calls(&rig).ends_with('h').then_some(()));
        signer.signal("TERM");
        eventually("the door closes", || (!signer.socket.exists()).then_some(()));
        assert!(signer.child.try_wait().unwrap().is_none(), "it waits");
        fs::remove_file(rig.path("shim/hang")).unwrap();
        assert!(slow.join().unwrap().is_ok());
    });
    assert!(signer.child.wait().unwrap().success());
    assert!(calls(&rig).ends_with("hSF"), "{}", calls(&rig));
}

#[test]
fn a_key_that_stops_working_after_a_success_heals_without_a_restart() {
    let rig = Rig::new("EC:prime256v1");
    rig.configure(&Setting { module: &rig.shim(), ..Setting::default() });
    let mut signer = rig.start("seal-a-1");
    let message = text(SignatureAlgorithm::EcdsaSha256);
    let mut client = signer.connect();
    for (round, (fault, said)) in
        [("no-mechanism", "ne signe pas avec elle"), ("wrong-signature", "ne vérifie pas")].into_iter().enumerate()
    {
        assert!(client.sign(message.as_bytes()).is_ok(), "{fault}");
        fs::write(rig.path("shim").join(fault), "").unwrap();
        // A signature that does not verify is sceaud's to find; the signer finds it when it opens anew.
        fs::write(rig.path("shim/lost"), "").unwrap();
        assert_eq!(client.sign(message.as_bytes()), Err(Failure::TokenUnreachable), "{fault}");
        fs::remove_file(rig.path("shim/lost")).unwrap();
        eventually(fault, || rig.log("seal-a-1").contains(said).then_some(()));
        assert!(signer.child.try_wait().unwrap().is_none(), "{fault}: it goes on");
        fs::remove_file(rig.path("shim").join(fault)).unwrap();
        let back = std::time::Instant::now();
        eventually("the return", || client.sign(message.as_bytes()).ok());
        assert!(back.elapsed().as_secs() < 2, "{fault}: {:?}", back.elapsed());
        assert_eq!(client.stats().recoveries, round as u64 + 1);
    }
    assert_eq!(rig.log("seal-a-1").matches("ne vérifie pas").count(), 1, "said once, not at each try");
}
