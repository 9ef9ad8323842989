//! What a practitioner logs in with: paired means, each of which can be lost.

use serde::{Deserialize, Serialize};

use crate::vihf::method::Method;

/// Longest identifier in bytes: a serial number or an account, not a certificate.
const ID_LEN_MAX: usize = 64;

/// A paired authenticator, as the register writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticatorRecord {
    /// Method of annexe 2.
    pub method: String,
    /// What tells it from others of its method: a card's serial number, an account.
    pub id: String,
    /// Day of the pairing, `AAAA-MM-JJ`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired_on: Option<String>,
    /// Lost: it never serves again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

/// A paired authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authenticator {
    /// The method that it serves.
    pub method: Method,
    /// What tells it from others of its method.
    pub id: String,
    /// Lost: it never serves again.
    pub revoked: bool,
}

impl AuthenticatorRecord {
    /// Reads `METHODE IDENTIFIANT [AAAA-MM-JJ] [revoked]`, as a cell of a table has it; None: it is not of that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let revoked = words.last() == Some(&"revoked") && words.len() > 2;
        if revoked {
            words.pop();
        }
        let (method, id, paired_on) = match words.as_slice() {
            [method, id] => (method, id, None),
            [method, id, day] => (method, id, Some((*day).to_owned())),
            _ => return None,
        };
        Some(Self { method: (*method).to_owned(), id: (*id).to_owned(), paired_on, revoked })
    }

    /// As [`AuthenticatorRecord::parse`] reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut words = vec![self.method.as_str(), self.id.as_str()];
        words.extend(self.paired_on.as_deref());
        if self.revoked {
            words.push("revoked");
        }
        words.join(" ")
    }

    /// Whether its identifier has the form of one.
    #[must_use]
    pub(super) fn has_id(&self) -> bool {
        (1..=ID_LEN_MAX).contains(&self.id.len()) && self.id.chars().all(|c| c.is_ascii_graphic() && c != '|')
    }
}
