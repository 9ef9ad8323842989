//! The integration tests: the real programs on real parts, one module per promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod command_line;
mod door;
mod doorstep;
mod establishment_parts;
mod introspection;
mod layout;
mod replay;
mod rights;
mod sessions;
mod signer;
mod supervision;
#[path = "../support/mod.rs"]
mod support;
mod threat_model;
mod units;
mod varlink_client;
