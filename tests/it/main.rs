//! The integration tests: one module per promise.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod threat_model;
mod units;
