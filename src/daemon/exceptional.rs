//! Assertions beyond normal access (bris de glace, centre 15): counted and told, for somebody to look at each.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Daemon;
use super::status::document::ExceptionalStatus;
use crate::policy::load::Load;
use crate::vihf::codes::Purpose;

/// How often an application's are told in the log at most; the first at once.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// What was issued since the start, by application (Unix user) and purpose.
#[derive(Debug, Default)]
pub(super) struct Exceptional(Mutex<BTreeMap<(u32, &'static str), Counted>>);

#[derive(Debug, Default)]
struct Counted {
    issued: u64,
    told: u64,
    told_at: Option<Instant>,
}

impl Exceptional {
    /// One assertion was recorded.
    pub(super) fn issued(&self, uid: u32, purpose: Purpose) {
        if Load::from(purpose) == Load::Emergency {
            self.all().entry((uid, purpose.code())).or_default().issued += 1;
        }
    }

    /// By purpose, those that there were.
    pub(super) fn status(&self) -> Vec<ExceptionalStatus> {
        let mut by_purpose: BTreeMap<&'static str, u64> = BTreeMap::new();
        for ((_, purpose), counted) in self.all().iter() {
            *by_purpose.entry(purpose).or_default() += counted.issued;
        }
        by_purpose.into_iter().map(|(purpose, count)| ExceptionalStatus { purpose, count }).collect()
    }

    /// Marks them in the log.
    pub(super) fn tell(&self) {
        let now = Instant::now();
        for ((uid, purpose), counted) in self.all().iter_mut() {
            let is_due = counted.told_at.is_none_or(|at| now.duration_since(at) >= TELL_EVERY);
            if counted.issued > counted.told && is_due {
                let count = counted.issued - counted.told;
                tracing::warn!(
                    uid,
                    purpose,
                    count,
                    "exceptional-access: assertions were issued beyond normal access; look at their traces"
                );
                (counted.told, counted.told_at) = (counted.issued, Some(now));
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<(u32, &'static str), Counted>> {
        // Nothing under this lock panics but for memory.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Daemon {
    /// What goes on between requests.
    pub(super) fn watch_exceptional(&self) {
        self.exceptional.tell();
    }
}
