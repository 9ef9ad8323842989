//! Destructions: what they destroy is gone everywhere, what they spare can be read, and a death at any step loses neither.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use super::NotRecorded;
use super::line::Line;
use super::purge::STEP_ROWS;
use super::purge_rows::{Counts, Marked};
use super::purge_task::{Destroyed, NotPurged, Task};
use super::reader::Reader;
use super::secrets::Secrets;
use super::store::{Store, StoreError};
use super::writer::Writer;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Event, Order};
use crate::traces::entry::tests::{issued, practitioner, start, word};
use crate::vihf::assertion::Patient;
use crate::vihf::identity::{Ins, InsOid, PsIdNat};
use crate::vihf::instant::Instant;

pub(super) fn now() -> Instant {
    Instant::from_ms(1_800_000_000_000)
}

pub(super) fn open(folder: &Path) -> Result<Writer, StoreError> {
    let secrets = Secrets::open(folder)?;
    Writer::new(Store::open(&folder.join("ledger.sqlite"))?, secrets, 60_000, now())
}

/// Patient `n`: thirteen digits and their key.
pub(super) fn patient(n: u64) -> Patient {
    let digits = 2_070_580_000_000 + n;
    let ins = format!("{digits}{:02}", 97 - digits % 97);
    Patient { ins: Ins::parse(&ins).unwrap(), oid: InsOid::Test }
}

pub(super) fn access(by: u32, of: u64) -> Event<PsIdNat, Patient> {
    let Event::Issued(mut event) = issued(by, 0) else { panic!("it is one") };
    event.patient = Some(patient(of));
    Event::Issued(event)
}

pub(super) fn order(verb: &str) -> Event<PsIdNat, Patient> {
    let actors = vec![word("alice"), word("bob")];
    Event::Order(Order { verb: word(verb), actors, order: Digest::of(&[b"order"]), refused: None })
}

fn write(writer: &mut Writer, by: u32, of: impl Iterator<Item = u64>) {
    let lines = of.map(|of| Line::plain(access(by, of))).collect();
    writer.commit(lines, now(), false).unwrap();
}

fn ask<T>(writer: &mut Writer, task: impl FnOnce(std::sync::mpsc::Sender<T>) -> Task) -> T {
    let (reply, answer) = channel();
    writer.obey(task(reply), now());
    answer.recv().unwrap()
}

pub(super) fn of_patient(writer: &Writer, n: u64) -> Marked {
    Marked { person: writer.secrets.lookup.patient(&patient(n)), patient: true }
}

pub(super) fn of_practitioner(writer: &Writer, n: u32) -> Marked {
    Marked { person: writer.secrets.lookup.practitioner(&practitioner(n)), patient: false }
}

fn begin(writer: &mut Writer, people: Vec<Marked>) {
    let size = writer.edge.frontier.size();
    ask(writer, |reply| Task::Begin { size, reply }).unwrap();
    for people in people.chunks(STEP_ROWS) {
        ask(writer, |reply| Task::Mark { people: people.to_vec(), reply }).unwrap();
    }
}

fn decide(writer: &mut Writer) -> std::sync::mpsc::Receiver<Result<Destroyed, NotPurged>> {
    let (reply, answer) = channel();
    let line = Box::new(Line::plain(order("traces-purge")));
    writer.obey(Task::Decide { line, reply, ended: channel().0 }, now());
    answer
}

pub(super) fn finish(writer: &mut Writer) {
    while writer.purge_goes_on() {
        writer.purge_step();
    }
}

/// Whether somebody's data key can be read; a ciphertext that does not open is a failure.
pub(super) fn reads(writer: &mut Writer, marked: &Marked) -> bool {
    let found = writer.store.batch().unwrap().data_key(&marked.person).unwrap();
    let Some((id, wrapped)) = found else { return false };
    writer.secrets.data_key(id, &marked.person, &wrapped).unwrap();
    true
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
    }
    to
}

fn holds(folder: &Path, what: &[u8]) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let holds = |file: &std::path::PathBuf| fs::read(file).unwrap().windows(what.len()).any(|bytes| bytes == what);
    files.filter(holds).map(|file| file.display().to_string()).collect()
}

