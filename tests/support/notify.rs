//! A notification socket of our own: hears READY=1, WATCHDOG=1 and STATUS= of one program (sd_notify(3)).

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a program has said so far, over all its restarts.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Times READY=1 came.
    pub ready: u32,
    /// Times RELOADING=1 came, with the instant that systemd wants.
    pub reloading: u32,
    /// Times WATCHDOG=1 came.
    pub watchdog: u32,
    /// Last STATUS=.
    pub status: String,
    /// STOPPING=1 came.
    pub stopping: bool,
    /// The program ended for good (said by its supervisor, with the exit's description).
    pub ended: Option<String>,
}

/// The socket and the thread that reads it.
pub struct Notify {
    path: PathBuf,
    shared: Arc<(Mutex<Heard>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

/// Ends the reader; no program says it.
const END: &[u8] = b"X_TEST_END=1";

impl Notify {
    /// Binds `path`.
    pub fn bind(path: &Path) -> Notify {
        let _ = std::fs::remove_file(path);
        let socket = UnixDatagram::bind(path).unwrap();
        let shared = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let reader = std::thread::spawn(move || read(&socket, &theirs));
        Notify { path: path.into(), shared, reader: Some(reader) }
    }

    /// The value of NOTIFY_SOCKET.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was heard until now.
    pub fn heard(&self) -> Heard {
        self.shared.0.lock().unwrap().clone()
    }

    /// Waits until `enough`; what was heard then, or by the deadline as Err.
    pub fn wait(&self, within: Duration, enough: impl Fn(&Heard) -> bool) -> Result<Heard, Heard> {
        let deadline = Instant::now() + within;
        let mut heard = self.shared.0.lock().unwrap();
        while !enough(&heard) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(heard.clone());
            }
            heard = self.shared.1.wait_timeout(heard, left).unwrap().0;
        }
        Ok(heard.clone())
    }

    /// Writes down on the supervisor's behalf.
    pub(super) fn note(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.shared.0.lock().unwrap());
        self.shared.1.notify_all();
    }
}

impl Drop for Notify {
    fn drop(&mut self) {
        let ended = UnixDatagram::unbound().and_then(|socket| socket.send_to(END, &self.path));
        if let (Ok(_), Some(reader)) = (ended, self.reader.take()) {
            let _ = reader.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

fn read(socket: &UnixDatagram, shared: &(Mutex<Heard>, Condvar)) {
    let mut datagram = [0; 4096];
    while let Ok(len) = socket.recv(&mut datagram) {
        if &datagram[..len] == END {
            return;
        }
        let mut heard = shared.0.lock().unwrap();
        // One message holds both, or systemd takes it for none (sd_notify(3), RELOADING=1).
        let text = String::from_utf8_lossy(&datagram[..len]);
        let is_whole = text.contains("RELOADING=1") && text.contains("MONOTONIC_USEC=");
        heard.reloading += u32::from(is_whole);
        for line in text.lines() {
            match line.split_once('=') {
                Some(("READY", "1")) => heard.ready += 1,
                Some(("WATCHDOG", "1")) => heard.watchdog += 1,
                Some(("STOPPING", "1")) => heard.stopping = true,
                Some(("STATUS", text)) => heard.status = text.into(),
                _ => {}
            }
        }
        shared.1.notify_all();
    }
}
