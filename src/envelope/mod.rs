//! CMS envelopes (RFC 5652 §6): what leaves the appliance is readable by the chosen certificates' keys alone.
//!
//! | file | noun |
//! |---|---|
//! | `recipient` | a certificate that may read, and how its key receives the content key |
//! | `content` | the stream: header, encrypted chunks, end |
//!
//! `openssl cms -decrypt -binary -inform DER -in FILE -inkey KEY.pem -recip CERT.pem` opens it.
//!
//! # Why it is so
//! - **EnvelopedData with AES-256-CBC, not AuthEnvelopedData with GCM.** A backup has gigabytes: it is encrypted as it is
//!   made, in chunks (the library's GCM wants all of it at once, as do those who decrypt before they may believe a byte).
//!   A tag under a key that anybody may wrap for a public certificate proves no origin either: archives and backups prove
//!   themselves, every byte of them is verified once it is decrypted. Nobody decrypts on a stranger's demand: there is no
//!   oracle.
//! - **RSA by OAEP, not PKCS #1 v1.5.** Whoever decrypts the latter has to hide errors and time (RFC 8017 §7.2); OpenSSL
//!   1.0.2 and every HSM know OAEP with SHA-256.
//! - **P-256 by ephemeral-static ECDH** (RFC 5753 §3.1): SHA-256 as KDF and AES-256 key wrap, both in every OpenSSL.

mod content;
mod recipient;
#[cfg(test)]
mod tests;

pub use content::Envelope;
pub use recipient::{Recipient, RecipientError};

/// Most recipients of one envelope. Reason: an order names them, and an order is small; two persons and a safe are usual.
pub const RECIPIENTS_MAX: usize = 8;
