//! Sessions that were opened without proof, counted for each application over the last hour.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::{Reader, StoreError};
use crate::policy::application::Applications;
use crate::traces::entry::Entry;
use crate::traces::entry::event::Event;
use crate::traces::entry::evidence::Evidence;
use crate::vihf::instant::Instant as Day;

/// The window, by the steady clock: a jump of the other one must not empty the count.
const WINDOW: Duration = Duration::from_millis(WINDOW_MS);
/// The same in milliseconds.
const WINDOW_MS: u64 = 3_600_000;

/// Entries that are read at once: a few megabytes.
const BLOCK_LEN: u64 = 4096;

/// When each application (Unix user) opened sessions without proof.
#[derive(Debug, Default)]
pub(super) struct Declared {
    opened: Mutex<HashMap<u32, VecDeque<Instant>>>,
}

impl Declared {
    /// Counts one more session at `now`, of `max` within any hour; false: it would be one too many, and is not counted.
    #[must_use]
    pub(super) fn count(&self, uid: u32, max: usize, now: Instant) -> bool {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = opened.entry(uid).or_default();
        while opened.front().is_some_and(|at| now.saturating_duration_since(*at) >= WINDOW) {
            opened.pop_front();
        }
        if opened.len() >= max {
            return false;
        }
        opened.push_back(now);
        true
    }

    /// Counts again what the ledger tells of the last hour; `now` is the day's clock, `moment` the steady one.
    ///
    /// Reads the entries of that hour, newest first: one that closes its sessions at once is counted all the same.
    ///
    /// # Errors
    /// [`StoreError`]: the ledger cannot be read.
    pub(super) fn refill(
        &self,
        reader: &Reader,
        applications: &Applications,
        now: Day,
        moment: Instant,
    ) -> Result<(), StoreError> {
        let mut end = reader.edge().frontier.size();
        let mut is_recent = true;
        while end > 0 && is_recent {
            let from = end.saturating_sub(BLOCK_LEN);
            reader.leaves(from..end, |index, leaf| {
                let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
                let ago = Duration::from_millis(u64::try_from(now.ms_since(entry.time)).unwrap_or_default());
                is_recent = is_recent && (index > from || ago < WINDOW);
                if entry.time > now.plus_ms(WINDOW_MS) {
                    // Of a time that an order has ended: nobody knows which hour it was.
                    return Ok(());
                }
                match entry.event {
                    Event::SessionOpened(opened) if !matches!(opened.setting.evidence, Evidence::Proof(_)) => {
                        if let Some(application) = applications.named(opened.setting.application.as_str()) {
                            self.restore(application.uid, ago, moment);
                        }
                    }
                    _ => {}
                }
                Ok::<_, StoreError>(())
            })?;
            end = from;
        }
        Ok(())
    }

    /// Counts a session of before the restart, opened `ago`; in any order.
    fn restore(&self, uid: u32, ago: Duration, now: Instant) {
        let Some(at) = now.checked_sub(ago).filter(|_| ago < WINDOW) else { return };
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = opened.entry(uid).or_default();
        let place = opened.partition_point(|known| *known <= at);
        opened.insert(place, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_application_has_its_hour() {
        let declared = Declared::default();
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        assert!(declared.count(7, 2, at(0)) && declared.count(7, 2, at(1800)));
        assert!(!declared.count(7, 2, at(1801)) && !declared.count(7, 2, at(3599)));
        assert!(declared.count(8, 2, at(1801)));
        // The first one's hour is over; what was refused counts nothing.
        assert!(
            declared.count(7, 2, at(3600)) && !declared.count(7, 2, at(3601)) && declared.count(7, 2, at(5400))
        );
    }

    #[test]
    fn a_restart_forgets_none_of_the_hour() {
        let declared = Declared::default();
        let now = Instant::now() + Duration::from_secs(7200);
        declared.restore(7, Duration::from_secs(60), now);
        declared.restore(7, Duration::from_secs(3600), now);
        declared.restore(7, Duration::from_secs(1800), now);
        assert!(!declared.count(7, 2, now));
        assert!(!declared.count(7, 2, now + Duration::from_secs(1799)));
        assert!(declared.count(7, 2, now + Duration::from_secs(1800)));
    }
}
