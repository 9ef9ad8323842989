//! Certificates that come on a stick: each to the key that asked for it, judged as `sceau keys import-certificate` judges.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use super::amended::{draft, with};
use super::ceremony::Ceremony;
use super::configuration::certificate;
use super::credential::{TpmDevice, decrypt};
use super::error::ConsoleError;
use super::place::{CREDENTIALS, Place};
use super::report::Report;
use super::requests::{prepared, request};
use super::stick::Stick;
use super::vault::{Planned, Vault};
use crate::certificate::{public_keys, request_public_key};
use crate::config::provisioning::Provisioning;
use crate::sys::durable;

/// Folder on the stick.
const FOLDER: &str = "certificates";
/// Largest file in bytes: a certificate with its chain is a tenth of it.
const FILE_LEN_MAX: u64 = 64 * 1024;

/// Installs what fits; whether anything did.
///
/// # Errors
/// What one file stands against goes to the report; an error is the appliance's own.
pub(super) fn import(
    place: &Place,
    device: &TpmDevice,
    stick: &Stick,
    vaults: &[Vault],
    applied: &Provisioning,
    report: &mut Report,
) -> Result<bool, ConsoleError> {
    let mut changed = false;
    let mut desk = Desk { place, device, stick, vaults, applied, pins: BTreeMap::new() };
    let mut names = stick.names(FOLDER, ".pem");
    for ending in [".crt", ".cer", ".der"] {
        names.extend(stick.names(FOLDER, ending));
    }
    for name in names {
        match desk.import(&name) {
            Ok(Some(key)) => {
                changed = true;
                report.did(format!("certificat {name} vérifié et installé pour la clé {key}"));
            }
            Ok(None) => report.did(format!("certificat {name} : déjà installé")),
            Err(error) => report.failed(&error),
        }
    }
    Ok(changed)
}

/// What one visit's imports share.
struct Desk<'a> {
    place: &'a Place,
    device: &'a TpmDevice,
    stick: &'a Stick,
    vaults: &'a [Vault],
    applied: &'a Provisioning,
    /// PINs that the TPM gave back, each asked for once, by the vault's name.
    pins: BTreeMap<&'static str, Zeroizing<Vec<u8>>>,
}

impl Desk<'_> {
    /// The key whose certificate was installed; None: it was there already.
    fn import(&mut self, name: &str) -> Result<Option<String>, ConsoleError> {
        let unread = |cause| ConsoleError::refused(name, format!("il ne se lit pas ({cause}) ; recopiez-le"));
        let offered =
            self.stick.read(&format!("{FOLDER}/{name}"), FILE_LEN_MAX).map_err(unread)?.unwrap_or_default();
        let found = public_keys(&offered);
        let waiting = prepared(self.place, self.vaults);
        let serving = self.vaults.iter().flat_map(|vault| vault.keys.iter().map(move |key| (vault, key)));
        let mut keys = serving.chain(waiting.iter().map(|(vault, key)| (*vault, key)));
        let Some((vault, key)) = keys.find(|(_, key)| asked_for(self.place, key, &found)) else {
            let cause = "ce n'est le certificat d'aucune clé de cette appliance ; donnez celui que l'IGC-Santé a rendu pour sa demande";
            return Err(ConsoleError::refused(name, cause));
        };
        let folder = self.place.configuration();
        if !self.pins.contains_key(vault.name) {
            let credential = vault.credential();
            let pin = decrypt(self.device, &credential, &folder.join(CREDENTIALS).join(&credential))?;
            self.pins.insert(vault.name, pin);
        }
        let pin = self.pins.get(vault.name).map_or(&[][..], |pin| pin.as_slice());
        let mut ceremony = Ceremony::new(self.place, vault, &folder, pin, self.applied.is_test())?;
        if waiting.iter().any(|(_, waiting)| waiting == key) {
            ceremony = ceremony.by(draft(self.place, self.applied, &with(self.vaults, key))?);
        }
        let taken = ceremony.certificate(key, name, &offered)?;
        // The file was a signers' user's for a moment.
        if !asked_for(self.place, key, &public_keys(&taken)) {
            return Err(ConsoleError::refused(
                name,
                "il a changé pendant l'import ; recommencez, et prévenez la sécurité",
            ));
        }
        let target = folder.join(certificate(&key.name));
        match fs::read(&target) {
            Ok(old) if old == taken => return Ok(None),
            // First the copy, then the change: a crash between them leaves the old one twice.
            Ok(old) => put(&target.with_extension("previous.pem"), &old)?,
            Err(_) => {}
        }
        put(&target, &taken)?;
        Ok(Some(key.name.clone()))
    }
}

/// Whether one of these public keys is that of the key's request.
fn asked_for(place: &Place, key: &Planned, found: &[Vec<u8>]) -> bool {
    let request = fs::read(request(place, key)).unwrap_or_default();
    request_public_key(&request).is_some_and(|asked| found.contains(&asked))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ConsoleError> {
    durable::replace(path, bytes, 0o644).map_err(ConsoleError::file(path))
}
