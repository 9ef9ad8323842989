//! Keys of the establishment's terms: what the convention declares.

use super::{ANY, Key, Kind, LEVEL, may, methods, must};
use crate::policy::convention::Scope;
use crate::vihf::codes::Purpose;

fn purposes() -> Vec<&'static str> {
    Purpose::ALL.iter().map(|purpose| purpose.code()).collect()
}

fn scopes() -> Vec<&'static str> {
    Scope::ALL.iter().map(|scope| scope.name()).collect()
}

/// `convention.toml`, signed by approvers: all of the terms.
pub(in crate::config) const CONVENTION_FILE: &[Key] = &[
    must(
        "convention",
        Kind::Table(&[
            must("format", ANY),
            must("number", ANY),
            must("establishment", Kind::Text),
            must("from", Kind::Text),
            must("until", Kind::Text),
            must("methods", Kind::Words(methods)),
            must("rights", Kind::Word(scopes)),
            may("contactless_delay_ms", ANY),
            may("sealed_keys", Kind::Boolean),
        ]),
    ),
    must(
        "structure",
        Kind::Tables(&[must("id", Kind::Text), must("sector", Kind::Text), must("certificates", Kind::Texts)]),
    ),
    must("service", Kind::Tables(SERVICE)),
    may("declaration", Kind::Table(DECLARATION)),
    may("exception", Kind::Tables(EXCEPTION)),
    may("guard", Kind::Table(GUARD)),
];

/// A structure (annexe 3) inside `sceau.toml`: test mode takes whichever certificate was appraised.
pub(super) const STRUCTURE: &[Key] =
    &[must("id", Kind::Text), must("sector", Kind::Text), may("certificates", Kind::Texts)];

/// What declared logins are held to.
pub(super) const DECLARATION: &[Key] = &[may("login_age_max_ms", ANY), may("sessions_per_hour_max", ANY)];

/// Where the terms are, or the declared ones themselves.
pub(super) const CONVENTION: &[Key] = &[
    may("file", Kind::Text),
    may("methods", Kind::Words(methods)),
    may("rights", Kind::Word(scopes)),
    may("contactless_delay_ms", ANY),
    may("sealed_keys", Kind::Boolean),
];

/// A service.
pub(super) const SERVICE: &[Key] = &[
    must("name", Kind::Text),
    must("lifetime_ms", ANY),
    must("login_age_max_ms", ANY),
    may("emergency", Kind::Boolean),
    may("purposes", Kind::Words(purposes)),
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
