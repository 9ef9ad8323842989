//! The supervisor of the tests behaves as systemd would: a test of a killed signer is worth what its restarter is worth.

use std::process::Command;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};

use crate::support::daemon::Daemon;
use crate::support::daemons::run_until_exit;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::softhsm::run;

/// A stand-in that says READY=1 and waits, or ends with the exit code that the variable names.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import os, signal, socket, sys
# Held back until it is waited for: a handler could run just before a pause that nothing then ends.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("started with", *sys.argv[1:], flush=True)
if "EXIT_CODE" in os.environ:
    sys.exit(int(os.environ["EXIT_CODE"]))
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1\nSTATUS=here", os.environ["NOTIFY_SOCKET"])
signal.sigwait([signal.SIGTERM])
"#;

fn establishment() -> (Establishment, String) {
    let establishment = Plan::new("supervision").key_type(KeyType::P256).build();
    let (text, path) = (establishment.folder.join("text"), establishment.folder.join("stand-in"));
    std::fs::write(&text, STAND_IN).unwrap();
    // Written by another process: a file that this one has open for writing while a parallel test forks cannot be run.
    run(Command::new("install").args(["-m", "755"]).arg(&text).arg(&path));
    let path = path.to_str().unwrap().to_owned();
    (establishment, path)
}

#[test]
fn a_killed_program_is_started_again_and_a_frozen_one_can_be_stopped() {
    let (establishment, path) = establishment();
    let mut daemon = Daemon::start(&establishment, "stand-in", &path, &["--instance", "seal-a-1"], &[]);
    daemon.wait_ready(1);
    assert_eq!(daemon.notify.heard().status, "here");
    assert!(daemon.log().contains("--config"), "{}", daemon.log());
    let first = daemon.pid();
    daemon.kill();
    daemon.wait_ready(2);
    assert_ne!(daemon.pid(), first);
    daemon.kill_and_hold();
    assert_eq!(daemon.starts(), 2);
    daemon.release();
    daemon.wait_ready(3);
    let last = daemon.pid();
    daemon.signal(Signal::SIGSTOP);
    assert_eq!(daemon.stop().and_then(|status| status.code()), Some(0));
    assert_eq!(kill(last, None), Err(Errno::ESRCH));
    assert_eq!(daemon.starts(), 3);
}

#[test]
fn configuration_errors_and_halts_are_final() {
    let (establishment, path) = establishment();
    for code in ["2", "4"] {
        let daemon = Daemon::start(&establishment, "stand-in", &path, &[], &[("EXIT_CODE", code)]);
        let heard = daemon.notify.wait(Duration::from_secs(30), |heard| heard.ended.is_some()).unwrap();
        assert!(heard.ended.unwrap().contains(code));
        assert_eq!((daemon.starts(), heard.ready), (1, 0));
    }
    let daemon = Daemon::start(&establishment, "stand-in", &path, &[], &[("EXIT_CODE", "3")]);
    daemon.wait_starts(3);
    assert_eq!(daemon.notify.heard().ended, None);
}

#[test]
fn a_single_run_is_killed_at_its_deadline() {
    let (establishment, path) = establishment();
    let once = run_until_exit(&establishment, &path, &[], Duration::from_secs(2));
    assert_eq!((once.code, once.was_ready), (None, true));
    assert!(once.said.contains("started with"));
}
