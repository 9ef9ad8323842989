//! Generations: a declared restoration is told as one, with what it lost; one that is not declared, or falsely, is no excuse.

use super::archives::{always, audit_key, made_under, practitioners, request};
use super::*;
use crate::traces::audit::{Generation, generation_name};
use crate::traces::restoration;
use crate::traces::verify::archive::{Since, judge};

const SECOND: &str = "example.fr/journal/2";

/// The ledger as it was at its first `entries`, unsigned.
fn cut(from: &Ledger, entries: usize) -> Ledger {
    let mut ledger = from.clone();
    ledger.leaves.truncate(entries);
    ledger.notes.clear();
    ledger.heads.clear();
    for leaf in &ledger.leaves {
        let entry = Entry::decode(leaf).unwrap();
        ledger.boot = entry.boot;
        ledger.heads.extend(entry.link.map(|link| (link.practitioner, link.head(entry.index))));
    }
    ledger
}

/// The ledger restored from its first `entries`, two days later, as the restore declares it; then started and signed again.
fn restored(from: &Ledger, entries: usize) -> (Ledger, Vec<SignedCheckpoint>) {
    let mut ledger = cut(from, entries);
    ledger.now += 2 * 86_400_000;
    ledger.declare(2);
    ledger.start();
    ledger.write(None, sample::refused(None, 3));
    let signed = ledger.signed_as(SECOND);
    (ledger, vec![signed])
}

/// The second generation, which the entry at `entries` declares.
fn second(of: &Ledger, entries: usize) -> Generation {
    Generation::begun(2, &grown(&of.hashes()[..=entries]).0.root())
}

/// Its name.
fn name_of(generation: Generation) -> String {
    generation_name("example.fr/journal", generation)
}

impl Ledger {
    fn declare(&mut self, generation: u64) {
        let root = grown(&self.hashes()).0.root();
        let content = restoration::content(generation, self.leaves.len() as u64, &root);
        self.write(
            None,
            Event::Register(Register { register: sample::word("generation"), content, mandate: None }),
        );
    }

    fn signed_as(&self, name: &str) -> SignedCheckpoint {
        let sign = |text: &[u8]| Ok::<_, Infallible>(pair(9).sign(text).as_ref().to_vec());
        self.unsigned_as(name).sign(&key(9).renamed(name).unwrap(), sign).unwrap()
    }

    fn verdict_over(&self, notes: &[SignedCheckpoint], kept: Option<SignedCheckpoint>) -> Verdict {
        let mut judge = Judge::over(notes.iter().cloned().map(Ok), kept);
        self.leaves.iter().for_each(|leaf| judge.take(leaf));
        judge.finish()
    }
}

#[test]
fn a_restoration_that_lost_nothing_is_told_and_good() {
    let before = Ledger::new();
    let (mut ledger, _) = restored(&before, 16);
    let at = Entry::decode(&ledger.leaves[16]).unwrap().time;
    let (generation, from) = (second(&ledger, 16), From::Backup);
    let told = |acknowledged| [Restoration { generation, from, entries: 16, at, acknowledged }];
    let notes = [ledger.signed_as(SECOND)];
    for kept in [None, Some(before.signed()), Some(notes[0].clone())] {
        let verdict = ledger.verdict_over(&notes, kept);
        assert_eq!((verdict.findings, verdict.restorations, verdict.covered), (vec![], told(None).into(), 19));
    }
    let order = |refused: Option<&str>| {
        Event::Order(Order {
            verb: sample::word("ledger-restore"),
            actors: vec![sample::word("alice"), sample::word("bob")],
            order: Digest::of(&[b"order"]),
            refused: refused.map(sample::word),
        })
    };
    ledger.write(None, order(Some("role-missing")));
    let acknowledged = ledger.write(None, order(None));
    let verdict = ledger.verdict_over(&notes, None);
    assert_eq!((verdict.findings, verdict.restorations), (vec![], told(Some(acknowledged)).into()));
}

/// Recorded shortly before the backup, closed by the first start after the restore, days later.
#[test]
fn an_assertion_open_at_the_backup_is_not_stripped() {
    let (mut ledger, _) = restored(&Ledger::new(), 4);
    ledger.leaves.truncate(5);
    assert_eq!(ledger.verdict_over(&[], Some(ledger.signed_as(SECOND))).findings, []);
}

