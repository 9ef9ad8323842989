//! The integration tests: one module per promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod signer;
mod threat_model;
mod units;
