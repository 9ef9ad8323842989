//! Installed units: do they protect as much as those we ship, drop-ins included?

use std::path::Path;

use super::finding::{Finding, Place};
use super::report::Report;
use super::sandbox::{Weakness, weaknesses};
use super::unit_file::{Assignment, Found, find, parse};
use crate::config::Position;

const SUBJECT: &str = "units";
/// systemd is the service manager where this folder is (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";

/// A unit's name and text as shipped.
type Shipped = (&'static str, &'static str);

/// Those of every establishment.
const ALWAYS: &[Shipped] = &[
    ("sceaud.service", include_str!("../../systemd/system/sceaud.service")),
    ("sceaud.socket", include_str!("../../systemd/system/sceaud.socket")),
    ("sceau-admin.socket", include_str!("../../systemd/system/sceau-admin.socket")),
];
const SIGNER: &str = include_str!("../../systemd/system/sceau-signer@.service");

/// A program that some establishments run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Optional {
    Attest,
    Gate,
    Relay,
}

impl Optional {
    fn units(self) -> &'static [Shipped] {
        match self {
            Self::Attest => &[
                ("sceau-attestd.service", include_str!("../../systemd/system/sceau-attestd.service")),
                ("sceau-attestd.socket", include_str!("../../systemd/system/sceau-attestd.socket")),
            ],
            Self::Gate => &[
                ("sceau-gate.service", include_str!("../../systemd/system/sceau-gate.service")),
                ("sceau-gate.socket", include_str!("../../systemd/system/sceau-gate.socket")),
            ],
            Self::Relay => &[
                ("sceau-relayd.service", include_str!("../../systemd/system/sceau-relayd.service")),
                ("sceau-relayd.socket", include_str!("../../systemd/system/sceau-relayd.socket")),
                ("sceau-relay-ledger.socket", include_str!("../../systemd/system/sceau-relay-ledger.socket")),
            ],
        }
    }
}

/// Compares the units below `root` (this system's own without one) with ours; `instances` are the signers',
/// `optional` what runs beside `sceaud`.
pub(super) fn probe(root: Option<&Path>, instances: &[String], optional: &[Optional], report: &mut Report) {
    if root.is_none() && !Path::new(BOOTED).is_dir() {
        report.not_checked(
            SUBJECT,
            "systemd ne gère pas ce système ; donnez --units DOSSIER pour une racine préparée",
        );
        return;
    }
    report.checked(SUBJECT);
    let root = root.unwrap_or(Path::new("/"));
    for (name, shipped) in ALWAYS.iter().chain(optional.iter().flat_map(|program| program.units())) {
        unit(root, name, shipped, report);
    }
    if instances.is_empty() {
        unit(root, "sceau-signer@.service", SIGNER, report);
    }
    for instance in instances {
        unit(root, &format!("sceau-signer@{instance}.service"), SIGNER, report);
    }
}

fn unit(root: &Path, name: &str, shipped: &str, report: &mut Report) {
    let shipped = parse(shipped, Path::new(name));
    match find(root, name) {
        Found::Missing => {
            let text = format!(
                "l'unité {name} n'est pas installée ; installez les unités livrées dans /usr/lib/systemd/system"
            );
            let template = name.split_once('@').map_or(name.to_owned(), |(stem, _)| format!("{stem}@.service"));
            let text = text.replace(name, &template);
            report.found(Finding::new("unit-missing", Place::Object(format!("unité {template}")), &text));
        }
        Found::Masked(path) => {
            let text = format!("l'unité {name} est masquée, elle ne démarrera pas ; systemctl unmask {name}");
            report.found(Finding::new("unit-masked", Place::file(&path), &text));
        }
        Found::Unit(fragment, installed, unread) => {
            for path in unread {
                report.not_checked(SUBJECT, super::not_readable(&path));
            }
            for section in ["Service", "Socket"] {
                for weakness in weaknesses(section, &shipped, &installed) {
                    report.found(told(name, &fragment, &weakness, &installed));
                }
            }
        }
    }
}

fn told(name: &str, fragment: &Path, weakness: &Weakness, installed: &[Assignment]) -> Finding {
    let Weakness { key, expected, found, decided_by } = weakness;
    let place = match decided_by {
        Some(by) => Place::File(by.file.clone(), Some(Position { line: by.line, column: 1 })),
        None => Place::file(fragment),
    };
    if name.starts_with("sceau-signer@") && foreseen(key, found, installed) {
        let text = format!(
            "{key}={found} ouvre au signataire ce que le guide prévoit pour un HSM réseau, un jeton logiciel, un lecteur ou le TPM ; vérifiez que c'est voulu"
        );
        return Finding::new("unit-exception", place, &text);
    }
    let denied = installed.iter().rfind(|a| a.key == "IPAddressDeny").is_some_and(|a| a.value == "any");
    if name == "sceau-relayd.service" && key == "IPAddressAllow" && denied {
        let text = format!(
            "{key}={found} ouvre au relais ce que le guide prévoit, les adresses du DMP et du serveur de noms ; vérifiez que ce sont elles"
        );
        return Finding::new("unit-exception", place, &text);
    }
    if name == "sceau-gate.socket" && key == "IPAddressAllow" && denied {
        let text = format!(
            "{key}={found} ouvre le portail à ce que le guide prévoit, les serveurs d'application ; vérifiez que ce sont eux"
        );
        return Finding::new("unit-exception", place, &text);
    }
    let text = format!(
        "{key}={found} protège moins que l'unité livrée ({key}={expected}) ; retirez cette ligne, puis systemctl daemon-reload et relancez l'unité"
    );
    Finding::new("unit-weakened", place, &text)
}

