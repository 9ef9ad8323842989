//! Signers killed, stopped and kept away under load for as long as one likes, and a book that every answer is held to.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::Signal;
use sceau::seal::verifier::Verifier;
use sceau::traces::entry::event::{Event, OutcomeOf};
use sceau::traces::entry::outcome::Outcome;
use sceau::vihf::signature::recognise;

use super::daemon::Daemon;
use super::daemons::Daemons;
use super::establishment::Establishment;
use super::ledger::entries;
use super::practitioners::{PATIENTS, Practitioner};
use super::varlink::{Client, Issued, login};
use super::wait::{StopOnDrop, eventually, freeze, until};

/// Threads that ask.
const CALLERS: usize = 4;
/// Assertions between two events: the service was back.
const BETWEEN: usize = 40;
/// `ready` may stay true that long while nothing is signed: a proof each second, 2 s for its answer, and a busy machine.
const HONEST_WITHIN: Duration = Duration::from_secs(8);

/// What was answered under chaos.
#[derive(Default)]
pub struct Book {
    issued: Mutex<Vec<Issued>>,
    count: AtomicUsize,
    refused: AtomicUsize,
    stop: AtomicBool,
    longest_lie: Mutex<Duration>,
}

/// What an event did to the signers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// One is killed; its supervisor starts it again.
    Kill,
    /// All are killed at once.
    KillAll,
    /// One is killed and kept away until the callers have noticed or the others have signed.
    Hold,
    /// One stands still (SIGSTOP).
    Stop,
    /// All stand still.
    StopAll,
}

const BLOWS: [Blow; 5] = [Blow::Kill, Blow::KillAll, Blow::Hold, Blow::Stop, Blow::StopAll];

/// Deals blows to the seals' signers for `time` under load, then holds every answer to the ledger and to the seal's key.
///
/// Gives how many assertions were answered, how many requests refused, and how many blows dealt.
pub fn run(of: &Establishment, daemons: &Daemons, time: Duration) -> (usize, usize, usize) {
    let (book, began) = (Book::default(), Instant::now());
    let blows = thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| book.ask(of));
        }
        scope.spawn(|| book.watch_readiness(of));
        // The callers stop even if a blow panics, so that the scope ends and the panic is seen.
        let _stop = StopOnDrop(&book.stop);
        let mut blows = 0;
        // Each kind at least once, however short the time.
        while began.elapsed() < time || blows < BLOWS.len() {
            book.more(BETWEEN);
            deal(BLOWS[blows % BLOWS.len()], daemons, &book, of.seals[0].token.sealed.is_some());
            blows += 1;
        }
        book.more(BETWEEN);
        blows
    });
    book.hold_to_the_ledger(of);
    (book.count.into_inner(), book.refused.into_inner(), blows)
}

fn deal(blow: Blow, daemons: &Daemons, book: &Book, in_file: bool) {
    let signers = &daemons.signers;
    let one = std::slice::from_ref(&signers[random(signers.len())]);
    let whole_key = |signer: &Daemon| {
        // Of the life that runs: between two lives pid() waits for the next.
        let opened = || {
            signer.pid();
            signer.log().matches("key open").count() >= signer.starts() as usize
        };
        // SoftHSM writes its token's file at each login. Killed around there, a soft token was no longer listed, once; why was not proven.
        until("the key is open", || in_file || opened());
    };
    match blow {
        Blow::Kill => {
            whole_key(&one[0]);
            let lives = one[0].starts();
            one[0].kill();
            one[0].wait_starts(lives + 1);
        }
        Blow::KillAll => {
            signers.iter().for_each(whole_key);
            let lives: Vec<u32> = signers.iter().map(Daemon::starts).collect();
            signers.iter().for_each(Daemon::kill);
            signers.iter().zip(lives).for_each(|(signer, lives)| signer.wait_starts(lives + 1));
        }
        Blow::Hold => {
            whole_key(&one[0]);
            one[0].kill_and_hold();
            book.noticed();
            let lives = one[0].starts();
            one[0].release();
            one[0].wait_starts(lives + 1);
        }
        Blow::Stop | Blow::StopAll => {
            let stopped = if blow == Blow::Stop { one } else { signers };
            stopped.iter().for_each(freeze);
            book.noticed();
            stopped.iter().for_each(|signer| signer.signal(Signal::SIGCONT));
        }
    }
}

fn random(below: usize) -> usize {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    u32::from_le_bytes(bytes) as usize % below
}

impl Book {
    fn ask(&self, of: &Establishment) {
        let mut client = Client::connect(&of.token_socket()).unwrap();
        let open = |client: &mut Client| {
            client.open_session(login(&Practitioner::physician().id, "CPS", "consultation")).unwrap()
        };
        let mut session = open(&mut client);
        while !self.stop.load(Ordering::Acquire) {
            match client.consult(&session, PATIENTS[1]) {
                Ok(issued) => {
                    self.issued.lock().unwrap().push(issued);
                    self.count.fetch_add(1, Ordering::AcqRel);
                }
                Err(refused) => match refused.brief() {
                    ("Unavailable", "token-unreachable") | ("Busy", _) => {
                        self.refused.fetch_add(1, Ordering::AcqRel);
                    }
                    // A soak lives longer than a session.
                    ("Denied", "session-expired" | "session-unknown") => session = open(&mut client),
                    _ => panic!("{refused:?}"),
                },
            }
        }
    }

