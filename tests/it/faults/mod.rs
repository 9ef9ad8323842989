//! The promise of the ledger on a disk with faults: whatever call fails, done or not done, no assertion is without its entry.

pub(crate) mod disk;

use std::collections::HashSet;

use serde_json::Value;

use crate::doorstep::{brief, consultation, physician_login, says, with};
use crate::ledger::{has, obeys_its_rules};
use crate::support::daemon::Daemon;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::{entries, leaves};
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};
use crate::support::wait::{eventually, until};
use disk::{Disk, ERRNOS, Fault};

/// Requests under a fault: each is two commits, its trace and its outcome.
const REQUESTS: usize = 6;
/// Which writes fail: those of the first commits, and one of a later.
const WRITES: [u32; 8] = [1, 2, 3, 4, 5, 6, 9, 14];
/// Which syncs fail.
const SYNCS: [u32; 3] = [1, 2, 4];

/// What applications have of one establishment, over all its lives.
#[derive(Default)]
struct Received {
    answers: Vec<Value>,
    nonces: Vec<String>,
}

/// An establishment whose ledger is on a disk with faults.
struct Bench {
    sceaud: Daemon,
    _signers: Vec<Daemon>,
    establishment: Establishment,
    disk: Disk,
    session: String,
    lives: u32,
    received: Received,
    seen: Vec<Vec<u8>>,
    halts: usize,
}

fn signers(of: &Establishment) -> Vec<Daemon> {
    of.signer_instances().iter().map(|instance| Daemon::signer(of, instance, &[])).collect()
}

impl Bench {
    fn new() -> Self {
        let establishment = Plan::new("faults").key_type(KeyType::P256).build();
        let disk = Disk::of(&establishment);
        let signers = signers(&establishment);
        let sceaud = Daemon::sceaud(&establishment, &disk.environment());
        sceaud.wait_ready(1);
        let session = establishment.client().open_session(physician_login()).unwrap();
        Self {
            sceaud,
            _signers: signers,
            establishment,
            disk,
            session,
            lives: 1,
            received: Received::default(),
            seen: Vec::new(),
            halts: 0,
        }
    }

    /// Asks under the fault, then without it: healed or halted, never silent about it.
    fn ask_under(&mut self, fault: Fault) {
        let mut client = Client::connect(&self.establishment.token_socket()).unwrap();
        self.disk.fails(fault);
        for _ in 0..REQUESTS {
            self.ask(&mut client, fault);
        }
        self.disk.is_well();
        if client.status()["state"] == "halted" {
            self.halts += 1;
            assert_eq!(brief(client.consult(&self.session, PATIENTS[0])), says("Halted", ""), "{fault:?}");
            return;
        }
        // What it was told as unavailable heals by itself.
        eventually("the ledger is written again", || self.ask(&mut client, fault).then_some(()));
    }

    /// One request; whether its assertion was received.
    fn ask(&mut self, client: &mut Client, fault: Fault) -> bool {
        let nonce = nonce();
        let request = with(consultation(&self.session, PATIENTS[0]), "nonce", nonce.as_str().into());
        match client.call("fr.sceau.Token.Issue", request) {
            Ok(answer) => {
                self.received.answers.push(answer);
                self.received.nonces.push(nonce);
                true
            }
            Err(refused) => {
                let known = [("Unavailable", "space"), ("Unavailable", "ledger"), ("Halted", "")];
                assert!(known.contains(&refused.brief()), "{fault:?}: {refused:?}");
                false
            }
        }
    }

