//! From the register to files and to calls of systemd's tools: what is attached runs, nothing else does.
//!
//! Every file is below `/run`, so that a machine that starts has nothing attached until the ledger was asked. What a crash
//! leaves: some of the files; the next call, or the next start of the machine, makes them right.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::arrival::settled;
use super::image::NotGood;
use super::links;
use super::settings;
use super::told::{Told, ToldConnector, ToldModule};
use super::unit::{Around, drop_in, unit_name};
use super::vendor::Vendors;
use crate::policy::connectors::{Allowed, GATE, Name};
use crate::sys::durable;
use crate::traces::digest::Digest;

/// The drop-in's name: behind those of the image, whose numbers are lower.
const DROP_IN: &str = "50-attached.conf";
/// What mounts the modules whose links are there, and no others; systemd runs it, since what is mounted inside our walls is seen by
/// nobody else.
const MODULES_UNIT: &str = "sceau-modules.service";

/// Folders of this machine, or of a staged one.
#[derive(Clone, Debug)]
pub struct Places {
    /// Images of connectors, `<name>.raw`: root's.
    pub images: PathBuf,
    /// Images of modules, `<name>.raw`: root's.
    pub modules: PathBuf,
    /// Drop-ins of units.
    pub units: PathBuf,
    /// Links to modules.
    pub extensions: PathBuf,
    /// Which modules were merged last.
    pub merged: PathBuf,
    /// Certificates of vendors.
    pub vendors: PathBuf,
}

impl Places {
    /// The folders below a root, which is `/` but in a staged system.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self {
            images: root.join("var/lib/portables"),
            modules: root.join("var/lib/sceau-modules"),
            units: root.join("run/systemd/system"),
            extensions: root.join("run/extensions"),
            merged: root.join("run/sceau-modules"),
            vendors: root.join("usr/lib/verity.d"),
        }
    }
}

/// What an image is attached as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attachment {
    /// A connector.
    Connector(Name),
    /// A vendor's module.
    Module(Name),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Applied {
    /// What the ledger names and does not run; why.
    pub refused: Vec<(Attachment, NotAttached)>,
    /// How many run.
    pub attached: usize,
}

/// Why one that the ledger names is not attached.
#[derive(Debug, thiserror::Error)]
pub enum NotAttached {
    /// Its image.
    #[error("{0}")]
    Image(#[from] NotGood),
    /// The configuration changed since the order.
    #[error(
        "[connectors] ne permet pas ou plus son interface ou son périphérique ; ajoutez-le à la configuration, ou détachez par un ordre"
    )]
    Reach,
    /// Its user is the one that the configuration, changed since the order, calls the gate's.
    #[error(
        "son utilisateur est celui de [gate] user, qui parle pour les applications d'autres machines ; donnez à [gate] user celui du connecteur gate, ou détachez celui-ci par un ordre"
    )]
    Gate,
    /// A file that is set for it.
    #[error(
        "le réglage {name} n'est pas là, ou n'est plus celui de l'ordre ({digest}) ; rapportez ce fichier dans settings/ de la clé USB"
    )]
    Setting {
        /// What the order calls it.
        name: String,
        /// What the order means.
        digest: Digest,
    },
}

/// Why nothing, or not everything, could be applied.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// A folder or file.
    #[error("{path} : {cause} ; lancez cette commande en root, sur l'appliance", path = .0.display(), cause = .1)]
    File(PathBuf, io::Error),
    /// A tool of systemd.
    #[error("{0} a échoué ({1}) ; voyez son message et journalctl -u sceau-connectors -u sceau-modules")]
    Tool(String, String),
}

/// Makes this machine run what the register names, and nothing else.
///
/// After `Ok` units of attached connectors are queued to start, the others are stopped, links to modules are the register's.
/// After `Err` something of that is missing, and nothing runs that the register does not name, unless stopping it is what failed.
///
/// # Errors
/// [`NotApplied`], the first one; what does not depend on it was done.
pub fn apply(
    told: &Told,
    places: &Places,
    around: &Around<'_>,
    allowed: Allowed<'_>,
) -> Result<Applied, NotApplied> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |cause| NotApplied::File(path, cause)
    };
    let vendors = Vendors::read(&places.vendors).map_err(at(&places.vendors))?;
    let mut applied = Applied::default();
    // A module that fails keeps nobody from a connector, and the other way round.
    let modules = modules(&told.modules, places, &vendors, &mut applied);
    connectors(&told.connectors, places, around, allowed, &vendors, &mut applied)?;
    modules?;
    Ok(applied)
}

