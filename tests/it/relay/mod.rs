//! The promise of the relay: one assertion for one call, over mutual TLS whose key never leaves its token.
//!
//! | file | noun |
//! |---|---|
//! | `rig`, `dmp` | an establishment with a relay; a real nginx with a SOAP peer that verifies by xmlsec1 |
//! | `calls` | right calls, sealed and carried |
//! | `keys`, `tpm` | what each key signs; a key that lives in a TPM |
//! | `outside`, `bridge` | SOAP stacks that we did not write: Python zeep, and the JDK's over a loopback bridge |
//! | `servers` | servers that must not be believed, or that misbehave |
//! | `clients` | applications that misbehave |
//! | `faults` | what is lost or kept between an issued assertion and its call |
//! | `from_elsewhere` | a SOAP stack on another machine, through companion and gate |
//! | `hidden` | patients and envelopes hidden from one reader and shown to another |
//! | `lists` | revocation lists that the relay fetches itself |
//! | `reload` | certificates that change under load |
//! | `web_ps` | the stand-in for TD0.10, in a real browser |

mod bridge;
mod calls;
mod clients;
mod dmp;
mod faults;
mod from_elsewhere;
mod hidden;
pub(crate) mod keys;
mod lists;
mod outside;
mod reload;
mod rig;
mod servers;
mod through_gate;
mod tpm;
mod web_ps;
