//! The outside verifiers: every assertion that the other tests made, judged by tools that we did not write.
//!
//! The other tests leave their assertions in `target/assertions/`; each verifier takes the whole collection in one
//! batch and must verify as many documents as it was given. Each has its negative twins: the same code, given one
//! good and one spoiled copy, must refuse exactly the spoiled one. `README.md` beside this file names the tools.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod canonical;
mod checkpoint;
mod collection;
mod counts;
mod coverage;
mod jdk;
mod schema;
mod signxml;
mod twin;
mod venv;
mod xmlsec1;