/// What the guide's own drop-ins open: one HSM address, a soft token's folder, a reader, the TPM (comments of `sceau-signer@.service`).
fn foreseen(key: &str, found: &str, installed: &[Assignment]) -> bool {
    let last = |key: &str| installed.iter().rfind(|a| a.key == key).map(|a| a.value.as_str()).unwrap_or_default();
    // A network is one HSM's: everything else stays denied, and the exceptions are single addresses.
    let addresses: Vec<&str> =
        installed.iter().filter(|a| a.key == "IPAddressAllow").flat_map(|a| a.value.split_whitespace()).collect();
    let single = |address: &&str| {
        address.ends_with("/32") || address.ends_with("/128") || address.parse::<std::net::IpAddr>().is_ok()
    };
    let hsm = last("IPAddressDeny") == "any" && !addresses.is_empty() && addresses.iter().all(single);
    match key {
        "PrivateNetwork" | "IPAddressAllow" => hsm,
        "RestrictAddressFamilies" => {
            hsm && found.split_whitespace().all(|family| matches!(family, "AF_UNIX" | "AF_INET" | "AF_INET6"))
        }
        "ReadWritePaths" => found.split_whitespace().all(|path| {
            // The second is of the instances of a key of [[authentication]].
            matches!(path, "/run/sceau-signer" | "/run/sceau-authentication")
                || path.trim_start_matches('-').starts_with("/var/lib/sceau-signer/")
                // Soft tokens of an appliance (sceau-console).
                || path.starts_with("/var/lib/sceau-token/")
        }),
        "PrivateDevices" | "DeviceAllow" => {
            installed.iter().any(|a| a.key == "DeviceAllow" && !a.value.is_empty())
        }
        // The TPM's group, for keys that live in it (tpm.conf.example).
        "SupplementaryGroups" => {
            found == "tss" && installed.iter().any(|a| a.key == "DeviceAllow" && a.value == "/dev/tpmrm0 rw")
        }
        "ProcSubset" => found == "all",
        // The instances of a key of [[authentication]] are another user's.
        "User" | "Group" => found == "sceau-authentication",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    const GATE: &[Optional] = &[Optional::Gate];

    /// Rules of what is found on a root with our units and this drop-in of the relay's.
    fn rules(relay: bool, drop_in: Option<&str>) -> Vec<&'static str> {
        found(if relay { &[Optional::Relay] } else { &[] }, "sceau-relayd.service", drop_in)
    }

    /// The same of these programs and of a drop-in of any unit.
    fn found(optional: &[Optional], unit: &str, drop_in: Option<&str>) -> Vec<&'static str> {
        let root = tempfile::tempdir().unwrap();
        let units = root.path().join("usr/lib/systemd/system");
        fs::create_dir_all(&units).unwrap();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/system");
        for unit in fs::read_dir(ours).unwrap().map(|unit| unit.unwrap().path()).filter(|unit| unit.is_file()) {
            fs::copy(&unit, units.join(unit.file_name().unwrap())).unwrap();
        }
        if let Some(text) = drop_in {
            let folder = root.path().join(format!("etc/systemd/system/{unit}.d"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("own.conf"), text).unwrap();
        }
        let mut report = Report::default();
        probe(Some(root.path()), &[], optional, &mut report);
        report.findings.iter().map(|finding| finding.rule.name).collect()
    }

    #[test]
    fn the_relays_addresses_are_an_exception_and_all_else_a_weakness() {
        let address = "[Service]\nIPAddressAllow=192.0.2.10/32\n";
        let open = "[Service]\nIPAddressDeny=\nNoNewPrivileges=no\n";
        assert_eq!(rules(true, None), [""; 0]);
        assert_eq!(rules(true, Some(address)), ["unit-exception"]);
        assert!(rules(true, Some(open)).iter().all(|rule| *rule == "unit-weakened"));
        assert_eq!(rules(true, Some(open)).len(), 2);
        assert_eq!(rules(false, Some(open)), [""; 0], "no relay, nothing of it is looked at");
    }

    #[test]
    fn the_gates_clients_are_an_exception_and_a_network_of_its_own_is_a_weakness() {
        let clients = include_str!("../../systemd/system/sceau-gate.socket.d/clients.conf.example");
        assert_eq!(found(GATE, "sceau-gate.socket", None), [""; 0]);
        assert_eq!(found(GATE, "sceau-gate.socket", Some(clients)), ["unit-exception"]);
        assert_eq!(found(GATE, "sceau-gate.socket", Some("[Socket]\nIPAddressDeny=\n")), ["unit-weakened"]);
        let network = "[Service]\nPrivateNetwork=no\n";
        assert_eq!(found(GATE, "sceau-gate.service", Some(network)), ["unit-weakened"]);
        assert_eq!(found(&[], "sceau-gate.service", Some(network)), [""; 0]);
    }
}
