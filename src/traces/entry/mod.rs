//! One entry of the ledger, as its leaf has it: format 1 (docs/format-traces.md).
//!
//! What the daemon knows is a [`clear::Clear`]; sealed, it is an [`Entry`]; encoded, a leaf. A leaf has one encoding:
//! whatever [`Entry::decode`] accepts, [`Entry::encode`] gives back byte for byte.

pub mod clear;
pub mod event;
pub mod evidence;
mod fields;
pub mod identity;
pub mod key;
pub mod kind;
pub mod link;
pub mod outcome;
#[cfg(test)]
pub(crate) mod tests;
pub mod word;

use minicbor::decode::Decoder;
use minicbor::encode::Encoder;
use thiserror::Error;

use self::event::{ACTORS_MAX, Event};
pub use self::fields::SealedEvent;
use self::fields::{Facts, Fields, from_ms, to_ms};
use self::identity::{CIPHERTEXT_LEN_MAX, Ciphertext, Field, IdentityError, Place};
use self::key::DataKey;
use self::kind::{Chained, Kind};
pub use self::link::{Head, Link};
use super::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// The version that this code writes, and the only one that exists.
pub const VERSION: u64 = 1;

/// Longest leaf, in bytes.
///
/// Reason: one page of the database, and the bound of what a verifier reads at once; the longest entry of format 1 stays
/// below.
pub const LEAF_LEN_MAX: usize = 4096;

/// An entry as it is written: nothing in it is a person's in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its index, from 0 without gap.
    pub index: u64,
    /// When it was recorded; never earlier than its predecessor, unless [`event::Event::begins_time`].
    pub time: Instant,
    /// Boot generation: raised by each `start` entry.
    pub boot: u64,
    /// Its place in a practitioner's chain.
    pub link: Option<Link>,
    /// What happened.
    pub event: SealedEvent,
}

