//! The promise of the relay: one assertion for one call, over mutual TLS whose key never leaves its token.
//!
//! | file | noun |
//! |---|---|
//! | `rig`, `dmp` | an establishment with a relay; a real nginx with a SOAP peer that verifies by xmlsec1 |
//! | `calls` | right calls, sealed and carried |
//! | `keys` | what each key signs |
//! | `outside` | a SOAP stack that we did not write: Python zeep |
//! | `servers` | servers that must not be believed, or that misbehave |
//! | `clients` | applications that misbehave |
//! | `faults` | what is lost or kept between an issued assertion and its call |

mod calls;
mod clients;
mod dmp;
mod faults;
mod keys;
mod outside;
mod rig;
mod servers;
