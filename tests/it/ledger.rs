//! No trace, no token: what was received is on the disk, whatever happens to the daemon; what is not, was not issued.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sceau::traces::digest::Digest;
use sceau::traces::entry::Entry;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::kind::Kind;
use sceau::traces::entry::outcome::Outcome;
use serde_json::json;

use crate::checkpoints::{hold, often};
use crate::doorstep::{brief, consultation, physician_login, says, with};
use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::ledger::{checkpoints, entries, issued, leaves};
use crate::support::outside;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::varlink::{Client, nonce};
use crate::support::wait::{eventually, freeze};

/// Deaths of the daemon under load.
const ROUNDS: u64 = 200;
/// Applications that ask at once.
const CALLERS: u64 = 4;

fn establishment() -> Establishment {
    Plan::new("ledger").key_type(KeyType::P256).build()
}

/// The rules that every ledger obeys: contiguous, in time, boots rising at starts alone, chains unbroken, nonces spent once,
/// and no outcome of what was never issued.
pub(crate) fn obeys_its_rules(ledger: &[Entry]) {
    let mut boot = 0;
    let (mut nonces, mut heads) = (HashSet::new(), std::collections::HashMap::new());
    for (index, entry) in ledger.iter().enumerate() {
        assert_eq!(entry.index, index as u64);
        let in_time = index == 0 || entry.time >= ledger[index - 1].time || entry.event.begins_time();
        assert!(in_time, "entry {index} is older than its predecessor");
        boot += u64::from(entry.event.kind() == Kind::Start);
        assert_eq!(entry.boot, boot, "entry {index}");
        if let Some(link) = entry.link {
            let before = heads.insert(link.practitioner, (entry.index, link.number));
            assert_eq!(link.previous, before.map(|(last, _)| last), "entry {index}");
            assert_eq!(link.number, before.map_or(1, |(_, number)| number + 1), "entry {index}");
        }
        let nonce = match &entry.event {
            Event::Issued(issued) => Some(issued.nonce),
            Event::Refused(refused) => refused.nonce,
            _ => None,
        };
        assert!(nonce.is_none_or(|nonce| nonces.insert(nonce)), "entry {index} spends a nonce again");
        if let Event::Outcome(outcome) = &entry.event {
            let of = &ledger[usize::try_from(outcome.of).unwrap()];
            assert!(of.index < entry.index && of.event.kind() == Kind::Issued, "entry {index}");
        }
    }
}

/// The entry of an assertion, with the digest that its seal covers.
pub(crate) fn has(ledger: &[Entry], assertion: &str, id: &str, index: u64) {
    let Event::Issued(issued) = &ledger[usize::try_from(index).unwrap()].event else {
        panic!("entry {index} is not it")
    };
    assert_eq!(issued.assertion_id.as_str(), id);
    let digest = assertion.split_once("DigestValue>").unwrap().1.split_once('<').unwrap().0;
    assert_eq!(issued.assertion.to_base64(), digest);
}

#[test]
fn every_request_leaves_its_trace() {
    let establishment = establishment();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let got = client.consult(&session, PATIENTS[0]).unwrap();
    let denied = with(consultation(&session, PATIENTS[0]), "transaction", "2.1".into());
    assert_eq!(brief(client.issue(denied)), says("Denied", "transaction-not-allowed"));
    client.call("fr.sceau.Token.Report", json!({ "id": got.id, "outcome": "accepted" })).unwrap();
    client.call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap();
    let ledger = entries(&establishment);
    obeys_its_rules(&ledger);
    has(&ledger, &got.assertion, &got.id, got.entry);
    let kinds: Vec<_> = ledger.iter().map(|entry| entry.event.kind()).collect();
    let expected = [
        Kind::Start,
        // The files of both registers.
        Kind::Register,
        Kind::Register,
        Kind::SessionOpened,
        Kind::Issued,
        Kind::Outcome,
        Kind::Refused,
        Kind::Outcome,
        Kind::SessionClosed,
    ];
    assert_eq!(kinds, expected);
    let outcomes = ledger.iter().filter_map(|entry| match &entry.event {
        Event::Outcome(outcome) => Some((outcome.of, outcome.outcome)),
        _ => None,
    });
    assert_eq!(outcomes.collect::<Vec<_>>(), [(got.entry, Outcome::Released), (got.entry, Outcome::Accepted)]);
    assert_eq!(client.status()["entries"], ledger.len());
}

