//! The program `sceau-gate`: applications of other machines, by TLS with certificates that operators confirmed.
//!
//! | file | noun |
//! |---|---|
//! | `door` | a connection from its address to its protocol: begin here |
//! | `admission`, `clients` | what a client's certificate must be; whom `sceaud` admits, asked again and again |
//! | `pace` | how fast handshakes that come to nothing are begun |
//! | `tls`, `key` | the server's side of TLS, and its own key |
//! | `stream` | a varlink connection: frames bounded, else byte for byte |
//! | `web`, `api`, `body` | an HTTP connection: requests to frames and back |
//! | `passing` | a call to the relay, streamed |
//! | `enrolment` | a certificate is proposed |
//! | `upstream` | the connections to `sceaud`, each of one application |
//! | `openapi` | what the JSON side is, from the interface's own text |
//! | `counts` | refusals, told once a minute |
//!
//! # Invariants
//! - Nothing of a client is parsed before its certificate was proved, registered and valid; a client without one reaches the
//!   proposal alone, and that only while somebody is invited.
//! - A connection to `sceaud` is one application's for good: none is shared, none is kept for another client.
//! - Nothing is asked twice: what may have reached `sceaud` is answered, or told lost.
//! - No key of the establishment, no ledger, no other network than the connections that it was given.

mod admission;
mod api;
mod body;
mod clients;
mod counts;
mod door;
mod enrolment;
mod key;
mod openapi;
mod pace;
mod passing;
mod run;
mod stream;
mod tls;
mod upstream;
mod web;

pub use run::main;

// What reads the bytes of clients: public for whoever tries it with any bytes (tests/fuzz).
pub use admission::Shown;
pub use api::{Asked, framed};
pub use enrolment::Proposal;
pub use openapi::document;
pub use passing::destination;
pub use stream::is_reserved;

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::GateFile;
use crate::policy::fingerprint::Fingerprint;
use crate::sys::places::Places;

/// Everything that serves clients.
#[derive(Debug)]
struct Gate {
    config: GateFile,
    clients: clients::Clients,
    tls: tls::Tls,
    /// Connections of clients that have shown a certificate.
    connections: Arc<Places<Fingerprint>>,
    /// Connections that have shown none, of sources that no client came from.
    pending: Arc<Places<IpAddr>>,
    /// The same of sources that one came from.
    returning: Arc<Places<IpAddr>>,
    /// What they may cost.
    pace: pace::Pace,
    /// Calls at the relay.
    calls: Arc<Places<Fingerprint>>,
    proposals: enrolment::Budget,
    counts: counts::Counts,
}

/// Who is at the other end, proved by the handshake.
#[derive(Clone, Copy, Debug)]
struct Client {
    certificate: Fingerprint,
    address: IpAddr,
}
