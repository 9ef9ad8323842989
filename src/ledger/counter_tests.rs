//! Power cuts at every step, older copies, counters that were reset.
#![allow(clippy::unwrap_used, clippy::panic)]
use proptest::prelude::*;

use super::*;

/// Ledger and counter in memory: both outlive the power cut that strikes when no steps are left.
#[derive(Clone, Debug)]
struct World {
    intent: u64,
    counter: u64,
    /// What the counter says once it is raised for the first time.
    begins_at: u64,
    steps_left: usize,
    /// At the step that is cut: performed and not told, or not performed.
    kept: bool,
}

impl World {
    /// Whether this step is performed, and told.
    fn step(&mut self) -> (bool, bool) {
        if self.steps_left == 0 {
            return (false, false);
        }
        self.steps_left -= 1;
        if self.steps_left == 0 { (self.kept, false) } else { (true, true) }
    }
}

impl Default for World {
    fn default() -> Self {
        Self { intent: 0, counter: 0, begins_at: 1, steps_left: 0, kept: false }
    }
}

/// The counter's side, and the ledger's, of one world.
#[derive(Debug)]
struct Side<'w>(&'w std::sync::Mutex<World>);

impl Counter for Side<'_> {
    fn read(&mut self) -> Result<u64, CounterError> {
        Ok(self.0.lock().unwrap().counter)
    }

    fn increment(&mut self) -> Result<u64, CounterError> {
        let mut world = self.0.lock().unwrap();
        let (performed, told) = world.step();
        if performed {
            world.counter = if world.counter == 0 { world.begins_at } else { world.counter + 1 };
        }
        if told { Ok(world.counter) } else { Err(CounterError::Unreadable) }
    }
}

impl Intents for Side<'_> {
    fn intent(&self) -> u64 {
        self.0.lock().unwrap().intent
    }

    fn intend(&mut self, intent: u64) -> Result<(), NotRecorded> {
        let mut world = self.0.lock().unwrap();
        let (performed, told) = world.step();
        if performed {
            world.intent = intent;
        }
        if told { Ok(()) } else { Err(NotRecorded::Unavailable) }
    }
}

fn advanced(world: World) -> (World, Result<(), NotCounted>) {
    let world = std::sync::Mutex::new(world);
    let result = advance(&mut Side(&world), &mut Side(&world));
    (world.into_inner().unwrap(), result)
}

#[test]
fn a_power_cut_at_any_step_strands_nobody() {
    for kept in [false, true] {
        for cut_at in 0..4 {
            let (cut, result) =
                advanced(World { intent: 7, counter: 7, steps_left: cut_at, kept, ..World::default() });
            assert_eq!(result.is_ok(), cut_at > 2, "{cut:?}");
            // Cut again while it is made good, then left alone.
            for again in 0..3 {
                let (once_more, _) = advanced(World { steps_left: again, ..cut.clone() });
                let (whole, result) = advanced(World { steps_left: 9, ..once_more });
                assert!(result.is_ok(), "cut at {cut_at} and {again}, kept: {kept}");
                assert_eq!(whole.intent, whole.counter);
            }
        }
    }
}

proptest! {
    /// Lives of a ledger with cuts anywhere: never halted; and a copy of before the last increment that was told is.
    #[test]
    fn every_life_goes_on_and_every_older_copy_is_known(
        lives in prop::collection::vec((0_usize..6, any::<bool>()), 1..40),
        copied in 0_usize..40,
    ) {
        let (mut world, mut copy) = (World::default(), None);
        for (number, (steps_left, kept)) in lives.into_iter().enumerate() {
            if number == copied {
                copy = Some((world.intent, world.counter));
            }
            let (after, result) = advanced(World { steps_left, kept, ..world });
            prop_assert!(!matches!(result, Err(NotCounted::Stale(_))), "{result:?}");
            world = after;
        }
        let Some((intent, counter)) = copy else { return Ok(()) };
        let (_, result) = advanced(World { intent, steps_left: 9, ..world.clone() });
        // Whoever has the disk has what was intended; what the counter has passed is gone for good.
        let passed = world.counter > intent;
        prop_assert_eq!(matches!(result, Err(NotCounted::Stale(Stale::Older { .. }))), passed, "{} {}", counter, world.counter);
    }
}

#[test]
fn an_older_ledger_and_a_reset_counter_are_told_apart_and_may_be_accepted() {
    let stale =
        |intent, counter| match advanced(World { intent, counter, steps_left: 9, kept: true, ..World::default() })
            .1
        {
            Err(NotCounted::Stale(stale)) => stale,
            other => panic!("{other:?}"),
        };
    assert_eq!(stale(6, 7), Stale::Older { intent: 6, counter: 7 });
    assert_eq!(stale(9, 7), Stale::Reset { intent: 9, counter: 7 });
    assert_eq!(stale(0, 1), Stale::Older { intent: 0, counter: 1 }, "a ledger begun anew");
    for (intent, counter) in [(6, 7), (9, 7), (0, 1), (5, 0)] {
        let world =
            std::sync::Mutex::new(World { intent, counter, steps_left: 9, kept: true, ..World::default() });
        let accepted = intent_to_accept(&mut Side(&world)).unwrap();
        Side(&world).intend(accepted).unwrap();
        compare(&mut Side(&world), &mut Side(&world)).unwrap();
        advance(&mut Side(&world), &mut Side(&world)).unwrap();
    }
}

#[test]
fn the_file_counts_and_refuses_what_is_no_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counter");
    let mut counter = FileCounter::new(path.clone());
    assert_eq!(counter.read().unwrap(), 0);
    counter.increment().unwrap();
    counter.increment().unwrap();
    assert_eq!(FileCounter::new(path.clone()).read().unwrap(), 2);
    fs::write(&path, "two\n").unwrap();
    assert!(matches!(counter.read(), Err(CounterError::Unreadable)));
    assert!(counter.increment().is_err());
}

#[test]
fn a_ledger_begins_with_the_number_of_a_used_tpm_and_no_copy_of_it_ever_begins_again() {
    let used = World { begins_at: 5001, steps_left: 9, ..World::default() };
    let (begun, result) = advanced(used.clone());
    assert!(result.is_ok());
    assert_eq!((begun.intent, begun.counter), (5002, 5002));
    // Cut at any step: the next start goes on, but where the number was not taken over yet; then a counter made anew does.
    for cut_at in 0..5 {
        for kept in [false, true] {
            let (cut, _) = advanced(World { steps_left: cut_at, kept, ..used.clone() });
            let (again, result) = advanced(World { steps_left: 9, ..cut.clone() });
            if cut.counter > cut.intent {
                assert_eq!(cut.intent, FIRST, "nothing was issued: {cut:?}");
                assert!(matches!(result, Err(NotCounted::Stale(Stale::Older { .. }))), "{cut:?}");
                let anew = World { counter: 0, begins_at: 5002, steps_left: 9, ..cut };
                assert!(advanced(anew).1.is_ok());
            } else {
                assert!(result.is_ok(), "{cut:?} {again:?}");
            }
        }
    }
    // Who has the owner's rights makes the counter anew beside an older copy: it is no beginner.
    for begins_at in [1, 5001] {
        let (begun, _) = advanced(World { begins_at, steps_left: 9, ..World::default() });
        let anew = World { counter: 0, begins_at: begun.counter + 1, steps_left: 9, ..begun };
        assert!(matches!(advanced(anew).1, Err(NotCounted::Stale(Stale::Reset { .. }))));
    }
}
