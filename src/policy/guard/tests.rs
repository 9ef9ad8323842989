//! The windows against an exact account; the levels at their edges.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use proptest::prelude::*;

use super::window::{Count, Distinct, SLOTS};
use super::*;

const WINDOW_MS: u64 = 72_000;
const SLOT_MS: u64 = WINDOW_MS / SLOTS;

fn budgets(alarm: u32, freeze: u32) -> Budgets {
    let budget = Budget { window_ms: WINDOW_MS, alarm, freeze };
    let far = Budget { window_ms: WINDOW_MS, alarm: 1_000_000, freeze: 1_000_000 };
    Budgets {
        practitioner: Scoped { tokens: budget, patients: far },
        application: Scoped { tokens: far, patients: budget },
        establishment: Scoped { tokens: far, patients: far },
        emergency_factor: 3,
    }
}

fn practitioner() -> Digest {
    Digest::new([7; Digest::LEN])
}

fn patient(number: u64) -> Digest {
    Digest::of(&[&number.to_be_bytes()])
}

fn volume(patient: Option<Digest>) -> Volume {
    Volume { practitioner: practitioner(), application: 1000, patient, emergency: false }
}

proptest! {
    #[test]
    fn a_window_is_never_shorter_than_its_name_and_at_most_a_slot_longer(
        steps in prop::collection::vec((0u64..15_000, 0u64..20), 1..300)
    ) {
        let (mut count, mut distinct) = (Count::new(WINDOW_MS), Distinct::new(WINDOW_MS));
        let (mut now, mut seen) = (0, Vec::new());
        for (step, who) in steps {
            now += step;
            seen.push((now, who));
            let (counted, known) = (count.add(now), distinct.add(patient(who), now));
            let since = |from: u64| seen.iter().filter(move |(at, _)| *at >= from).map(|(_, who)| *who);
            let (short, long) = (now.saturating_sub(WINDOW_MS), now.saturating_sub(WINDOW_MS + SLOT_MS));
            let exact = |from| u32::try_from(since(from).count()).unwrap();
            prop_assert!((exact(short)..=exact(long)).contains(&counted));
            let people = |from| u32::try_from(since(from).collect::<HashSet<_>>().len()).unwrap();
            prop_assert!((people(short)..=people(long)).contains(&known));
        }
    }

    #[test]
    fn what_was_given_back_was_never_counted(adds in 1u32..50, backs in 0u32..60) {
        let mut count = Count::new(WINDOW_MS);
        (0..adds).for_each(|n| { count.add(u64::from(n) * 100); });
        (0..backs).for_each(|_| count.take());
        prop_assert_eq!(count.at(u64::from(adds) * 100), adds.saturating_sub(backs));
    }
}

#[test]
fn the_last_permitted_passes_and_the_next_is_stopped_uncounted() {
    let mut guard = Guard::new(budgets(2, 3));
    for number in 0..3 {
        let Verdict::Within { alarms, relaxed } = guard.admit(volume(None), 1_000) else { panic!("{number}") };
        let alarm = Reached { subject: Subject::Practitioner(practitioner()), measure: Measure::Tokens };
        assert_eq!(alarms, if number == 1 { vec![alarm] } else { Vec::new() });
        assert!(!relaxed);
    }
    let stopped = Reached { subject: Subject::Practitioner(practitioner()), measure: Measure::Tokens };
    for _ in 0..10 {
        assert_eq!(guard.admit(volume(None), 1_000), Verdict::Exceeded(stopped));
    }
    // A whole window later nothing of it is left, and the alarm is raised anew.
    let later = 1_000 + WINDOW_MS + SLOT_MS;
    for number in 0..2 {
        let Verdict::Within { alarms, .. } = guard.admit(volume(None), later) else { panic!("{number}") };
        assert_eq!(alarms.len(), number);
    }
}

#[test]
fn patients_are_counted_once_each_and_a_known_one_goes_on() {
    let mut guard = Guard::new(Budgets { practitioner: budgets(1, 9).establishment, ..budgets(9, 3) });
    let patients: Vec<_> = (0..4).map(patient).collect();
    for known in patients.iter().take(3).chain(patients.iter().take(3)) {
        assert!(matches!(guard.admit(volume(Some(*known)), 0), Verdict::Within { .. }));
    }
    let stopped = Reached { subject: Subject::Application(1000), measure: Measure::Patients };
    assert_eq!(guard.admit(volume(Some(patients[3])), 0), Verdict::Exceeded(stopped));
    assert!(matches!(guard.admit(volume(Some(patients[0])), 0), Verdict::Within { .. }));
    let other = Volume { application: 1001, ..volume(Some(patients[3])) };
    assert!(matches!(guard.admit(other, 0), Verdict::Within { .. }), "another application has its own budget");
}

