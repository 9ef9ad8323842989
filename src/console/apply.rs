//! What was provisioned, written for one start of the machine: units, network, time, name.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::error::{ConsoleError, Refusal};
use super::network::{NETWORK, RESOLVERS, SOURCES, network, resolvers, sources};
use super::place::Place;
use super::requests::awaited;
use super::serving::serving;
use super::stick::read_file;
use super::units::{UNITS, units};
use super::vault::Vault;
use crate::config::Config;
use crate::config::provisioning::{PROVISIONING_LEN_MAX, Provisioning};
use crate::sys::command::run;
use crate::sys::durable;

/// Longest wait for the service manager.
const MANAGER_WAIT: Duration = Duration::from_secs(90);
/// Where a target's wishes of one boot stand.
const WANTS: &str = "sceau.target.wants";

/// The provisioning that was applied; None: the appliance is blank.
///
/// # Errors
/// It is there and cannot be read.
pub(super) fn applied(place: &Place) -> Result<Option<Provisioning>, ConsoleError> {
    let path = place.applied();
    let max = u64::try_from(PROVISIONING_LEN_MAX).unwrap_or(u64::MAX);
    let Some(bytes) = read_file(&path, max).map_err(ConsoleError::file(&path))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let faults = |faults: Vec<_>| ConsoleError::Refused(faults.iter().map(Refusal::of_fault).collect());
    Provisioning::parse(&path, &text).map(Some).map_err(faults)
}

/// Writes everything for this start, and has the service manager take it up. A blank appliance gets nothing, and nothing is
/// started on it; without its certificates `sceaud` would refuse its configuration, so that it is not started before.
///
/// # Errors
/// What could not be written; what was written stands, and writing it again is no harm.
pub(super) fn apply(place: &Place) -> Result<(), ConsoleError> {
    let Some(provisioning) = applied(place)? else { return Ok(()) };
    let vaults = serving(place, &provisioning);
    let start = Start::of(place, &provisioning, &vaults);
    for (path, text) in &start.files {
        put(path, text)?;
    }
    make_folder(&place.at(UNITS).join(WANTS))?;
    let left = start.left(place)?;
    for unit in &left {
        forget(place, unit)?;
    }
    for (to, at) in &start.links {
        link(to, at)?;
    }
    let name = place.at("/proc/sys/kernel/hostname");
    fs::write(&name, &provisioning.name).map_err(ConsoleError::file(&name))?;
    if place.is_staged() {
        return Ok(());
    }
    systemctl(&["daemon-reload"])?;
    for unit in &left {
        // Its key is in no configuration any more: one that does not end keeps nothing from starting.
        let _ = systemctl(&["--no-block", "stop", unit]);
    }
    if awaited(place, &vaults).is_empty() { systemctl(&["start", "--no-block", "sceau.target"]) } else { Ok(()) }
}

/// What one start of the machine is told, and where.
struct Start {
    files: Vec<(PathBuf, String)>,
    /// What each leads to, and where it is.
    links: Vec<(String, PathBuf)>,
}

impl Start {
    fn of(place: &Place, provisioning: &Provisioning, vaults: &[Vault]) -> Self {
        let has_relay = Config::examine(&place.sceau_toml()).config.is_some_and(|config| config.relay.is_some());
        let (files, wanted) = units(provisioning, vaults, has_relay);
        let at = place.at(UNITS);
        let mut files: Vec<_> = files.into_iter().map(|file| (at.join(file.path), file.text)).collect();
        files.push((place.at(NETWORK), network(provisioning)));
        files.push((place.at(SOURCES), sources(provisioning)));
        files.push((place.at(RESOLVERS), resolvers(provisioning)));
        let link = |unit: String| {
            let template = unit.split_once('@').map_or(unit.clone(), |(name, _)| format!("{name}@.service"));
            (format!("/usr/lib/systemd/system/{template}"), at.join(WANTS).join(unit))
        };
        Self { files, links: wanted.into_iter().map(link).collect() }
    }

    /// Signers of keys that serve no longer, which an earlier call has written.
    fn left(&self, place: &Place) -> Result<Vec<String>, ConsoleError> {
        let wants = place.at(UNITS).join(WANTS);
        let entries = fs::read_dir(&wants).map_err(ConsoleError::file(&wants))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_left = |name: &String| {
            name.starts_with("sceau-signer@") && self.links.iter().all(|(_, at)| *at != wants.join(name))
        };
        Ok(names.filter(is_left).collect())
    }

