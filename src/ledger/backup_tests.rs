//! Backups that OpenSSL opens and restores take, whole; and everything that a carrier could do to them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use super::line::Line;
use super::purge_task::Task;
use super::purge_tests::{access, finish, now, of_patient, open, order, patient, reads};
use super::reader::Reader;
use super::writer::Writer;
use super::*;
use crate::envelope::Recipient;
use crate::sys::clock;
use crate::traces::checkpoint::Checkpoint;
use crate::traces::entry::Entry;
use crate::traces::entry::kind::Kind;
use crate::traces::entry::tests::start;

/// A ledger, its backup folder in memory, and who may open it.
struct Scene {
    folder: tempfile::TempDir,
    writer: Writer,
    segments: Vec<Vec<u8>>,
    state: Option<String>,
}

const LIMITS: SegmentLimits = SegmentLimits { entries_max: 40, keys_max: 50 };

impl Scene {
    /// Entries of a hundred patients.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["reader", "recovery", "stranger"] {
            certificate(folder.path(), name);
        }
        fs::create_dir(folder.path().join("ledger")).unwrap();
        let mut writer = open(&folder.path().join("ledger")).unwrap();
        writer.start(start(), now()).unwrap();
        let mut scene = Self { folder, writer, segments: Vec::new(), state: None };
        scene.write(0..100);
        scene
    }

    fn ledger(&self) -> PathBuf {
        self.folder.path().join("ledger")
    }

    fn write(&mut self, of: std::ops::Range<u64>) {
        let lines = of.map(|of| Line::plain(access(1, of))).collect();
        self.writer.commit(lines, now(), false).unwrap();
    }

    fn recipient(&self, name: &str) -> Recipient {
        let pem = fs::read(self.folder.path().join(format!("{name}.pem"))).unwrap();
        Recipient::from_pem(&pem, clock::now().plus_ms(86_400_000)).unwrap()
    }

    /// Segments until there is no more.
    fn back_up(&mut self) -> BackedUp {
        loop {
            let reader = Reader::open(&self.ledger()).unwrap();
            let mut bytes = Vec::new();
            let (readers, since) = ([self.recipient("reader")], self.state.clone());
            let done = backup(&reader, &readers, since.as_deref(), LIMITS, None, now(), &mut bytes).unwrap();
            self.segments.push(bytes);
            self.state = Some(done.state.clone());
            if !done.more {
                return done;
            }
        }
    }

    fn escrow(&self) -> Escrow {
        let mut bytes = Vec::new();
        escrow(&Reader::open(&self.ledger()).unwrap(), &[self.recipient("recovery")], &mut bytes).unwrap();
        let readable = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!readable(b"wrapping") && !readable(b"sceau_escrow"));
        Escrow::parse(&self.opened("recovery", &bytes).unwrap()).unwrap()
    }

    fn opened(&self, name: &str, envelope: &[u8]) -> Option<Vec<u8>> {
        let folder = self.folder.path();
        fs::write(folder.join("e.p7m"), envelope).unwrap();
        let arguments = format!("cms -decrypt -binary -inform DER -in e.p7m -inkey {name}.key -recip {name}.pem");
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        output.status.success().then_some(output.stdout)
    }

    fn clear(&self) -> Vec<Vec<u8>> {
        self.segments.iter().map(|segment| self.opened("reader", segment).unwrap()).collect()
    }

    fn restore(
        &self,
        clear: &[Vec<u8>],
        escrow: &Escrow,
        against: Against<'_>,
    ) -> Result<RestoredLedger, NotRestored> {
        let segments: Vec<io::Result<_>> =
            clear.iter().enumerate().map(|(n, bytes)| Ok((n.to_string(), Cursor::new(bytes)))).collect();
        let into = self.folder.path().join("restored");
        let _ = fs::remove_dir_all(&into);
        let restored = restore(&into, escrow, segments, against, now());
        assert_eq!(into.exists(), restored.is_ok());
        assert!(!self.folder.path().join(".restored.restoring").exists());
        restored
    }

    fn purge(&mut self, patients: std::ops::Range<u64>) {
        let people = patients.map(|n| of_patient(&self.writer, n)).collect();
        let (reply, answer) = mpsc::channel();
        let size = self.writer.edge.frontier.size();
        self.writer.obey(Task::Begin { size, reply: reply.clone() }, now());
        self.writer.obey(Task::Mark { people, reply }, now());
        assert!(answer.iter().take(2).all(|answer| answer.is_ok()));
        let (reply, answer) = mpsc::channel();
        self.writer.obey(
            Task::Decide { line: Box::new(Line::plain(order("traces-purge"))), reply, ended: mpsc::channel().0 },
            now(),
        );
        finish(&mut self.writer);
        answer.recv().unwrap().unwrap();
    }
}