    /// `ready`, then a request, then `ready` again: a lie is ready before and after one that could not be signed, and may
    /// not last.
    fn watch_readiness(&self, of: &Establishment) {
        let mut client = Client::connect(&of.token_socket()).unwrap();
        let open = |client: &mut Client| {
            client.open_session(login(&Practitioner::physician().id, "CPS", "consultation")).unwrap()
        };
        let mut session = open(&mut client);
        let mut since: Option<Instant> = None;
        while !self.stop.load(Ordering::Acquire) {
            let ready = |client: &mut Client| client.status()["ready"] == true;
            let before = ready(&mut client);
            let answer = client.consult(&session, PATIENTS[2]);
            let unsigned = match &answer {
                Ok(issued) => {
                    self.issued.lock().unwrap_or_else(PoisonError::into_inner).push(issued.clone());
                    false
                }
                Err(refused) => match refused.brief() {
                    ("Unavailable", "token-unreachable") => true,
                    ("Busy", _) => false,
                    ("Denied", "session-expired" | "session-unknown") => {
                        session = open(&mut client);
                        false
                    }
                    _ => panic!("{refused:?}"),
                },
            };
            since = (before && unsigned && ready(&mut client)).then(|| since.unwrap_or_else(Instant::now));
            let lie = since.map_or(Duration::ZERO, |since| since.elapsed());
            assert!(lie < HONEST_WITHIN, "ready for {lie:?} while nothing is signed");
            let mut longest = self.longest_lie.lock().unwrap_or_else(PoisonError::into_inner);
            *longest = lie.max(*longest);
        }
    }

    /// Waits for that many further assertions: the service is back by itself.
    fn more(&self, more: usize) {
        let enough = self.count.load(Ordering::Acquire) + more;
        eventually("assertions after a blow", || (self.count.load(Ordering::Acquire) >= enough).then_some(()));
    }

    /// Waits until the callers were refused, or the other signers have done their work.
    fn noticed(&self) {
        let (count, refused) = (self.count.load(Ordering::Acquire), self.refused.load(Ordering::Acquire));
        eventually("a blow is noticed", || {
            let signed = self.count.load(Ordering::Acquire) >= count + BETWEEN;
            (signed || self.refused.load(Ordering::Acquire) > refused).then_some(())
        });
    }

    /// None lost after its answer, none twice, none false: what was answered is what the ledger released, each once, under
    /// the index and with the digest that were told, by the seal's own key.
    fn hold_to_the_ledger(&self, of: &Establishment) {
        let issued = self.issued.lock().unwrap();
        let key = &of.seals[0].token.spki_der;
        let (mut ids, mut nothing_twice) = (HashSet::new(), HashSet::new());
        for one in issued.iter() {
            assert!(ids.insert(&one.id) && nothing_twice.insert(one.entry), "twice: {} {}", one.id, one.entry);
            assert!(is_sealed(&one.assertion, key), "a signature that does not verify: {}", one.id);
        }
        // Outcomes are queued for the next commit.
        eventually("every outcome", || {
            let (mut recorded, mut released) = (HashMap::new(), HashSet::new());
            for entry in entries(of) {
                match entry.event {
                    Event::Issued(known) => {
                        recorded.insert(entry.index, (known.assertion_id.to_string(), known.assertion));
                    }
                    Event::Outcome(OutcomeOf { of, outcome: Outcome::Released }) => {
                        assert!(released.insert(of), "released twice: {of}");
                    }
                    _ => {}
                }
            }
            for one in issued.iter() {
                let (id, digest) = &recorded[&one.entry];
                assert!(*id == one.id && one.assertion.contains(&digest.to_base64()), "another trace: {}", one.id);
            }
            let mine: HashSet<u64> = issued.iter().map(|one| one.entry).collect();
            assert!(released.is_subset(&mine), "released and never answered: {:?}", released.difference(&mine));
            (released == mine).then_some(())
        });
    }
}

/// Whether the assertion's `SignedInfo` is one of ours and its signature the key's.
fn is_sealed(assertion: &str, spki: &[u8]) -> bool {
    let between = |begin: &str, end: &str| {
        let (_, rest) = assertion.split_once(begin)?;
        Some(rest.split_once(end)?.0)
    };
    // Alone, the element carries the declaration of its prefix (Exclusive XML Canonicalization).
    let opening = "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">";
    let inner = between("<ds:SignedInfo>", "</ds:SignedInfo>").unwrap();
    let signed_info = format!("{opening}{inner}</ds:SignedInfo>");
    let signature = STANDARD.decode(between("<ds:SignatureValue>", "</ds:SignatureValue>").unwrap()).unwrap();
    let algorithm = recognise(signed_info.as_bytes()).unwrap();
    Verifier::new(algorithm.into(), spki).unwrap().verifies(signed_info.as_bytes(), &signature)
}
