//! The one integration binary: real parts at the door.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod signer;