#[test]
fn an_assertion_that_was_not_sealed_is_told_as_failed() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    eventually("ready", || (client.status()["ready"] == true).then_some(()));
    // The signer hangs under the request: its trace was there before.
    freeze(&daemons.signers[0]);
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Unavailable", "token-unreachable"));
    daemons.signers[0].signal(nix::sys::signal::Signal::SIGCONT);
    let failed =
        |entry: &Entry| matches!(&entry.event, Event::Outcome(outcome) if outcome.outcome == Outcome::Failed);
    eventually("the outcome", || entries(&establishment).iter().any(failed).then_some(()));
    assert_eq!(issued(&establishment), 1);
}

#[test]
fn nonces_and_sessions_survive_a_restart_and_a_crash() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let closed = client.open_session(physician_login()).unwrap();
    client.call("fr.sceau.Token.CloseSession", json!({ "session": closed })).unwrap();
    let (used, refused) = (nonce(), nonce());
    client.issue(with(consultation(&session, PATIENTS[0]), "nonce", used.as_str().into())).unwrap();
    let denied = with(consultation(&session, PATIENTS[0]), "transaction", "2.1".into());
    client.issue(with(denied, "nonce", refused.as_str().into())).unwrap_err();
    for life in 2..4 {
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
        let mut client = establishment.client();
        for spent in [&used, &refused] {
            let again = with(consultation(&session, PATIENTS[0]), "nonce", spent.as_str().into());
            assert_eq!(brief(client.issue(again)), says("Replayed", ""));
        }
        client.consult(&session, PATIENTS[1]).unwrap();
        assert_eq!(brief(client.consult(&closed, PATIENTS[1])), says("Denied", "session-unknown"));
    }
    obeys_its_rules(&entries(&establishment));
}

#[test]
fn what_was_issued_before_a_crash_can_be_reported_after_it() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let got: Vec<_> = (0..2).map(|_| client.consult(&session, PATIENTS[0]).unwrap()).collect();
    let of = |ledger: &[Entry], index: u64| -> Vec<Outcome> {
        let outcomes = ledger.iter().filter_map(|entry| match &entry.event {
            Event::Outcome(outcome) if outcome.of == index => Some(outcome.outcome),
            _ => None,
        });
        outcomes.collect()
    };
    eventually("the release", || (!of(&entries(&establishment), got[0].entry).is_empty()).then_some(()));
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    let mut client = establishment.client();
    let report = |client: &mut Client, id: &str, outcome: &str| {
        client.call("fr.sceau.Token.Report", json!({ "id": id, "outcome": outcome })).map(|_| ())
    };
    report(&mut client, &got[0].id, "accepted").unwrap();
    report(&mut client, &got[1].id, "refused").unwrap();
    let unknown = report(&mut client, "_00000000-0000-4000-8000-000000000000", "unused");
    assert_eq!(unknown.unwrap_err().brief(), ("Denied", "assertion-unknown"));
    let ledger = entries(&establishment);
    obeys_its_rules(&ledger);
    assert_eq!(of(&ledger, got[0].entry), [Outcome::Released, Outcome::Accepted]);
    // Whether its release was written before the crash or is known by the report alone.
    assert_eq!(of(&ledger, got[1].entry), [Outcome::Released, Outcome::Refused]);
    // Not twice: it stays what it is over another restart.
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(3);
    report(&mut establishment.client(), &got[1].id, "refused").unwrap();
    obeys_its_rules(&entries(&establishment));
}

