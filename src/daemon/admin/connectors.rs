//! The orders that attach and detach foreign software, and what is told of it. Nothing is started here: root's own service asks
//! what is attached (`sceau connectors apply`) and starts exactly that.

use std::sync::{Arc, PoisonError};

use serde::Serialize;
use serde_json::json;

use super::super::Daemon;
use super::answer::No;
use super::obey::{Effect, NotObeyed, changed};
use crate::ledger::Line;
use crate::policy::connectors::{
    Connector, Connectors, Door, GATE, Module, Name, NotChanged, REGISTER, Reach, RootHash, Setting, Wanted,
};
use crate::policy::denial::Malformed;
use crate::policy::order::{ConnectorAttach, Detach, ModuleAttach, Ordered, Refusal};
use crate::traces::digest::Digest;

/// File beside the ledger that is written anew when the register changed: what `sceau-connectors.path` watches. It says nothing.
const CHANGED: &str = "connectors-changed";

impl From<NotChanged> for Refusal {
    fn from(cause: NotChanged) -> Self {
        match cause {
            NotChanged::NotAttached => Self::NotAttached,
            NotChanged::Full => Self::AttachmentsFull,
            NotChanged::AsItIs => Self::NothingToChange,
        }
    }
}

/// `connector-attach`: that image runs beside these doors, and reaches that far.
pub(super) fn connector_attach(
    daemon: &Daemon,
    ordered: &Ordered,
    attach: &ConnectorAttach,
) -> Result<Effect, NotObeyed> {
    let (name, image) = named(&attach.name, &attach.image)?;
    let doors = attach.doors.iter().map(|door| Door::parse(door)).collect::<Option<Vec<_>>>();
    let doors = doors.ok_or_else(|| {
        malformed("doors", "une porte est inconnue ; choisissez parmi token, relay, metrics, journal, state")
    })?;
    let wanted = Wanted {
        interface: attach.interface.as_deref(),
        peers: &attach.peers,
        listen: attach.listen.as_deref(),
        device: attach.device.as_deref(),
    };
    let reach = Reach::read(wanted).map_err(|(member, message)| malformed(member, message))?;
    if let Some(reach) = &reach {
        reach.within(daemon.config.connectors.allowed()).map_err(|_| Refusal::ReachNotAllowed)?;
    }
    let settings = Setting::parse_all(&attach.settings).ok_or_else(|| {
        malformed(
            "settings",
            "16 réglages au plus, chacun NOM:SHA256 (64 chiffres de sha256sum), un nom une fois ; sceau connectors attach --setting les écrit",
        )
    })?;
    let known = daemon.admin.connectors();
    let next = known.with(&name, image, &doors, reach, &settings, ordered.at()).map_err(Refusal::from)?;
    // Users are given in the order of attaching: foreign software must not come into the gate's by its place in a row.
    if daemon.config.gate.as_ref().is_some_and(|gate| next.has_another_as(&gate.user, GATE)) {
        return Err(Refusal::GateOfAnother.into());
    }
    Ok(register(next, ordered))
}

/// `connector-detach`: it ends.
pub(super) fn connector_detach(daemon: &Daemon, ordered: &Ordered, detach: &Detach) -> Result<Effect, NotObeyed> {
    let next = daemon.admin.connectors().without(&detach.name).map_err(Refusal::from)?;
    Ok(register(next, ordered))
}

/// `module-attach`: that image is there for the signers.
pub(super) fn module_attach(
    daemon: &Daemon,
    ordered: &Ordered,
    attach: &ModuleAttach,
) -> Result<Effect, NotObeyed> {
    let (name, image) = named(&attach.name, &attach.image)?;
    let next = daemon.admin.connectors().with_module(&name, image, ordered.at()).map_err(Refusal::from)?;
    Ok(register(next, ordered))
}

/// `module-detach`: it is there no longer.
pub(super) fn module_detach(daemon: &Daemon, ordered: &Ordered, detach: &Detach) -> Result<Effect, NotObeyed> {
    let next = daemon.admin.connectors().without_module(&detach.name).map_err(Refusal::from)?;
    Ok(register(next, ordered))
}

