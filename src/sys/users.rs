//! Unix users by name.

use nix::unistd::User;

/// Number of the Unix user called `name`; a number stands for itself.
#[must_use]
pub fn uid(name: &str) -> Option<u32> {
    match name.parse() {
        Ok(number) => Some(number),
        Err(_) => User::from_name(name).ok().flatten().map(|user| user.uid.as_raw()),
    }
}
