//! The file of a register as it was read: what the ledger is told of it.

use crate::traces::digest::Digest;

/// The file of a register, as it was read.
#[derive(Clone, Copy, Debug)]
pub struct RegisterFile {
    /// What its changes are told under: its own name is that of the register in the ledger.
    pub name: &'static str,
    /// SHA-256 of its bytes.
    pub content: Digest,
    /// Whether it names people.
    pub names_people: bool,
}

impl RegisterFile {
    /// The file of applications.
    pub(super) const fn of_applications(content: Digest) -> Self {
        Self { name: "applications-file", content, names_people: false }
    }

    /// The file of practitioners.
    pub(super) const fn of_practitioners(content: Digest) -> Self {
        Self { name: "practitioners-file", content, names_people: true }
    }
}
