//! The walls of one connector, as a drop-in of its unit: who it is, what it is let to, how far it reaches.
//!
//! The unit itself (`sceau-connector@.service` of the appliance's image) shuts everything; a drop-in opens what the order names.
//! Nothing of the connector's image has a word in it: a unit inside an image could begin a command with `+` and step out.

use std::fmt::Write as _;
use std::path::Path;

use super::settings;
use super::told::ToldConnector;
use crate::policy::connectors::{Door, GATE, Name, Reach};

/// What lies around the connectors on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The applications' socket.
    pub token: &'a Path,
    /// The relay's.
    pub relay: &'a Path,
    /// Folder of the images.
    pub images: &'a Path,
    /// The Unix user whose word for applications of other machines is believed, if there is one.
    pub gate: Option<&'a str>,
}

/// Where figures are read; a unit of the image listens there.
const METRICS: &str = "/run/sceau-metrics/metrics.sock";
/// Journals in memory and on the state.
const JOURNALS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// Folder of the connectors' own folders, below `/var/lib` here and in each of them (`$STATE_DIRECTORY`).
const STATES: &str = "sceau-connectors";
/// Where a connector finds what is set for it.
const SETTINGS: &str = "/run/connector";
/// What the gate's own unit gives it (systemd/system/sceau-gate.service): a thousand servers' connections, and their bodies.
const GATE_LIMITS: [&str; 2] = ["LimitNOFILE=8192", "MemoryMax=512M"];

/// The unit of a connector.
#[must_use]
pub fn unit_name(name: &Name) -> String {
    format!("sceau-connector@{name}.service")
}

/// The drop-in of a connector's unit.
#[must_use]
pub fn drop_in(connector: &ToldConnector, around: &Around<'_>) -> String {
    let ToldConnector { name, user, image, doors, reach, settings } = connector;
    let mut text = String::new();
    let mut line = |setting: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{setting}");
    };
    line("# Made by `sceau connectors apply` from the ledger's register; what is written here is overwritten.");
    line("[Service]");
    line(&format!("RootImage={}", around.images.join(format!("{name}.raw")).display()));
    // The kernel refuses every block that is not below it, whatever the image says of itself.
    line(&format!("RootHash={image}"));
    line(&format!("User={user}"));
    line(&format!("Group={user}"));
    for door in doors {
        match door {
            Door::Token => line(&format!("BindPaths={}:/run/sceau/token.sock", around.token.display())),
            Door::Relay => line(&format!("BindPaths={}:/run/sceau-relay/relay.sock", around.relay.display())),
            Door::Metrics => {
                line(&format!("BindPaths={METRICS}"));
                line("SupplementaryGroups=sceau-metrics");
            }
            Door::Journal => {
                JOURNALS.iter().for_each(|journal| line(&format!("BindReadOnlyPaths=-{journal}")));
                line("SupplementaryGroups=systemd-journal");
            }
            Door::State => {
                // Its image is read only and need not have the place: a file system in memory that nobody writes has it.
                line("TemporaryFileSystem=/var:ro");
                line(&format!("StateDirectory={STATES}/{name}"));
                line("StateDirectoryMode=0700");
            }
        }
    }
    if name.as_str() == GATE && around.gate == Some(user.as_str()) {
        GATE_LIMITS.iter().for_each(|limit| line(limit));
    }
    for setting in settings {
        let kept = settings::place(around.images, setting.digest());
        line(&format!("BindReadOnlyPaths={}:{SETTINGS}/{}", kept.display(), setting.name()));
    }
    match reach {
        None => {}
        Some(Reach::Network { interface, peers, listen }) => {
            line("PrivateNetwork=no");
            line(&format!("RestrictNetworkInterfaces={interface}"));
            line("RestrictAddressFamilies=AF_INET AF_INET6");
            peers.iter().for_each(|peer| line(&format!("IPAddressAllow={peer}")));
            if let Some(port) = listen {
                line(&format!("SocketBindAllow=tcp:{port}"));
            }
        }
        Some(Reach::Device { path }) => {
            // Opened by systemd and handed over: the connector itself can open no device.
            line(&format!("DeviceAllow={path} rw"));
            line(&format!("StandardInput=file:{path}"));
            line(&format!("StandardOutput=file:{path}"));
        }
    }
    text
}