#[test]
fn two_daemons_do_not_write_one_ledger() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let size = entries(&establishment).len();
    let second = run_until_exit(&establishment, "sceaud", &[], Duration::from_secs(20));
    assert_eq!((second.code, second.was_ready), (Some(3), false), "{}", second.said);
    assert!(second.said.contains("un autre sceaud"), "{}", second.said);
    assert_eq!(entries(&establishment).len(), size);
    assert_eq!(daemons.sceaud.starts(), 1);
}

/// A session of before is judged by the configuration of now: what is no longer allowed is gone, and halts nobody.
#[test]
fn a_session_that_the_new_configuration_does_not_allow_is_gone() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    let profile = "extends = \"dmp-air\"\nname = \"dmp-air\"\n[methods]\n\
                   CARTE_ETS = { class = \"SmartcardPKI\", decl = \"CARTE_ETS\" }\n";
    write(&establishment.folder.join("dmp-air.toml"), profile, 0o644);
    establishment.edit_file("sceau.toml", |config| config["profiles"]["files"] = vec!["dmp-air.toml"].into());
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    let mut client = establishment.client();
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Denied", "session-unknown"));
    assert_eq!(client.status()["state"], "operational");
    assert_eq!(issued(&establishment), 0);
}

/// What changed while the daemon was away is told by its next start, once, and in no name of a person.
#[test]
fn a_start_tells_what_came_into_force_since_the_last_one() {
    let establishment = establishment();
    let daemons = Daemons::start(&establishment);
    let told = || -> Vec<String> {
        let told = entries(&establishment).into_iter().filter_map(|entry| match entry.event {
            Event::Start(_) => Some("start".to_owned()),
            Event::Configuration(told) => {
                assert!(told.mandate.is_none());
                Some("configuration".to_owned())
            }
            Event::Register(told) => {
                assert!(told.mandate.is_none());
                let file = establishment.folder.join(told.register.as_str().replace("-file", ".toml"));
                let plain = Digest::of(&[&std::fs::read(file).unwrap()]);
                assert_eq!(told.content == plain, told.register.as_str() == "applications-file");
                Some(told.register.to_string())
            }
            _ => None,
        });
        told.collect()
    };
    let mut expected = vec!["start", "applications-file", "practitioners-file"];
    assert_eq!(told(), expected);
    let mut life = 1;
    let mut live_again = || {
        life += 1;
        daemons.sceaud.kill();
        daemons.sceaud.wait_ready(life);
    };
    live_again();
    expected.push("start");
    assert_eq!(told(), expected);
    establishment.edit_file("sceau.toml", |config| config["convention"]["contactless_delay_ms"] = 900_000.into());
    live_again();
    expected.extend(["start", "configuration"]);
    assert_eq!(told(), expected);
    establishment.edit_file("practitioners.toml", |register| {
        register["practitioner"].as_array_mut().unwrap().pop();
    });
    live_again();
    live_again();
    expected.extend(["start", "practitioners-file", "start"]);
    assert_eq!(told(), expected);
    // The configuration that the newest entries were made under is the one that was told.
    establishment.client().open_session(physician_login()).unwrap();
    let ledger = entries(&establishment);
    let told = ledger.iter().rev().find_map(|entry| match &entry.event {
        Event::Configuration(told) => Some((told.configuration, told.convention)),
        _ => None,
    });
    let opened = ledger.iter().rev().find_map(|entry| match &entry.event {
        Event::SessionOpened(opened) => Some((opened.setting.configuration, opened.setting.convention)),
        _ => None,
    });
    assert_eq!((told.is_some(), told), (true, opened));
    let verify = ["traces", "verify", "--config", establishment.config().to_str().unwrap()].map(str::to_owned);
    let good = Command::new(program("sceau")).args(verify).output().unwrap();
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stdout));
}

