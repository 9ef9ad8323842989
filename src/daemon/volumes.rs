//! Volumes of assertions, counted by the guard as they are asked for; counted again at a start from the ledger.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::trace::word;
use crate::ledger::{Reader, StoreError};
use crate::policy::application::Applications;
use crate::policy::convention::Convention;
use crate::policy::guard::{Budgets, Guard, Reached, Subject, Verdict, Volume, WINDOW_MAX_MS};
use crate::policy::suspensions::Suspensions;
use crate::traces::entry::Entry;
use crate::traces::entry::event::{Event, Issued};
use crate::vihf::codes::Purpose;
use crate::vihf::instant::Instant as Day;

use super::suspending::named;

/// Entries that are read at once: a few megabytes.
const BLOCK_LEN: u64 = 4096;
/// Newest entries that a start counts at most: ten seconds to read (5 µs each), and the day of a hospital of a million
/// assertions.
const ENTRIES_MAX: u64 = 1 << 21;
/// How often subjects of whom nothing is in any window are forgotten, and emergencies told.
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// What was asked for, and by when.
#[derive(Debug)]
pub(super) struct Volumes {
    guard: Mutex<Guard>,
    /// Zero of the guard's time lies before this by twice the longest window: a start counts into the past.
    began: Instant,
    origin_ms: u64,
    relaxed: AtomicU64,
    tidied: Mutex<(Instant, u64)>,
}

/// A request that was counted; dropped unkept, it is given back, for nothing was issued.
#[derive(Debug)]
#[must_use]
pub(super) struct Counted<'v> {
    volumes: &'v Volumes,
    volume: Volume,
    relaxed: bool,
}

impl Counted<'_> {
    /// The assertion has its trace: it counts.
    pub(super) fn keep(self) {
        if self.relaxed {
            self.volumes.relaxed.fetch_add(1, Ordering::Relaxed);
        }
        std::mem::forget(self);
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.volumes.guard().give_back(self.volume);
    }
}

impl Volumes {
    /// Nothing counted yet.
    pub(super) fn new(budgets: Budgets) -> Self {
        let guard = Guard::new(budgets);
        // As far back as any budget may reach: the next convention's may reach further than this one's.
        let (origin_ms, began) = (2 * WINDOW_MAX_MS, Instant::now());
        Self {
            guard: Mutex::new(guard),
            began,
            origin_ms,
            relaxed: AtomicU64::new(0),
            tidied: Mutex::new((began, 0)),
        }
    }

    /// The budgets from now on; what was counted stays counted.
    pub(super) fn take(&self, budgets: Budgets) {
        self.guard().take(budgets, self.now_ms());
    }

    /// Counts one request that policy approved; gives the alarm levels that it is the first to reach, too.
    ///
    /// # Errors
    /// The budget that it would exceed; nothing was counted.
    pub(super) fn count(&self, volume: Volume) -> Result<(Counted<'_>, Vec<Reached>), Reached> {
        match self.guard().admit(volume, self.now_ms()) {
            Verdict::Exceeded(reached) => Err(reached),
            Verdict::Within { alarms, relaxed } => {
                for Reached { subject, measure } in &alarms {
                    tracing::warn!(
                        subject = subject.kind(),
                        measure = measure.name(),
                        "volume-alarm: an alarm level is reached; sceau suspensions tells whose"
                    );
                }
                Ok((Counted { volumes: self, volume, relaxed }, alarms))
            }
        }
    }

    /// Emergencies of this life that passed above a freeze level.
    pub(super) fn relaxed(&self) -> u64 {
        self.relaxed.load(Ordering::Relaxed)
    }

    /// Alarms that were raised and not left.
    pub(super) fn alarms(&self) -> Vec<Reached> {
        self.guard().alarms(self.now_ms())
    }

    /// Begins a subject anew.
    pub(super) fn begin_anew(&self, subject: Subject) {
        self.guard().begin_anew(subject);
    }

    /// Between requests: forgets who is no longer active, and marks emergencies in the log.
    pub(super) fn tidy(&self) {
        let mut tidied = self.tidied.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, told) = *tidied;
        let (now, relaxed) = (Instant::now(), self.relaxed());
        // The first is told at once.
        if now.duration_since(at) < TIDY_EVERY && (told > 0 || relaxed == told) {
            return;
        }
        if relaxed > told {
            let count = relaxed - told;
            tracing::warn!(
                count,
                "emergency-relaxed: assertions were issued above a freeze level, as emergencies"
            );
        }
        self.guard().forget(self.now_ms());
        *tidied = (now, relaxed);
    }

    /// Counts again what the ledger tells of the longest window; `now` is the day's clock.
    ///
    /// Reads the newest [`ENTRIES_MAX`] entries at most and opens no identity: lookups are what is counted by. An entry that
    /// is told by a later time counts as of now. What a subject did before it was resumed does not count.
    ///
    /// # Errors
    /// [`StoreError`]: the ledger cannot be read.
    pub(super) fn refill(
        &self,
        reader: &Reader,
        applications: &Applications,
        convention: &Convention,
        suspensions: &Suspensions,
        now: Day,
    ) -> Result<(), StoreError> {
        let size = reader.edge().frontier.size();
        let first = size.saturating_sub(ENTRIES_MAX);
        let (mut guard, now_ms) = (self.guard(), self.now_ms());
        let window_ms = 2 * guard.window_max_ms();
        let (mut end, mut is_recent) = (size, true);
        while end > first && is_recent {
            let from = end.saturating_sub(BLOCK_LEN).max(first);
            reader.leaves(from..end, |index, leaf| {
                let entry = Entry::decode(leaf).map_err(|_| StoreError::Broken("an entry cannot be read"))?;
                let ago_ms = u64::try_from(now.ms_since(entry.time)).unwrap_or_default();
                is_recent = is_recent && (index > from || ago_ms < window_ms);
                let Event::Issued(issued) = &entry.event else { return Ok(()) };
                let application = applications.named(issued.setting.application.as_str());
                if let (Some(link), Some(application)) = (entry.link, application)
                    && ago_ms < window_ms
                {
                    let volume = Volume {
                        practitioner: link.practitioner,
                        application: application.uid,
                        patient: entry.event.patient().map(|patient| patient.lookup),
                        emergency: was_emergency(issued, convention),
                    };
                    guard.restore(volume, now_ms.saturating_sub(ago_ms), |subject| {
                        named(subject, applications).is_some_and(|who| suspensions.counts(&who, index))
                    });
                }
                Ok::<_, StoreError>(())
            })?;
            end = from;
        }
        if end > 0 && is_recent && end == first {
            tracing::warn!(entries = ENTRIES_MAX, "the volume guard counted the newest entries alone");
        }
        Ok(())
    }

    fn now_ms(&self) -> u64 {
        self.origin_ms + u64::try_from(self.began.elapsed().as_millis()).unwrap_or_default()
    }

    fn guard(&self) -> MutexGuard<'_, Guard> {
        // Nothing under this lock panics but for memory.
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an assertion of before a restart was urgent, as its trace and the convention of now tell.
fn was_emergency<P, S>(issued: &Issued<P, S>, convention: &Convention) -> bool {
    let service = |name: &str| word(name) == issued.setting.service;
    [Purpose::BrisDeGlace, Purpose::Centre15].iter().any(|purpose| word(purpose.code()) == issued.purpose)
        || convention.services.iter().any(|known| known.emergency && service(&known.name))
}
