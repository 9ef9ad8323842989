//! Which keys the configuration's files know, and what each holds: the one list that unknown keys and wrong types are judged by.
//!
//! The typed tables (serde) have the same keys; a test reads a file with all of them into both.

use crate::policy::practitioner::EVIDENCE;
use crate::proof::{Algorithm, Factor};
use crate::vihf::codes::Purpose;
use crate::vihf::method::Method;

/// What a key holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number from 0 to this.
    Count(i64),
    /// `true` or `false`.
    Boolean,
    /// One of these texts.
    Word(fn() -> Vec<&'static str>),
    /// A list of these texts.
    Words(fn() -> Vec<&'static str>),
    /// A table of these keys.
    Table(&'static [Key]),
    /// An array of tables of these keys.
    Tables(&'static [Key]),
    /// Tables of these keys under names of this list.
    Named(fn() -> Vec<&'static str>, &'static [Key]),
}

/// One key of a table.
#[derive(Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) required: bool,
}

const fn must(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: false }
}

/// Any number that TOML can write and that is not negative.
const ANY: Kind = Kind::Count(i64::MAX);
/// What a u16 holds.
const SMALL: Kind = Kind::Count(u16::MAX as i64);

/// What a u32 holds.
const LEVEL: Kind = Kind::Count(u32::MAX as i64);
/// Both budgets of a kind of subject, whole: half a budget of ours beside half a one of theirs would be nobody's.
const SCOPED: Kind = Kind::Table(&[must("tokens", BUDGET), must("patients", BUDGET)]);
const BUDGET: Kind = Kind::Table(&[must("window_ms", ANY), must("alarm", LEVEL), must("freeze", LEVEL)]);

fn methods() -> Vec<&'static str> {
    Method::ALL.iter().map(|method| method.name()).collect()
}

fn algorithms() -> Vec<&'static str> {
    Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect()
}

fn factors() -> Vec<&'static str> {
    Factor::NAMES.to_vec()
}

fn purposes() -> Vec<&'static str> {
    Purpose::ALL.iter().map(|purpose| purpose.code()).collect()
}

fn channels() -> Vec<&'static str> {
    vec!["LPS", "WEB_PS"]
}

