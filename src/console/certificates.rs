//! Certificates that come on a stick: each to the key that asked for it, judged as `sceau keys import-certificate` judges.

use std::fs;
use std::path::Path;

use super::amended::{draft, with};
use super::ceremony::Ceremony;
use super::convention;
use super::credential::Opened;
use super::error::ConsoleError;
use super::place::Place;
use super::report::Report;
use super::requests::{prepared, request};
use super::stick::Stick;
use super::vault::{Planned, Purpose, Vault};
use crate::certificate::{SealCertificate, public_keys, request_public_key};
use crate::config::provisioning::Provisioning;
use crate::sys::durable;
use crate::traces::digest::Digest;

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
    opened: &mut Opened<'_>,
    stick: &Stick,
    vaults: &[Vault],
    applied: &Provisioning,
    report: &mut Report,
) -> Result<bool, ConsoleError> {
    let mut changed = false;
    let mut desk = Desk { place, opened, stick, vaults, applied };
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
struct Desk<'a, 'o> {
    place: &'a Place,
    opened: &'a mut Opened<'o>,
    stick: &'a Stick,
    vaults: &'a [Vault],
    applied: &'a Provisioning,
}

impl Desk<'_, '_> {
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
        let pin = self.opened.pin(vault)?;
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
        let target = self.place.certificate(&key.name);
        match fs::read(&target) {
            Ok(old) if old == taken => return Ok(None),
            // One of the same key would take its place at once.
            Ok(old) if is_declared(self.place, key, &old) && !is_declared(self.place, key, &taken) => {
                let cause = format!(
                    "la convention en vigueur ne nomme pas ce certificat, et la clé {} ne scellerait plus ; faites signer une \
                     convention qui a aussi son empreinte, puis apportez-les ensemble",
                    key.name
                );
                return Err(ConsoleError::refused(name, cause));
            }
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

/// Whether the convention in force lets the structure's assertions bear that certificate. Only seals are named there; where none is
/// in force, or `sceaud` does not answer, nothing seals that an exchange could stop.
pub(super) fn is_declared(place: &Place, key: &Planned, pem: &[u8]) -> bool {
    let (Purpose::Seal, Some(structure), Ok(read)) = (key.purpose, &key.structure, SealCertificate::parse(pem))
    else {
        return true;
    };
    let digest = Digest::of(&[read.der()]).to_string();
    convention::declared(place, structure).is_none_or(|declared| declared.contains(&digest))
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), ConsoleError> {
    durable::replace(path, bytes, 0o644).map_err(ConsoleError::file(path))
}
