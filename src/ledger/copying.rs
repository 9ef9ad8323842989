//! SQLite's log copied into the database aside from the way of a token: by a thread and a connection of its own.
//!
//! A commit that copied megabytes would have everybody behind it wait for two more syncs, and the longer the larger the
//! database. What is copied here was durable before: a crash, or an error of the disk, costs nothing but the copying again.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::store::{StoreError, copy_log};

/// The thread that copies, for one ledger; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Copying {
    /// None once it is to end.
    wake: Option<SyncSender<()>>,
    copied: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Copying {
    /// A thread for the database at `path`, which copies nothing before it is woken.
    ///
    /// # Errors
    /// [`StoreError::System`]: no thread.
    pub(super) fn new(path: PathBuf) -> Result<Self, StoreError> {
        // One place: who wakes it twice while it copies wakes it once more.
        let (wake, woken) = sync_channel(1);
        let copied = Arc::new(AtomicBool::new(false));
        let tells = Arc::clone(&copied);
        let thread = std::thread::Builder::new()
            .name("ledger-copy".to_owned())
            .spawn(move || run(&path, &woken, &tells))
            .map_err(StoreError::System)?;
        Ok(Self { wake: Some(wake), copied, thread: Some(thread) })
    }

    /// Has the log copied as far as it reaches now; waits for nothing.
    pub(super) fn wake(&self) {
        // Full: it will look again anyway. A thread that is gone leaves the log to SQLite's own limit.
        let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
    }

    /// Whether the log was copied since this was asked last: what is left of it are the commits of that time.
    pub(super) fn has_copied(&self) -> bool {
        self.copied.swap(false, Ordering::AcqRel)
    }
}

impl Drop for Copying {
    fn drop(&mut self) {
        drop(self.wake.take());
        // A thread that panicked has nothing that is missed.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(path: &Path, woken: &Receiver<()>, copied: &AtomicBool) {
    let (mut connection, mut is_well) = (None, true);
    while woken.recv().is_ok() {
        let result = match &connection {
            Some(connection) => copy_log(connection),
            None => open(path).and_then(|opened| copy_log(connection.insert(opened))),
        };
        if result.is_ok() {
            copied.store(true, Ordering::Release);
        } else {
            // A file that said no once is opened anew: what was cached of it is not believed.
            connection = None;
        }
        match (&result, is_well) {
            (Err(error), true) => {
                tracing::error!(%error, "the ledger's log was not copied; it grows, nothing is lost")
            }
            (Ok(()), false) => tracing::info!("the ledger's log is copied again"),
            _ => {}
        }
        is_well = result.is_ok();
    }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    // Makes nothing: the writer has made it.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // As the writer's: the database is synced before the log is begun anew.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Never by itself: whenever it is woken.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::time::{Duration, Instant};

    use super::*;
    use crate::ledger::store::Store;

    /// Pages in the log, and how many of them are copied.
    fn log(connection: &Connection) -> (i64, i64) {
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| Ok((row.get(1)?, row.get(2)?))).unwrap()
    }

    fn write(store: &Store, rows: i64) {
        for _ in 0..rows {
            store.connection.execute("INSERT INTO entries (leaf) VALUES (zeroblob(2000))", []).unwrap();
        }
    }

    fn wait(copying: &Copying) {
        let until = Instant::now() + Duration::from_secs(60);
        while !copying.has_copied() {
            assert!(Instant::now() < until, "it was not copied");
            std::thread::yield_now();
        }
    }

    #[test]
    fn the_log_is_begun_anew_once_another_thread_and_then_the_writer_have_copied_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let store = Store::open(&path).unwrap();
        let copying = Copying::new(path).unwrap();
        write(&store, 200);
        copying.wake();
        wait(&copying);
        assert!(!copying.has_copied(), "told once");
        write(&store, 3);
        copy_log(&store.connection).unwrap();
        write(&store, 1);
        let (pages, copied) = log(&store.connection);
        assert!(pages < 10 && copied == pages, "{pages} {copied}");
    }

    #[test]
    fn what_a_reader_holds_is_copied_later_and_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let store = Store::open(&path).unwrap();
        let copying = Copying::new(path.clone()).unwrap();
        let reader = Store::snapshot(&path).unwrap();
        reader.edge().unwrap();
        write(&store, 50);
        copying.wake();
        wait(&copying);
        let (pages, copied) = log(&store.connection);
        assert!(pages >= 50 && copied < pages, "{pages} {copied}");
        drop(reader);
        copying.wake();
        wait(&copying);
        let (pages, copied) = log(&store.connection);
        assert_eq!(copied, pages);
    }

    #[test]
    fn a_database_that_is_gone_ends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let copying = Copying::new(folder.path().join("ledger.sqlite")).unwrap();
        copying.wake();
        let path = folder.path().join("ledger.sqlite");
        let store = Store::open(&path).unwrap();
        write(&store, 5);
        copying.wake();
        wait(&copying);
        assert_eq!(log(&store.connection).0, log(&store.connection).1);
    }
}
