//! Places at the door: sceaud and root have their own, whatever others hold.

use std::sync::Arc;

use super::Admitted;
use crate::sys::places::{Place, Places};

/// Connections of sceaud's user. Reason: it asks one question at a time; in a test establishment everybody is its user.
const LEDGER_MAX: usize = 32;
/// Connections of root: PINs at a boot, and some commands.
const SEALING_MAX: usize = 16;
/// Connections of all others together.
const OTHERS_MAX: usize = 24;
/// Those of one of them: some windows of an operator, and a supervision.
const OTHER_MAX: usize = 12;

/// Who has which places. Without its counter sceaud issues nothing after a start, and without a PIN no signer signs: no operator's open
/// connections keep them out.
#[derive(Debug)]
pub(super) struct Admission {
    admitted: Admitted,
    ledger: Arc<Places>,
    sealing: Arc<Places>,
    others: Arc<Places>,
}

impl Admission {
    /// Everything is free.
    pub(super) fn new(admitted: Admitted) -> Self {
        let [ledger, sealing, others] = [LEDGER_MAX, SEALING_MAX, OTHERS_MAX].map(Places::new);
        Self { admitted, ledger, sealing, others }
    }

    /// Takes a place; none if that user's are taken.
    #[must_use]
    pub(super) fn take(&self, uid: u32) -> Option<Place> {
        match uid {
            uid if uid == self.admitted.ledger => self.ledger.take(uid, LEDGER_MAX),
            uid if uid == self.admitted.sealing => self.sealing.take(uid, SEALING_MAX),
            uid => self.others.take(uid, OTHER_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_never_take_the_places_of_sceaud() {
        let admission = Admission::new(Admitted { ledger: 990, sealing: 0 });
        let taken: Vec<_> = [1000, 1001, 1002]
            .into_iter()
            .map(|uid| std::iter::from_fn(|| admission.take(uid)).collect::<Vec<_>>())
            .collect();
        assert_eq!(taken.iter().map(Vec::len).collect::<Vec<_>>(), [OTHER_MAX, OTHERS_MAX - OTHER_MAX, 0]);
        let (sceaud, root) = (admission.take(990), admission.take(0));
        assert!(sceaud.is_some() && root.is_some());
        drop(taken);
        assert!(admission.take(1002).is_some());
    }
}
