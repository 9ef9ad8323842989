//! The test establishment: real parts laid out in a folder, shared by the integration tests and the demonstration.
//!
//! | file | noun |
//! |---|---|
//! | `plan` | what an establishment shall be: begin here |
//! | `establishment` | what was laid out in a folder |
//! | `configuration`, `practitioners` | `sceau.toml` and the registers |
//! | `convention` | the convention of production, signed by approvers |
//! | `crowd` | tables of practitioners to import |
//! | `seal` | a key, its PIN and its certificate |
//! | `audit` | the audit key and its public half |
//! | `pki`, `certificate`, `der` | certificates shaped like IGC-Santé's, right ones and spoilt ones |
//! | `softhsm`, `key_kind`, `not_sensitive` | tokens with keys made inside, and keys that a signer must refuse |
//! | `sealed` | keys without a token, made by the product |
//! | `swtpm`, `tpm_maker`, `resource_manager` | a software TPM, manufactured or bare, and a resource manager over it |
//! | `tpm_token` | PKCS#11 tokens whose keys are wholly in a TPM |
//! | `key_bank` | tokens made once per process, because an RSA key costs seconds |
//! | `chaos` | signers killed and stopped under load, and a book of every answer |
//! | `program`, `daemon`, `daemons`, `notify` | the real programs, supervised as systemd would |
//! | `companion` | `sceau-connect` on an application server |
//! | `varlink` | a blocking client of the sockets |
//! | `ledger` | the ledger's file, read beside the daemon |
//! | `outside` | checkpoints and receipts, judged by code that is not ours |
//! | `collection` | every assertion made, kept for the outside verifiers |
//! | `wait` | waiting until something holds, with a deadline |
//! | `skip` | what a run could not do, counted |

// Each of the two programs that include this tree uses a part of it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod audit;
pub mod certificate;
pub mod chaos;
pub mod collection;
pub mod companion;
pub mod configuration;
pub mod convention;
pub mod crowd;
pub mod daemon;
pub mod daemons;
pub mod der;
pub mod establishment;
pub mod key_bank;
pub mod key_kind;
pub mod ledger;
pub mod not_sensitive;
pub mod notify;
pub mod outside;
pub mod pki;
pub mod plan;
pub mod practitioners;
pub mod program;
pub mod resource_manager;
pub mod seal;
pub mod sealed;
pub mod skip;
pub mod softhsm;
pub mod swtpm;
pub mod tpm_maker;
pub mod tpm_token;
pub mod varlink;
pub mod wait;
