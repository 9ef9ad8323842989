//! Waiting for what must come: looked at again and again until a deadline, which is a failure.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::daemon::Daemon;

/// Whatever is waited for must come by then, on a busy machine too.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Tries until it gives something.
pub fn eventually<T>(what: &str, attempt: impl FnMut() -> Option<T>) -> T {
    within(DEADLINE, attempt).unwrap_or_else(|| panic!("not in time: {what}"))
}

/// Tries until it gives something or the deadline has passed: for what is slower than a program, a machine.
pub fn within<T>(deadline: Duration, attempt: impl FnMut() -> Option<T>) -> Option<T> {
    watched(LOOK_EVERY, deadline, attempt)
}

/// The same with a pause of the caller's between two looks, where looking itself costs.
pub fn watched<T>(every: Duration, deadline: Duration, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let value = attempt();
        if value.is_some() || began.elapsed() >= deadline {
            return value;
        }
        std::thread::park_timeout(every);
    }
}

/// Waits until it holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    eventually(what, || holds().then_some(()));
}

/// SIGSTOP, and back once every thread stands still: the signal alone lets a request that is on its way be answered.
pub fn freeze(daemon: &Daemon) {
    daemon.signal(Signal::SIGSTOP);
    let tasks = format!("/proc/{}/task", daemon.pid());
    let stands_still = |task: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The state follows the name in parentheses (proc(5)); a thread that is gone says nothing.
        stat.is_empty() || stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    };
    until("every thread stands still", || {
        std::fs::read_dir(&tasks).unwrap().all(|task| stands_still(task.unwrap()))
    });
}

/// Sets the flag when it is dropped: threads that look at it end, and a panic beside them is seen.
pub struct StopOnDrop<'f>(pub &'f AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
