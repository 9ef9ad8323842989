//! Making a blank appliance an establishment's: everything beside its place first, then in its place by one renaming.
//!
//! A crash before the renaming leaves a blank appliance: the next visit begins anew, and the keys of the first try, which
//! nobody has certified, are destroyed with their token. A crash behind it leaves a provisioned one.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::path::Path;

use super::brought::Brought;
use super::ceremony::{Ceremony, user_of};
use super::configuration::{sceau_toml, softhsm_conf};
use super::credential::{TpmDevice, encrypt};
use super::error::{ConsoleError, Refusal};
use super::folder;
use super::pin;
use super::place::{APPLIED, CREDENTIALS, Place, REQUESTS};
use super::report::Report;
use super::vault::{Purpose, Vault, vaults};
use crate::config::{Config, Fault};
use crate::envelope::Recipient;
use crate::sys::{clock, durable, peer};

/// Registers that every configuration names, empty until somebody fills them.
const REGISTERS: [&str; 2] = ["applications.toml", "practitioners.toml"];
/// The register that names people.
const PRACTITIONERS: &str = "practitioners.toml";
/// What an empty register says.
const EMPTY_REGISTER: &str = "# Vide au provisionnement.\n";

/// Makes it.
///
/// # Errors
/// What is refused or has failed; the appliance is as blank as before.
pub(super) fn make(
    place: &Place,
    device: &TpmDevice,
    brought: &Brought,
    vendor_pin: Option<&[u8]>,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    let vaults = vaults(&brought.provisioning);
    let candidate = place.candidate();
    folder::remove(&candidate, None)?;
    let made = write(place, brought, &vaults).and_then(|()| {
        judge(&candidate, brought)?;
        for vault in &vaults {
            fill(place, device, brought, vault, vendor_pin, report)?;
        }
        commit(place, brought)
    });
    if made.is_err() {
        // Nothing of a failed try may be taken for a provisioned appliance, or for a part of the next one.
        let _ = fs::remove_dir_all(&candidate);
    }
    made
}

/// The configuration and the files beside it.
fn write(place: &Place, brought: &Brought, vaults: &[Vault]) -> Result<(), ConsoleError> {
    let candidate = place.candidate();
    folder::make(&candidate, 0o755, None)?;
    for folder in [CREDENTIALS, REQUESTS] {
        folder::make(&candidate.join(folder), if folder == CREDENTIALS { 0o700 } else { 0o755 }, None)?;
    }
    let put = |name: &str, bytes: &[u8]| {
        let path = candidate.join(name);
        let mode = if name == PRACTITIONERS { 0o640 } else { 0o644 };
        durable::replace(&path, bytes, mode).map_err(ConsoleError::file(&path))
    };
    for (name, bytes) in &brought.files {
        put(name, bytes)?;
    }
    for name in REGISTERS.iter().filter(|name| !brought.files.iter().any(|(known, _)| known == *name)) {
        put(name, EMPTY_REGISTER.as_bytes())?;
    }
    let complement = brought.provisioning.complement.as_ref();
    let complement = complement.and_then(|name| brought.files.iter().find(|(known, _)| known == name));
    let complement = complement.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    put("sceau.toml", sceau_toml(&brought.provisioning, vaults, &complement).as_bytes())?;
    for vault in vaults.iter().filter(|vault| vault.soft) {
        let folder = place.at(&vault.folder());
        put(&vault.settings(), softhsm_conf(&folder.display().to_string()).as_bytes())?;
    }
    if !place.is_staged()
        && let Ok(Some((_, group))) = peer::ids_of("sceau")
    {
        let path = candidate.join(PRACTITIONERS);
        chown(&path, None, Some(group)).map_err(ConsoleError::file(&path))?;
    }
    Ok(())
}