#[test]
fn an_emergency_goes_further_and_is_marked() {
    let mut guard = Guard::new(budgets(1, 2));
    let emergency = Volume { emergency: true, ..volume(None) };
    let marks: Vec<_> = (0..7)
        .map(|_| match guard.admit(emergency, 0) {
            Verdict::Within { relaxed, .. } => Some(relaxed),
            Verdict::Exceeded(_) => None,
        })
        .collect();
    assert_eq!(marks, [Some(false), Some(false), Some(true), Some(true), Some(true), Some(true), None]);
}

#[test]
fn emergencies_do_not_eat_what_the_others_may() {
    let mut guard = Guard::new(budgets(9, 2));
    let emergency = Volume { emergency: true, ..volume(None) };
    for _ in 0..4 {
        assert!(matches!(guard.admit(emergency, 0), Verdict::Within { .. }));
    }
    let verdicts: Vec<_> = (0..3).map(|_| guard.admit(volume(None), 0)).collect();
    let passed: Vec<_> = verdicts.iter().map(|v| matches!(v, Verdict::Within { relaxed: false, .. })).collect();
    assert_eq!(passed, [true, true, false]);
    // All together are six, which is what emergencies may be; the others are given back beside them.
    assert!(matches!(guard.admit(emergency, 0), Verdict::Exceeded(_)));
    guard.give_back(volume(None));
    assert!(matches!(guard.admit(volume(None), 0), Verdict::Within { .. }));
}

#[test]
fn whoever_is_resumed_begins_anew_and_nobody_else() {
    let mut guard = Guard::new(budgets(1, 1));
    let subject = Subject::Practitioner(practitioner());
    let other = Volume { practitioner: Digest::default(), ..volume(None) };
    let _ = (guard.admit(volume(None), 0), guard.admit(other, 0));
    let reached = |subject| Reached { subject, measure: Measure::Tokens };
    let all = HashSet::from([reached(subject), reached(Subject::Practitioner(Digest::default()))]);
    assert_eq!(HashSet::from_iter(guard.alarms(0)), all);
    assert!(matches!(guard.admit(volume(None), 0), Verdict::Exceeded(_)));
    guard.begin_anew(subject);
    assert_eq!(guard.alarms(0), [reached(Subject::Practitioner(Digest::default()))]);
    assert!(matches!(guard.admit(volume(None), 0), Verdict::Within { .. }));
    assert!(matches!(guard.admit(other, 0), Verdict::Exceeded(_)));
    assert_eq!(guard.alarms(WINDOW_MS + SLOT_MS), []);
    // What was counted before a restart counts for those whom nobody resumed.
    let mut guard = Guard::new(budgets(9, 1));
    guard.restore(volume(None), 0, |of| of != subject);
    guard.restore(other, 0, |of| of != subject);
    assert!(matches!(guard.admit(volume(None), 0), Verdict::Within { .. }));
    assert!(matches!(guard.admit(other, 0), Verdict::Exceeded(_)));
}

#[test]
fn a_restart_counts_what_is_still_in_a_window_and_nothing_else() {
    let mut guard = Guard::new(budgets(9, 3));
    // Out of order, as a restart finds them: the newest first.
    for at in [200_000, 199_000, 120_000, 1_000] {
        guard.restore(volume(None), at, |_| true);
    }
    assert!(matches!(guard.admit(volume(None), 200_000), Verdict::Within { .. }));
    assert!(matches!(guard.admit(volume(None), 200_000), Verdict::Exceeded(_)));
    guard.forget(200_000 + WINDOW_MS + SLOT_MS);
    assert!(guard.tallies.is_empty());
}

#[test]
fn levels_that_contradict_each_other_are_told_by_name() {
    assert_eq!(Budgets::default().check(), []);
    let budgets = Budgets { emergency_factor: 0, ..budgets(5, 4) };
    let causes: Vec<_> = budgets.check().into_iter().map(|breach| format!("{breach:?}")).collect();
    assert_eq!(causes.len(), 3, "{causes:?}");
    assert!(causes.iter().any(|cause| cause.contains("practitioner.tokens")));
    assert!(causes.iter().any(|cause| cause.contains("emergency_factor")));
}