fn certificate(folder: &Path, name: &str) {
    let arguments = format!(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 30 -subj /CN={name}"
    );
    let made = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

#[test]
fn a_restored_ledger_has_everything_and_goes_on_in_a_declared_generation() {
    let mut scene = Scene::new();
    let first = scene.back_up();
    assert_eq!((first.generation, first.entries, first.new_epoch), (1, 101, false), "the last of several");
    let before = scene.segments.clone();
    let lookup = scene.writer.secrets.lookup.patient(&patient(7));
    scene.writer.commit(vec![Line::closes(order("traces-close-dmp"), lookup, now())], now(), false).unwrap();
    scene.write(100..110);
    let second = scene.back_up();
    assert_eq!((second.from, second.entries, second.number), (101, 112, first.number + 1));
    assert_eq!(scene.segments[..before.len()], before, "what is backed up is only added to");
    let leaf = Reader::open(&scene.ledger()).unwrap().leaf(3).unwrap();
    for segment in &scene.segments {
        assert!(!segment.windows(32).any(|window| leaf.windows(32).any(|bytes| bytes == window)));
        assert!(scene.opened("stranger", segment).is_none_or(|clear| !clear.starts_with(b"sceau-backup")));
    }
    let restored = scene.restore(&scene.clear(), &scene.escrow(), Against::default()).unwrap();
    assert_eq!((restored.generation.number(), restored.entries, restored.data_keys), (2, 112, 111));
    // Leaf by leaf the same, then the declaration; identities and the closing are there, and it goes on.
    let into = scene.folder.path().join("restored");
    let (old, new) = (Reader::open(&scene.ledger()).unwrap(), Reader::open(&into).unwrap());
    assert!((0..112).all(|index| old.leaf(index).unwrap() == new.leaf(index).unwrap()));
    assert_eq!(Entry::decode(&new.leaf(112).unwrap()).unwrap().event.kind(), Kind::Register);
    let closings: i64 =
        new.store().connection.query_row("SELECT count(*) FROM closings", [], |row| row.get(0)).unwrap();
    assert_eq!(closings, 1);
    drop(new);
    let (ledger, kept) = Ledger::open(&into, start(), 60_000, now()).unwrap();
    assert!(kept.sessions.is_empty());
    // A proof of login that opened a session before opens none after.
    assert_eq!(kept.nonces.iter().map(|spent| spent.marks.len()).sum::<usize>(), 110);
    assert_eq!(known_patients(&into, &[patient(42), patient(10_000)]).unwrap().len(), 1);
    ledger.note(Line::plain(access(1, 42)));
    drop(ledger);
    let reader = Reader::open(&into).unwrap();
    assert_eq!(
        reader.of_patient(&reader.lookup_key().patient(&patient(42))).unwrap(),
        [43, 115],
        "behind the start and the configuration that it told"
    );
}

/// Neither what one person took back, nor that something may have been lost, ends with the machine.
#[test]
fn a_restore_knows_what_was_taken_back_and_that_proofs_may_be_spent() {
    let mut scene = Scene::new();
    let earlier = Instant::from_ms(now().ms() - 3 * 86_400_000);
    scene.writer.commit(vec![Line::plain(order("clock-accept"))], earlier, false).unwrap();
    scene.back_up();
    scene.restore(&scene.clear(), &scene.escrow(), Against::default()).unwrap();
    let into = scene.folder.path().join("restored");
    assert_eq!(Reader::open(&into).unwrap().stepped_back_ms().unwrap() / 86_400_000, 3);
    let (ledger, kept) = Ledger::open(&into, start(), 60_000, now()).unwrap();
    assert_eq!(kept.lost, Some(Lost::Open));
    drop(ledger);
    // In a state of the other one that was restored from it, a folder is not added to.
    scene.restore(&scene.clear(), &scene.escrow(), Against::default()).unwrap();
    let reader = Reader::open(&into).unwrap();
    assert!(matches!(backup_goes_on(&reader, scene.state.as_deref()), Err(NotBackedUp::State)));
}

#[test]
fn what_a_purge_destroyed_no_backup_brings_back() {
    let mut scene = Scene::new();
    scene.back_up();
    let old = scene.escrow();
    scene.purge(0..90);
    let stale = scene.restore(&scene.clear(), &scene.escrow(), Against::default());
    assert!(matches!(stale, Err(NotRestored::Escrow { needed: 1, given: 2 })), "{stale:?}");
    let after = scene.back_up();
    assert_eq!((after.epoch, after.data_keys), (2, 11));
    let refused = scene.restore(&scene.clear(), &old, Against::default());
    assert!(matches!(refused, Err(NotRestored::Escrow { needed: 2, given: 1 })), "{refused:?}");
    assert_eq!(scene.restore(&scene.clear(), &scene.escrow(), Against::default()).unwrap().data_keys, 11);
    let mut writer = open(&scene.folder.path().join("restored")).unwrap();
    let (gone, there) = (of_patient(&writer, 89), of_patient(&writer, 90));
    assert!(!reads(&mut writer, &gone) && reads(&mut writer, &there));
    // Numbers of destroyed keys are not used again.
    writer.commit(vec![Line::plain(access(1, 89))], now(), false).unwrap();
    let key = writer.store.data_key(&gone.person).unwrap().unwrap();
    assert!(key.0 > 101, "{}", key.0);
}

#[test]
fn whatever_a_carrier_does_is_refused() {
    let mut scene = Scene::new();
    scene.back_up();
    scene.write(100..105);
    scene.back_up();
    let (clear, escrow) = (scene.clear(), scene.escrow());
    assert!(clear.len() > 3);
    let refused = |clear: &[Vec<u8>]| scene.restore(clear, &escrow, Against::default()).unwrap_err();
    assert!(matches!(refused(&[]), NotRestored::Empty));
    assert!(matches!(refused(&clear[1..]), NotRestored::OutOfPlace { .. }));
    assert!(matches!(refused(&clear[..1]), NotRestored::NotWhole));
    let mut swapped = clear.clone();
    swapped.swap(0, 1);
    assert!(matches!(refused(&swapped), NotRestored::OutOfPlace { .. }));
    let doubled: Vec<_> = clear.iter().take(2).chain(&clear[1..]).cloned().collect();
    assert!(matches!(refused(&doubled), NotRestored::OutOfPlace { .. }));
    let mut altered = clear.clone();
    let middle = altered[1].len() / 2;
    altered[1][middle] ^= 1;
    assert!(matches!(refused(&altered), NotRestored::Segment { .. }));
    let cut = [clear[0].clone(), clear[1][..middle].to_vec()];
    assert!(matches!(refused(&cut), NotRestored::Segment { .. }));
    // A segment of another ledger, made for the same readers: anybody can encrypt for them.
    let mut other = Scene::new();
    other.back_up();
    let foreign = [other.clear()[0].clone()];
    assert!(matches!(refused(&foreign), NotRestored::Segment { cause: SegmentError::Tag, .. }));
    // The state that the carrier holds: another ledger's is not taken.
    let reader = Reader::open(&scene.ledger()).unwrap();
    let lent =
        backup(&reader, &[scene.recipient("reader")], other.state.as_deref(), LIMITS, None, now(), Vec::new());
    assert!(matches!(lent, Err(NotBackedUp::State)));
}

#[test]
fn an_older_or_another_history_than_the_officers_is_told() {
    let mut scene = Scene::new();
    scene.back_up();
    let (clear, escrow) = (scene.clear(), scene.escrow());
    let map = Digest::default();
    let kept = |size: u64, root| Checkpoint::new("ch-exemple.fr/sceau", size, root, map).unwrap();
    let here = kept(101, scene.writer.edge.frontier.root());
    scene.write(100..103);
    let later = kept(104, scene.writer.edge.frontier.root());
    let forked = kept(50, here.root);
    let restore = |since: &Checkpoint, accept_loss: bool| {
        scene.restore(&clear, &escrow, Against { since: Some(since), accept_loss })
    };
    assert_eq!(restore(&here, false).unwrap().entries, 101);
    assert!(matches!(restore(&later, false), Err(NotRestored::Behind { entries: 101, kept: 104 })));
    assert_eq!(restore(&later, true).unwrap().generation.number(), 2);
    assert!(matches!(restore(&forked, true), Err(NotRestored::Forked { size: 50 })));
}
