//! What the TPM of an appliance attests, in the words of RFC 9334: bytes in, values out; no TPM library, no file, no clock.
//!
//! | module | duty |
//! |---|---|
//! | [`document`] | the one JSON document that the attester writes: evidence |
//! | [`binding`] | what a quote covers beside PCRs: its qualifying data |
//! | [`nonce`] | the verifier's 32 bytes that make evidence fresh |
//! | [`enrolment`] | the three documents by which an attestation key is proved to be of the TPM of an EK certificate |
//!
//! `docs/format-preuve.md` has the schema, for readers in other languages.

pub mod binding;
pub mod document;
pub mod enrolment;
pub mod nonce;
