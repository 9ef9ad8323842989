//! Between an assertion that is issued and its call: what is lost and what is kept when the ledger's owner goes at the worst
//! moment. A way between the relay and `sceaud` is cut before, or after, `Spend` has got through.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::outcome::Outcome;

use super::rig::{Rig, RigPlan};
use crate::support::ledger::entries;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::until;

const OPEN: u8 = 0;
/// `Spend` does not arrive.
const LOST: u8 = 1;
/// `Spend` arrives, is written, and its answer does not come back.
const KEPT: u8 = 2;
/// The relay is killed before the answer to `Spend` comes back.
const DIE_BEFORE: u8 = 3;
/// The same, after.
const DIE_AFTER: u8 = 4;

/// Who is killed then.
static DYING: Mutex<Option<Pid>> = Mutex::new(None);

fn die() {
    kill(DYING.lock().unwrap().unwrap(), Signal::SIGKILL).unwrap();
}

/// Frames between the relay and `sceaud`, cut as told.
fn way(from: &Path, to: &Path) -> Arc<AtomicU8> {
    let listener = UnixListener::bind(from).unwrap();
    let (cut, to) = (Arc::new(AtomicU8::new(OPEN)), to.to_owned());
    let told = Arc::clone(&cut);
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let (told, to) = (Arc::clone(&told), to.clone());
            std::thread::spawn(move || carry(near, &to, &told));
        }
    });
    cut
}

fn frame(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let (mut frame, mut byte) = (Vec::new(), [0]);
    while stream.read(&mut byte).ok()? == 1 {
        frame.push(byte[0]);
        if byte[0] == 0 {
            return Some(frame);
        }
    }
    None
}

fn carry(mut near: UnixStream, to: &Path, told: &AtomicU8) {
    let Ok(mut far) = UnixStream::connect(to) else { return };
    while let Some(call) = frame(&mut near) {
        let spends = call.windows(6).any(|window| window == b".Spend");
        if spends && told.load(Ordering::Acquire) == LOST {
            return;
        }
        if far.write_all(&call).is_err() {
            return;
        }
        let Some(answer) = frame(&mut far) else { return };
        if spends && told.load(Ordering::Acquire) == KEPT {
            return;
        }
        if spends && told.load(Ordering::Acquire) == DIE_BEFORE {
            return die();
        }
        if near.write_all(&answer).is_err() {
            return;
        }
        if spends && told.load(Ordering::Acquire) == DIE_AFTER {
            return die();
        }
    }
}

fn rig() -> (Rig, Arc<AtomicU8>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("way.sock");
    let plan_from = from.clone();
    // Both programs read one file and one name.
    let rig = RigPlan {
        edit: Box::new(move |config| {
            config["sockets"]
                .as_table_mut()
                .unwrap()
                .insert("relay_ledger".into(), plan_from.display().to_string().into());
        }),
        ..RigPlan::default()
    }
    .start();
    // sceaud has bound it: its socket is moved aside, and the way put in its place.
    let real = folder.path().join("real.sock");
    std::fs::rename(&from, &real).unwrap();
    let cut = way(&from, &real);
    (rig, cut, folder)
}

#[test]
fn a_spend_that_is_lost_or_whose_answer_is_lost_sends_nothing() {
    let (rig, cut, _folder) = rig();
    let session = rig.session();
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    assert_eq!(rig.dmp().calls().len(), 1);
    rig.wait_course(&[Outcome::Released, Outcome::Spent, Outcome::Accepted]);
    for (how, outcomes) in [(LOST, &[Outcome::Released][..]), (KEPT, &[Outcome::Released, Outcome::Spent])] {
        cut.store(how, Ordering::Release);
        assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), (503, "ledger-unreachable".into()));
        rig.wait_course(outcomes);
        assert_eq!(rig.dmp().calls().len(), 1, "nothing was sent");
    }
    cut.store(OPEN, Ordering::Release);
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    let calls = rig.dmp().calls();
    assert_eq!(calls.len(), 2);
    assert!(calls.iter().all(|call| call["verdict"] == "accepted"));
}

