//! The clock of the day against the time since boot.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;
/// 2026-01-01T00:00:00Z, by which the machine of these tests was started.
const BOOT: i64 = 1_767_225_600_000;

fn tolerances() -> Tolerances {
    Tolerances { jump_ms: 2_000, unsynchronised_max_ms: None }
}

/// At `boottime_ms` after the start, with a clock that is `off_ms` from right.
fn at(boottime_ms: i64, off_ms: i64) -> Reading {
    Reading { realtime: Instant::from_ms(BOOT + boottime_ms + off_ms), boottime_ms }
}

fn jumped(direction: Direction, by_ms: u64) -> Verdict {
    Verdict::Jumped { direction, by_ms }
}

#[test]
fn a_jump_in_either_direction_is_told_stays_and_heals() {
    for (off_ms, direction) in [(2_001, Direction::Forward), (-2_001, Direction::Backward)] {
        let mut clock = Clock::begin(tolerances(), at(1_000, 0), None);
        assert_eq!(clock.judge(at(2_000, off_ms / 2)), Verdict::Fit, "a leap second is none");
        let mut clock = Clock::begin(tolerances(), at(1_000, 0), None);
        assert_eq!(clock.judge(at(1_000, off_ms)), jumped(direction, 2_001));
        // Days of it make it no better, and what is written down goes on as before.
        let later = at(100 * HOUR_MS, off_ms);
        assert_eq!(clock.judge(later), jumped(direction, 2_001));
        assert_eq!(clock.now(later), at(100 * HOUR_MS, 0).realtime);
        assert_eq!(clock.belief(), None);
        assert_eq!(clock.judge(at(100 * HOUR_MS, 1_999)), Verdict::Fit);
        assert_eq!(clock.now(at(100 * HOUR_MS, 1_999)), at(100 * HOUR_MS, 1_999).realtime);
    }
}

#[test]
fn many_small_jumps_are_one_large_one() {
    let mut clock = Clock::begin(tolerances(), at(0, 0), None);
    let verdicts: Vec<_> = (1..=10).map(|n| clock.judge(at(n * 100, n * 500))).collect();
    assert_eq!(verdicts.iter().position(|verdict| *verdict != Verdict::Fit), Some(4), "{verdicts:?}");
}

#[test]
fn slewing_is_no_jump_and_is_followed() {
    let mut clock = Clock::begin(tolerances(), at(0, 0), None);
    for hour in 1..=240 {
        // 490 ppm for ten days: 42 s a day.
        let reading = at(hour * HOUR_MS, hour * HOUR_MS * 490 / 1_000_000);
        assert_eq!(clock.judge(reading), Verdict::Fit, "hour {hour}");
    }
    assert!(matches!(clock.judge(at(240 * HOUR_MS, 0)), Verdict::Jumped { .. }), "423 s back at once");
}

#[test]
fn a_restart_takes_up_what_was_believed() {
    let mut before = Clock::begin(tolerances(), at(0, 0), None);
    before.judge(at(HOUR_MS, 0));
    let kept = before.belief();
    for (off_ms, fit) in [(0, true), (3_000, true), (-3_000, true), (10_000, false), (-10_000, false)] {
        let reading = at(2 * HOUR_MS, off_ms);
        let mut after = Clock::begin(tolerances(), reading, kept);
        // An hour of slewing is 1.8 s.
        assert_eq!(after.judge(reading) == Verdict::Fit, fit, "{off_ms}");
    }
    // Another boot: nothing to compare with.
    assert_eq!(Clock::begin(tolerances(), at(1_000, YEAR_MS), kept).judge(at(1_000, YEAR_MS)), Verdict::Fit);
}

#[test]
fn a_clock_behind_the_ledger_heals_once_it_is_past_it() {
    let newest = Instant::from_ms(BOOT + 20 * YEAR_MS);
    let mut clock = Clock::begin(tolerances(), at(5_000, 0), None);
    clock.not_before(Some(newest), at(5_000, 0));
    let behind = u64::try_from(20 * YEAR_MS - 6_000).unwrap();
    assert_eq!(clock.judge(at(6_000, 0)), jumped(Direction::Backward, behind));
    assert_eq!(clock.now(at(6_000, 0)), newest);
    // NTP sets it years ahead: it was off, and the battery empty.
    assert_eq!(clock.judge(at(7_000, 25 * YEAR_MS)), Verdict::Fit);
    assert!(matches!(clock.judge(at(8_000, 0)), Verdict::Jumped { direction: Direction::Backward, .. }));
    // A ledger that is no newer than the clock changes nothing.
    let mut clock = Clock::begin(tolerances(), at(5_000, 0), None);
    clock.not_before(Some(at(5_000, 1_500).realtime), at(5_000, 0));
    assert_eq!(clock.judge(at(6_000, 0)), Verdict::Fit);
}

#[test]
fn an_order_begins_a_new_time() {
    let mut clock = Clock::begin(tolerances(), at(0, 10 * YEAR_MS), None);
    assert!(matches!(clock.judge(at(1_000, 0)), Verdict::Jumped { direction: Direction::Backward, .. }));
    clock.accept(at(2_000, 0));
    assert_eq!(clock.judge(at(3_000, 0)), Verdict::Fit);
    assert_eq!(clock.now(at(3_000, 0)), at(3_000, 0).realtime);
    assert!(matches!(clock.judge(at(3_000, 10 * YEAR_MS)), Verdict::Jumped { direction: Direction::Forward, .. }));
}

