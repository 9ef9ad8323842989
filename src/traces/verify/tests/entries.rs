//! Entries changed, deleted, moved, brought in, and outcomes that are not right.

use super::*;

#[test]
fn what_was_done_under_a_configuration_that_nothing_tells_is_named() {
    let other = |n: u32| {
        let Event::SessionOpened(mut opened) = opened(n) else { unreachable!("a session") };
        opened.setting.convention = Digest::of(&[b"another convention"]);
        Event::SessionOpened(opened)
    };
    let mut ledger = Ledger::new();
    let at = ledger.write(Some(lookup(1)), other(1));
    assert_eq!(ledger.verdict(None).findings, [Finding::ConfigurationUntold { at }]);
    // Told before, it is in force, and what began under the one before ends under it.
    let mut ledger = Ledger::new();
    let (configuration, convention) = (sample::setting(1).configuration, Digest::of(&[b"another convention"]));
    ledger.write(None, Event::Configuration(Configuration { configuration, convention, mandate: None }));
    ledger.write(Some(lookup(1)), other(1));
    ledger.write(Some(lookup(1)), opened(1));
    assert_eq!(ledger.verdict(None).findings, []);
    // A start has its own again.
    ledger.start();
    let at = ledger.write(Some(lookup(1)), other(1));
    assert_eq!(ledger.verdict(None).findings, [Finding::ConfigurationUntold { at }]);
}

fn opened(n: u32) -> Event<PsIdNat, Patient> {
    let expires = Instant::from_ms(1_900_000_000_000);
    Event::SessionOpened(Box::new(SessionOpened { setting: sample::setting(n), expires }))
}

#[test]
fn a_ledger_as_it_was_written_is_good() {
    let ledger = Ledger::new();
    let verdict = ledger.verdict(None);
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.covered, verdict.since_checked), (16, 16, false));
    let mut longer = ledger.clone();
    longer.write(None, Event::Stop);
    let verdict = longer.verdict(Some(ledger.signed()));
    assert!(verdict.is_good(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.covered, verdict.since_checked), (17, 16, true));
}

#[test]
fn an_altered_entry_is_named() {
    for index in 0..16 {
        let mut ledger = Ledger::new();
        ledger.edit(index, |entry| entry.time = entry.time.plus_ms(1));
        let (from, to) = match index {
            0..6 => (0, 5),
            6..11 => (6, 10),
            _ => (11, 15),
        };
        assert_eq!(ledger.verdict(None).findings, [Finding::Altered { from, to }], "{index}");
    }
}

#[test]
fn every_byte_of_every_leaf_counts() {
    let ledger = Ledger::new();
    for index in 0..16 {
        for at in 0..ledger.leaves[index].len() {
            let mut spoilt = ledger.clone();
            spoilt.leaves[index][at] ^= 1;
            assert!(!spoilt.verdict(None).is_good(), "{index} {at}");
        }
    }
}

#[test]
fn a_deleted_entry_is_named() {
    for index in 0..15 {
        let mut ledger = Ledger::new();
        ledger.leaves.remove(index);
        let index = index as u64;
        let findings = ledger.verdict(None).findings;
        assert_eq!(findings[0], Finding::Missing { from: index, to: index }, "{index}");
    }
}

#[test]
fn changed_order_is_named() {
    for index in 0..15 {
        let mut ledger = Ledger::new();
        ledger.leaves.swap(index, index + 1);
        assert!(ledger.rules(None).contains(&"entry-out-of-order"), "{index}");
    }
    let mut ledger = Ledger::new();
    ledger.leaves.insert(3, ledger.leaves[2].clone());
    assert_eq!(ledger.rules(None), ["entry-out-of-order"]);
}

#[test]
fn spliced_entries_are_named() {
    // The end of another life of the ledger: its indexes go on, its boot generation does not.
    let mut other = Ledger::new();
    other.seed = 2;
    other.leaves.truncate(12);
    other.boot = 9;
    other.heads.insert(lookup(2), Head { last: 8, count: 2 });
    other.outcome(2, 8, Outcome::Expired);
    let mut ledger = Ledger::new();
    ledger.leaves[12] = other.leaves[12].clone();
    let rules = ledger.rules(None);
    assert!(rules.contains(&"ledger-spliced") && rules.contains(&"practitioner-chain-broken"), "{rules:?}");
    // A start that goes back.
    let mut ledger = Ledger::new();
    ledger.edit(11, |entry| entry.boot = 1);
    assert!(ledger.rules(None).contains(&"ledger-spliced"));
    // A ledger without its first start.
    let mut ledger = Ledger::new();
    ledger.edit(0, |entry| *entry = Entry { event: Event::Stop, ..entry.clone() });
    assert!(ledger.rules(None).contains(&"ledger-spliced"));
}

