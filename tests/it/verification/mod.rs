//! The offline verifier against documents made to deceive it.

mod wrapping;