#[test]
fn a_clock_that_nothing_sets_right_is_told_after_a_while() {
    let tolerances = Tolerances { jump_ms: 2_000, unsynchronised_max_ms: Some(7_200_000) };
    let mut clock = Clock::begin(tolerances, at(HOUR_MS, 0), None);
    assert_eq!(clock.judge(at(2 * HOUR_MS, 0)), Verdict::Fit, "since the machine's start");
    assert_eq!(clock.judge(at(2 * HOUR_MS + 1, 0)), Verdict::Unsynchronised { for_ms: 7_200_001 });
    // The sign of an hour ago, then none any more.
    clock.synchronised(Some(at(2 * HOUR_MS, 0).realtime), at(3 * HOUR_MS, 0));
    clock.synchronised(None, at(3 * HOUR_MS, 0));
    assert_eq!(clock.judge(at(4 * HOUR_MS, 0)), Verdict::Fit);
    assert!(matches!(clock.judge(at(4 * HOUR_MS + 1, 0)), Verdict::Unsynchronised { .. }));
    // A new one counts from when it was seen, whatever its clock said.
    clock.synchronised(Some(Instant::from_ms(0)), at(5 * HOUR_MS, 0));
    assert_eq!(clock.judge(at(7 * HOUR_MS, 0)), Verdict::Fit);
    // A jump weighs more.
    assert!(matches!(clock.judge(at(9 * HOUR_MS, HOUR_MS)), Verdict::Jumped { .. }));
}

proptest! {
    /// Whatever the clock does, what is written down never runs ahead of or behind the time since boot by more than the
    /// tolerance and what slewing explains.
    #[test]
    fn what_is_written_down_never_jumps(steps in prop::collection::vec((0..HOUR_MS, -YEAR_MS..YEAR_MS), 1..50)) {
        let (mut clock, mut boottime) = (Clock::begin(tolerances(), at(0, 0), None), 0);
        for (elapsed, off) in steps {
            boottime += elapsed;
            let reading = at(boottime, off);
            clock.judge(reading);
            let off_written = clock.now(reading).ms_since(at(boottime, 0).realtime).abs();
            prop_assert!(off_written <= 2_001 + boottime / 2_000, "{off_written} ms after {boottime}");
        }
    }

    #[test]
    fn no_reading_is_too_strange(realtime in any::<i64>(), boottime_ms in any::<i64>(), offset_us in any::<i64>(), at_ms in any::<i64>()) {
        let reading = Reading { realtime: Instant::from_ms(realtime), boottime_ms };
        let mut clock = Clock::begin(tolerances(), reading, Some(Belief { offset_us, at_ms }));
        clock.judge(at(0, 0));
        clock.judge(reading);
        clock.synchronised(Some(reading.realtime), reading);
        let _ = clock.now(reading);
    }
}

/// The battery's clock is believed over a holiday, and no further, until something vouches for it.
#[test]
fn a_start_far_ahead_is_believed_once_it_is_synchronised_or_accepted() {
    let required = Tolerances { unsynchronised_max_ms: Some(2 * 3_600_000), ..tolerances() };
    let (newest, off_ms) = (at(0, 0).realtime, AHEAD_MAX_MS + 1);
    let started = |tolerances, off_ms| {
        let mut clock = Clock::begin(tolerances, at(1_000, off_ms), None);
        clock.not_before(Some(newest), at(1_000, off_ms));
        clock
    };
    assert_eq!(started(required, off_ms - 1_001).judge(at(1_000, off_ms - 1_001)), Verdict::Fit);
    assert_eq!(started(tolerances(), off_ms).judge(at(1_000, off_ms)), Verdict::Fit, "not required");
    let mut empty = Clock::begin(required, at(1_000, off_ms), None);
    empty.not_before(None, at(1_000, off_ms));
    assert_eq!(empty.judge(at(1_000, off_ms)), Verdict::Fit, "the first start of all");
    let ahead = started(required, off_ms);
    for boottime_ms in [1_000, 3_600_000] {
        let (mut clock, reading) = (ahead, at(boottime_ms, off_ms));
        let by_ms = u64::try_from(off_ms + boottime_ms).unwrap();
        assert_eq!(clock.judge(reading), Verdict::Ahead { by_ms });
        // Nothing of it is written down, nor believed by the next start.
        assert_eq!((clock.now(reading), clock.belief()), (newest, None));
    }
    // A sign that is older than this start of the machine is of another time.
    let (mut clock, reading) = (ahead, at(10_000, off_ms));
    clock.synchronised(Some(at(-1, off_ms).realtime), reading);
    assert!(matches!(clock.judge(reading), Verdict::Ahead { .. }));
    for newer in [at(9_000, off_ms).realtime, at(9_000, 0).realtime] {
        let mut clock = clock;
        clock.synchronised(Some(newer), reading);
        assert_eq!((clock.judge(reading), clock.now(reading)), (Verdict::Fit, reading.realtime));
    }
    // It was wrong, and is put right; an order takes it as it is.
    let mut right = ahead;
    assert_eq!((right.judge(at(10_000, 0)), right.now(at(10_000, 0))), (Verdict::Fit, at(10_000, 0).realtime));
    let mut accepted = ahead;
    accepted.accept(reading);
    assert_eq!((accepted.judge(reading), accepted.now(reading)), (Verdict::Fit, reading.realtime));
    // Who was there before the restart of the daemon knows better.
    let kept = Clock::begin(required, at(1_000, off_ms), None).belief();
    let mut clock = Clock::begin(required, at(2_000, off_ms), kept);
    clock.not_before(Some(newest), at(2_000, off_ms));
    assert_eq!(clock.judge(at(2_000, off_ms)), Verdict::Fit);
}
