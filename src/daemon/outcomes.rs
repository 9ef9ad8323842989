//! What became of assertions: which application got which, so that only it can report. The ledger has every outcome, and
//! fills this memory again after a restart, from its newest entries.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::relay::NotSpent;
use crate::ledger::{Reportable, Written};
use crate::policy::denial::{Denial, Reason};
use crate::vihf::instant::Instant;

/// Assertions of one application remembered for reports: at ten a second about two hours, some 10 MB.
const ISSUED_MAX: usize = 1 << 16;

/// The last assertions of each application.
#[derive(Debug, Default)]
pub(super) struct Outcomes(Mutex<HashMap<u32, Issued>>);

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
    /// The one use that is left to the relay; none of what was issued before a restart, which may have been used then.
    usable: Option<Usable>,
}

#[derive(Clone, Copy, Debug)]
struct Usable {
    transaction: &'static str,
    expires: Instant,
    spent: bool,
}

impl Outcomes {
    /// Remembers that the application `uid` got the assertion `id`, for which transaction and until when.
    pub(super) fn issued(
        &self,
        uid: u32,
        id: &str,
        written: Written,
        (transaction, expires): (&'static str, Instant),
    ) {
        let usable = Some(Usable { transaction, expires, spent: false });
        self.keep(uid, id, Known { written, until: None, usable });
    }

    /// Remembers an assertion of before a restart.
    pub(super) fn restore(&self, uid: u32, issued: &Reportable) {
        self.keep(uid, issued.id.as_str(), Known { written: issued.written, until: issued.until, usable: None });
    }

    /// A new time begins: ends that were told by the old one mean nothing. Whoever may have got an assertion that nobody knows to
    /// have left can no longer say so, and none that is under way is used by the relay any more.
    pub(super) fn time_begins(&self) {
        for issued in self.all().values_mut() {
            issued.by_id.retain(|_, known| known.until.is_none());
            issued.by_id.values_mut().for_each(|known| known.usable = None);
        }
    }

    fn keep(&self, uid: u32, id: &str, known: Known) {
        let mut all = self.all();
        let issued = all.entry(uid).or_default();
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
        let known = self.all().get(&uid).and_then(|issued| issued.by_id.get(id).copied());
        if let Some(known) = known.filter(|known| known.until.is_none_or(|until| now < until)) {
            return Ok(known.written);
        }
        Err(Denial::new(
            Reason::AssertionUnknown,
            "aucune assertion récente de cet id n'a été remise à cette application",
        ))
    }

    /// Takes the one use of an assertion that the application `uid` got, for a call that admits `transactions` (keys
    /// separated by spaces).
    ///
    /// After `Ok` it is spent for everybody; the ledger is to be told.
    ///
    /// # Errors
    /// [`NotSpent`]: it is as it was.
    pub(super) fn spend(&self, uid: u32, id: &str, transactions: &str, now: Instant) -> Result<Written, NotSpent> {
        let mut all = self.all();
        let issued = all.get_mut(&uid).ok_or(NotSpent::Unknown)?;
        let known = issued.by_id.get_mut(id).ok_or(NotSpent::Unknown)?;
        let usable = known.usable.as_mut().ok_or(NotSpent::Unknown)?;
        if usable.spent {
            return Err(NotSpent::Spent);
        }
        if now >= usable.expires {
            return Err(NotSpent::Expired);
        }
        if !transactions.split(' ').any(|key| key == usable.transaction) {
            return Err(NotSpent::Transaction);
        }
        usable.spent = true;
        Ok(known.written)
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u32, Issued>> {
        // Nothing under this lock panics but for memory.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::traces::entry::word::Word;

    /// A clock that went back would keep alive what the ledger counts as expired, one that went forward the other way round.
    #[test]
    fn a_new_time_leaves_nothing_that_the_old_one_had_dated() {
        let outcomes = Outcomes::default();
        let (written, at) = (Written { index: 3, chain: None }, Instant::from_ms(1_000));
        outcomes.issued(7, "_known", written, ("3.1", at.plus_ms(10)));
        let (application, id) = (Word::parse("dpi").unwrap(), |id: &str| Word::parse(id).unwrap());
        for (id, until) in [(id("_released"), None), (id("_unknown"), Some(at.plus_ms(10)))] {
            outcomes.restore(7, &Reportable { application: application.clone(), id, written, until });
        }
        assert!(["_known", "_released", "_unknown"].iter().all(|id| outcomes.find(7, id, at).is_ok()));
        outcomes.time_begins();
        let found =
            ["_known", "_released", "_unknown"].map(|id| outcomes.find(7, id, Instant::from_ms(0)).is_ok());
        assert_eq!(found, [true, true, false]);
        assert_eq!(outcomes.spend(7, "_known", "3.1", Instant::from_ms(0)), Err(NotSpent::Unknown));
    }

    #[test]
    fn an_assertion_is_spent_once_in_time_by_its_application_for_its_transaction() {
        let outcomes = Outcomes::default();
        let written = Written { index: 3, chain: None };
        let at = Instant::from_ms(1_000);
        for id in ["_a", "_b"] {
            outcomes.issued(7, id, written, ("3.1", at.plus_ms(10)));
        }
        assert_eq!(outcomes.spend(8, "_a", "3.1", at), Err(NotSpent::Unknown));
        assert_eq!(outcomes.spend(7, "_c", "3.1", at), Err(NotSpent::Unknown));
        assert_eq!(outcomes.spend(7, "_a", "3.2 3.3", at), Err(NotSpent::Transaction));
        assert_eq!(outcomes.spend(7, "_a", "3.2 3.1", at), Ok(written));
        assert_eq!(outcomes.spend(7, "_a", "3.1", at), Err(NotSpent::Spent));
        assert_eq!(outcomes.spend(7, "_b", "3.1", at.plus_ms(10)), Err(NotSpent::Expired));
        assert_eq!(outcomes.spend(7, "_b", "3.1", at.plus_ms(9)), Ok(written));
    }
}
