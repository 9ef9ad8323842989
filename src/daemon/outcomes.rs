//! What became of assertions: which application got which, so that only it can report. The ledger has every outcome, and
//! fills this memory again after a restart, from its newest entries.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::ledger::{Reportable, Written};
use crate::policy::denial::{Denial, Reason};
use crate::vihf::instant::Instant;

/// Assertions of one application remembered for reports: at ten a second about two hours, some 10 MB.
const ISSUED_MAX: usize = 1 << 16;

/// The last assertions of each application.
#[derive(Debug)]
pub(super) struct Outcomes(HashMap<u32, Mutex<Issued>>);

#[derive(Debug, Default)]
struct Issued {
    by_id: HashMap<String, Known>,
    order: VecDeque<String>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    written: Written,
    /// Of before a restart, and nobody knows whether it left: from then on it counts as expired.
    until: Option<Instant>,
}

impl Outcomes {
    /// Nothing issued yet to any of `applications` (Unix users).
    pub(super) fn new(applications: impl Iterator<Item = u32>) -> Self {
        Self(applications.map(|uid| (uid, Mutex::default())).collect())
    }

    /// Remembers that the application `uid` got the assertion `id`.
    pub(super) fn issued(&self, uid: u32, id: &str, written: Written) {
        self.keep(uid, id, Known { written, until: None });
    }

    /// Remembers an assertion of before a restart.
    pub(super) fn restore(&self, uid: u32, issued: &Reportable) {
        self.keep(uid, issued.id.as_str(), Known { written: issued.written, until: issued.until });
    }

    fn keep(&self, uid: u32, id: &str, known: Known) {
        let Some(issued) = self.0.get(&uid) else {
            return;
        };
        let mut issued = issued.lock().unwrap_or_else(PoisonError::into_inner);
        if issued.order.len() >= ISSUED_MAX
            && let Some(old) = issued.order.pop_front()
        {
            issued.by_id.remove(&old);
        }
        issued.order.push_back(id.to_owned());
        issued.by_id.insert(id.to_owned(), known);
    }

    /// The entry of an assertion that the application `uid` got.
    ///
    /// # Errors
    /// Unknown, forgotten, or another application's.
    pub(super) fn find(&self, uid: u32, id: &str, now: Instant) -> Result<Written, Denial> {
        let issued = self.0.get(&uid).map(|issued| issued.lock().unwrap_or_else(PoisonError::into_inner));
        let known = issued.and_then(|issued| issued.by_id.get(id).copied());
        if let Some(known) = known.filter(|known| known.until.is_none_or(|until| now < until)) {
            return Ok(known.written);
        }
        Err(Denial::new(
            Reason::AssertionUnknown,
            "aucune assertion récente de cet id n'a été remise à cette application",
        ))
    }
}