/// `sceau.toml`.
pub(super) const CONFIGURATION: &[Key] = &[
    may("mode", Kind::Word(|| vec!["production", "test"])),
    may("structure", Kind::Tables(&[must("id", Kind::Text), must("sector", Kind::Text)])),
    may(
        "seal",
        Kind::Tables(&[
            must("structure", Kind::Text),
            must("key", Kind::Text),
            must("uri", Kind::Text),
            may("module", Kind::Text),
            may("pin_file", Kind::Text),
            may("pin_credential", Kind::Text),
            must("certificate", Kind::Text),
            may("processes", SMALL),
            may("sessions", SMALL),
        ]),
    ),
    may(
        "audit",
        Kind::Table(&[
            must("origin", Kind::Text),
            must("key", Kind::Text),
            must("uri", Kind::Text),
            may("module", Kind::Text),
            may("pin_file", Kind::Text),
            may("pin_credential", Kind::Text),
            must("public_key", Kind::Text),
            may("processes", SMALL),
        ]),
    ),
    may(
        "authentication",
        Kind::Tables(&[
            must("structure", Kind::Text),
            must("key", Kind::Text),
            must("uri", Kind::Text),
            may("module", Kind::Text),
            may("pin_file", Kind::Text),
            may("pin_credential", Kind::Text),
            must("certificate", Kind::Text),
            may("processes", SMALL),
            may("sessions", SMALL),
        ]),
    ),
    may(
        "relay",
        Kind::Table(&[
            must("anchors", Kind::Texts),
            may("intermediates", Kind::Texts),
            may("crls", Kind::Texts),
            may("crl_urls", Kind::Texts),
            may("crl_folder", Kind::Text),
            may("crl_fetch_ms", ANY),
            may("crl_len_max", ANY),
            may("crl_age_max_ms", ANY),
            may("stapling", Kind::Word(|| vec!["optional", "required"])),
            may("reload_ms", ANY),
            may("connect_ms", ANY),
            may("envelope_ms", ANY),
            may("answer_ms", ANY),
            may("silence_ms", ANY),
            may("idle_ms", ANY),
            may("envelope_len_max", ANY),
            may("call_len_max", ANY),
            may("answer_len_max", ANY),
            may("calls_max", ANY),
            may("calls_per_application_max", ANY),
            may("breaker_failures", ANY),
            may("breaker_ms", ANY),
        ]),
    ),
    may(
        "dmp",
        Kind::Tables(&[
            must("host", Kind::Text),
            may("port", SMALL),
            must("path", Kind::Text),
            must("action", Kind::Text),
            must("transactions", Kind::Texts),
            must("patient", Kind::Word(|| super::destination::PatientPlace::NAMES.to_vec())),
        ]),
    ),
    may(
        "web_ps",
        Kind::Tables(&[
            must("name", Kind::Text),
            must("target", Kind::Text),
            must("delivery", Kind::Word(|| super::web_ps::Delivery::NAMES.to_vec())),
        ]),
    ),
    may(
        "trust",
        Kind::Table(&[
            may("anchors", Kind::Texts),
            may("intermediates", Kind::Texts),
            may("policy_oid", Kind::Text),
        ]),
    ),
    may(
        "convention",
        Kind::Table(&[
            may("methods", Kind::Words(methods)),
            may("rights", Kind::Word(|| vec!["consultation", "table-2025"])),
            may("contactless_delay_ms", ANY),
        ]),
    ),
    may(
        "service",
        Kind::Tables(&[
            must("name", Kind::Text),
            must("lifetime_ms", ANY),
            must("login_age_max_ms", ANY),
            may("emergency", Kind::Boolean),
            may("purposes", Kind::Words(purposes)),
        ]),
    ),
    may(
        "identity_provider",
        Kind::Tables(&[
            must("name", Kind::Text),
            must("issuer", Kind::Text),
            must("jwks", Kind::Text),
            must("algorithms", Kind::Words(algorithms)),
            may("clock_skew_ms", ANY),
            may("age_max_ms", ANY),
            may("instant_tolerance_ms", ANY),
            must(
                "method",
                Kind::Tables(&[
                    must("method", Kind::Word(methods)),
                    may("acr", Kind::Texts),
                    may("amr", Kind::Texts),
                    may("factors", Kind::Words(factors)),
                    may("initial_claim", Kind::Text),
                ]),
            ),
        ]),
    ),
    may("declaration", Kind::Table(&[may("login_age_max_ms", ANY), may("sessions_per_hour_max", ANY)])),
    may(
        "exception",
        Kind::Tables(&[must("application", Kind::Text), must("reason", Kind::Text), must("until", Kind::Text)]),
    ),
    may("profiles", Kind::Table(&[may("default", Kind::Text), may("files", Kind::Texts)])),
    may("registers", Kind::Table(&[may("applications", Kind::Text), may("practitioners", Kind::Text)])),
    may(
        "sockets",
        Kind::Table(&[
            may("token", Kind::Text),
            may("admin", Kind::Text),
            may("signers", Kind::Text),
            may("signer_client", Kind::Text),
            may("authentication_signers", Kind::Text),
            may("relay", Kind::Text),
            may("relay_ledger", Kind::Text),
            may("attest", Kind::Text),
            may("relay_user", Kind::Text),
        ]),
    ),
    may("backup", Kind::Table(&[may("readers", Kind::Texts), may("recovery", Kind::Texts)])),
    may(
        "tpm",
        Kind::Table(&[
            may("tcti", Kind::Text),
            may("attestation_key", Kind::Text),
            may("folder", Kind::Text),
            may("event_log", Kind::Text),
            may("userspace_log", Kind::Text),
        ]),
    ),
    may(
        "ledger",
        Kind::Table(&[
            may("folder", Kind::Text),
            may("reserve_mib", ANY),
            may("space_alarm_mib", ANY),
            may("counter", Kind::Text),
            may("retention_closed_years", Kind::Count(65_535)),
            may("retention_entry_years", Kind::Count(65_535)),
        ]),
    ),
    may(
        "clock",
        Kind::Table(&[
            may("tolerance_ms", ANY),
            may("require_synchronised", Kind::Boolean),
            may("unsynchronised_max_ms", ANY),
            may("source", Kind::Text),
        ]),
    ),
    may(
        "guard",
        Kind::Table(&[
            may("practitioner", SCOPED),
            may("application", SCOPED),
            may("establishment", SCOPED),
            may("emergency_factor", LEVEL),
        ]),
    ),
    may(
        "limits",
        Kind::Table(&[
            may("connections_max", ANY),
            may("connections_per_application_max", ANY),
            may("connections_per_stranger_max", ANY),
            may("requests_in_flight_max", ANY),
            may("requests_in_flight_per_application_max", ANY),
            may("emergency_share_percent", ANY),
            may("frame_read_ms", ANY),
            may("answer_write_ms", ANY),
            may("idle_ms", ANY),
            may("queue_ms", ANY),
            may("signature_ms", ANY),
            may("login_future_max_ms", ANY),
            may("sessions_per_application_max", ANY),
            may("nonces_per_application_max", ANY),
            may("shutdown_ms", ANY),
            may("checkpoint_entries_max", ANY),
            may("checkpoint_ms_max", ANY),
            may("jwks_reload_ms", ANY),
        ]),
    ),
];

