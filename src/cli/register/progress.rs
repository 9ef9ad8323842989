//! A bar on the terminal, for whoever waits there.

use std::io::{self, IsTerminal as _, Write as _};

/// Width of the bar in characters.
const WIDTH: usize = 40;

/// One step of what is being done; silent where standard error is no terminal.
pub(super) struct Progress {
    step: &'static str,
    shown: Option<usize>,
    is_seen: bool,
}

impl Progress {
    /// A step of that name.
    pub(super) fn of(step: &'static str) -> Self {
        Self { step, shown: None, is_seen: io::stderr().is_terminal() }
    }

    /// So many of so many are done.
    pub(super) fn tell(&mut self, done: usize, total: usize) {
        let percent = (done * 100).checked_div(total).unwrap_or(100).min(100);
        if !self.is_seen || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        let full = percent * WIDTH / 100;
        let _ = write!(io::stderr(), "\r{:<12} [{:<WIDTH$}] {percent:>3} %", self.step, "#".repeat(full));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}
