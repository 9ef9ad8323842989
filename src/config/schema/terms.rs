//! Keys of the establishment's terms: what the convention declares.

use super::{ANY, Key, Kind, LEVEL, may, methods, must};

/// A structure (annexe 3).
pub(super) const STRUCTURE: &[Key] = &[must("id", Kind::Text), must("sector", Kind::Text)];

/// What declared logins are held to.
pub(super) const DECLARATION: &[Key] = &[may("login_age_max_ms", ANY), may("sessions_per_hour_max", ANY)];

/// The declared terms.
pub(super) const CONVENTION: &[Key] = &[
    may("methods", Kind::Words(methods)),
    may("rights", Kind::Word(|| vec!["consultation", "table-2025"])),
    may("contactless_delay_ms", ANY),
];

/// A service.
pub(super) const SERVICE: &[Key] = &[
    must("name", Kind::Text),
    must("lifetime_ms", ANY),
    must("login_age_max_ms", ANY),
    may("emergency", Kind::Boolean),
];

/// An exception to proof.
pub(super) const EXCEPTION: &[Key] =
    &[must("application", Kind::Text), must("reason", Kind::Text), must("until", Kind::Text)];

/// Quotas.
pub(super) const GUARD: &[Key] = &[
    may("practitioner", SCOPED),
    may("application", SCOPED),
    may("establishment", SCOPED),
    may("emergency_factor", LEVEL),
];

/// Both budgets of a kind of subject, whole: half a budget of ours beside half a one of theirs would be nobody's.
const SCOPED: Kind = Kind::Table(&[must("tokens", BUDGET), must("patients", BUDGET)]);
const BUDGET: Kind = Kind::Table(&[must("window_ms", ANY), must("alarm", LEVEL), must("freeze", LEVEL)]);