/// Why bytes are no entry, or an entry has no bytes.
#[derive(Debug, Error)]
pub enum EntryError {
    /// Another version: newer software wrote it.
    #[error("entry format {0} is unknown; this software reads format {VERSION}")]
    Version(u64),
    /// Longer than [`LEAF_LEN_MAX`].
    #[error("a leaf of {0} bytes is longer than {LEAF_LEN_MAX}")]
    TooLong(usize),
    /// Not the CBOR of an entry.
    #[error("the leaf is no CBOR of an entry")]
    Cbor(#[source] minicbor::decode::Error),
    /// Another encoding of the same entry, bytes after its end, or facts that are not its kind's.
    #[error("the leaf is not in the one encoding of its entry")]
    NotCanonical,
    /// Not a number of kind.rs.
    #[error("kind {0} is unknown")]
    Kind(u8),
    /// Not a number of outcome.rs.
    #[error("outcome {0} is unknown")]
    Outcome(u8),
    /// A fact that the kind needs.
    #[error("the entry lacks: {0}")]
    Missing(&'static str),
    /// A rule of the format that the facts break.
    #[error("the entry breaks the rule: {0}")]
    Rule(&'static str),
}

impl Entry {
    /// The leaf.
    ///
    /// # Errors
    /// [`EntryError::Rule`] and [`EntryError::TooLong`]: the caller built what no reader would accept.
    pub fn encode(&self) -> Result<Vec<u8>, EntryError> {
        let mut leaf = Vec::with_capacity(1024);
        self.encode_to(&mut leaf)?;
        Ok(leaf)
    }

    /// Appends the leaf to `out`; gives its length.
    ///
    /// # Errors
    /// As [`Entry::encode`]; `out` is as it was.
    pub fn encode_to(&self, out: &mut Vec<u8>) -> Result<usize, EntryError> {
        self.check()?;
        let begin = out.len();
        self.write(out);
        let len = out.len() - begin;
        if len > LEAF_LEN_MAX {
            out.truncate(begin);
            return Err(EntryError::TooLong(len));
        }
        Ok(len)
    }

    /// `[version, index, time, boot, kind, facts]` (RFC 8949 §4.2.1).
    fn write(&self, out: &mut Vec<u8>) {
        let mut e = Encoder::new(out);
        let facts = Facts::of(&self.event, self.link);
        // A vector takes every byte: the error type has no value.
        let _ = e
            .array(6)
            .and_then(|e| e.u64(VERSION))
            .and_then(|e| e.u64(self.index))
            .and_then(|e| e.u64(to_ms(self.time)))
            .and_then(|e| e.u64(self.boot))
            .and_then(|e| e.u8(self.event.kind().number()))
            .and_then(|e| e.encode(facts));
    }

    /// Reads a leaf, trusting nothing.
    ///
    /// After `Ok` the entry encodes to exactly these bytes.
    ///
    /// # Errors
    /// [`EntryError`]; the version is judged before anything that another version could change.
    pub fn decode(leaf: &[u8]) -> Result<Self, EntryError> {
        if leaf.len() > LEAF_LEN_MAX {
            return Err(EntryError::TooLong(leaf.len()));
        }
        let mut d = Decoder::new(leaf);
        let parts = d.array().map_err(EntryError::Cbor)?;
        let version = d.u64().map_err(EntryError::Cbor)?;
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        if parts != Some(6) {
            return Err(EntryError::NotCanonical);
        }
        let index = d.u64().map_err(EntryError::Cbor)?;
        let time = from_ms(d.u64().map_err(EntryError::Cbor)?);
        let boot = d.u64().map_err(EntryError::Cbor)?;
        let number = d.u8().map_err(EntryError::Cbor)?;
        let kind = Kind::from_number(number).ok_or(EntryError::Kind(number))?;
        let fields: Fields = d.decode().map_err(EntryError::Cbor)?;
        let entry = Self { index, time, boot, link: fields.link, event: fields.event(kind)? };
        entry.check()?;
        // One comparison stands for every rule of deterministic encoding: shortest integers, sorted keys, none twice,
        // none unknown, nothing after the end.
        let mut again = Vec::with_capacity(leaf.len());
        entry.write(&mut again);
        if again == leaf { Ok(entry) } else { Err(EntryError::NotCanonical) }
    }

    /// The rules that types do not hold.
    fn check(&self) -> Result<(), EntryError> {
        let rule = |holds: bool, name| if holds { Ok(()) } else { Err(EntryError::Rule(name)) };
        let named = self.event.practitioner().is_some();
        rule(self.link.is_none_or(|link| link.holds_at(self.index)), "a link points to an earlier entry")?;
        match self.event.kind().chained() {
            Chained::Always => rule(self.link.is_some(), "this kind has a link")?,
            Chained::Sometimes => {
                rule(self.link.is_some() == self.event.is_of_practitioner(), "who is named is linked")?;
            }
            Chained::Never => rule(self.link.is_none(), "this kind has no link")?,
        }
        let ciphertexts = self.event.practitioner().into_iter().chain(self.event.patient().map(|p| &p.identity));
        for ciphertext in ciphertexts {
            rule(ciphertext.bytes.len() <= CIPHERTEXT_LEN_MAX, "a ciphertext is short")?;
        }
        match &self.event {
            Event::Issued(issued) => rule(issued.session < self.index, "a session was opened before"),
            Event::SessionClosed(closed) => rule(closed.session < self.index, "a session was opened before"),
            Event::Outcome(outcome) => rule(outcome.of < self.index, "an outcome follows its entry"),
            Event::Refused(refused) => {
                rule(refused.count >= 1, "a refusal counts at least one request")?;
                rule(refused.count == 1 || !named, "requests counted together name nobody")?;
                rule(refused.since.is_some() == (refused.count > 1), "a count has its first instant")?;
                rule(refused.since.is_none_or(|since| since <= self.time), "a count begins before it ends")
            }
            Event::Order(order) => rule((1..=ACTORS_MAX).contains(&order.actors.len()), "an order has signers"),
            _ => Ok(()),
        }
    }

    /// Where this entry's identities belong.
    fn place(&self, field: Field, lookup: Digest) -> Place {
        Place { index: self.index, field, lookup }
    }

    /// The practitioner, if the entry holds one.
    ///
    /// # Errors
    /// As [`Ciphertext::open_practitioner`].
    pub fn practitioner(&self, key: &DataKey) -> Result<Option<PsIdNat>, IdentityError> {
        let Some((link, ciphertext)) = self.link.zip(self.event.practitioner()) else {
            return Ok(None);
        };
        let place = self.place(Field::Practitioner, link.practitioner);
        Ciphertext::open_practitioner(ciphertext, &place, key).map(Some)
    }

    /// The patient, if the entry holds one.
    ///
    /// # Errors
    /// As [`Ciphertext::open_patient`].
    pub fn patient(&self, key: &DataKey) -> Result<Option<Patient>, IdentityError> {
        let Some(patient) = self.event.patient() else {
            return Ok(None);
        };
        patient.identity.open_patient(&self.place(Field::Patient, patient.lookup), key).map(Some)
    }
}
