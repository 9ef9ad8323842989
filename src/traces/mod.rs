//! The ledger's formats and arithmetic: values in, values out; no file, no clock, no database.
//!
//! | module | duty |
//! |---|---|
//! | [`entry`] | one entry: from what the daemon knows ([`entry::clear::Clear`]) to its leaf's bytes, and back |
//! | [`merkle`] | the tree over the leaves (RFC 9162): append, prove, verify |
//! | [`map`] | the Merkle map practitioner → newest entry and count |
//! | [`chain`] | a practitioner's entries are all there, at the tail too |
//! | [`note`] | texts signed by the audit key (C2SP signed-note) |
//! | [`audit`] | the key that signs them, and its names |
//! | [`checkpoint`] | size and both roots, signed (C2SP tlog-checkpoint) |
//! | [`restoration`] | the entry by which a restored ledger declares its generation |
//! | [`receipt`] | one entry's proof in one text (C2SP tlog-proof) |
//! | [`archive`] | the file of an export: entries, clear identities, proofs, a table for spreadsheets |
//! | [`verify`] | the officer's judgement: everything amiss, by name |
//! | [`usage`], [`reconcile`] | how many DMPs each service consulted; our assertions against those the national side saw |
//! | [`digest`] | 32 bytes of SHA-256 |
//!
//! `docs/format-traces.md` has the bytes, for readers in other languages.
//!
//! # From an event to a checkpoint
//! ```text
//! Clear ── seal(index, Link::after(head), data keys) ──► Entry ── encode ──► leaf bytes
//!                                                                              │ merkle::leaf_hash
//!   heads, gathered ── map::update ──► map root ─┐      Frontier::append ◄─────┘──► nodes to store
//!                                                ├──► Checkpoint ── sign (audit key) ──► note
//!                           Frontier::root ──────┘
//! ```
//! The writer assigns the index, so it seals: both ciphertexts are bound to their entry. Map and checkpoint are not on the
//! way of a token.
//!
//! # Why it is so
//! - **A leaf covers ciphertexts and keyed hashes, never people.** Destroying a data key destroys what it encrypts,
//!   wherever copies of the leaf are, and no hash changes.
//! - **An entry has one encoding.** Decoding ends by encoding again and comparing, so that no rule of deterministic
//!   CBOR needs code of its own.
//! - **Recorded is not released.** `issued` is written before the seal; an `outcome` says later what became of it.
//! - **A tree shows what is there, not that nothing is missing.** Entries of one practitioner are numbered and linked
//!   backwards, outcomes among them; the map, under the same signature as the tree, has the last number.
//! - **Codes are text.** Nomenclatures change; the ledger is read ten years later.

pub mod archive;
pub mod audit;
pub mod chain;
pub mod checkpoint;
pub mod digest;
pub mod entry;
pub mod map;
pub mod merkle;
pub mod note;
pub mod receipt;
pub mod reconcile;
pub mod restoration;
pub mod usage;
pub mod verify;