fn wrapped(writer: &mut Writer) -> Vec<Vec<u8>> {
    let connection = &writer.store.connection;
    let mut rows = connection.prepare("SELECT wrapped FROM data_keys").unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_is_destroyed_is_in_no_file_and_what_is_spared_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..20);
    write(&mut writer, 2, 20..40);
    let before = copy(folder.path());
    let old_key = fs::read(folder.path().join("wrapping-1.key")).unwrap();
    let root = fs::read(folder.path().join("ledger.key")).unwrap();
    let old = wrapped(&mut writer);
    assert_eq!(old.len(), 42);
    let doomed: Vec<_> = (0..15).map(|n| of_patient(&writer, n)).chain([of_practitioner(&writer, 1)]).collect();
    begin(&mut writer, doomed.clone());
    let answer = decide(&mut writer);
    finish(&mut writer);
    let destroyed = answer.recv().unwrap().unwrap();
    assert_eq!(destroyed.counts, Counts { patients: 15, practitioners: 1 });
    assert_eq!((destroyed.written.index, destroyed.epoch), (41, 2));
    for marked in &doomed {
        assert!(!reads(&mut writer, marked));
    }
    for n in 15..40 {
        let marked = of_patient(&writer, n);
        assert!(reads(&mut writer, &marked), "patient {n}");
    }
    // Neither the old wrapping key nor anything under it, not in the log, the free pages or the key files.
    assert_eq!(fs::read(folder.path().join("ledger.key")).unwrap(), root);
    assert!(holds(before.path(), &old_key).len() == 1 && !holds(before.path(), &old[0]).is_empty());
    for secret in old.iter().chain([&old_key]) {
        assert_eq!(holds(folder.path(), secret), Vec::<String>::new());
    }
    // An older copy of the database opens with no key that is left, nor without keys.
    fs::remove_file(before.path().join("wrapping-1.key")).unwrap();
    assert!(matches!(open(before.path()), Err(StoreError::KeyMissing)));
    fs::copy(folder.path().join("wrapping-2.key"), before.path().join("wrapping-2.key")).unwrap();
    assert!(matches!(open(before.path()), Err(StoreError::KeyErased)));
    // The ledger itself does, and goes on.
    drop(writer);
    let mut writer = open(folder.path()).unwrap();
    write(&mut writer, 1, 0..1);
    let marked = of_patient(&writer, 0);
    assert!(reads(&mut writer, &marked));
}

/// The folder as a death would leave it, after every step: it opens, and the destruction is all or nothing.
#[test]
fn a_death_at_any_step_destroys_all_or_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    let people = STEP_ROWS as u64 * 2 + 10;
    write(&mut writer, 1, 0..people);
    let (session, body) = (Digest::of(&[b"session"]), b"body".to_vec());
    let doomed: Vec<_> = (0..people / 2 + 20).map(|n| of_patient(&writer, n)).collect();
    let spared: Vec<_> = (people / 2 + 20..people).map(|n| of_patient(&writer, n)).collect();
    let kept = writer.secrets.seal_session(session.as_bytes(), &body).unwrap();
    writer
        .store
        .connection
        .execute(
            "INSERT INTO sessions VALUES (?1, 1, 0, ?1, 1900000000000, ?2)",
            rusqlite::params![session.as_bytes(), kept],
        )
        .unwrap();
    let check = |folder: &Path, decided: bool, step: &str| {
        let copy = copy(folder);
        let mut writer = open(copy.path()).unwrap();
        finish(&mut writer);
        for (people, stay) in [(&doomed, !decided), (&spared, true)] {
            let read = people.iter().filter(|marked| reads(&mut writer, marked)).count();
            assert_eq!(read, if stay { people.len() } else { 0 }, "{step}");
        }
        let sessions = writer.restore(now()).unwrap().sessions;
        assert_eq!(sessions[0].body, body, "{step}");
        assert!(!writer.purge.is_under_way() && !writer.secrets.epochs.is_changing(), "{step}");
        writer.commit(vec![Line::plain(order("after"))], now(), false).unwrap();
    };
    begin(&mut writer, doomed.clone());
    check(folder.path(), false, "marked");
    // Between the new key's file and the decision.
    let aside = copy(folder.path());
    let mut secrets = Secrets::open(aside.path()).unwrap();
    secrets.epochs.begin().unwrap();
    check(aside.path(), false, "epoch begun");
    let answer = decide(&mut writer);
    check(folder.path(), true, "decided");
    let mut steps = 0;
    let old_key = folder.path().join("wrapping-1.key");
    while writer.purge_goes_on() {
        let key = fs::read(&old_key).unwrap();
        writer.purge_step();
        steps += 1;
        check(folder.path(), true, &format!("step {steps}"));
        if !old_key.exists() {
            // Overwritten and not yet removed; then removed and not yet said.
            fs::write(&old_key, vec![0; key.len()]).unwrap();
            set_mode(&old_key);
            super::purge_rows::decide(&writer.store.connection).unwrap();
            check(folder.path(), true, "old key overwritten");
            fs::remove_file(&old_key).unwrap();
            check(folder.path(), true, "old key removed");
            super::purge_rows::finish(&writer.store.connection).unwrap();
        }
    }
    assert!(steps > 6, "{steps} steps");
    assert_eq!(answer.recv().unwrap().unwrap().counts.patients, doomed.len() as u64);
}

