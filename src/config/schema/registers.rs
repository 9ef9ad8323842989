//! Keys of the registers and of a profile.

use super::{ANY, Key, Kind, channels, may, methods, must};
use crate::policy::practitioner::EVIDENCE;

/// `applications.toml`.
pub(in crate::config) const APPLICATIONS: &[Key] = &[may(
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
        may("certificates", Kind::Texts),
    ]),
)];

const AUTHENTICATOR: &[Key] = &[
    must("method", Kind::Word(methods)),
    must("id", Kind::Text),
    may("paired_on", Kind::Text),
    may("revoked", Kind::Boolean),
];

/// `practitioners.toml`.
pub(in crate::config) const PRACTITIONERS: &[Key] = &[may(
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
pub(in crate::config) const PROFILE: &[Key] = &[
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
