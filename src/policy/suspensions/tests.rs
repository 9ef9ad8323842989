//! The register by itself: whom it refuses, whom it lets back, its one text.
#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn suspend(who: &Suspended, ms: i64) -> Change {
    let suspension = Suspension { since: Instant::from_ms(ms), cause: Cause::Tokens };
    Change::Suspend { who: who.clone(), suspension }
}

fn everybody() -> [Suspended; 3] {
    [
        Suspended::Establishment,
        Suspended::Application("dpi".to_owned()),
        Suspended::Practitioner(Digest::new([7; Digest::LEN])),
    ]
}

#[test]
fn the_refusal_is_the_widest_and_tells_of_nobody_else() {
    let [establishment, application, practitioner] = everybody();
    let mut register = Suspensions::default();
    let denial = |register: &Suspensions, user| {
        register.denial(user, Digest::new([7; Digest::LEN])).map(|denial| denial.reason)
    };
    assert_eq!(denial(&register, "dpi"), None);
    register.change(&suspend(&practitioner, 1));
    assert_eq!(denial(&register, "dpi"), Some(Reason::PractitionerSuspended));
    assert_eq!(register.denial("dpi", Digest::default()), None);
    register.change(&suspend(&application, 2));
    assert_eq!(denial(&register, "dpi"), Some(Reason::ApplicationSuspended));
    assert_eq!(denial(&register, "other"), Some(Reason::PractitionerSuspended));
    register.change(&suspend(&establishment, 3));
    assert_eq!(denial(&register, "other"), Some(Reason::EstablishmentSuspended));
}

#[test]
fn who_is_resumed_counts_anew_and_is_forgotten_in_time() {
    let [establishment, application, _] = everybody();
    let mut register = Suspensions::default();
    register.change(&suspend(&application, 1));
    register.change(&Change::Resume { who: application.clone(), at: Instant::from_ms(2), before: 10 });
    assert!(!register.has(&application));
    assert!(!register.counts(&application, 9) && register.counts(&application, 10));
    assert!(register.counts(&establishment, 9));
    let later = i64::try_from(RESUMED_KEPT_MS).unwrap() + 2;
    register.change(&suspend(&establishment, later));
    assert!(register.counts(&application, 9));
}

proptest! {
    #[test]
    fn a_register_has_one_text(changes in prop::collection::vec((0usize..3, any::<bool>(), 0i64..1 << 40), 0..9)) {
        let mut register = Suspensions::default();
        for (who, suspends, ms) in changes {
            let who = everybody()[who].clone();
            let change = if suspends {
                suspend(&who, ms)
            } else {
                Change::Resume { who, at: Instant::from_ms(ms), before: ms.unsigned_abs() }
            };
            register.change(&change);
        }
        let text = register.document();
        prop_assert_eq!(Suspensions::parse(&text), Some(register));
        let spaced = [b" ", text.as_slice()].concat();
        prop_assert_eq!(Suspensions::parse(&spaced), None);
    }

    #[test]
    fn arbitrary_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Suspensions::parse(&bytes);
    }
}
