//! The registers in the ledger: taken whole by a signed order, in force at once.

mod applications;
mod commands;
mod crash;
mod force;
mod import;
pub(crate) mod scene;
