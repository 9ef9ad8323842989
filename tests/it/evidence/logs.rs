//! Event logs of real machines, and what others make of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sceau::evidence::document::Marshalled;
use sceau::evidence::event_log::replay::Pcrs;
use sceau::evidence::event_log::secure_boot::{SecureBoot, secure_boot};
use sceau::evidence::event_log::{EV_NO_ACTION, EventLog, EventLogFault};

use super::attester::Attester;
use super::boot::{Boot, Event};
use super::mutation::{Mutation, mutations};
use super::officer::Officer;
use crate::support::skip::skip;
use crate::support::swtpm::Swtpm;

/// Mutations of each log; there are nine.
const MUTATIONS: usize = 130;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/event-logs")
}

pub(super) fn log(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

fn logs() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".bin"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 9, "{names:?}");
    names.into_iter().map(|name| (name.clone(), log(&name))).collect()
}

/// What `tpm2_eventlog` makes of a log: `None` if it refuses or crashes, else the values of PCRs that the log extends, SHA-256.
fn theirs(file: &Path) -> Option<BTreeMap<usize, String>> {
    let output = Command::new("tpm2_eventlog").arg(file).env("TSS2_LOG", "all+none").output().unwrap();
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, values) = text.rsplit_once("\npcrs:\n").unwrap_or_default();
    let sha256 = values.split_once("  sha256:\n").map(|(_, values)| values).unwrap_or_default();
    let lines = sha256.lines().take_while(|line| line.starts_with("    "));
    let pair = |line: &str| {
        let (pcr, value) = line.split_once(':').unwrap();
        (pcr.trim().parse().unwrap(), value.trim().trim_start_matches("0x").to_owned())
    };
    Some(lines.map(pair).collect())
}

fn replayed(log: &EventLog<'_>) -> Pcrs {
    let mut pcrs = Pcrs::default();
    pcrs.replay(log);
    pcrs
}

fn agrees(log: &EventLog<'_>, theirs: &BTreeMap<usize, String>) -> bool {
    let ours = replayed(log);
    theirs.iter().all(|(pcr, value)| ours.get(*pcr).is_some_and(|ours| ours.to_string() == *value))
        && log
            .events
            .iter()
            .filter(|event| event.kind != EV_NO_ACTION)
            .all(|event| theirs.contains_key(&event.pcr))
}

#[test]
fn real_logs_replay_as_tpm2_eventlog_replays_them() {
    for (name, bytes) in logs() {
        let log = EventLog::parse(&bytes).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        if !Swtpm::missing(&["tpm2_eventlog"]).is_empty() {
            return skip(
                "evidence::real_logs_replay_as_tpm2_eventlog_replays_them",
                "not installed: tpm2_eventlog",
            );
        }
        let theirs = theirs(&folder().join(&name)).unwrap_or_else(|| panic!("{name}: tpm2_eventlog refuses it"));
        assert!(theirs.len() >= 4 && agrees(&log, &theirs), "{name}: {theirs:?}");
        // As its own tool shows the variable.
        let expected = match name.as_str() {
            "moklisttrusted.bin" | "postcode.bin" | "sb-cert.bin" => SecureBoot::On,
            "bootorder.bin" | "coreos-36.bin" | "gce-ubuntu-2104.bin" => SecureBoot::Off,
            // An empty variable: firmware whose Secure Boot was never set up.
            _ => SecureBoot::NotMeasured,
        };
        assert_eq!(secure_boot(&log), expected, "{name}");
    }
}

