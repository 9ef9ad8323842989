//! Limits of the door, each with a unit and a reason; all may be set under `[limits]`.

use serde::Deserialize;

/// What `sceaud` bears before it sheds load or hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of everybody together: each costs a task and a descriptor.
    pub connections_max: usize,
    /// Connections of one registered application, so that one cannot take every place.
    pub connections_per_application_max: usize,
    /// Connections of one Unix user that is no application: Status is all they need.
    pub connections_per_stranger_max: usize,
    /// Issues under way at once; beyond, `Busy`.
    pub requests_in_flight_max: usize,
    /// Issues under way of one application, so that a flood of one leaves room for the others.
    pub requests_in_flight_per_application_max: usize,
    /// From a frame's first byte to its NUL: a slow writer loses its connection, not its place in a hospital's day.
    pub frame_read_ms: u64,
    /// For the peer to take an answer.
    pub answer_write_ms: u64,
    /// Silence between frames after which a connection is closed; applications reconnect.
    pub idle_ms: u64,
    /// From asking a signer to its signature; slower means hung.
    pub signature_ms: u64,
    /// How far ahead of our clock a login may be (contract, time tolerances).
    pub login_future_max_ms: u64,
    /// Open sessions of one application: about 150 bytes each.
    pub sessions_per_application_max: usize,
    /// Nonces remembered for one application: about 40 bytes each; beyond, `Busy`.
    pub nonces_per_application_max: usize,
    /// How long SIGTERM waits for what is under way.
    pub shutdown_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            connections_per_application_max: 1024,
            connections_per_stranger_max: 8,
            requests_in_flight_max: 1024,
            requests_in_flight_per_application_max: 512,
            frame_read_ms: 5_000,
            answer_write_ms: 5_000,
            idle_ms: 3_600_000,
            signature_ms: 2_000,
            login_future_max_ms: 2_000,
            sessions_per_application_max: 100_000,
            nonces_per_application_max: 4_000_000,
            shutdown_ms: 5_000,
        }
    }
}