    fn is_written(&self) -> bool {
        self.files.iter().all(|(path, text)| fs::read_to_string(path).is_ok_and(|there| there == *text))
            && self.links.iter().all(|(to, at)| fs::read_link(at).is_ok_and(|there| there == Path::new(to)))
    }
}

/// The same from a visit, while the machine runs: the unit that applies is run anew, with rights that a visit has not, then
/// network and time take what is new; `sceaud` too, where `certificates` were exchanged. A visit that changes nothing of it disturbs
/// nothing: whoever brings a nonce does not cut the network.
///
/// # Errors
/// As [`apply`].
pub(super) fn apply_now(place: &Place, certificates: bool) -> Result<(), ConsoleError> {
    if place.is_staged() {
        return apply(place);
    }
    if let Some(provisioning) = applied(place)?.filter(|_| !certificates) {
        let vaults = serving(place, &provisioning);
        if Start::of(place, &provisioning, &vaults).is_written() {
            // Nothing is done by it where it ran; where it failed it is tried again, and so is what it starts.
            systemctl(&["start", "sceau-provisioned.service"])?;
            let starts = awaited(place, &vaults).is_empty();
            return if starts { systemctl(&["start", "--no-block", "sceau.target"]) } else { Ok(()) };
        }
    }
    // Before the target is started anew, so that this does not stop what it starts.
    if certificates {
        systemctl(&["try-restart", "--no-block", "sceaud.service", "sceau-relayd.service"])?;
    }
    systemctl(&["restart", "sceau-provisioned.service"])?;
    // "try": at a blank appliance's first visit they may not run at all.
    systemctl(&["try-restart", "--no-block", "systemd-networkd.service", "chrony.service"])
}

/// Whether a door of ours may be knocked at; on the appliance it is opened if it is not. On a staged root nothing runs but what
/// a test starts there.
pub(super) fn may_ask(place: &Place, socket: &str) -> bool {
    if !place.is_staged() {
        return systemctl(&["start", socket]).is_ok();
    }
    let config = Config::examine(&place.sceau_toml()).config;
    config.is_some_and(|config| match socket {
        "sceau-attestd.socket" => config.sockets.attest.exists(),
        _ => config.sockets.admin.exists(),
    })
}

/// Asks the service manager.
pub(super) fn systemctl(arguments: &[&str]) -> Result<(), ConsoleError> {
    systemctl_within(arguments, MANAGER_WAIT)
}

/// The same for what takes its time.
pub(super) fn systemctl_within(arguments: &[&str], wait: Duration) -> Result<(), ConsoleError> {
    let step = "gestionnaire de services";
    let mut command = Command::new("systemctl");
    // Nobody is asked for anything: the agent that would ask may not run within the unit's walls.
    command.arg("--no-ask-password").args(arguments).env("LC_ALL", "C");
    let ended = run(&mut command, Vec::new(), wait).map_err(ConsoleError::not_run(step, &command))?;
    let complaint = ended.complaint.trim().to_owned();
    if ended.status.success() { Ok(()) } else { Err(ConsoleError::Program { step, complaint }) }
}

fn put(path: &Path, text: &str) -> Result<(), ConsoleError> {
    make_folder(path.parent().unwrap_or(Path::new("/")))?;
    durable::replace(path, text.as_bytes(), 0o644).map_err(ConsoleError::file(path))
}

fn make_folder(path: &Path) -> Result<(), ConsoleError> {
    fs::create_dir_all(path).map_err(ConsoleError::file(path))
}

/// Takes a unit's link and its drop-in away.
fn forget(place: &Place, unit: &str) -> Result<(), ConsoleError> {
    let units = place.at(UNITS);
    super::folder::remove(&units.join(format!("{unit}.d")), None)?;
    let link = units.join(WANTS).join(unit);
    fs::remove_file(&link).map_err(ConsoleError::file(&link))
}

fn link(to: &str, at: &Path) -> Result<(), ConsoleError> {
    let _ = fs::remove_file(at);
    symlink(to, at).map_err(ConsoleError::file(at))
}
