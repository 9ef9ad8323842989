//! Keys of `gate.toml`.

use super::{ANY, Key, Kind, may, must};

const LIMITS: &[Key] = &[
    may("connections_max", ANY),
    may("connections_per_client_max", ANY),
    may("calls_per_client_max", ANY),
    may("pending_max", ANY),
    may("pending_per_source_max", ANY),
    may("failures_per_source_per_minute", ANY),
    may("strangers_per_minute", ANY),
    may("handshake_ms", ANY),
    may("idle_ms", ANY),
    may("varlink_idle_ms", ANY),
    may("body_ms", ANY),
    may("answer_ms", ANY),
    may("write_ms", ANY),
    may("enrolments_per_minute", ANY),
    may("shutdown_ms", ANY),
];

/// `gate.toml`.
pub(in crate::config) const GATE_FILE: &[Key] = &[
    may("listen", Kind::Text),
    must("sources", Kind::Texts),
    may("key", Kind::Text),
    may("certificate", Kind::Text),
    may("names", Kind::Texts),
    may("client_authorities", Kind::Texts),
    may("client_lists", Kind::Texts),
    may("tls12", Kind::Boolean),
    may("token", Kind::Text),
    may("relay", Kind::Text),
    may("limits", Kind::Table(LIMITS)),
];
