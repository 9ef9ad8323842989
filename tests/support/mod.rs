//! The test establishment: real parts laid out in a folder, shared by the integration tests and the demonstration.
//!
//! | file | noun |
//! |---|---|
//! | `pki` | certificates shaped like IGC-Santé's, right ones and spoilt ones |
//! | `softhsm` | tokens whose keys were generated inside, and tokens that a signer must refuse |
//! | `key_bank` | tokens made once per process, because an RSA key costs seconds |
//! | `practitioners` | professionals and patients of the registers |
//! | `establishment` | a complete configuration in a folder |
//! | `daemons` | the real programs, supervised as systemd would |
//! | `notify` | readiness of a program (`NOTIFY_SOCKET`) |
//! | `varlink` | a blocking client of the sockets |
//! | `collection` | every assertion made, kept for the outside verifiers |
//! | `skip` | what a run could not do, counted |

// Each of the two programs that include this tree uses a part of it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod collection;
pub mod daemons;
pub mod establishment;
pub mod key_bank;
pub mod notify;
pub mod pki;
pub mod practitioners;
pub mod skip;
pub mod softhsm;
pub mod varlink;
