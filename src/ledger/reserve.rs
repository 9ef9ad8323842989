//! Room kept for what must still be written when the disk is full: outcomes, closings, orders; never a new assertion.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sys::space;

/// Name of the file that holds the room.
const FILE: &str = "reserve";
/// Room that must be free, beyond the reserve itself, before it is made again, as a share of it: what was given back is not
/// taken away at once.
const MARGIN: u64 = 2;

/// What others may know of the room.
#[derive(Clone, Debug, Default)]
pub(super) struct Room {
    used: Arc<AtomicBool>,
    free: Arc<AtomicU64>,
}

impl Room {
    /// Whether the reserve is being used up: nothing new is to begin.
    pub(super) fn is_short(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }

    /// Bytes free on the ledger's disk when it was last looked at.
    pub(super) fn free(&self) -> u64 {
        self.free.load(Ordering::Acquire)
    }
}

/// The reserve of one ledger.
#[derive(Debug)]
pub(super) struct Reserve {
    folder: PathBuf,
    /// Bytes; 0: there is none.
    len: u64,
    room: Room,
}

impl Reserve {
    /// The reserve of `len` bytes in `folder`, made if there is room for it.
    pub(super) fn new(folder: &Path, len: u64) -> Self {
        let mut reserve = Self { folder: folder.to_owned(), len, room: Room::default() };
        if space::holds(&reserve.file(), len) {
            reserve.look();
        } else {
            reserve.make();
        }
        reserve
    }

    pub(super) fn room(&self) -> Room {
        self.room.clone()
    }

    /// Gives the room back to the disk; whether there was any.
    pub(super) fn release(&mut self) -> bool {
        if self.len == 0 || self.room.used.swap(true, Ordering::AcqRel) {
            return false;
        }
        tracing::error!(
            bytes = self.len,
            "the disk is full: nothing is issued; outcomes, closings and orders use the reserve from now on"
        );
        fs::remove_file(self.file()).is_ok()
    }

    /// Looks at the disk, and makes the reserve again once there is room.
    pub(super) fn look(&mut self) {
        let free = space::free(&self.folder).unwrap_or_default();
        self.room.free.store(free, Ordering::Release);
        if self.room.is_short() && free >= self.len.saturating_mul(MARGIN) {
            self.make();
        }
    }

    fn make(&mut self) {
        let was_short = self.room.is_short();
        let made = self.len == 0 || space::hold(&self.file(), self.len).is_ok();
        self.room.used.store(!made, Ordering::Release);
        self.room.free.store(space::free(&self.folder).unwrap_or_default(), Ordering::Release);
        match (was_short, made) {
            (true, true) => tracing::info!("the reserve of space is made again"),
            (false, false) => tracing::error!(
                bytes = self.len,
                folder = %self.folder.display(),
                "no room for the reserve of space: nothing is issued until there is"
            ),
            _ => {}
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_made_given_back_once_and_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(folder.path(), 1 << 20);
        let room = reserve.room();
        assert!(space::holds(&folder.path().join(FILE), 1 << 20) && !room.is_short() && room.free() > 0);
        assert!(reserve.release() && room.is_short() && !folder.path().join(FILE).exists());
        assert!(!reserve.release(), "there is but one");
        reserve.look();
        assert!(!room.is_short() && space::holds(&folder.path().join(FILE), 1 << 20));
    }

    #[test]
    fn one_that_has_no_room_lets_nothing_begin() {
        let folder = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(folder.path(), 1 << 62);
        assert!(reserve.room().is_short() && !reserve.release());
        reserve.look();
        assert!(reserve.room().is_short());
        assert!(!Reserve::new(folder.path(), 0).room().is_short(), "none is wanted");
    }
}
