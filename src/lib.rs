//! Sceau.
pub mod vihf;
