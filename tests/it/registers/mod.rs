//! The register of practitioners in the ledger: taken whole by a signed order, in force at once.

mod commands;
mod crash;
mod force;
mod import;
mod scene;
