//! The archive of an export: everything that the ledger has of some practitioners or one patient in a period, with what
//! proves it to whoever has the audit key and nothing else.
//!
//! | module | noun |
//! |---|---|
//! | [`request`] | whom, from when to when |
//! | [`source`] | what an archive is made from: the ledger at one checkpoint |
//! | [`choice`] | the entries that the request calls for |
//! | [`record`] | one line of `entries.jsonl`: leaf, proof, facts in readable names |
//! | [`table`] | `traces.csv`, the same for spreadsheets |
//! | [`manifest`] | what the archive says of itself |
//! | [`container`] | the ZIP file, written as a stream and read with one reading |
//! | [`make`] | from request and source to the file |
//!
//! `verify::archive` is the judge. `docs/format-traces.md` has the bytes.
//!
//! # Why it is so
//! - **A ZIP file**: Windows, where the auditor's spreadsheet is, opens it by a double click, and it can be written to a
//!   socket member by member without knowing lengths before (a TAR cannot, and Windows 10 does not show it as a folder).
//! - **Nothing is signed but the checkpoint.** The audit key signs checkpoints only; a second signed text would have to be
//!   believed instead of verified. Every byte follows from the checkpoint: leaves by their proofs, clear identities by
//!   the data keys that open the leaves' ciphertexts, and the readable facts, the table and the manifest because the judge
//!   makes them again and compares.
//! - **The data keys of the people shown are in the archive.** They open these people's ciphertexts alone, whose content
//!   the archive shows anyway: who holds it learns nothing more.
//! - **One inclusion proof a line**, and no common proof of all: an altered entry is named. Neighbours' proofs are nearly the
//!   same text, which the compression takes away.
//!
//! # What it does not prove
//! That the identity is the one that the lookup was computed from (the lookup key stays in the appliance): the ledger could
//! have led two chains for one person; so that nobody of this name has entries is the ledger's word. That AES-GCM under
//! another key would not open to another identity: who wrote the entry could have prepared that. That a patient has no
//! other entries: the map has practitioners only.

pub mod choice;
pub mod container;
pub mod make;
pub mod manifest;
pub mod record;
pub mod request;
pub mod source;
pub mod table;

/// Most entries of one archive. Reason: the choice and the judge keep some bytes for each; a hospital's busiest
/// practitioner has some tens of thousands a year.
pub const ENTRIES_MAX: u64 = 4_000_000;
/// Most people of one request. Reason: an order names them, and an order is small.
pub const PRACTITIONERS_MAX: usize = 256;

/// The members of the archive, in the order in which they are written.
pub mod member {
    /// One line an entry, the oldest first.
    pub const ENTRIES: &str = "entries.jsonl";
    /// The data keys of the people shown, one line each.
    pub const KEYS: &str = "keys.jsonl";
    /// What the map says of each practitioner asked for, and the consistency proof.
    pub const PROOFS: &str = "proofs.json";
    /// The acts, for spreadsheets.
    pub const TABLE: &str = "traces.csv";
    /// The C2SP checkpoint that every proof leads to.
    pub const CHECKPOINT: &str = "checkpoint.txt";
    /// The signed order that asked for the archive, if an order did.
    pub const ORDER: &str = "order.txt";
    /// What the archive says of itself; the last.
    pub const MANIFEST: &str = "manifest.json";
    /// All but the manifest.
    pub const COVERED: [&str; 6] = [ENTRIES, KEYS, PROOFS, TABLE, CHECKPOINT, ORDER];
}
