//! What the process asks of the kernel for itself: no dumps of secrets, and signals taken by one thread.

use std::io;

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigSet, Signal};

/// No core dump and no reading of our memory by processes of the same user (prctl(2), PR_SET_DUMPABLE).
///
/// # Errors
/// What the kernel said; secrets must not be loaded then.
pub fn keep_memory_private() -> io::Result<()> {
    prctl::set_dumpable(false)?;
    Ok(setrlimit(Resource::RLIMIT_CORE, 0, 0)?)
}

/// SIGTERM and SIGINT, held back from every thread until one waits for them.
#[derive(Debug)]
pub struct Termination(SigSet);

impl Termination {
    /// Holds the signals back in this thread and in those it starts: call it before the first.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn hold() -> io::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGINT);
        signals.thread_block()?;
        Ok(Self(signals))
    }

    /// Waits for one of them.
    ///
    /// # Errors
    /// What the kernel said.
    pub fn wait(&self) -> io::Result<()> {
        self.0.wait()?;
        Ok(())
    }
}
