//! What became of assertions: which application got which, so that only it can report. In memory until the ledger exists.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::request::Outcome;
use crate::policy::denial::{Denial, Reason};

/// Assertions remembered for reports: at 100 a second about three hours, some 30 MB.
const ISSUED_MAX: usize = 1 << 18;

/// The last assertions issued.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    by_id: HashMap<String, (u32, Option<Outcome>)>,
    order: VecDeque<String>,
}

impl Outcomes {
    /// Remembers that the application `uid` got the assertion `id`.
    pub(super) fn issued(&self, uid: u32, id: &str) {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.order.len() >= ISSUED_MAX
            && let Some(old) = issued.order.pop_front()
        {
            issued.by_id.remove(&old);
        }
        issued.order.push_back(id.to_owned());
        issued.by_id.insert(id.to_owned(), (uid, None));
    }

    /// Notes what became of an assertion; a later report replaces an earlier one.
    ///
    /// # Errors
    /// Unknown, forgotten, or another application's.
    pub(super) fn report(&self, uid: u32, id: &str, outcome: Outcome) -> Result<(), Denial> {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match issued.by_id.get_mut(id) {
            Some((owner, known)) if *owner == uid => {
                *known = Some(outcome);
                Ok(())
            }
            _ => Err(Denial::new(
                Reason::AssertionUnknown,
                "aucune assertion de cet id n'a été remise à cette application depuis le démarrage",
            )),
        }
    }
}