/// `applications.toml`.
pub(super) const APPLICATIONS: &[Key] = &[may(
    "application",
    Kind::Tables(&[
        must("user", Kind::Text),
        must("lps_name", Kind::Text),
        must("lps_version", Kind::Text),
        may("lps_id", Kind::Text),
        must("homologation", Kind::Text),
        must("homologation_expires_on", Kind::Text),
        must("services", Kind::Texts),
        may("channels", Kind::Words(channels)),
        must("methods", Kind::Words(methods)),
        must("profiles", Kind::Texts),
        may("audience", Kind::Tables(&[must("provider", Kind::Text), must("client_id", Kind::Text)])),
        may("may_declare", Kind::Boolean),
        may("suspended", Kind::Boolean),
    ]),
)];

const AUTHENTICATOR: &[Key] = &[
    must("method", Kind::Word(methods)),
    must("id", Kind::Text),
    may("paired_on", Kind::Text),
    may("revoked", Kind::Boolean),
];

/// `practitioners.toml`.
pub(super) const PRACTITIONERS: &[Key] = &[may(
    "practitioner",
    Kind::Tables(&[
        must("id", Kind::Text),
        must("name", Kind::Text),
        must("profession", Kind::Text),
        may("specialty", Kind::Text),
        may("section", Kind::Text),
        may("structures", Kind::Texts),
        must("services", Kind::Texts),
        may("enrolled", Kind::Boolean),
        may("enrolled_by", Kind::Text),
        may("enrolled_how", Kind::Word(|| EVIDENCE.to_vec())),
        may("enrolled_on", Kind::Text),
        may("authenticator", Kind::Tables(AUTHENTICATOR)),
        may("suspended", Kind::Boolean),
        may("trained_on", Kind::Text),
        may("subject", Kind::Tables(&[must("provider", Kind::Text), must("subject", Kind::Text)])),
    ]),
)];

const FORM: &[Key] = &[must("class", Kind::Text), may("decl", Kind::Text)];

/// A profile that stands alone.
pub(super) const PROFILE: &[Key] = &[
    must("name", Kind::Text),
    must("description", Kind::Text),
    must("test", Kind::Boolean),
    must("rights", Kind::Word(|| vec!["air", "indirect"])),
    must("vihf_version", Kind::Text),
    must("mode_attribute", Kind::Text),
    must("mode", Kind::Text),
    must("authentication_required", Kind::Boolean),
    must("lifetime_max_ms", ANY),
    must("conditions", Kind::Boolean),
    must("not_before_skew_ms", ANY),
    must("inclusive_namespaces", Kind::Text),
    must("channels", Kind::Words(channels)),
    must("ins_oid", Kind::Text),
    must("ins_oids", Kind::Texts),
    must("physician_specialties", Kind::Texts),
    must("profession_system_name", Kind::Text),
    must("specialty_system_name", Kind::Text),
    must("section_system_name", Kind::Text),
    must("guardians_element", Kind::Text),
    must("guardians_display_name", Kind::Text),
    must("default_class", Kind::Text),
    must("methods", Kind::Named(methods, FORM)),
    may("extends", Kind::Text),
];

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
