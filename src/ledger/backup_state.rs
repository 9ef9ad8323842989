//! How far a folder of backups has come: what the next segment goes on from. The folder's carrier holds it, and cannot make it.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Marks what the tag is for: no segment begins like this.
const DOMAIN: &[u8] = b"sceau-backup-state-v1\n";

/// After a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// The ledger's random name; empty in states of before it was kept.
    #[serde(default)]
    pub(super) ledger: String,
    pub(super) generation: u64,
    /// Of the segment.
    pub(super) number: u64,
    /// Of the segment, base64.
    pub(super) tag: String,
    /// Entries that the folder has.
    pub(super) entries: u64,
    /// Epoch of its data keys, and the last of their numbers.
    pub(super) epoch: u64,
    pub(super) keys: u64,
}

impl State {
    /// As text: JSON and a tag, both base64.
    pub(super) fn to_text(&self, key: &hmac::Key) -> Option<String> {
        let json = serde_json::to_vec(self).ok()?;
        let tag = hmac::sign(key, &[DOMAIN, &json].concat());
        Some(format!("{}.{}", STANDARD.encode(&json), STANDARD.encode(tag)))
    }

    /// From text; None: this ledger did not make it.
    pub(super) fn parse(text: &str, key: &hmac::Key) -> Option<Self> {
        let (json, tag) = text.split_once('.')?;
        let (json, tag) = (STANDARD.decode(json).ok()?, STANDARD.decode(tag).ok()?);
        hmac::verify(key, &[DOMAIN, &json].concat(), &tag).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_state_is_the_ledgers_own_or_none() {
        let key = |n| hmac::Key::new(hmac::HMAC_SHA256, &[n; 32]);
        let ledger = "0123456789abcdef".to_owned();
        let state = State { ledger, generation: 1, number: 2, tag: "t".to_owned(), entries: 3, epoch: 4, keys: 5 };
        let text = state.to_text(&key(1)).unwrap();
        assert_eq!(State::parse(&text, &key(1)), Some(state));
        assert_eq!(State::parse(&text, &key(2)), None);
        let further = text.replacen("ey", "ez", 1);
        assert_eq!(State::parse(&further, &key(1)), None);
        assert_eq!(State::parse("", &key(1)), None);
    }
}
