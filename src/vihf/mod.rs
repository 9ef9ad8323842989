//! The VIHF: typed facts to sealed bytes.

pub mod codes;
pub mod identity;
pub mod text;
