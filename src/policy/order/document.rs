//! The signed text of an order: strict JSON, whose exact bytes are what is signed.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::command::Command;
use super::verb::Verb;
use crate::policy::denial::Malformed;
use crate::traces::digest::Digest;
use crate::varlink::json;
use crate::vihf::instant::Instant;

/// Longest order in bytes: a bootstrap of five operators with RSA 8192 keys has under 8 kB.
pub const ORDER_LEN_MAX: usize = 16 * 1024;
/// Longest life of an order: two persons sign within a day, and a lost order is worth nothing the day after.
pub const LIFETIME_MAX_MS: i64 = 24 * 3_600_000;
/// How far ahead of our clock an order may be issued: the clock of the workstation that wrote it.
pub const ISSUED_AHEAD_MAX_MS: i64 = 5 * 60_000;
/// Length of an order's id in characters: long enough to be unique without asking, short enough to be read out.
const ID_LEN: std::ops::RangeInclusive<usize> = 16..=64;
/// Longest name of a ledger.
const LEDGER_LEN_MAX: usize = 128;

/// An order that was read. Nothing is known of its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which ledger's `sceaud` is to obey.
    pub ledger: String,
    /// Single use.
    pub id: String,
    /// From then on.
    pub issued: Instant,
    /// Until then.
    pub expires: Instant,
    /// What is ordered.
    pub command: Command,
    /// SHA-256 of the text: what traces name it by.
    pub digest: Digest,
    pub(super) text: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    sceau_order: u32,
    ledger: String,
    verb: String,
    id: String,
    issued_at: String,
    expires_at: String,
    arguments: Value,
}

impl Order {
    /// Reads the text of an order.
    ///
    /// After `Ok` every value is of its form; that two readers see one order is ensured by refusing repeated and unknown
    /// members at every depth.
    ///
    /// # Errors
    /// The member at fault, as a path below `order`, with cause and remedy.
    pub fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let wrong = |member: &str, message: &str| {
            let path = if member.is_empty() { "order".to_owned() } else { format!("order.{member}") };
            Malformed::new(&path, message)
        };
        if text.len() > ORDER_LEN_MAX {
            return Err(wrong("", "cet ordre est trop long (16 kio au plus)"));
        }
        json::parse(text).map_err(|error| {
            wrong(
                &error.path,
                "l'ordre n'est pas du JSON strict, ou un membre y est donné deux fois ; refaites-le",
            )
        })?;
        let form = "l'ordre n'a pas exactement les membres sceau_order, ledger, verb, id, issued_at, expires_at, arguments ; refaites-le avec sceau order new";
        let document: Document = match serde_json::from_slice(text) {
            Ok(document) if text.trim_ascii_start().starts_with(b"{") => document,
            _ => return Err(wrong("", form)),
        };
        if document.sceau_order != 1 {
            return Err(wrong("sceau_order", "cette version d'ordre est inconnue ; la version est 1"));
        }
        let is_word = |c: char| c.is_ascii_graphic();
        if !(1..=LEDGER_LEN_MAX).contains(&document.ledger.len()) || !document.ledger.chars().all(is_word) {
            return Err(wrong("ledger", "ce n'est pas le nom d'un journal ; sceau operators list le donne"));
        }
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if !ID_LEN.contains(&document.id.len()) || !document.id.chars().all(is_id) {
            return Err(wrong("id", "l'id d'un ordre a 16 à 64 caractères parmi A-Z a-z 0-9 - _"));
        }
        let instant = |name: &str, text: &str| {
            let message = "un instant s'écrit en UTC selon RFC 3339, par exemple 2026-01-15T09:30:00.000Z";
            Instant::parse(text).ok_or_else(|| wrong(name, message))
        };
        let verb = Verb::parse(&document.verb).ok_or_else(|| {
            let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.name()).collect();
            wrong("verb", &format!("ce verbe est inconnu ; choisissez parmi {}", known.join(", ")))
        })?;
        let arguments =
            "les arguments ne sont pas ceux de ce verbe : l'un manque, est de trop ou n'est pas du bon type";
        Ok(Self {
            issued: instant("issued_at", &document.issued_at)?,
            expires: instant("expires_at", &document.expires_at)?,
            command: Command::read(verb, document.arguments).ok_or_else(|| wrong("arguments", arguments))?,
            ledger: document.ledger,
            id: document.id,
            digest: Digest::of(&[text]),
            text: text.to_vec(),
        })
    }

    /// The text as it was signed.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Its verb.
    #[must_use]
    pub const fn verb(&self) -> Verb {
        self.command.verb()
    }

    /// SHA-256 of its id: what the memory of used ones holds.
    #[must_use]
    pub fn mark(&self) -> Digest {
        Digest::of(&[b"order", self.id.as_bytes()])
    }
}

/// The text of an order to be signed, on one line.
#[must_use]
pub fn text(
    ledger: &str,
    verb: Verb,
    id: &str,
    issued: Instant,
    expires: Instant,
    arguments: Map<String, Value>,
) -> String {
    json!({
        "sceau_order": 1,
        "ledger": ledger,
        "verb": verb.name(),
        "id": id,
        "issued_at": issued.to_string(),
        "expires_at": expires.to_string(),
        "arguments": arguments,
    })
    .to_string()
        + "\n"
}
