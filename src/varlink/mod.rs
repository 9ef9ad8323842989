//! Varlink framing: JSON objects ended by NUL, calls, replies and errors (varlink.org, "Method Call" and "Method Reply").
//!
//! Pure: bytes to values and back. Both the door of `sceaud` and the command line speak through here.

pub mod base64;
pub mod call;
pub mod interface;
pub mod json;
pub mod members;
pub mod service;

/// Longest request frame in bytes without its NUL (contract): a request needs under 2 kB, a proof a few more.
pub const FRAME_LEN_MAX: usize = 64 * 1024;
/// The raw stream of `fr.sceau.Token` inside TLS, from companion to gate, as both name it in ALPN (RFC 7301).
pub const ALPN: &[u8] = b"sceau-varlink/1";
/// The interface of `admin.sock`, as served by `org.varlink.service`.
pub const ADMIN_INTERFACE: &str = include_str!("fr.sceau.Admin.varlink");
/// The interface of `attest.sock`.
pub const ATTEST_INTERFACE: &str = include_str!("fr.sceau.Attest.varlink");
/// The interface of `token.sock`, as served by `org.varlink.service`.
pub const TOKEN_INTERFACE: &str = include_str!("fr.sceau.Token.varlink");
/// What the gate alone asks on `token.sock`.
pub const GATE_INTERFACE: &str = include_str!("fr.sceau.Gate.varlink");
/// The interface of `relay-ledger.sock`.
pub const RELAY_INTERFACE: &str = include_str!("fr.sceau.Relay.varlink");
