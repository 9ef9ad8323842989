//! How far connectors may reach, whatever an order says: `[connectors]`.

use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::policy::connectors::{Allowed, Reach, Wanted};

/// An address for documentation (RFC 5737): the form of an interface is judged with it.
const ANY_PEER: &str = "192.0.2.1";

/// What an order may give to a connector; nothing unless the file says so.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectorRules {
    /// Network interfaces.
    interfaces: Vec<String>,
    /// Channels of a virtual machine to its host.
    devices: Vec<String>,
}

impl ConnectorRules {
    /// What orders are held against.
    #[must_use]
    pub fn allowed(&self) -> Allowed<'_> {
        Allowed { interfaces: &self.interfaces, devices: &self.devices }
    }

    /// What is wrong with the table.
    pub(super) fn check(&self) -> Vec<Breach> {
        let peers = [ANY_PEER.to_owned()];
        let interfaces = self.interfaces.iter().map(|interface| {
            ("interfaces", Wanted { interface: Some(interface), peers: &peers, ..Wanted::default() })
        });
        let devices =
            self.devices.iter().map(|device| ("devices", Wanted { device: Some(device), ..Wanted::default() }));
        let judged = interfaces.chain(devices).filter_map(|(field, wanted)| {
            let (_, message) = Reach::read(wanted).err()?;
            Some(Breach::of("bad-value", "connectors", field, format!("[connectors] {field} : {message}")))
        });
        judged.collect()
    }
}
