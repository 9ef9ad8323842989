//! Extracts of one practitioner: complete, or named for what is missing.

use super::*;

#[test]
fn an_extract_of_a_practitioner_is_complete() {
    let ledger = Ledger::new();
    for (n, count) in [(1, 8), (2, 4)] {
        let extract = ledger.extract(n);
        assert_eq!(extract.rows.len() as u64, count);
        let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
        assert!(verdict.is_good(), "{:?}", verdict.findings);
        let head = ledger.heads.get(&lookup(n)).copied();
        assert_eq!(complete, Some(Complete { from_number: 1, head }));
    }
    let (verdict, complete) = ledger.extract(3).judge(ORIGIN, &[key(9)], None);
    assert!(verdict.is_good());
    assert_eq!(complete, Some(Complete { from_number: 0, head: None }));
    // A period: the oldest may be left out, and it is said.
    let mut extract = ledger.extract(1);
    extract.rows.drain(..3);
    let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
    assert!(verdict.is_good());
    assert_eq!(complete.unwrap().from_number, 4);
}

#[test]
fn a_missing_entry_of_an_extract_is_named_at_the_tail_too() {
    let ledger = Ledger::new();
    for missing in 1..8 {
        let mut extract = ledger.extract(1);
        extract.rows.remove(missing);
        let (verdict, complete) = extract.judge(ORIGIN, &[key(9)], None);
        let [Finding::Incomplete(incomplete)] = verdict.findings.as_slice() else { panic!("{missing}") };
        assert_eq!(complete, None);
        let number = missing as u64 + 1;
        match incomplete {
            Incomplete::Gap { number: named, .. } => assert_eq!(*named, number),
            Incomplete::Tail { shown, count } => assert_eq!((*shown, *count, number), (8, 8, 8)),
            other => panic!("{other:?}"),
        }
    }
    let none = Extract { rows: Vec::new(), ..ledger.extract(1) };
    let (verdict, _) = none.judge(ORIGIN, &[key(9)], None);
    assert_eq!(verdict.findings, [Finding::Incomplete(Incomplete::Tail { shown: 1, count: 8 })]);
}

#[test]
fn what_does_not_belong_to_an_extract_is_named() {
    let ledger = Ledger::new();
    let judged = |extract: &Extract| -> Vec<&'static str> {
        extract.judge(ORIGIN, &[key(9)], None).0.findings.iter().map(Finding::rule).collect()
    };
    let mut foreign = ledger.extract(1);
    foreign.rows.push(ledger.extract(2).rows.remove(1));
    assert_eq!(judged(&foreign), ["export-incomplete"]);
    let mut twice = ledger.extract(1);
    twice.rows.push(twice.rows[0].clone());
    assert_eq!(judged(&twice), ["export-incomplete"]);
    let mut altered = ledger.extract(1);
    let mut entry = Entry::decode(&altered.rows[2].leaf).unwrap();
    entry.time = entry.time.plus_ms(1);
    altered.rows[2].leaf = entry.encode().unwrap();
    assert_eq!(judged(&altered), ["entry-not-included", "export-incomplete"]);
    let mut swapped = ledger.extract(1);
    swapped.practitioner = ledger.extract(2).practitioner;
    assert_eq!(judged(&swapped), ["export-incomplete"]);
    let unknown = Extract { practitioner: ledger.extract(3).practitioner, ..ledger.extract(1) };
    assert_eq!(judged(&unknown), ["export-incomplete"]);
    let forged = Extract { note: ledger.notes[1].replace("\n11\n", "\n16\n"), ..ledger.extract(1) };
    assert_eq!(judged(&forged), ["checkpoint-forged"]);
    // The proof of an earlier map hides the newest entries; it does not lead to this checkpoint.
    let mut old = Stored::default();
    old.set([(lookup(1), Head { last: 6, count: 6 }), (lookup(2), ledger.heads[&lookup(2)])]);
    let mut hiding = ledger.extract(1);
    hiding.rows.truncate(6);
    hiding.practitioner = Some((lookup(1), MapProof::of(&old, &lookup(1)).unwrap()));
    let (verdict, _) = hiding.judge(ORIGIN, &[key(9)], None);
    assert_eq!(verdict.findings, [Finding::Incomplete(Incomplete::Map)]);
}

#[test]
fn an_extract_is_held_against_a_kept_checkpoint() {
    let (mut before, now) = (Ledger::new(), Ledger::new());
    before.leaves.truncate(11);
    let kept = SignedCheckpoint::open(&now.notes[1], ORIGIN, &[key(9)]).unwrap();
    let (_, nodes) = grown(&now.hashes());
    let since = Since { kept, proof: prove::consistency(&nodes, 11, 16).unwrap() };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&since));
    assert!(verdict.is_good() && verdict.since_checked);
    let older = Extract { note: now.notes[0].clone(), ..now.extract(1) };
    let (verdict, _) = older.judge(ORIGIN, &[key(9)], Some(&since));
    assert_eq!(verdict.findings[0], Finding::RolledBack { entries: 6, kept: 11 });
    let unproven = Since { proof: Vec::new(), ..since.clone() };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&unproven));
    assert_eq!(verdict.findings, [Finding::Forked { size: 11 }]);
    let forked = Since { kept: SignedCheckpoint::open(&forked_at_11(&now), ORIGIN, &[key(9)]).unwrap(), ..since };
    let (verdict, _) = now.extract(1).judge(ORIGIN, &[key(9)], Some(&forked));
    assert_eq!(verdict.findings, [Finding::Forked { size: 11 }]);
}

fn forked_at_11(now: &Ledger) -> String {
    let mut other = now.clone();
    other.leaves.truncate(11);
    other.edit(10, |entry| entry.time = entry.time.plus_ms(1));
    other.signed().note().to_string()
}
