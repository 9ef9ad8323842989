//! Units of a provisioned appliance, as text: drop-ins of the signers and the relay, and what the target wants.

use std::fmt::Write as _;

use super::place::CREDENTIALS;
use super::vault::{Purpose, Vault};
use crate::config::provisioning::{Provisioning, TokenModule};

/// Where units of one boot stand.
pub(super) const UNITS: &str = "/run/systemd/system";

/// A file to write below [`UNITS`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnitFile {
    /// Its path there.
    pub(super) path: String,
    pub(super) text: String,
}

/// What is written, and which units `sceau.target` wants beside its own.
pub(super) fn units(
    provisioning: &Provisioning,
    vaults: &[Vault],
    has_relay: bool,
) -> (Vec<UnitFile>, Vec<String>) {
    let (mut files, mut wanted) = (Vec::new(), Vec::new());
    for vault in vaults {
        for key in &vault.keys {
            for n in 1..=key.processes {
                let unit = format!("sceau-signer@{}-{n}.service", key.name);
                let text = signer(provisioning, vault, key.purpose);
                files.push(UnitFile { path: format!("{unit}.d/50-appliance.conf"), text });
                wanted.push(unit);
            }
        }
    }
    if has_relay {
        wanted.push("sceau-relayd.socket".to_owned());
        wanted.push("sceau-relayd.service".to_owned());
        let mut text = "[Service]\n".to_owned();
        for network in &provisioning.network.relay {
            let _ = writeln!(text, "IPAddressAllow={network}");
        }
        files.push(UnitFile { path: "sceau-relayd.service.d/50-appliance.conf".to_owned(), text });
    }
    (files, wanted)
}

/// What a signer gets beside its unit: the PIN, its soft token's folder, its HSM's address, its user.
fn signer(provisioning: &Provisioning, vault: &Vault, purpose: Purpose) -> String {
    let credential = vault.credential();
    let mut text = "# Written by sceau-console at each boot.\n[Service]\n".to_owned();
    let _ = writeln!(text, "LoadCredentialEncrypted={credential}:/etc/sceau/{CREDENTIALS}/{credential}");
    if purpose == Purpose::Authentication {
        text.push_str(
            "User=sceau-authentication\nGroup=sceau-authentication\nStateDirectory=\nStateDirectory=sceau-authentication\n\
             ReadWritePaths=/run/sceau-authentication\nNoExecPaths=/run/sceau-authentication /var/lib/sceau-authentication\n\
             InaccessiblePaths=-/run/sceau-signer -/var/lib/sceau-signer\n",
        );
    }
    if vault.soft {
        let folder = vault.folder();
        let _ = writeln!(text, "Environment=SOFTHSM2_CONF=/etc/sceau/{}", vault.settings());
        // Not to be written: SoftHSM writes its token's file anew at each login, truncated first and never synced, though nothing has
        // changed, and a power cut between the two would leave an establishment without its keys. Refused the write, it goes on. Keys
        // are made by a child of the visit.
        let _ = writeln!(text, "ReadOnlyPaths={folder}\nNoExecPaths={folder}");
    }
    if let TokenModule::Vendor { address: Some(address), .. } = &provisioning.token {
        let family = if address.is_ipv4() { "AF_INET" } else { "AF_INET6" };
        let _ = writeln!(text, "PrivateNetwork=no\nRestrictAddressFamilies={family}\nIPAddressAllow={address}");
    }
    text
}