/// Callers ask while the daemon dies at moments that nobody chose; whatever they received is in the ledger, and whatever was
/// signed of it before, kept or in a receipt, is of the ledger afterwards.
#[test]
fn a_daemon_killed_at_any_moment_loses_nothing_that_was_received() {
    let establishment = Plan::new("ledger").key_type(KeyType::P256).edit_config(often(64)).build();
    let daemons = Daemons::start(&establishment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    let (mut received, mut signed) = (Vec::new(), BTreeMap::new());
    for round in 0..ROUNDS {
        let until = Instant::now() + Duration::from_millis(round * 7919 % 40);
        let killed = AtomicBool::new(false);
        thread::scope(|scope| {
            let callers: Vec<_> = (0..CALLERS)
                .map(|caller| {
                    let (establishment, session, killed) = (&establishment, &session, &killed);
                    scope.spawn(move || {
                        let mut got = Vec::new();
                        let Ok(mut client) = Client::connect(&establishment.token_socket()) else { return got };
                        // Until the connection dies under it, or would not: it is the next life's.
                        while !killed.load(Ordering::Acquire) {
                            let ask = with(consultation(session, PATIENTS[0]), "nonce", nonce().into());
                            let ask = with(ask, "receipt", (caller == 0).into());
                            match client.try_call("fr.sceau.Token.Issue", ask) {
                                Ok(Ok(answer)) => got.push(answer),
                                Ok(Err(_)) => {}
                                Err(_) => break,
                            }
                        }
                        got
                    })
                })
                .collect();
            // The moment is the round's, spread over what the disk takes for a commit.
            while Instant::now() < until {
                thread::yield_now();
            }
            daemons.sceaud.kill();
            killed.store(true, Ordering::Release);
            received.extend(callers.into_iter().flat_map(|caller| caller.join().unwrap()));
        });
        daemons.sceaud.wait_ready(u32::try_from(round).unwrap() + 2);
        let now = leaves(&establishment);
        assert!(
            now.len() >= seen.len() && now[..seen.len()] == seen[..],
            "round {round}: what was on the disk changed"
        );
        seen = now;
        let kept: BTreeMap<_, _> = checkpoints(&establishment).into_iter().collect();
        assert!(
            signed.iter().all(|(size, note)| kept.get(size) == Some(note)),
            "round {round}: a checkpoint is gone"
        );
        signed = kept;
    }
    assert!(received.len() > 100, "{} assertions received", received.len());
    let ledger = entries(&establishment);
    obeys_its_rules(&ledger);
    let mut ids = HashSet::new();
    for answer in &received {
        let text = |name: &str| answer[name].as_str().unwrap();
        assert!(ids.insert(text("id")), "an id twice");
        has(&ledger, text("assertion"), text("id"), answer["entry"].as_u64().unwrap());
    }
    let public = &establishment.audit.as_ref().unwrap().public;
    let receipts: Vec<_> = received.iter().filter_map(|answer| answer["receipt"].as_str()).collect();
    for receipt in &receipts {
        let (leaf, index) = outside::receipt(receipt, public);
        assert_eq!(leaf, seen[usize::try_from(index).unwrap()]);
        let note = receipt.split_once("\n\n").unwrap().1;
        signed.insert(outside::checkpoint(note, public).size, note.to_owned());
    }
    assert!(
        receipts.len() > 20 && signed.len() > 100,
        "{} receipts, {} checkpoints",
        receipts.len(),
        signed.len()
    );
    hold(&establishment, &signed.into_iter().collect::<Vec<_>>());
}

#[test]
fn nobody_is_clear_on_the_disk() {
    let establishment = establishment();
    let mut daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    let names = |folder: &Path| -> Vec<_> {
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect()
    };
    let folder = establishment.folder.join("ledger");
    let practitioner = physician_login()["practitioner"].as_str().unwrap().to_owned();
    let clear = |what: &str| {
        for file in names(&folder) {
            let bytes = std::fs::read(&file).unwrap();
            for secret in [PATIENTS[0], practitioner.as_str(), session.as_str()] {
                assert!(
                    !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
                    "{what}: {}",
                    file.display()
                );
            }
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{}", file.display());
        }
    };
    clear("running");
    daemons.sceaud.stop();
    clear("stopped");
    assert_eq!(entries(&establishment).last().unwrap().event.kind(), Kind::Stop);
}

#[test]
fn a_ledger_that_was_altered_or_lost_its_key_halts_the_start() {
    let establishment = establishment();
    let mut daemons = Daemons::start(&establishment);
    let session = establishment.client().open_session(physician_login()).unwrap();
    establishment.client().consult(&session, PATIENTS[0]).unwrap();
    daemons.sceaud.stop();
    let folder = establishment.folder.join("ledger");
    let file = folder.join("ledger.sqlite");
    let whole = std::fs::read(&file).unwrap();
    let start = || run_until_exit(&establishment, "sceaud", &[], Duration::from_secs(20));
    for change in [
        "UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 1) WHERE idx = 2",
        "DELETE FROM entries WHERE idx = (SELECT max(idx) FROM entries)",
        "UPDATE tiles SET hashes = zeroblob(32) WHERE level = 0",
    ] {
        rusqlite::Connection::open(&file).unwrap().execute_batch(change).unwrap();
        let refusal = start();
        assert_eq!((refusal.code, refusal.was_ready), (Some(4), false), "{change}: {}", refusal.said);
        assert!(refusal.said.contains("incohérent"), "{}", refusal.said);
        for left in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(left));
        }
        std::fs::write(&file, &whole).unwrap();
    }
    // What SQLite itself cannot read: no start mends it.
    std::fs::write(&file, [&[0xff; 100], &whole[100..]].concat()).unwrap();
    let refusal = start();
    assert_eq!(refusal.code, Some(4), "{}", refusal.said);
    assert!(refusal.said.contains("incohérent"), "{}", refusal.said);
    // A database that is gone, or was emptied, is no beginning: nonces would be forgotten and nothing would tell.
    for lost in [None, Some(&[][..])] {
        std::fs::remove_file(&file).unwrap();
        if let Some(bytes) = lost {
            std::fs::write(&file, bytes).unwrap();
        }
        let refusal = start();
        assert_eq!((refusal.code, refusal.was_ready), (Some(4), false), "{}", refusal.said);
        for left in ["ledger.sqlite-wal", "ledger.sqlite-shm"] {
            let _ = std::fs::remove_file(folder.join(left));
        }
        std::fs::write(&file, &whole).unwrap();
    }
    let key = folder.join("ledger.key");
    std::fs::rename(&key, folder.join("aside")).unwrap();
    assert_eq!(start().code, Some(4));
    std::fs::rename(folder.join("aside"), &key).unwrap();
    Command::new("chmod").arg("0644").arg(&key).status().unwrap();
    let refusal = start();
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    assert!(refusal.said.contains("chmod 0600"), "{}", refusal.said);
}

