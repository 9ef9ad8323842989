//! A terminal's echo, taken away while a secret is typed.

use std::os::fd::{AsFd, OwnedFd};

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Nothing that is typed is shown as long as this lives; what is no terminal stays as it is.
#[derive(Debug)]
pub struct Hidden {
    before: Option<(OwnedFd, Termios)>,
}

impl Hidden {
    /// Takes the echo away.
    #[must_use]
    pub fn on(terminal: &impl AsFd) -> Self {
        let hide = || {
            let before = tcgetattr(terminal).ok()?;
            let mut quiet = before.clone();
            quiet.local_flags.remove(LocalFlags::ECHO);
            let own = terminal.as_fd().try_clone_to_owned().ok()?;
            tcsetattr(terminal, SetArg::TCSAFLUSH, &quiet).ok()?;
            Some((own, before))
        };
        Self { before: hide() }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some((terminal, before)) = &self.before {
            let _ = tcsetattr(terminal, SetArg::TCSAFLUSH, before);
        }
    }
}
