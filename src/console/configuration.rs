//! The text of `sceau.toml` and of a soft token's settings.

use std::fmt::Write as _;

use toml::Value;

use super::vault::{Purpose, Vault};
use crate::config::Mode;
use crate::config::provisioning::Provisioning;

/// The file that tells when the clock was last set right; `sceau-time.service` touches it.
pub(super) const CLOCK_SIGN: &str = "/run/sceau-time/synchronized";

/// The ledger's counter in the TPM, which every appliance has.
const COUNTER: &str = "tpm:0x01800100";

/// `sceau.toml` of that provisioning; `complement` follows as it is: a table that stands here already is refused by the reader.
pub(super) fn sceau_toml(provisioning: &Provisioning, vaults: &[Vault], complement: &str) -> String {
    let mut text =
        "# Écrit par sceau-console au provisionnement ; ce qui est ici vient du fichier signé appliance.toml.\n"
            .to_owned();
    let mode = if provisioning.mode == Mode::Test { "test" } else { "production" };
    entry(&mut text, "mode", mode.into());
    for vault in vaults {
        for key in &vault.keys {
            let section = match key.purpose {
                Purpose::Seal => "[[seal]]",
                Purpose::Audit => "[audit]",
                Purpose::Authentication => "[[authentication]]",
            };
            let _ = write!(text, "\n{section}\n");
            match &key.structure {
                Some(structure) => {
                    entry(&mut text, "structure", structure.as_str().into());
                    entry(&mut text, "certificate", certificate(&key.name).into());
                }
                None => {
                    entry(&mut text, "origin", provisioning.establishment.origin.as_str().into());
                    entry(&mut text, "public_key", "AUDIT.pub".into());
                }
            }
            entry(&mut text, "key", key.name.as_str().into());
            entry(&mut text, "uri", vault.uri(key).into());
            entry(&mut text, "module", vault.module.as_str().into());
            entry(&mut text, "pin_credential", vault.credential().into());
            entry(&mut text, "processes", i64::from(key.processes).into());
        }
    }
    let trust = &provisioning.trust;
    let names = |paths: &[std::path::PathBuf]| -> Value {
        paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().into()
    };
    text.push_str("\n[trust]\n");
    entry(&mut text, "anchors", names(&trust.anchors));
    entry(&mut text, "intermediates", names(&trust.intermediates));
    entry(&mut text, "policy_oid", trust.policy_oid.as_str().into());
    // Both may stand in the complement: a test's terms, another counter.
    let has = |section: &str| complement.parse::<toml::Table>().is_ok_and(|table| table.contains_key(section));
    if !["convention", "service", "structure"].into_iter().any(has) {
        text.push_str("\n[convention]\n");
        entry(&mut text, "file", "convention.toml".into());
    }
    if !has("ledger") {
        text.push_str("\n[ledger]\n");
        entry(&mut text, "counter", COUNTER.into());
    }
    text.push_str("\n[profiles]\n");
    entry(&mut text, "default", provisioning.establishment.profile.as_str().into());
    text.push_str("\n[clock]\n");
    entry(&mut text, "source", CLOCK_SIGN.into());
    if !complement.trim().is_empty() {
        let _ = write!(text, "\n# Complément du fichier signé.\n{}\n", complement.trim_end());
    }
    text
}

/// Name of a key's certificate.
pub(super) fn certificate(key: &str) -> String {
    format!("{key}.pem")
}

/// `softhsm2.conf` of a token in that folder.
pub(super) fn softhsm_conf(folder: &str) -> String {
    format!(
        "directories.tokendir = {folder}\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = false\n"
    )
}

fn entry(text: &mut String, name: &str, value: Value) {
    // TOML's own writer: a text cannot end its string.
    let _ = writeln!(text, "{name} = {value}");
}
