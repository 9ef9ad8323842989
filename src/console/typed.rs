//! A provisioning that was typed at the console: handed to the visit in memory, taken once.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::error::ConsoleError;
use super::folder;
use super::place::Place;
use super::stick::read_file;
use crate::config::provisioning::PROVISIONING_LEN_MAX;
use crate::sys::durable;

/// Longest PIN in bytes, with a line end.
const PIN_LEN_MAX: u64 = 256;

/// What was typed.
#[derive(Debug)]
pub(super) struct Typed {
    /// `provisioning.toml`.
    pub(super) text: String,
    /// The PIN of a vendor's token.
    pub(super) pin: Option<Zeroizing<Vec<u8>>>,
}

impl Typed {
    /// Leaves it for the visit, which root's folder alone may hold.
    pub(super) fn leave(&self, place: &Place) -> Result<(), ConsoleError> {
        let (path, pin) = (place.typed(), place.typed_pin());
        folder::make(path.parent().unwrap_or(Path::new("/")), 0o700, None)?;
        if let Some(typed) = &self.pin {
            durable::replace(&pin, typed, 0o600).map_err(ConsoleError::file(&pin))?;
        }
        // Last: what has its text is whole.
        durable::replace(&path, self.text.as_bytes(), 0o600).map_err(ConsoleError::file(&path))
    }

    /// Takes it; None: nothing was typed.
    pub(super) fn take(place: &Place) -> Result<Option<Self>, ConsoleError> {
        let (path, pin) = (place.typed(), place.typed_pin());
        let max = u64::try_from(PROVISIONING_LEN_MAX).unwrap_or(u64::MAX);
        let Some(text) = read_file(&path, max).map_err(ConsoleError::file(&path))? else { return Ok(None) };
        let typed = read_file(&pin, PIN_LEN_MAX).map_err(ConsoleError::file(&pin))?.map(Zeroizing::new);
        fs::remove_file(&path).map_err(ConsoleError::file(&path))?;
        if typed.is_some() {
            durable::erase(&pin).map_err(ConsoleError::file(&pin))?;
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        Ok(Some(Self { text, pin: typed }))
    }
}