#[test]
fn what_a_restoration_lost_is_told_and_is_no_fork() {
    let before = Ledger::new();
    // More entries than the officer has seen, and fewer.
    for (entries, more) in [(11, 9), (11, 0)] {
        let (mut ledger, _) = restored(&before, entries);
        for _ in 0..more {
            ledger.write(None, sample::refused(None, 4));
        }
        let notes = [ledger.signed_as(SECOND)];
        let verdict = ledger.verdict_over(&notes, Some(before.signed()));
        let lost = Finding::Restored { generation: second(&ledger, 11), entries: 11, kept: 16 };
        assert_eq!((verdict.findings, verdict.since_checked), (vec![lost], true), "{more}");
    }
    // What the officer saw before the loss is judged as ever.
    let (ledger, notes) = restored(&before, 11);
    let kept = |note: &str| SignedCheckpoint::open(note, ORIGIN, &[key(9)]).unwrap();
    assert_eq!(ledger.verdict_over(&notes, Some(kept(&before.notes[1]))).findings, []);
    let mut other = cut(&before, 6);
    other.edit(5, |entry| entry.time = entry.time.plus_ms(1));
    assert_eq!(ledger.verdict_over(&notes, Some(other.signed())).findings, [Finding::Forked { size: 6 }]);
}

/// A new name does not make another history a declared one.
#[test]
fn an_undeclared_or_false_restoration_is_no_excuse() {
    let before = Ledger::new();
    let mut forked = cut(&before, 11);
    for _ in 0..9 {
        forked.write(None, sample::refused(None, 4));
    }
    let found = forked.verdict_over(&[forked.signed_as(SECOND)], Some(before.signed())).findings;
    assert_eq!(found[0], Finding::Forked { size: 16 });
    assert!(matches!(found[1], Finding::CheckpointForged { .. }) && found.len() == 2, "{found:?}");
    // The declaration of another place, or of another generation, is none.
    for (generation, moved) in [(3, false), (2, true)] {
        let mut ledger = cut(&before, 11);
        ledger.declare(generation);
        if moved {
            let declaration = Entry::decode(&ledger.leaves[11]).unwrap().event;
            ledger.leaves.truncate(11);
            ledger.write(None, sample::refused(None, 4));
            let Event::Register(register) = declaration else { panic!("a register") };
            ledger.write(None, Event::Register(register));
        }
        let verdict = ledger.verdict_over(&[], Some(before.signed()));
        let at = if moved { 12 } else { 11 };
        let rolled_back = Finding::RolledBack { entries: at + 1, kept: 16 };
        assert_eq!(verdict.findings, [Finding::RestorationFalse { at }, rolled_back]);
        assert_eq!(verdict.restorations, []);
    }
    // A checkpoint of the generation before, brought back.
    let (ledger, _) = restored(&before, 16);
    let old = ledger.signed();
    assert_eq!(
        ledger
            .verdict_over(std::slice::from_ref(&old), None)
            .findings
            .iter()
            .map(Finding::rule)
            .collect::<Vec<_>>(),
        ["checkpoint-forged"]
    );
}

/// An archive does not carry the declaration: it says that the generations differ, and who can tell more.
#[test]
fn an_archive_of_another_generation_is_no_fork() {
    let before = Ledger::new();
    let (mut ledger, _) = restored(&before, 11);
    for _ in 0..4 {
        ledger.write(None, sample::refused(None, 4));
    }
    let judged = |kept: &SignedCheckpoint, since| {
        let asked = crate::traces::archive::request::Request { since, ..request(practitioners(&[1]), always()) };
        let archive = made_under(&ledger, &asked, ledger.signed_as(SECOND));
        let judged =
            judge(|| Ok(std::io::Cursor::new(&archive)), &[audit_key()], Some(kept), &mut |_, _| ()).unwrap();
        (judged.verdict.findings, judged.since)
    };
    let differs = vec![Finding::OtherGeneration { archive: 2.into(), kept: 1.into() }];
    assert_eq!(judged(&before.signed(), Some(16)), (differs, Since::Checked));
    let earlier = SignedCheckpoint::open(&before.notes[1], ORIGIN, &[key(9)]).unwrap();
    assert_eq!(judged(&earlier, Some(11)), (vec![], Since::Checked));
}

