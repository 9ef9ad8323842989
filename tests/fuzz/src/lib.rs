//! What must hold for any input of a parser: one property per fuzz target, shared with the tests that replay the corpora.
//!
//! Each `holds` returns, or panics with what does not hold. Compiled twice: as the library of the fuzz targets and, by its
//! path, as a module of the integration tests, so that a plain `cargo test` replays every input that is kept.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, unreachable_pub)]

pub mod archive;
pub mod call;
pub mod certificate;
pub mod configuration;
pub mod event_log;
pub mod evidence;
pub mod gate;
pub mod pkcs11_uri;
pub mod request;
pub mod signed_info;
pub mod verifier;
