//! The facts of a sealed entry as the CBOR map of its leaf: one key for each fact, the same in every kind.

mod read;
mod write;

use minicbor::{Decode, Encode};

use super::event::Event;
use super::evidence::Evidence;
use super::identity::{Ciphertext, SealedPatient};
use super::link::Link;
use super::word::Word;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// The event of a sealed entry.
pub type SealedEvent = Event<Ciphertext, SealedPatient>;

/// The map, read. Keys are frozen: a new fact takes a new key and, if a reader must know it, a new version.
#[derive(Debug, Default, Decode)]
#[cbor(map)]
pub(super) struct Fields {
    #[n(1)]
    application: Option<Word>,
    #[n(2)]
    pub(super) link: Option<Link>,
    #[n(3)]
    practitioner: Option<Ciphertext>,
    #[n(4)]
    service: Option<Word>,
    #[n(5)]
    structure: Option<Word>,
    #[n(6)]
    channel: Option<Word>,
    #[n(7)]
    profile: Option<Word>,
    #[n(8)]
    method: Option<Word>,
    #[n(9)]
    evidence: Option<Evidence>,
    #[n(10)]
    login_ms: Option<u64>,
    #[n(11)]
    initial_login_ms: Option<u64>,
    #[n(12)]
    session: Option<u64>,
    #[n(13)]
    nonce: Option<Digest>,
    #[n(14)]
    transaction: Option<Word>,
    #[n(15)]
    purpose: Option<Word>,
    #[n(16)]
    patient: Option<SealedPatient>,
    #[n(17)]
    assertion_id: Option<Word>,
    #[n(18)]
    assertion: Option<Digest>,
    #[n(19)]
    certificate: Option<Digest>,
    #[n(20)]
    expires_ms: Option<u64>,
    #[n(21)]
    configuration: Option<Digest>,
    #[n(22)]
    convention: Option<Digest>,
    #[n(23)]
    reason: Option<Word>,
    #[n(24)]
    count: Option<u64>,
    #[n(25)]
    since_ms: Option<u64>,
    #[n(26)]
    verb: Option<Word>,
    #[n(27)]
    actors: Option<Vec<Word>>,
    #[n(28)]
    order: Option<Digest>,
    #[n(29)]
    register: Option<Word>,
    #[n(30)]
    content: Option<Digest>,
    #[n(31)]
    software: Option<Word>,
    #[n(32)]
    of: Option<u64>,
    #[n(33)]
    outcome: Option<u8>,
    /// Present only when true: absence has one form.
    #[n(34)]
    invisible_to_guardians: Option<bool>,
    #[n(35)]
    subject: Option<Word>,
    #[n(36)]
    measure: Option<Word>,
    /// Present only where the sealing key is in no token: absence has one form.
    #[n(37)]
    keyring: Option<Word>,
}

/// The map, to be written: the same keys as [`Fields`], nothing copied.
#[derive(Debug, Default, Encode)]
#[cbor(map)]
pub(super) struct Facts<'e> {
    #[n(1)]
    application: Option<&'e Word>,
    #[n(2)]
    link: Option<Link>,
    #[n(3)]
    practitioner: Option<&'e Ciphertext>,
    #[n(4)]
    service: Option<&'e Word>,
    #[n(5)]
    structure: Option<&'e Word>,
    #[n(6)]
    channel: Option<&'e Word>,
    #[n(7)]
    profile: Option<&'e Word>,
    #[n(8)]
    method: Option<&'e Word>,
    #[n(9)]
    evidence: Option<Evidence>,
    #[n(10)]
    login_ms: Option<u64>,
    #[n(11)]
    initial_login_ms: Option<u64>,
    #[n(12)]
    session: Option<u64>,
    #[n(13)]
    nonce: Option<Digest>,
    #[n(14)]
    transaction: Option<&'e Word>,
    #[n(15)]
    purpose: Option<&'e Word>,
    #[n(16)]
    patient: Option<&'e SealedPatient>,
    #[n(17)]
    assertion_id: Option<&'e Word>,
    #[n(18)]
    assertion: Option<Digest>,
    #[n(19)]
    certificate: Option<Digest>,
    #[n(20)]
    expires_ms: Option<u64>,
    #[n(21)]
    configuration: Option<Digest>,
    #[n(22)]
    convention: Option<Digest>,
    #[n(23)]
    reason: Option<&'e Word>,
    #[n(24)]
    count: Option<u64>,
    #[n(25)]
    since_ms: Option<u64>,
    #[n(26)]
    verb: Option<&'e Word>,
    #[n(27)]
    actors: Option<&'e [Word]>,
    #[n(28)]
    order: Option<Digest>,
    #[n(29)]
    register: Option<&'e Word>,
    #[n(30)]
    content: Option<Digest>,
    #[n(31)]
    software: Option<&'e Word>,
    #[n(32)]
    of: Option<u64>,
    #[n(33)]
    outcome: Option<u8>,
    #[n(34)]
    invisible_to_guardians: Option<bool>,
    #[n(35)]
    subject: Option<&'e Word>,
    #[n(36)]
    measure: Option<&'e Word>,
    #[n(37)]
    keyring: Option<&'e Word>,
}

/// Milliseconds as a leaf has them; an instant is never before 1970.
pub(super) fn to_ms(at: Instant) -> u64 {
    u64::try_from(at.ms()).unwrap_or_default()
}

/// The instant of a leaf's milliseconds. One outside the years of an [`Instant`] is held within them, and then the leaf is
/// not what its entry encodes to.
pub(super) fn from_ms(ms: u64) -> Instant {
    Instant::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
}