/// Two administrators restore one backup on two machines: both say what they went on from, under names of their own.
#[test]
fn one_copy_restored_twice_is_two_generations_and_told() {
    let before = Ledger::new();
    let lives = [0, 60_000].map(|later_ms| {
        let mut ledger = cut(&before, 11);
        ledger.now += 86_400_000 + later_ms;
        ledger.declare(2);
        ledger.start();
        ledger
    });
    let names = [0, 1].map(|life| second(&lives[life], 11));
    assert!(names[0] != names[1] && names[0].number() == names[1].number());
    for (mine, other) in [(0, 1), (1, 0)] {
        let notes = [lives[mine].signed_as(&name_of(names[mine]))];
        assert_eq!(lives[mine].verdict_over(&notes, Some(notes[0].clone())).findings, []);
        // What the officer has seen of the other, and what somebody puts beside this one.
        let foreign = lives[other].signed_as(&name_of(names[other]));
        let twice = Finding::RestoredTwice { generation: names[mine], other: names[other], entries: 11, kept: 13 };
        assert_eq!(lives[mine].verdict_over(&notes, Some(foreign.clone())).findings, [twice]);
        let found = lives[mine].verdict_over(&[foreign], None).findings;
        assert!(matches!(found[..], [Finding::CheckpointForged { .. }]), "{found:?}");
    }
}

/// The order of two by which an older copy goes on is its acknowledgement.
#[test]
fn a_copy_that_its_counter_contradicted_begins_a_generation() {
    let mut ledger = cut(&Ledger::new(), 11);
    let order = |refused: Option<&str>| {
        Event::Order(Order {
            verb: sample::word("counter-accept"),
            actors: vec![sample::word("alice"), sample::word("bob")],
            order: Digest::of(&[b"order"]),
            refused: refused.map(sample::word),
        })
    };
    ledger.start();
    ledger.write(None, order(Some("signers-missing")));
    let accepted = ledger.write(None, order(None));
    let counter = Register { register: sample::word("counter"), content: Digest::of(&[b"7"]), mandate: None };
    ledger.write(None, Event::Register(counter));
    let at = usize::try_from(accepted).unwrap() + 2;
    ledger.declare(2);
    ledger.start();
    let generation = second(&ledger, at);
    let verdict = ledger.verdict_over(&[ledger.signed_as(&name_of(generation))], Some(Ledger::new().signed()));
    let time = Entry::decode(&ledger.leaves[at]).unwrap().time;
    let (from, acknowledged, entries) = (From::OlderCopy, Some(accepted), at as u64);
    assert_eq!(verdict.restorations, [Restoration { generation, from, entries, at: time, acknowledged }]);
    let told = |kept| [Finding::OlderCopy { generation, entries, kept }];
    assert_eq!(verdict.findings, told(16));
    // What it did before two persons took it for the ledger stands instead of what the officer has seen.
    let notes = [ledger.signed_as(&name_of(generation))];
    let kept = cut(&Ledger::new(), 14).signed();
    assert_eq!(ledger.verdict_over(&notes, Some(kept.clone())).findings, told(14));
    // What was there when the copy was made is there.
    assert_eq!(ledger.verdict_over(&notes, Some(cut(&Ledger::new(), 11).signed())).findings, []);
    // One that was signed under the old name, before or where the officer looked, is a fork, whatever was declared since.
    for size in [14, 15] {
        let mut forked = cut(&ledger, size);
        forked.leaves.truncate(size);
        let both = [forked.signed(), notes[0].clone()];
        assert_eq!(
            ledger.verdict_over(&both, Some(kept.clone())).findings[0],
            Finding::Forked { size: 14 },
            "{size}"
        );
    }
    // Without the order it is a fork.
    let mut undeclared = cut(&Ledger::new(), 11);
    for _ in 0..6 {
        undeclared.write(None, sample::refused(None, 3));
    }
    let found = undeclared.verdict_over(&[undeclared.signed_as(&name_of(generation))], Some(kept)).findings;
    assert_eq!(found[0], Finding::Forked { size: 14 });
}
