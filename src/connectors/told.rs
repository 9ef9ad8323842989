//! The register as `admin.sock` tells it, read strictly: what goes into a unit's file is one of our own types, never a text.

use serde::Deserialize;
use serde_json::Value;

use crate::policy::connectors::{Door, Name, Reach, RootHash, Setting, USERS_MAX, Wanted};

/// What is attached now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Connectors.
    pub connectors: Vec<ToldConnector>,
    /// Vendor modules.
    pub modules: Vec<ToldModule>,
}

/// A connector that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldConnector {
    /// Its name.
    pub name: Name,
    /// Its Unix user.
    pub user: String,
    /// Which image.
    pub image: RootHash,
    /// What it is let to.
    pub doors: Vec<Door>,
    /// How far it reaches.
    pub reach: Option<Reach>,
    /// What is set for it.
    pub settings: Vec<Setting>,
}

/// A module that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldModule {
    /// Its name.
    pub name: Name,
    /// Which image.
    pub image: RootHash,
}

#[derive(Deserialize)]
struct Answer {
    connectors: Vec<Row>,
    modules: Vec<ModuleRow>,
}

#[derive(Deserialize)]
struct Row {
    name: Name,
    user: String,
    image: RootHash,
    doors: Vec<Door>,
    interface: Option<String>,
    peers: Vec<String>,
    listen: Option<u16>,
    device: Option<String>,
    settings: Vec<String>,
    attached: bool,
}

#[derive(Deserialize)]
struct ModuleRow {
    name: Name,
    image: RootHash,
}

impl Told {
    /// Reads the answer of `fr.sceau.Admin.Connectors`, without what is detached; none: it is not of its form.
    #[must_use]
    pub fn read(answer: Value) -> Option<Self> {
        let Answer { connectors, modules } = serde_json::from_value(answer).ok()?;
        let connectors = connectors.into_iter().filter(|row| row.attached).map(Row::typed);
        let modules = modules.into_iter().map(|ModuleRow { name, image }| ToldModule { name, image });
        Some(Self { connectors: connectors.collect::<Option<_>>()?, modules: modules.collect() })
    }
}

impl Row {
    fn typed(self) -> Option<ToldConnector> {
        let Self { name, user, image, doors, interface, peers, listen, device, settings, .. } = self;
        if !(1..=USERS_MAX).any(|number| user == format!("sceau-connector-{number}")) {
            return None;
        }
        let listen = listen.map(|port| port.to_string());
        let (interface, device) = (interface.as_deref(), device.as_deref());
        let reach = Reach::read(Wanted { interface, peers: &peers, listen: listen.as_deref(), device }).ok()?;
        Some(ToldConnector { name, user, image, doors, reach, settings: Setting::parse_all(&settings)? })
    }
}