fn named(name: &str, image: &str) -> Result<(Name, RootHash), NotObeyed> {
    let name = Name::parse(name).ok_or_else(|| {
        malformed(
            "name",
            "un nom a 1 à 32 caractères a-z 0-9 -, une lettre au début, sans tiret à la fin ni redoublé",
        )
    })?;
    let image = RootHash::parse(image).ok_or_else(|| {
        malformed(
            "image",
            "ce n'est pas une racine dm-verity (64 chiffres hexadécimaux) ; sceau connectors inspect la donne",
        )
    })?;
    Ok((name, image))
}

/// Nothing is recorded: the order is good for nothing, and whoever made it is told where.
fn malformed(member: &str, message: &str) -> NotObeyed {
    NotObeyed::No(No::Malformed(Malformed::new(format!("order.arguments.{member}"), message)))
}

/// The register from now on, in the ledger with the order's mandate.
fn register(next: Connectors, ordered: &Ordered) -> Effect {
    let content = next.document();
    let done = json!({
        "connectors": next.attached().map(|one| json!({ "name": one.name, "user": one.user() })).collect::<Vec<_>>(),
        "modules": next.modules().iter().map(|one| &one.name).collect::<Vec<_>>(),
        "register": Digest::of(&[&content]).to_string(),
    });
    let then = vec![Line::register(changed(REGISTER, &content, ordered), REGISTER, content)];
    Effect { then, connectors: Some(next), ..Effect::answer(done) }
}

/// `Connectors`.
#[derive(Debug, Serialize)]
pub(super) struct Attached {
    connectors: Vec<ConnectorRow>,
    modules: Vec<ModuleRow>,
}

#[derive(Debug, Serialize)]
struct ConnectorRow {
    name: String,
    user: String,
    image: String,
    doors: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
    peers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listen: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    settings: Vec<String>,
    since: String,
    attached: bool,
}

#[derive(Debug, Serialize)]
struct ModuleRow {
    name: String,
    image: String,
    since: String,
}

impl super::Admin {
    /// What is attached now.
    pub(in super::super) fn connectors(&self) -> Arc<Connectors> {
        Arc::clone(&self.connectors.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is attached from now on.
    pub(super) fn take_connectors(&self, next: Connectors) {
        *self.connectors.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}

impl Daemon {
    /// Wakes whoever starts and stops connectors. What a crash before it leaves: the register is changed and nothing follows until
    /// the next start of the machine or of `sceau-connectors.service`, which read the register anew.
    pub(super) fn connectors_changed(&self) {
        let path = self.config.ledger.folder.join(CHANGED);
        if let Err(error) = std::fs::write(&path, b"") {
            tracing::warn!(%error, path = %path.display(), "nobody is told that connectors changed; restart sceau-connectors.service");
        }
    }
}

/// What is attached, in the interface's words.
pub(super) fn told(connectors: &Connectors) -> Attached {
    let connector = |one: &Connector| {
        let (interface, peers, listen, device) = match one.reach.clone() {
            Some(Reach::Network { interface, peers, listen }) => (Some(interface), peers, listen, None),
            Some(Reach::Device { path }) => (None, Vec::new(), None, Some(path)),
            None => (None, Vec::new(), None, None),
        };
        ConnectorRow {
            name: one.name.to_string(),
            user: one.user(),
            image: one.image.to_string(),
            doors: one.doors.iter().map(|door| door.name()).collect(),
            interface,
            peers,
            listen,
            device,
            settings: one.settings.iter().map(Setting::to_string).collect(),
            since: one.since.clone(),
            attached: one.attached,
        }
    };
    let module = |one: &Module| ModuleRow {
        name: one.name.to_string(),
        image: one.image.to_string(),
        since: one.since.clone(),
    };
    Attached {
        connectors: connectors.all().iter().map(connector).collect(),
        modules: connectors.modules().iter().map(module).collect(),
    }
}
