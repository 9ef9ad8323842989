//! A ledger is opened: what a crash left is repaired, what cannot be is told, and the start is on the disk.

use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};

use super::begun;
use super::copying::Copying;
use super::guards::Guards;
use super::handle::Ledger;
use super::lock::Lock;
use super::notes::Notes;
use super::reader::Reader;
use super::reserve::Reserve;
use super::restored::Restored;
use super::secrets::Secrets;
use super::startup::Startup;
use super::store::{Store, StoreError};
use super::thread::Thread;
use super::writer::Writer;
use crate::vihf::instant::Instant;

/// Name of the database in the ledger's folder.
pub(super) const FILE: &str = "ledger.sqlite";

impl Ledger {
    /// Opens the ledger in `folder`, makes it if there is none, and writes the entry of this start with what came into force
    /// since the last one; nonces are remembered for `window_ms`.
    ///
    /// After `Ok` the start is on the disk and no other process writes this ledger. What a crash left is repaired (a batch is
    /// there or not, views are made anew); what cannot be repaired is told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(
        folder: &Path,
        start: impl Into<Startup>,
        window_ms: u64,
        now: Instant,
    ) -> Result<(Self, Restored), StoreError> {
        Self::start(folder, start.into(), window_ms, Some(now), Guards::default())
    }

    /// The same under guards; the clock learns how new the newest entry is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_guarded(
        folder: &Path,
        start: impl Into<Startup>,
        window_ms: u64,
        guards: Guards,
    ) -> Result<(Self, Restored), StoreError> {
        Self::start(folder, start.into(), window_ms, None, guards)
    }

    fn start(
        folder: &Path,
        start: Startup,
        window_ms: u64,
        now: Option<Instant>,
        guards: Guards,
    ) -> Result<(Self, Restored), StoreError> {
        let lock = Lock::take(folder)?;
        let secrets = Secrets::open(folder)?;
        let file = folder.join(FILE);
        let was_begun = begun::is_marked(folder);
        // Judged before SQLite makes a new file in its place: nonces and traces would be gone, and nothing would tell.
        if was_begun && !file.exists() {
            return Err(StoreError::Broken("its database is gone"));
        }
        let store = Store::open(&file)?;
        let edge = store.edge()?.0;
        let is_empty = edge.frontier.size() == 0;
        if was_begun && is_empty {
            return Err(StoreError::Broken("its database is empty"));
        }
        // Before anything is forgotten by it: what a clock that is not believed calls over is not.
        if let Some(clock) = &guards.clock {
            clock.not_before((!is_empty).then_some(edge.time));
        }
        let now = now.unwrap_or_else(|| guards.now());
        let mut writer = Writer::new(store, secrets, window_ms, now)?;
        let restored = writer.restore(now)?;
        let instance = Mutex::new(writer.store.instance()?);
        writer.start(start, now)?;
        begun::mark(folder)?;
        // Beside the writer, as an officer would look at it.
        Reader::open(folder)?.recheck()?;
        let (jobs, queue) = mpsc::channel();
        let (size, health, notes) = (writer.size(), writer.health(), Arc::new(Notes::default()));
        let reserve = Reserve::new(folder, guards.reserve_len);
        let (room, intent) = (reserve.room(), Mutex::new(writer.intent()?));
        let thread = Thread::new(writer, Arc::clone(&notes), guards, reserve, Copying::new(file)?);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || thread.run(&queue))
            .map_err(StoreError::System)?;
        let ledger = Self {
            folder: folder.to_owned(),
            jobs: Some(jobs),
            notes,
            size,
            health,
            room,
            intent,
            instance,
            thread: Some(thread),
            _lock: lock,
        };
        Ok((ledger, restored))
    }
}
