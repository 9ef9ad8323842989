//! Ends cut, old states, two histories, false checkpoints and maps.

use super::*;

#[test]
fn a_cut_end_is_named() {
    let mut ledger = Ledger::new();
    ledger.leaves.truncate(13);
    assert_eq!(ledger.verdict(None).findings, [Finding::Truncated { entries: 13, signed: 16 }]);
    ledger.leaves.clear();
    assert_eq!(ledger.rules(None), ["ledger-truncated"]);
    ledger.notes.clear();
    assert_eq!(ledger.rules(None), ["checkpoint-missing"]);
}

#[test]
fn a_rollback_is_seen_with_a_kept_checkpoint_alone() {
    let kept = Ledger::new().signed();
    let mut old = Ledger::new();
    // An older state as a whole: consistent in itself.
    old.leaves.truncate(11);
    old.notes.truncate(2);
    assert_eq!(old.rules(None), [""; 0]);
    assert_eq!(old.verdict(Some(kept)).findings, [Finding::RolledBack { entries: 11, kept: 16 }]);
}

#[test]
fn a_fork_is_named() {
    let kept = Ledger::new().signed();
    let mut other = Ledger::new();
    other.leaves.truncate(15);
    other.notes.truncate(2);
    other.now += 5;
    other.write(None, Event::Stop);
    other.checkpoint();
    assert_eq!(other.rules(None), [""; 0], "consistent in itself");
    assert_eq!(other.verdict(Some(kept.clone())).findings, [Finding::Forked { size: 16 }]);
    // Grown since, so that no size is the same.
    other.write(None, sample::refused(None, 3));
    other.notes.pop();
    other.checkpoint();
    assert_eq!(other.verdict(Some(kept.clone())).findings, [Finding::Forked { size: 16 }]);
    // Both signed by the ledger itself.
    other.notes.push(kept.note().to_string());
    assert!(other.rules(None).contains(&"entries-altered"));
    let mut two = Ledger::new();
    two.notes.push(Ledger { now: 0, ..two.clone() }.forked_note());
    assert_eq!(two.rules(None)[0], "ledger-forked");
}

impl Ledger {
    /// A checkpoint of the same size over another history.
    fn forked_note(mut self) -> String {
        self.edit(15, |entry| entry.time = entry.time.plus_ms(1));
        self.signed().note().to_string()
    }
}

#[test]
fn a_forged_checkpoint_is_named() {
    let ledger = Ledger::new();
    let mut forged = ledger.clone();
    forged.notes[1] = forged.notes[1].replacen("\n11\n", "\n12\n", 1);
    assert_eq!(forged.rules(None), ["checkpoint-forged"]);
    // Another key of the same name; another ledger's.
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let sign = |text: &[u8]| Ok::<_, Infallible>(other.sign(text).as_ref().to_vec());
    let note = ledger.unsigned().sign(&key(8), sign).unwrap().note().to_string();
    let forged = Ledger { notes: vec![note], ..ledger.clone() };
    assert_eq!(forged.rules(None), ["checkpoint-forged", "checkpoint-missing"]);
    let error = SignedCheckpoint::open(&ledger.notes[0], "example.fr/autre", &[key(9)]).unwrap_err();
    assert!(matches!(error, CheckpointError::Note(_)));
}

#[test]
fn a_map_that_hides_somebody_is_named() {
    let mut ledger = Ledger::new();
    ledger.heads.insert(lookup(1), Head { last: 5, count: 3 });
    ledger.notes.pop();
    ledger.checkpoint();
    assert_eq!(ledger.verdict(None).findings, [Finding::MapAltered { size: 16 }]);
}
