//! What the TPM of an appliance attests, in the words of RFC 9334: bytes in, values out; no TPM library, no file, no clock.
//!
//! | module | duty |
//! |---|---|
//! | [`document`] | the one JSON document that the attester writes: evidence |
//! | [`binding`] | what a quote covers beside PCRs: its qualifying data |
//! | [`nonce`] | the verifier's 32 bytes that make evidence fresh |
//! | [`question`] | what an officer gives to have evidence made: nonce, and the ledger that he believed last |
//! | [`enrolment`] | the three documents by which an attestation key is proved to be of the TPM of an EK certificate |
//! | [`credential`] | TPM2_MakeCredential without a TPM |
//! | [`endorsement`] | the EK certificate: its authorities, its key |
//! | [`public`] | public areas of keys: names, attributes |
//! | [`attest`] | what a TPM signed, and its signature |
//! | [`event_log`] | the firmware's event log: read, replayed, Secure Boot |
//! | [`userspace_log`] | systemd's own measurements |
//! | [`mod@reference`] | values of PCRs that the image's makers publish |
//! | [`appraisal`] | evidence against what is known: every check by name, the verdict |
//! | [`baseline`] | what the last believed evidence showed |
//!
//! Only [`public`], [`attest`] and [`credential`] name the crate that parses TPM structures.
//!
//! `docs/format-preuve.md` has the schema, for readers in other languages.

pub mod appraisal;
pub mod attest;
pub mod baseline;
pub mod binding;
pub mod credential;
pub mod document;
pub mod endorsement;
pub mod enrolment;
pub mod event_log;
pub mod nonce;
pub mod public;
pub mod question;
pub mod reference;
pub mod userspace_log;
