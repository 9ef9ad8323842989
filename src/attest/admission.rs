//! Places at the door: sceaud has its own, whatever others hold.

use std::sync::Arc;

use super::Admitted;
use crate::sys::places::{Place, Places};

/// Connections of sceaud's user. Reason: it asks one question at a time; in a test establishment everybody is its user.
const LEDGER_MAX: usize = 32;
/// Connections of all others together.
const OTHERS_MAX: usize = 32;
/// Those of one of them: some windows of an operator, and a supervision.
const OTHER_MAX: usize = 16;

/// Who has which places. Without its counter sceaud issues nothing after a start: no operator's open connections keep it out.
#[derive(Debug)]
pub(super) struct Admission {
    ledger_uid: u32,
    ledger: Arc<Places>,
    others: Arc<Places>,
}

impl Admission {
    /// Everything is free.
    pub(super) fn new(admitted: Admitted) -> Self {
        Self { ledger_uid: admitted.ledger, ledger: Places::new(LEDGER_MAX), others: Places::new(OTHERS_MAX) }
    }

    /// Takes a place; none if that user's are taken.
    #[must_use]
    pub(super) fn take(&self, uid: u32) -> Option<Place> {
        if uid == self.ledger_uid { self.ledger.take(uid, LEDGER_MAX) } else { self.others.take(uid, OTHER_MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_never_take_the_places_of_sceaud() {
        let admission = Admission::new(Admitted { ledger: 990, sealing: 0 });
        let taken: Vec<_> = [0, 1000, 1001, 1002]
            .into_iter()
            .map(|uid| std::iter::from_fn(|| admission.take(uid)).collect::<Vec<_>>())
            .collect();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [OTHER_MAX, OTHERS_MAX - OTHER_MAX, 0, 0]);
        let sceaud = admission.take(990);
        assert!(sceaud.is_some());
        drop(taken);
        assert!(admission.take(1002).is_some());
    }
}