fn set_mode(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[test]
fn who_comes_back_before_the_decision_is_spared_and_his_practitioners_with_him() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..3);
    let doomed: Vec<_> = (0..3).map(|n| of_patient(&writer, n)).chain([of_practitioner(&writer, 1)]).collect();
    begin(&mut writer, doomed.clone());
    // More than one look takes.
    write(&mut writer, 2, (0..STEP_ROWS as u64 + 5).map(|n| n + 100));
    write(&mut writer, 2, 1..2);
    while !ask(&mut writer, |reply| Task::CatchUp { reply }).unwrap() {}
    let answer = decide(&mut writer);
    finish(&mut writer);
    assert_eq!(answer.recv().unwrap().unwrap().counts, Counts { patients: 2, practitioners: 0 });
    let read: Vec<_> = doomed.iter().map(|marked| reads(&mut writer, marked)).collect();
    assert_eq!(read, [false, true, false, true]);
}

#[test]
fn who_comes_back_after_the_decision_has_a_new_key_that_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..2);
    let marked = of_patient(&writer, 0);
    let old = writer.store.batch().unwrap().data_key(&marked.person).unwrap().unwrap();
    begin(&mut writer, vec![marked]);
    let _answer = decide(&mut writer);
    write(&mut writer, 1, 0..1);
    let new = writer.store.batch().unwrap().data_key(&marked.person).unwrap().unwrap();
    assert!(new.0 > old.0, "a number is never used again");
    finish(&mut writer);
    assert!(reads(&mut writer, &marked));
}

#[test]
fn one_destruction_at_a_time_and_none_without_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..2);
    begin(&mut writer, Vec::new());
    let nobody = decide(&mut writer).recv().unwrap().unwrap();
    assert_eq!((nobody.counts, nobody.epoch), (Counts::default(), 1));
    let marked = of_patient(&writer, 0);
    begin(&mut writer, vec![marked]);
    let _answer = decide(&mut writer);
    assert!(matches!(ask(&mut writer, |reply| Task::Begin { size: 0, reply }), Err(NotPurged::UnderWay)));
    let (reply, answer) = channel();
    let line = Box::new(Line::plain(order("traces-purge")));
    writer.obey(Task::Decide { line, reply, ended: channel().0 }, now());
    assert!(matches!(answer.recv().unwrap(), Err(NotPurged::UnderWay)));
    finish(&mut writer);
    assert_eq!(writer.edge.frontier.size(), 5, "start, two accesses, two orders");
}

#[test]
fn a_key_file_that_cannot_be_made_puts_nothing_of_the_ledger_in_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..2);
    let marked = of_patient(&writer, 0);
    let in_its_place = folder.path().join(".wrapping-2.key.new");
    fs::create_dir(&in_its_place).unwrap();
    begin(&mut writer, vec![marked]);
    let refused = decide(&mut writer).recv().unwrap();
    assert!(matches!(refused, Err(NotPurged::NotRecorded(NotRecorded::Unavailable))), "{refused:?}");
    fs::remove_dir(&in_its_place).unwrap();
    // Tokens go on, nobody was destroyed, and the next order is obeyed.
    writer.write(vec![Line::plain(access(1, 0))], now()).unwrap();
    assert!(reads(&mut writer, &marked));
    begin(&mut writer, vec![marked]);
    decide(&mut writer).recv().unwrap().unwrap();
    finish(&mut writer);
    assert!(!reads(&mut writer, &marked));
}

/// Receipts, archives and backups are read beside a destruction: they find it begun, or ended, never the ledger broken.
#[test]
fn who_reads_beside_the_end_of_a_purge_finds_the_ledger_whole() {
    const ROUNDS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), now()).unwrap();
    write(&mut writer, 1, 0..=ROUNDS);
    let stays = of_patient(&writer, ROUNDS).person;
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut read = 0u32;
                    while !done.load(std::sync::atomic::Ordering::Acquire) || read == 0 {
                        let reader = Reader::open(folder.path()).unwrap();
                        assert!(reader.data_key(&stays).unwrap().is_some());
                        read += 1;
                    }
                })
            })
            .collect();
        for of in 0..ROUNDS {
            let doomed = vec![of_patient(&writer, of)];
            begin(&mut writer, doomed);
            let answer = decide(&mut writer);
            finish(&mut writer);
            answer.recv().unwrap().unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Release);
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    });
    assert_eq!(writer.secrets.epochs.current(), ROUNDS + 1);
}