#[test]
fn time_that_goes_back_is_named() {
    let mut ledger = Ledger::new();
    ledger.edit(13, |entry| entry.time = entry.time.minus_ms(3000));
    assert!(ledger.rules(None).contains(&"time-went-back"));
}

/// The clock had gone far ahead; operators accept the right time, and entries go on from there.
#[test]
fn an_accepted_clock_steps_back_and_nothing_else_does() {
    let order = |verb: &str, refused: Option<&str>| {
        Event::Order(Order {
            verb: sample::word(verb),
            actors: vec![sample::word("alice")],
            order: Digest::of(&[b"order"]),
            refused: refused.map(sample::word),
        })
    };
    let after = |order: Event<PsIdNat, Patient>| {
        let mut ledger = Ledger::new();
        let session = ledger.open(1);
        ledger.now += 10 * 365 * 86_400_000;
        let open = ledger.issue(1, session);
        ledger.now -= 10 * 365 * 86_400_000;
        ledger.write(None, order);
        (ledger, open)
    };
    for refused in [order("clock-accept", Some("order-expired")), order("traces-purge", None), Event::Stop] {
        let (ledger, _) = after(refused);
        assert_eq!(ledger.verdict(None).findings, [Finding::TimeWentBack { at: 18 }]);
    }
    let (mut ledger, open) = after(order("clock-accept", None));
    assert_eq!(ledger.rules(None), [""; 0]);
    // What was recorded in the wrong years is due by the right time.
    ledger.now += DISPOSITION_DELAY_MS_MAX as i64;
    ledger.write(None, Event::Stop);
    assert_eq!(ledger.verdict(None).findings, [Finding::OutcomeMissing { of: open }]);
    let (mut ledger, _) = after(order("clock-accept", None));
    ledger.now -= 5000;
    ledger.write(None, Event::Stop);
    assert_eq!(ledger.verdict(None).findings, [Finding::TimeWentBack { at: 19 }]);
}

/// A full disk, or a machine that was suspended, keeps an outcome waiting for hours: it is late, and it is there.
#[test]
fn an_outcome_that_comes_late_is_no_stripped_one() {
    let mut ledger = Ledger::new();
    let late = ledger.issue(1, 1);
    ledger.now += 5 * DISPOSITION_DELAY_MS_MAX as i64;
    ledger.write(None, sample::refused(None, 2));
    ledger.outcome(1, late, Outcome::Released);
    ledger.outcome(1, late, Outcome::Accepted);
    ledger.checkpoint();
    assert_eq!(ledger.verdict(None).findings, []);
}

/// Behind the last checkpoint nothing is signed; the ledger's own edge still says what was there.
#[test]
fn an_end_that_no_checkpoint_covers_is_held_against_the_edge() {
    let mut ledger = Ledger::new();
    ledger.write(None, sample::refused(None, 3));
    ledger.write(None, Event::Stop);
    let edge = grown(&ledger.hashes()).0;
    let judged = |ledger: &Ledger| {
        let mut judge = Judge::new(ORIGIN, &[key(9)], ledger.notes.iter().map(String::as_str), None);
        ledger.leaves.iter().for_each(|leaf| judge.take(leaf));
        judge.edge(&edge);
        judge.finish().findings
    };
    assert_eq!(judged(&ledger), []);
    let mut cut = ledger.clone();
    cut.leaves.pop();
    assert_eq!(judged(&cut), [Finding::Missing { from: 17, to: 17 }]);
    ledger.edit(16, |entry| entry.time = entry.time.plus_ms(1));
    assert_eq!(judged(&ledger), [Finding::Altered { from: 16, to: 17 }]);
}

