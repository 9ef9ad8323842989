//! Rogue cases: each is refused, by the check that it is named after and by nothing that would hide it.

mod documents;
mod keys;
mod machines;
mod statements;
mod stories;