/// What `sceaud` would refuse is refused before a key is made; certificates come later.
fn judge(candidate: &Path, brought: &Brought) -> Result<(), ConsoleError> {
    let reading = Config::examine(&candidate.join("sceau.toml"));
    let mut faults: Vec<Fault> = reading.faults;
    if let (Some(config), true) = (&reading.config, faults.is_empty()) {
        // Users of connectors come with them; everything that is not in a pinned file is ours or comes later.
        let named = config.examine_named(&reading.whole, |_| Some(0), clock::now());
        let is_pinned = |fault: &Fault| {
            brought.files.iter().any(|(name, _)| fault.file == candidate.join(name))
                && fault.rule != "application-twice"
        };
        faults.extend(named.faults.into_iter().filter(is_pinned));
        if config.convention_file().is_some_and(Path::exists) {
            faults.extend(config.present_convention().err().unwrap_or_default());
        }
        if let Err(error) = config.load_trust() {
            faults.extend(error.faults().iter().cloned());
        }
    }
    faults.dedup();
    let mut refusals: Vec<_> = faults.iter().map(Refusal::of_fault).collect();
    if let Some(officer) = &brought.provisioning.recovery_officer {
        let pem = fs::read(candidate.join(officer)).unwrap_or_default();
        if let Err(cause) = Recipient::from_pem(&pem, clock::now()) {
            refusals.push(Refusal::new(officer.as_str(), cause.to_string()));
        }
    }
    if refusals.is_empty() { Ok(()) } else { Err(ConsoleError::Refused(refusals)) }
}

/// Token, keys, requests and the credential of one vault.
fn fill(
    place: &Place,
    device: &TpmDevice,
    brought: &Brought,
    vault: &Vault,
    vendor_pin: Option<&[u8]>,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    let (provisioning, candidate) = (&brought.provisioning, place.candidate());
    let drawn = pin::draw()?;
    let pin = match (vault.soft, vendor_pin) {
        (true, _) => drawn.as_bytes(),
        (false, Some(pin)) => pin,
        (false, None) => {
            let cause = "le PIN du token du fabricant n'est jamais sur la clé USB ; provisionnez à la console, qui le demande";
            return Err(ConsoleError::refused("[token] module", cause));
        }
    };
    let Ok(text) = std::str::from_utf8(pin) else {
        return Err(ConsoleError::refused("PIN", "ce n'est pas du texte ; donnez-le tel que le fabricant le dit"));
    };
    // Before any key: a machine whose TPM does not serve must not end with keys that nobody can use.
    let sealed = encrypt(place, device, &vault.credential(), text, !provisioning.is_test())?;
    let path = candidate.join(CREDENTIALS).join(vault.credential());
    durable::replace(&path, &sealed, 0o600).map_err(ConsoleError::file(&path))?;
    let ceremony = Ceremony::new(place, vault, &candidate, pin, provisioning.is_test())?;
    if vault.soft {
        // Keys of a try that came to nothing: no certificate has their public halves.
        folder::remove(&place.at(&vault.folder()), user_of(place, vault)?)?;
        folder::make(&place.tokens(), 0o755, None)?;
        ceremony.make_token(&pin::draw()?, text)?;
    }
    for key in &vault.keys {
        ceremony.generate(key, &provisioning.keys)?;
        let (path, bytes) = match key.purpose {
            Purpose::Audit => (candidate.join("AUDIT.pub"), ceremony.audit_public(key)?),
            Purpose::Seal | Purpose::Authentication => {
                let first = candidate.join(REQUESTS).join("seal.csr");
                let same_as = (key.purpose == Purpose::Authentication).then_some(first.as_path());
                let request = ceremony.request(key, &provisioning.establishment, same_as)?;
                (candidate.join(REQUESTS).join(format!("{}.csr", key.name)), request)
            }
        };
        durable::replace(&path, &bytes, 0o644).map_err(ConsoleError::file(&path))?;
        report.did(format!("clé {} générée dans le token, elle a signé un essai", key.name));
    }
    Ok(())
}

/// Puts the candidate in its place.
fn commit(place: &Place, brought: &Brought) -> Result<(), ConsoleError> {
    let (candidate, target) = (place.candidate(), place.configuration());
    let applied = candidate.join(APPLIED);
    if let Some((armour, _)) = &brought.signed {
        let path = candidate.join(format!("{APPLIED}.sig"));
        durable::replace(&path, armour.as_bytes(), 0o644).map_err(ConsoleError::file(&path))?;
    }
    durable::replace(&applied, brought.text.as_bytes(), 0o644).map_err(ConsoleError::file(&applied))?;
    // An empty folder, which systemd-tmpfiles makes, is replaced; anything in it stops the renaming.
    fs::rename(&candidate, &target).map_err(ConsoleError::file(&target))?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    File::open(parent).and_then(|folder| folder.sync_all()).map_err(ConsoleError::file(parent))
}
