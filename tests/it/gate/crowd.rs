//! Ten thousand strangers at once: held or hung up on, they cost bounded memory, and clients are served.

use std::io::Write as _;
use std::net::TcpStream;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::json;

use super::rig::{Rig, VARLINK, with_gate};
use super::wire::{Wire, client_hello, tcp};
use crate::support::plan::Plan;
use crate::support::wait::until;

/// How many come.
const CROWD: usize = 10_000;
/// Descriptors that the rest of this process may need, other tests beside this one included.
const OWN: usize = 4_000;
/// A crowd all the same, where descriptors are few.
const FEW: usize = 200;
/// How often each tries to come.
const TIMES: usize = 20;
/// Each comes from one of so many addresses.
const SOURCES: usize = 100;
/// What the gate's unit grants it (`MemoryMax=`), in kilobytes.
const MEMORY_MAX_KB: u64 = 512 * 1024;

/// How many the machine allows, after asking for all that it may give.
fn allowed() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    CROWD.min(usize::try_from(hard).unwrap_or(usize::MAX).saturating_sub(OWN).max(FEW))
}

/// Comes from many addresses, says hello, and stays.
fn come(port: u16, how_many: usize, hello: &[u8]) -> Vec<TcpStream> {
    (0..how_many)
        .filter_map(|number| {
            let from = format!("127.0.1.{}", number % SOURCES + 1);
            // A port may be another test's at that moment, or the gate hang up before we have looked: he comes again.
            let mut stream = std::iter::repeat_with(|| tcp(&from, port)).take(TIMES).find_map(Result::ok)?;
            let _ = stream.write_all(hello);
            Some(stream)
        })
        .collect()
}

/// Memory that the gate has now, and had at most, in kilobytes.
fn memory_kb(rig: &Rig) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", rig.gate.pid())).unwrap();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_ascii_whitespace().next().unwrap().parse().unwrap()
    };
    (of("VmRSS:"), of("VmHWM:"))
}

fn descriptors(rig: &Rig) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", rig.gate.pid())).unwrap().count()
}

/// Lets the crowd in front of a gate of these limits; `holds` of them stay connected.
fn stand(name: &str, limits: &[(&str, i64)], how_many: usize, holds: impl Fn(usize) -> bool) {
    let limits: toml::Table =
        limits.iter().map(|(name, value)| ((*name).to_owned(), toml::Value::from(*value))).collect();
    let rig = Rig::of(with_gate(Plan::new(name)), |config| {
        config.insert("sources".into(), vec!["127.0.0.0/8"].into());
        config.insert("limits".into(), limits.into());
    });
    let (before, alone, own) = (rig.heard(), memory_kb(&rig), descriptors(&rig));
    let mut held = rig.varlink(&rig.dpi);
    let hello = client_hello();
    let status = json!({});
    let crowd = std::thread::scope(|scope| {
        let coming: Vec<_> = (0..2).map(|_| scope.spawn(|| come(rig.port, how_many / 2, &hello))).collect();
        while coming.iter().any(|one| !one.is_finished()) {
            assert!(held.call("fr.sceau.Token.Status", &status).is_some(), "who is in goes on");
        }
        coming.into_iter().flat_map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });
    // A queue that is full on a busy machine turns away a few for longer than they try: it is a crowd all the same.
    assert!(crowd.len() >= how_many / 100 * 99, "{} of {how_many} came", crowd.len());
    let mut most = 0;
    until("so many are held", || {
        most = most.max(descriptors(&rig).saturating_sub(own));
        holds(most)
    });
    for _ in 0..20 {
        assert!(held.call("fr.sceau.Token.Status", &status).is_some(), "who is in goes on");
        let mut wire = Wire::open(rig.port, Some(&rig.labo), VARLINK).unwrap();
        assert!(wire.call("fr.sceau.Token.Status", &status).is_some(), "who comes in is served");
    }
    let (now, peak) = memory_kb(&rig);
    println!(
        "gate: {} strangers at once, {most} held: memory {} kB alone, {now} kB now, {peak} kB at most",
        crowd.len(),
        alone.0
    );
    assert!(peak < MEMORY_MAX_KB, "{peak} kB");
    assert_eq!(rig.heard(), before, "sceaud knows nothing of them");
    drop(crowd);
    until("their places are free again", || descriptors(&rig) < own + 64);
    assert_eq!(rig.gate.starts(), 1);
}

#[test]
fn ten_thousand_strangers_are_hung_up_on() {
    // As the gate is shipped.
    stand("gate-crowd", &[("shutdown_ms", 5_000)], allowed(), |held| held > 0);
}

#[test]
fn ten_thousand_strangers_are_held() {
    let how_many = allowed();
    let all = i64::try_from(CROWD * 2).unwrap();
    let limits = [
        ("pending_max", all),
        ("pending_per_source_max", all),
        ("failures_per_source_per_minute", 1_000_000),
        ("strangers_per_minute", 1_000_000),
        ("handshake_ms", 60_000),
    ];
    stand("gate-crowd-held", &limits, how_many, |held| held >= how_many / 2 * 2);
}