    /// Another life on a disk without faults: everything that was received is there, and can be spent no more.
    fn lives_again(&mut self, fault: Fault) {
        self.disk.is_well();
        self.lives += 1;
        self.sceaud.wait_ready(self.lives);
        let now = leaves(&self.establishment);
        assert!(now.len() >= self.seen.len() && now[..self.seen.len()] == self.seen[..], "{fault:?}: changed");
        self.seen = now;
        let ledger = entries(&self.establishment);
        obeys_its_rules(&ledger);
        let mut ids = HashSet::new();
        for answer in &self.received.answers {
            let text = |name: &str| answer[name].as_str().unwrap();
            assert!(ids.insert(text("id")), "{fault:?}: an id twice");
            has(&ledger, text("assertion"), text("id"), answer["entry"].as_u64().unwrap());
        }
        let mut client = Client::connect(&self.establishment.token_socket()).unwrap();
        for spent in self.received.nonces.iter().rev().take(REQUESTS) {
            let again = with(consultation(&self.session, PATIENTS[0]), "nonce", spent.as_str().into());
            assert_eq!(brief(client.issue(again)), says("Replayed", ""), "{fault:?}");
        }
    }
}

#[test]
fn a_fault_while_serving_is_unavailable_or_halts_and_loses_nothing() {
    let mut bench = Bench::new();
    let mut fired = 0;
    let writes = WRITES.iter().flat_map(|n| Fault::of_write(*n));
    let syncs = SYNCS.iter().flat_map(|n| Fault::of("sync", *n));
    for fault in writes.chain(syncs) {
        bench.ask_under(fault);
        fired += usize::from(bench.disk.fired());
        bench.sceaud.kill();
        bench.lives_again(fault);
    }
    let (faults, halts) = (WRITES.len() * (3 * ERRNOS.len() + 1) + SYNCS.len() * 2 * ERRNOS.len(), bench.halts);
    println!("{faults} faults, {fired} met, {halts} halted, {} assertions received", bench.received.answers.len());
    assert_eq!(fired, faults, "every fault is met");
    assert!(halts > 0 && halts < faults, "{halts}");
}

/// At its end the log file is copied into the database, and cut.
#[test]
fn a_fault_while_stopping_loses_nothing() {
    let mut bench = Bench::new();
    let mut fired = 0;
    let faults = [1, 2, 3, 6].into_iter().flat_map(Fault::of_write);
    for fault in faults.chain([1, 2, 3].into_iter().flat_map(|n| Fault::of("sync", n))) {
        let mut client = Client::connect(&bench.establishment.token_socket()).unwrap();
        assert!(bench.ask(&mut client, fault));
        bench.disk.fails(fault);
        let life = bench.sceaud.starts();
        bench.sceaud.signal(nix::sys::signal::Signal::SIGTERM);
        until("it has ended", || bench.sceaud.starts() > life);
        fired += usize::from(bench.disk.fired());
        // The next life may have met it too: this one begins without.
        bench.disk.is_well();
        bench.lives += bench.sceaud.starts() - life - 1;
        bench.lives_again(fault);
    }
    assert!(fired > 20, "{fired} faults were met");
}

/// The log is copied into the database beside the commits; what is not copied is in the log.
#[test]
fn a_database_that_takes_no_copy_of_its_log_stops_nobody_and_loses_nothing() {
    let mut bench = Bench::new();
    let [io, full, _] = ERRNOS;
    for (kind, errno) in [("full", io), ("full", full), ("torn", io), ("kept", io), ("short", 0)] {
        let fault = Fault { operation: "copy", n: 1, errno, kind };
        let mut client = Client::connect(&bench.establishment.token_socket()).unwrap();
        bench.disk.fails(fault);
        assert!(bench.ask(&mut client, fault));
        until("the log was to be copied", || bench.disk.fired());
        for _ in 0..REQUESTS {
            assert!(bench.ask(&mut client, fault), "{fault:?}");
        }
        bench.sceaud.kill();
        bench.lives_again(fault);
    }
}

#[test]
fn a_full_disk_and_a_read_only_one_heal() {
    let mut bench = Bench::new();
    for errno in [ERRNOS[1], ERRNOS[2]] {
        for n in [1, 5, 9] {
            let fault = Fault { operation: "write", n, errno, kind: "full" };
            bench.ask_under(fault);
            assert!(bench.disk.fired(), "{fault:?}");
            bench.sceaud.kill();
            bench.lives_again(fault);
        }
    }
}
