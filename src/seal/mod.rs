//! Sealing an assertion: what `sceaud` and the signer processes say to each other.

pub mod key;
pub mod wire;
