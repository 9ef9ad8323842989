//! The integration tests: the real programs on real parts, one module per promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod documents;
mod establishment_parts;
mod forge;
mod hostile;
mod issuance;
mod layout;
mod recovery;
mod seal_requirements;
mod signer;
mod supervision;
#[path = "../support/mod.rs"]
mod support;
mod threat_model;
mod units;
mod usage;
mod varlink_client;
