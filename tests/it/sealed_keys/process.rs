//! The process that holds the key: what it gives up, and how it comes to its wrapping key.

use std::fs;
use std::path::PathBuf;

use sceau::seal::wire::Failure;
use sceau::vihf::signature::{SignatureAlgorithm, signed_info};

use super::done;
use crate::signer::rig::{Rig, Setting, Signer, eventually};
use crate::support::key_kind::KeyOrigin;
use crate::support::skip::skip;

fn message() -> String {
    signed_info(
        SignatureAlgorithm::EcdsaSha256,
        "_1b4e28ba-2fa1-41d2-883f-0016d3cca427",
        &[7; 32],
        Some("ds saml xsi"),
    )
}

fn proc(signer: &Signer, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/{name}", signer.child.id()))
}

/// A member of a thread's status (proc(5)).
fn member(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{name}: {status}")).trim().to_owned()
}

#[test]
fn every_thread_gives_up_all_but_signing() {
    let rig = Rig::with(KeyOrigin::Sealed, "EC:prime256v1");
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    client.hello();
    let statuses: Vec<_> = fs::read_dir(proc(&signer, "task"))
        .unwrap()
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("status")).unwrap())
        .collect();
    assert!(statuses.len() > 4, "{}", statuses.len());
    for status in &statuses {
        assert_eq!(
            (member(status, "Seccomp").as_str(), member(status, "NoNewPrivs").as_str()),
            ("2", "1"),
            "{status}"
        );
    }
    // What is open is no file of the key's.
    for descriptor in fs::read_dir(proc(&signer, "fd")).unwrap() {
        let target = fs::read_link(descriptor.unwrap().path()).unwrap_or_default();
        let name = target.to_string_lossy().into_owned();
        assert!(!name.contains("secrets") && !name.ends_with(".sealed"), "{name}");
    }
    // No limit of core files is left to raise, and no reader of the same user.
    let limits = fs::read_to_string(proc(&signer, "limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    // Nothing is read any more: file and wrapping key may go, and the signer of now signs on.
    fs::remove_file(rig.path("seal-a.sealed")).unwrap();
    fs::remove_file(rig.path("secrets/seal-a.pin")).unwrap();
    for _ in 0..20 {
        client.sign(message().as_bytes()).unwrap();
    }
    // New connections are new threads.
    signer.connect().sign(message().as_bytes()).unwrap();
    let status = fs::read_to_string(proc(&signer, "status")).unwrap();
    let locked: u64 = member(&status, "VmLck").trim_end_matches(" kB").parse().unwrap();
    assert!(signer.stop().success());
    if locked == 0 {
        skip(
            "sealed_keys::every_thread_gives_up_all_but_signing (memory)",
            "RLIMIT_MEMLOCK is finite: nothing is locked in test mode",
        );
    }
}

#[test]
fn a_wrong_wrapping_key_is_told_as_a_refused_pin_and_the_right_one_heals() {
    let rig = Rig::with(KeyOrigin::Sealed, "EC:prime256v1");
    let right = fs::read_to_string(rig.path("secrets/seal-a.pin")).unwrap();
    let wrong = "0".repeat(64);
    rig.set_pin(&wrong);
    let signer = rig.start("seal-a-1");
    let mut client = signer.connect();
    assert_eq!(client.sign(message().as_bytes()), Err(Failure::PinRefused));
    assert!(rig.memories("run").is_empty(), "nothing counts tries, nothing locks");
    rig.set_pin(right.trim_end());
    eventually("the right one", || client.sign(message().as_bytes()).ok());
    let log = rig.log("seal-a-1");
    assert!(log.contains("n'ouvre pas") && !log.contains(&wrong) && !log.contains(right.trim_end()), "{log}");
}

#[test]
fn a_key_that_is_not_there_or_for_something_else_is_told_with_the_remedy() {
    let rig = Rig::with(KeyOrigin::Sealed, "EC:prime256v1");
    let kept = fs::read(rig.path("seal-a.sealed")).unwrap();
    fs::remove_file(rig.path("seal-a.sealed")).unwrap();
    let signer = rig.start("seal-a-1");
    eventually("the file is missed", || rig.log("seal-a-1").contains("seal-a.sealed").then_some(()));
    assert_eq!(signer.connect().sign(message().as_bytes()), Err(Failure::TokenUnreachable));
    fs::write(rig.path("seal-a.sealed"), &kept).unwrap();
    let mut client = signer.connect();
    eventually("the file is back", || client.sign(message().as_bytes()).ok());
    drop(signer);
    fs::write(rig.path("seal-a.sealed"), "{}").unwrap();
    let (code, said) = rig.refused("seal-a-1");
    assert!(code == Some(2) && said.contains("sauvegarde"), "{said}");
    fs::remove_file(rig.path("seal-a.sealed")).unwrap();
    let audit = ["--sealed", "seal-a.sealed", "--pin-file", "secrets/seal-a.pin", "--use", "audit"];
    done(rig.folder.path(), &[&["keys", "generate", "--type", "p-256"], &audit[..]].concat());
    let (code, said) = rig.refused("seal-a-1");
    assert!(code == Some(2) && said.contains("autre usage"), "{said}");
}

#[test]
fn production_takes_the_process_confined_or_not_at_all() {
    let rig = Rig::with(KeyOrigin::Sealed, "EC:prime256v1");
    rig.configure(&Setting { mode: "production", ..Setting::default() });
    // Root's own limit does not bind; another's does.
    let (is_root, limit) = (nix::unistd::geteuid().is_root(), rig.tool("sh", &["-c", "ulimit -l"]).stdout);
    if is_root || limit.starts_with(b"unlimited") {
        let signer = rig.start("seal-a-1");
        assert!(signer.connect().sign(message().as_bytes()).is_ok());
        let status = fs::read_to_string(proc(&signer, "status")).unwrap();
        assert_ne!(member(&status, "VmLck"), "0 kB");
    } else {
        let (code, said) = rig.refused("seal-a-1");
        assert!(code == Some(3) && said.contains("LimitMEMLOCK"), "{said}");
    }
}
