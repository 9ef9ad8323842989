//! Lines that nobody waits for: they go with the next commit, and with the one after it if that fails.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::line::Line;

/// Most lines that wait. Reached by refusals alone, on a disk that refuses for hours: outcomes are as many as assertions, and
/// none is issued while nothing can be written.
const WAITING_MAX: usize = 1 << 16;

/// What waits, in its order.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<Line>>);

impl Notes {
    /// Adds a line; gives whether it is the first, so that the writer must be told.
    ///
    /// One beyond the limit is lost and told of: an assertion without disposition counts as expired.
    pub(super) fn add(&self, line: Line) -> bool {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX {
            tracing::error!(waiting = waiting.len(), "a line of the ledger that nobody waited for is lost");
            return false;
        }
        waiting.push(line);
        waiting.len() == 1
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.waiting().len()
    }

    /// Takes all.
    pub(super) fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.waiting())
    }

    /// Puts back lines that were not written, before those that came since.
    pub(super) fn give_back(&self, mut lines: Vec<Line>) {
        let mut waiting = self.waiting();
        lines.append(&mut waiting);
        *waiting = lines;
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Line>> {
        // Nothing under this lock panics but for memory.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