/// The daemon dies under calls; each assertion that the DMP saw is spent in the ledger, and was seen once.
#[test]
fn what_the_dmp_saw_is_spent_in_the_ledger_whenever_the_daemon_dies() {
    let rig = Rig::start();
    let session = rig.session();
    for life in 2..8 {
        std::thread::scope(|scope| {
            let callers: Vec<_> = (0..3).map(|_| scope.spawn(|| rig.ask(&session, PATIENTS[0]).status)).collect();
            rig.daemons.sceaud.kill();
            for caller in callers {
                caller.join().unwrap();
            }
        });
        rig.daemons.sceaud.wait_ready(life);
    }
    until("calls are made again", || rig.ask(&session, PATIENTS[0]).status == 200);
    let calls = rig.dmp().calls();
    let ids: HashSet<_> = calls.iter().map(|call| call["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), calls.len(), "an assertion came twice");
    let spent = rig.course().into_iter().filter(|outcome| *outcome == Outcome::Spent).count();
    assert!(spent >= calls.len(), "{spent} spent, {} seen", calls.len());
}

/// Each id that the DMP saw, once, and each spent in the ledger under its own entry.
fn told_truly(rig: &Rig) -> usize {
    let calls = rig.dmp().calls();
    let whole: Vec<&str> = calls.iter().filter_map(|call| call["id"].as_str()).collect();
    let ids: HashSet<&str> = whole.iter().copied().collect();
    assert_eq!(ids.len(), whole.len(), "an assertion came twice");
    let entries = entries(&rig.establishment);
    let spent: HashSet<u64> = entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Outcome(told) if told.outcome == Outcome::Spent => Some(told.of),
            _ => None,
        })
        .collect();
    let lines = entries
        .iter()
        .filter(|entry| matches!(&entry.event, Event::Outcome(told) if told.outcome == Outcome::Spent));
    assert_eq!(lines.count(), spent.len(), "spent twice in the ledger");
    for entry in &entries {
        if let Event::Issued(issued) = &entry.event
            && ids.contains(issued.assertion_id.as_str())
        {
            assert!(spent.contains(&entry.index), "seen and not spent: {}", entry.index);
        }
    }
    ids.len()
}

/// The relay dies the moment `Spend` is answered: before it hears it, and after.
#[test]
fn a_relay_that_dies_around_a_spend_sends_at_most_that_one_call() {
    let (rig, cut, _folder) = rig();
    let session = rig.session();
    for (life, how) in [(2, DIE_BEFORE), (3, DIE_AFTER), (4, DIE_BEFORE), (5, DIE_AFTER)] {
        let before = told_truly(&rig);
        *DYING.lock().unwrap() = Some(rig.relay.pid());
        cut.store(how, Ordering::Release);
        let answer = rig.ask(&session, PATIENTS[0]);
        cut.store(OPEN, Ordering::Release);
        rig.relay.wait_ready(life);
        let seen = told_truly(&rig);
        match how {
            DIE_BEFORE => assert_eq!((seen, answer.status), (before, 0), "nothing was sent"),
            // The answer may have come through before the signal did.
            _ => assert!(seen <= before + 1),
        }
        assert!(rig.course().contains(&Outcome::Spent), "whether it left or not");
        // The same nonce again is a replay, and a new one is a new assertion.
        assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
        let after = told_truly(&rig);
        match how {
            DIE_BEFORE => assert_eq!(after, before + 1),
            // What the dead relay had sent may reach the DMP later than anybody looks.
            _ => assert!((before + 1..=before + 2).contains(&after), "{before} {seen} {after}"),
        }
    }
}

/// The relay dies under calls, wherever they are.
#[test]
fn what_the_dmp_saw_is_spent_whenever_the_relay_dies() {
    let rig = Rig::start();
    let session = rig.session();
    for life in 2..10 {
        let before = rig.dmp().calls().len();
        std::thread::scope(|scope| {
            let (rig, session) = (&rig, &session);
            let streams: Vec<_> = (0..4).map(|_| rig.connect()).collect();
            let ask = move |stream| rig.ask_on(stream, session, PATIENTS[0]);
            let callers: Vec<_> = streams.into_iter().map(|stream| scope.spawn(move || ask(stream))).collect();
            // Once one of them is at the DMP, the others are on their way.
            until("a call arrives", || rig.dmp().calls().len() > before);
            rig.relay.kill();
            for caller in callers {
                let answer = caller.join().unwrap();
                assert!(answer.status == 0 || answer.status == 200, "{}", answer.text());
            }
        });
        rig.relay.wait_ready(life);
    }
    let seen = told_truly(&rig);
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    assert_eq!(told_truly(&rig), seen + 1);
}