/// Where both read a log, both replay the same. Where one refuses, the reason is one of these:
/// - ours alone refuses what no firmware writes ([`EventLogFault`]): it counts digests against the log's own description, knows 24
///   PCRs, takes no digest twice and no event without SHA-256;
/// - theirs alone refuses, or crashes: it interprets data of events, which ours leaves to whoever can check them against their digest.
#[test]
fn mutated_logs_are_read_alike_or_the_difference_is_explained() {
    let test = "evidence::mutated_logs_are_read_alike_or_the_difference_is_explained";
    if !Swtpm::missing(&["tpm2_eventlog"]).is_empty() {
        return skip(test, "not installed: tpm2_eventlog");
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut all, mut alike, mut ours_alone, mut theirs_alone) = (0, 0, 0, 0);
    for (name, bytes) in logs() {
        for mutation in mutations(&name, bytes.len(), MUTATIONS) {
            let mutated = mutation.of(&bytes);
            let file = folder.path().join("log");
            fs::write(&file, &mutated).unwrap();
            all += 1;
            match (EventLog::parse(&mutated), theirs(&file)) {
                (Ok(log), Some(theirs)) => {
                    assert!(agrees(&log, &theirs), "{name} {mutation:?}: {theirs:?}");
                    alike += 1;
                }
                (Err(_), None) => alike += 1,
                (Err(fault), Some(theirs)) => {
                    let explained = matches!(
                        fault,
                        EventLogFault::Event { .. } | EventLogFault::NoSha256 | EventLogFault::NotCryptoAgile
                    ) || theirs.is_empty();
                    assert!(explained, "{name} {mutation:?}: {fault}, read by tpm2_eventlog: {theirs:?}");
                    ours_alone += 1;
                }
                (Ok(log), None) => {
                    assert!(is_inside(&mutation, &log, &mutated), "{name} {mutation:?}: read by ours alone");
                    theirs_alone += 1;
                }
            }
        }
    }
    println!(
        "{all} mutations: {alike} alike, {ours_alone} refused by ours alone, {theirs_alone} by tpm2_eventlog alone"
    );
    assert!(all >= 1_000 && alike * 2 > all, "{alike} of {all} alike");
}

/// Whether a mutation is of what an event says of itself (type, data), or of the log's end: not of what is measured where.
fn is_inside(mutation: &Mutation, log: &EventLog<'_>, bytes: &[u8]) -> bool {
    let ends = log.events.iter().skip(1).map(|event| event.offset).chain([bytes.len()]);
    let spans = log.events.iter().zip(ends);
    match mutation {
        Mutation::Byte { at, .. } => {
            spans.into_iter().any(|(event, end)| {
                let kind = event.offset + 4..event.offset + 8;
                kind.contains(at) || (end - event.data.len() - 4..end).contains(at)
            }) || *at < 80
        }
        // A log that ends between two events is one that was read that far; lengths that still fit are luck of bytes.
        Mutation::Truncated(_) | Mutation::Removed { .. } | Mutation::Inserted { .. } => false,
    }
}

/// A log of a real machine on a TPM: what was measured is what the log replays to, and the verdict says what the machine was.
#[test]
fn a_real_boot_is_judged_by_its_own_log() {
    let Some(mut attester) = Attester::new("a_real_boot_is_judged_by_its_own_log") else { return };
    let bytes = log("moklisttrusted.bin");
    let real = EventLog::parse(&bytes).unwrap();
    let event = |event: &sceau::evidence::event_log::Event<'_>| Event {
        pcr: u32::try_from(event.pcr).unwrap(),
        kind: event.kind,
        digest: event.sha256,
        data: event.data.to_vec(),
    };
    let measured = real.events.iter().filter(|event| event.kind != EV_NO_ACTION).map(event).collect();
    attester.boot = Boot { events: measured, userspace: vec![] };
    attester.restart();
    let officer = Officer::of(&attester);
    let mut evidence = attester.evidence(officer.nonce("pharmacie"), None);
    evidence.event_log = Marshalled(bytes.clone());
    let verdict = officer.judged(&evidence, &[]);
    verdict.assert_good();
    assert_eq!(verdict.detail("secure-boot"), "actif, mesuré par le micrologiciel");
    // Another real machine's log does not fit.
    let mut foreign = attester.evidence(officer.nonce("pharmacie"), None);
    foreign.event_log = Marshalled(log("postcode.bin"));
    officer.judged(&foreign, &[]).assert_fails("another machine's log", &["event-log"], "PCR 0, 1, 2");
}
