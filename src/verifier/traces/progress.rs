//! A bar on standard error, where a person looks at it.

use std::io::{self, IsTerminal as _, Write as _};

/// Characters of the bar.
const WIDTH: usize = 40;

/// The bar; silent where standard error is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    seen: bool,
    percent: Option<u64>,
}

impl Progress {
    /// A bar that shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { seen: io::stderr().is_terminal(), percent: None }
    }

    /// Shows `done` of `total`, whenever a percent is full.
    pub(crate) fn show(&mut self, done: u64, total: u64) {
        let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
        if self.seen && self.percent != Some(percent) {
            self.percent = Some(percent);
            let full = usize::try_from(percent).unwrap_or_default() * WIDTH / 100;
            // Who closed standard error sees no bar.
            let _ = write!(io::stderr(), "\r[{:<WIDTH$}] {percent:3} %", "=".repeat(full));
        }
    }

    /// Takes the bar away.
    pub(crate) fn end(&mut self) {
        if self.percent.take().is_some() {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = WIDTH + 8);
        }
    }
}