/// A ledger re-signed by one who holds the audit key and strips outcomes as he writes.
#[test]
fn an_outcome_that_was_never_written_is_named() {
    let mut ledger = Ledger::new();
    let stripped = ledger.issue(1, 1);
    ledger.checkpoint();
    assert_eq!(ledger.rules(None), [""; 0], "not yet due");
    ledger.now += DISPOSITION_DELAY_MS_MAX as i64;
    // A start first recovers: from then on the outcome has its time again.
    ledger.start();
    ledger.now += DISPOSITION_DELAY_MS_MAX as i64 - 1000;
    ledger.write(None, sample::refused(None, 2));
    ledger.checkpoint();
    assert_eq!(ledger.rules(None), [""; 0]);
    ledger.now += 1000;
    ledger.write(None, sample::refused(None, 2));
    ledger.checkpoint();
    assert_eq!(ledger.verdict(None).findings, [Finding::OutcomeMissing { of: stripped }]);
}

#[test]
fn an_outcome_that_cannot_be_is_named() {
    let good = Ledger::new();
    for (of, outcome) in [
        (2, Outcome::Released),
        (2, Outcome::Failed),
        (3, Outcome::Accepted),
        (8, Outcome::Spent),
        (0, Outcome::Released),
        (0, Outcome::Unused),
    ] {
        let mut ledger = good.clone();
        ledger.outcome(1, of, outcome);
        ledger.checkpoint();
        assert_eq!(ledger.verdict(None).findings, [Finding::OutcomeMisplaced { at: 16, of }], "{of} {outcome:?}");
    }
    for outcome in [Outcome::Accepted, Outcome::Unused, Outcome::Spent] {
        let mut ledger = good.clone();
        ledger.outcome(1, 2, outcome);
        assert_eq!(ledger.rules(None), [""; 0]);
    }
}

#[test]
fn an_entry_that_claims_a_far_index_costs_no_memory() {
    let mut ledger = Ledger::new();
    ledger.edit(4, |entry| entry.index = u64::MAX);
    ledger.edit(8, |entry| entry.index = u64::MAX - 1);
    assert_eq!(ledger.verdict(None).findings[0], Finding::Missing { from: 4, to: u64::MAX - 1 });
}

#[test]
fn findings_have_their_own_rule_and_french_words() {
    let all = [
        Finding::Unreadable { at: 1, cause: "x".into() },
        Finding::Missing { from: 1, to: 2 },
        Finding::OutOfOrder { at: 1, index: 2 },
        Finding::TimeWentBack { at: 1 },
        Finding::Spliced { at: 1 },
        Finding::ChainBroken { at: 1 },
        Finding::OutcomeMisplaced { at: 1, of: 0 },
        Finding::OutcomeMissing { of: 0 },
        Finding::Altered { from: 0, to: 1 },
        Finding::MapAltered { size: 1 },
        Finding::CheckpointForged { cause: "x".into() },
        Finding::CheckpointMissing,
        Finding::Truncated { entries: 1, signed: 2 },
        Finding::RolledBack { entries: 1, kept: 2 },
        Finding::Forked { size: 1 },
        Finding::Restored { generation: 2.into(), entries: 1, kept: 3 },
        Finding::RestorationFalse { at: 1 },
        Finding::OtherGeneration { archive: 2.into(), kept: 1.into() },
        Finding::NotIncluded { index: 1 },
        Finding::Incomplete(Incomplete::Map),
        Finding::OlderThanKept { entries: 1, kept: 2 },
        Finding::ArchiveUnreadable { cause: "x".into() },
        Finding::MemberMissing { name: "x".into() },
        Finding::MemberForeign { name: "x".into() },
        Finding::MemberRepeated,
        Finding::MemberAltered { name: "x".into() },
        Finding::ManifestAltered { what: "x" },
        Finding::IdentityAltered { index: 1 },
        Finding::FactsAltered { index: 1 },
        Finding::TableAltered { row: 1 },
        Finding::KeyWrong { index: 1 },
        Finding::KeyForeign,
        Finding::OutsideSelection { index: 1 },
        Finding::OrderAltered,
    ];
    let rules: std::collections::BTreeSet<_> = all.iter().map(Finding::rule).collect();
    assert_eq!(rules.len(), all.len());
    assert!(all.iter().all(|finding| finding.to_string().len() > 30));
}
