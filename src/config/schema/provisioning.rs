//! Keys of `provisioning.toml`.

use super::{ANY, Key, Kind, may, must};

fn roles() -> Vec<&'static str> {
    crate::policy::operator::Role::ALL.iter().map(|role| role.name()).collect()
}

fn key_types() -> Vec<&'static str> {
    crate::config::provisioning::KEY_TYPES.to_vec()
}

fn audit_key_types() -> Vec<&'static str> {
    crate::config::provisioning::AUDIT_KEY_TYPES.to_vec()
}

/// `provisioning.toml`: what makes an appliance an establishment's.
pub(in crate::config) const PROVISIONING: &[Key] = &[
    must("format", ANY),
    must("until", Kind::Text),
    may("machine", Kind::Text),
    must(
        "appliance",
        Kind::Table(&[
            must("name", Kind::Text),
            may("mode", Kind::Word(|| vec!["production", "test"])),
            may("complement", Kind::Text),
        ]),
    ),
    must(
        "network",
        Kind::Table(&[
            must("interface", Kind::Text),
            may("dhcp", Kind::Boolean),
            may("address", Kind::Text),
            may("gateway", Kind::Text),
            may("name_servers", Kind::Texts),
            may("relay", Kind::Texts),
        ]),
    ),
    must("time", Kind::Table(&[must("sources", Kind::Texts)])),
    must("token", Kind::Table(&[must("module", Kind::Text), may("uri", Kind::Text), may("address", Kind::Text)])),
    must(
        "establishment",
        Kind::Table(&[
            must("organisation", Kind::Text),
            must("department", Kind::Text),
            must("application", Kind::Text),
            must("origin", Kind::Text),
            must("structures", Kind::Texts),
            may("profile", Kind::Text),
        ]),
    ),
    may(
        "keys",
        Kind::Table(&[
            may("type", Kind::Word(key_types)),
            may("audit", Kind::Word(audit_key_types)),
            may("authentication", Kind::Boolean),
        ]),
    ),
    must(
        "trust",
        Kind::Table(&[
            must("anchors", Kind::Texts),
            may("intermediates", Kind::Texts),
            may("policy_oid", Kind::Text),
        ]),
    ),
    may("file", Kind::Tables(&[must("name", Kind::Text), must("sha256", Kind::Text)])),
    may(
        "operator",
        Kind::Tables(&[must("name", Kind::Text), must("roles", Kind::Words(roles)), must("key", Kind::Text)]),
    ),
    may("recovery", Kind::Table(&[must("officer", Kind::Text)])),
];
