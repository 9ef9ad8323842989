//! A TPM's counter from the side of the ledger: asked of `sceau-attestd`, the only program that speaks to the TPM.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::counter::{Counter, CounterError};
use crate::sys::call::{Reply, call};

/// Longest wait for an answer. Reason: a quote that is under way takes a TPM a second or two, and sceaud's own stop, which
/// raises the counter, is given fifteen.
const ANSWER_WAIT: Duration = Duration::from_secs(8);
/// Longest answer in bytes: a number, or a refusal.
const ANSWER_LEN_MAX: usize = 4096;

/// The counter behind `attest.sock`; trusts whoever listens there, whose folder is `sceau-attest`'s alone.
#[derive(Debug)]
pub struct AttestedCounter {
    socket: PathBuf,
}

impl AttestedCounter {
    /// The counter behind that socket; nothing is asked yet.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    fn ask(&self, method: &str) -> Result<u64, CounterError> {
        let Reply { error, parameters } = call(&self.socket, method, &json!({}), ANSWER_WAIT, ANSWER_LEN_MAX)?;
        match error {
            None => parameters.get("value").and_then(Value::as_u64).ok_or(CounterError::Unreadable),
            Some(error) => {
                let reason = parameters.get("reason").and_then(Value::as_str).unwrap_or(&error);
                Err(CounterError::Refused(reason.to_owned()))
            }
        }
    }
}

impl Counter for AttestedCounter {
    fn read(&mut self) -> Result<u64, CounterError> {
        self.ask("fr.sceau.Attest.Counter")
    }

    fn increment(&mut self) -> Result<u64, CounterError> {
        self.ask("fr.sceau.Attest.Increment")
    }
}