/// A disk of its own, so small that a file fills it.
#[test]
fn a_full_disk_is_unavailable_and_heals() {
    let establishment = establishment();
    let folder = establishment.folder.join("ledger");
    std::fs::create_dir_all(&folder).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m,mode=700", "none"]).arg(&folder).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        return skip(
            "ledger::a_full_disk_is_unavailable_and_heals",
            "a small disk cannot be mounted here (needs root)",
        );
    }
    let _unmount = Unmount(&folder);
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    let before = issued(&establishment);
    let filler = folder.join("filler");
    let _ = std::fs::write(&filler, vec![0; 4 << 20]);
    // The log file has room of its own for some commits.
    let refused = eventually("the disk is full", || client.consult(&session, PATIENTS[0]).err());
    assert_eq!(refused.brief(), ("Unavailable", "space"));
    assert_eq!(client.status()["ready"], false);
    std::fs::remove_file(&filler).unwrap();
    let healed = eventually("room again", || client.consult(&session, PATIENTS[0]).ok());
    let ledger = entries(&establishment);
    obeys_its_rules(&ledger);
    has(&ledger, &healed.assertion, &healed.id, healed.entry);
    assert!(issued(&establishment) > before);
    assert_eq!(daemons.sceaud.starts(), 1);
    drop(daemons);
}

pub(crate) struct Unmount<'f>(pub(crate) &'f Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}
