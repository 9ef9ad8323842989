//! The integration tests: the real programs on real parts, one module per promise.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod admin;
mod check;
mod checkpoints;
mod clients;
mod clock;
mod command_line;
mod convention;
mod counter;
mod cross;
mod documents;
mod door;
mod doorstep;
mod establishment_parts;
mod faults;
mod forge;
mod guard;
mod hostile;
mod introspection;
mod issuance;
mod keys;
mod layout;
mod ledger;
mod parsers;
mod privacy;
mod proofs;
mod recovery;
mod refusals;
mod registers;
mod relay;
mod replay;
mod rights;
mod seal_requirements;
mod sessions;
mod signer;
mod space;
mod static_verifier;
mod supervision;
#[path = "../support/mod.rs"]
mod support;
mod threat_model;
mod traces;
mod units;
mod usage;
mod varlink_client;
mod verification;