fn modules(
    told: &[ToldModule],
    places: &Places,
    vendors: &Vendors,
    applied: &mut Applied,
) -> Result<(), NotApplied> {
    let mut good = Vec::new();
    for module in told {
        match settled(&places.modules, &module.name, module.image, vendors) {
            Ok(()) => good.push(module),
            Err(cause) => applied.refused.push((Attachment::Module(module.name.clone()), cause.into())),
        }
    }
    applied.attached += good.len();
    links::keep(&good, &places.modules, &places.extensions)
        .map_err(|cause| NotApplied::File(places.extensions.clone(), cause))?;
    let wanted: String = good.iter().map(|module| format!("{} {}\n", module.name, module.image)).collect();
    if fs::read_to_string(&places.merged).unwrap_or_default() == wanted {
        return Ok(());
    }
    run(Command::new("systemctl").args(["restart", MODULES_UNIT]))?;
    // Behind the call: one that failed, or was cut off, is made again.
    durable::replace(&places.merged, wanted.as_bytes(), 0o644)
        .map_err(|cause| NotApplied::File(places.merged.clone(), cause))?;
    // Those that run have the old module in memory; those that failed for want of it are no longer running.
    run(Command::new("systemctl").args(["--no-block", "try-restart", "sceau-signer@*.service"]))?;
    run(Command::new("systemctl").args(["--no-block", "start", "sceau.target"]))
}

fn connectors(
    told: &[ToldConnector],
    places: &Places,
    around: &Around<'_>,
    allowed: Allowed<'_>,
    vendors: &Vendors,
    applied: &mut Applied,
) -> Result<(), NotApplied> {
    let mut good = Vec::new();
    for connector in told {
        let reach = connector.reach.as_ref().map_or(Ok(()), |reach| reach.within(allowed));
        let is_another = around.gate == Some(connector.user.as_str()) && connector.name.as_str() != GATE;
        let judged = reach
            .map_err(|_| NotAttached::Reach)
            .and(if is_another { Err(NotAttached::Gate) } else { Ok(()) })
            .and_then(|()| set(connector, &places.images))
            .and_then(|()| Ok(settled(&places.images, &connector.name, connector.image, vendors)?));
        match judged {
            Ok(()) => good.push(connector),
            Err(cause) => applied.refused.push((Attachment::Connector(connector.name.clone()), cause)),
        }
    }
    applied.attached += good.len();
    let failed = |path: &Path, cause| NotApplied::File(path.to_owned(), cause);
    let wanted: BTreeSet<String> = good.iter().map(|connector| unit_name(&connector.name)).collect();
    let there = attached_units(&places.units).map_err(|cause| failed(&places.units, cause))?;
    let gone: Vec<&str> = there.difference(&wanted).map(String::as_str).collect();
    if !gone.is_empty() {
        // Before its walls are taken away; a unit without them does not start either.
        run(Command::new("systemctl").arg("stop").args(&gone))?;
    }
    for unit in &gone {
        let folder = places.units.join(format!("{unit}.d"));
        fs::remove_dir_all(&folder).map_err(|cause| failed(&folder, cause))?;
    }
    let (mut changed, mut same) = (Vec::new(), Vec::new());
    for connector in &good {
        let unit = unit_name(&connector.name);
        let folder = places.units.join(format!("{unit}.d"));
        let (path, text) = (folder.join(DROP_IN), drop_in(connector, around));
        if fs::read_to_string(&path).ok().as_deref() == Some(text.as_str()) {
            same.push(unit);
            continue;
        }
        fs::create_dir_all(&folder).map_err(|cause| failed(&folder, cause))?;
        durable::replace(&path, text.as_bytes(), 0o644).map_err(|cause| failed(&path, cause))?;
        changed.push(unit);
    }
    if !(changed.is_empty() && gone.is_empty()) {
        run(Command::new("systemctl").arg("daemon-reload"))?;
    }
    // Not waited for: they are ordered behind the service that is calling.
    for (verb, units) in [("restart", changed), ("start", same)] {
        if !units.is_empty() {
            run(Command::new("systemctl").args(["--no-block", verb]).args(&units))?;
        }
    }
    Ok(())
}

/// Whether everything is there that is set for it, to the byte.
fn set(connector: &ToldConnector, images: &Path) -> Result<(), NotAttached> {
    let missing = connector.settings.iter().find(|setting| !settings::has(images, setting.digest()));
    missing.map_or(Ok(()), |setting| {
        Err(NotAttached::Setting { name: setting.name().to_owned(), digest: *setting.digest() })
    })
}

/// Units of connectors that have a drop-in of ours.
fn attached_units(units: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(units) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
    let unit = |name: &String| {
        let unit = name.strip_suffix(".d")?;
        Name::parse(unit.strip_prefix("sceau-connector@")?.strip_suffix(".service")?)?;
        Some(unit.to_owned())
    };
    Ok(names.collect::<io::Result<Vec<_>>>()?.iter().filter_map(unit).collect())
}

fn run(command: &mut Command) -> Result<(), NotApplied> {
    let told = command.get_program().to_string_lossy().into_owned();
    let failed = |cause: String| NotApplied::Tool(told, cause);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(cause) => Err(failed(cause.to_string())),
    }
}
