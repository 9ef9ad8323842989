//! A key that follows one of the appliance: made on an operator's order, in force with its certificate, alone once the other's
//! has ended.
//!
//! | what a power cut leaves | and then |
//! |---|---|
//! | the order in the ledger, no `.wanted` | nothing was made; a new order makes it |
//! | `.wanted` | the next visit makes the key, or takes the one of that name that the token has already |
//! | the request | the key waits for its certificate, the other one serves |
//! | its certificate, not in `sceau.toml` | the next visit of any stick brings it into force |
//! | `sceau.toml` | the next start of the machine starts what it names |
//!
//! The one that serves is touched by none of this: no key is destroyed, and a certificate goes from `sceau.toml` when it has ended.

use std::fs;
use std::path::PathBuf;

use super::amended::{draft, with, without, write};
use super::ceremony::Ceremony;
use super::certificates::is_declared;
use super::credential::Opened;
use super::error::ConsoleError;
use super::place::Place;
use super::program::told;
use super::report::Report;
use super::requests::{certified, folder, give, last_of_slots, made, prepared, request};
use super::serving::{generation, numbered, serving};
use super::stick::Stick;
use super::vault::{Planned, Purpose, Vault};
use crate::config::provisioning::Provisioning;
use crate::sys::{clock, durable};

/// Ending of the mark that a key is ordered and not made yet.
const WANTED: &str = ".wanted";

/// The name of the key that is to follow `key`.
///
/// # Errors
/// No key with a certificate has that name, or one waits for its certificate already.
pub(super) fn successor(place: &Place, applied: &Provisioning, key: &str) -> Result<String, ConsoleError> {
    let vaults = serving(place, applied);
    let known = vaults.iter().flat_map(|vault| &vault.keys).find(|known| known.name == key);
    let last = last_of_slots(&vaults);
    let Some((_, last)) = known.and_then(|known| last.iter().find(|(_, last)| last.slot == known.slot)) else {
        let names: Vec<_> = last.iter().map(|(_, last)| last.name.as_str()).collect();
        let cause = format!("aucune clé à certificat ne s'appelle {key} ; nommez {}", names.join(" ou "));
        return Err(ConsoleError::refused("order.arguments.key", cause));
    };
    if let Some((_, waiting)) = prepared(place, &vaults).iter().find(|(_, waiting)| waiting.slot == last.slot) {
        let cause = format!("la clé {0} attend déjà son certificat ; faites certifier {0}.csr", waiting.name);
        return Err(ConsoleError::refused("order.arguments.key", cause));
    }
    let number = generation(&last.slot, &last.name).unwrap_or(1) + 1;
    Ok(numbered(&last.slot, number))
}

/// Writes down that a key of that name is to be made: from now on every visit does it, whatever happens to this one.
///
/// # Errors
/// The disk's.
pub(super) fn want(place: &Place, name: &str) -> Result<(), ConsoleError> {
    let path = mark(place, name);
    durable::replace(&path, b"", 0o644).map_err(ConsoleError::file(&path))
}

fn mark(place: &Place, name: &str) -> PathBuf {
    folder(place).join(format!("{name}{WANTED}"))
}

/// Makes every key that is wanted, and gives its request.
///
/// # Errors
/// The first that could not be made; it stays wanted.
pub(super) fn make(
    place: &Place,
    opened: &mut Opened<'_>,
    applied: &Provisioning,
    stick: &Stick,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    let vaults = serving(place, applied);
    for (vault, key) in made(place, &vaults, WANTED) {
        let asked = request(place, &key);
        if !asked.is_file() {
            let next = draft(place, applied, &with(&vaults, &key))?;
            let ceremony =
                Ceremony::new(place, vault, &place.configuration(), opened.pin(vault)?, applied.is_test())?;
            let ceremony = ceremony.by(next.clone());
            let first = folder(place).join("seal.csr");
            let same_as = (key.purpose == Purpose::Authentication).then_some(first.as_path());
            // A key of that name is one that a power cut has left: it is not made twice.
            let request = match ceremony.request(&key, &applied.establishment, same_as) {
                Ok(request) => request,
                Err(_) => {
                    ceremony.generate(&key, &applied.keys)?;
                    ceremony.request(&key, &applied.establishment, same_as)?
                }
            };
            durable::replace(&asked, &request, 0o644).map_err(ConsoleError::file(&asked))?;
            report.did(format!("clé {} générée dans le token ; l'ancienne sert toujours", key.name));
            fs::remove_file(&next).map_err(ConsoleError::file(&next))?;
        }
        let mark = mark(place, &key.name);
        fs::remove_file(&mark).map_err(ConsoleError::file(&mark))?;
        give(place, stick, &[&key], report)?;
    }
    Ok(())
}

/// Brings into force what has its certificate, and takes away what has ended beside its successor; whether anything changed.
///
/// # Errors
/// `sceau.toml` as it would become is refused, or could not be written; it is as it was.
pub(super) fn settle(place: &Place, applied: &Provisioning, report: &mut Report) -> Result<bool, ConsoleError> {
    let mut changed = false;
    let vaults = serving(place, applied);
    let has_certificate = |key: &Planned| place.certificate(&key.name).is_file();
    for (_, key) in prepared(place, &vaults).into_iter().filter(|(_, key)| has_certificate(key)) {
        // Of what serves now: the one before may have changed it.
        write(place, applied, &with(&serving(place, applied), &key))?;
        changed = true;
        report.did(format!(
            "clé {} mise en service à côté de l'ancienne, qui la remplace si elle ne répond pas",
            key.name
        ));
        let pem = fs::read(place.certificate(&key.name)).unwrap_or_default();
        if !is_declared(place, &key, &pem) {
            report.next(format!(
                "la convention ne nomme pas le certificat de {} : l'ancien scelle jusqu'à ce que ses approbateurs signent une \
                 convention qui a son empreinte (écran, Empreintes)",
                key.name
            ));
        }
    }
    let vaults = serving(place, applied);
    let ended = ended(place, &vaults);
    if !ended.is_empty() {
        write(place, applied, &without(&vaults, &ended))?;
        changed = true;
        report.did(format!(
            "certificat échu, retiré du service : {} ; la clé reste dans le token",
            ended.join(", ")
        ));
    }
    Ok(changed)
}

/// Puts on the stick, for each key, the order by which another one is to follow it.
pub(super) fn offer(
    place: &Place,
    stick: &Stick,
    applied: &Provisioning,
    report: &mut Report,
) -> Result<(), ConsoleError> {
    let vaults = serving(place, applied);
    let waiting: Vec<_> = prepared(place, &vaults).into_iter().map(|(_, key)| key.slot).collect();
    let mut names = Vec::new();
    for (_, key) in last_of_slots(&vaults).into_iter().filter(|(_, key)| !waiting.contains(&key.slot)) {
        let order = told(place, &["keys", "renew"], &[format!("--key={}", key.name)], "ordre d'une clé neuve")?;
        let name = format!("cle-neuve-{}.json", key.name);
        stick.answer(&name, &order).map_err(ConsoleError::file(name.as_ref()))?;
        names.push(name);
    }
    if !names.is_empty() {
        report.next(format!(
            "pour une clé neuve plutôt que la même : faites signer par un administrateur, dans les 24 heures, {} (ssh-keygen -Y \
             sign -n sceau-order), et rapportez l'ordre et sa signature dans sceau/orders",
            names.join(" ou ")
        ));
    }
    Ok(())
}

/// Names of keys whose certificate has ended while a later one of their slot is valid.
fn ended(place: &Place, vaults: &[Vault]) -> Vec<String> {
    let (now, last) = (clock::now(), last_of_slots(vaults));
    let is_past = |key: &Planned| certified(place, key).is_some_and(|read| read.not_after() < now);
    let has_follower = |key: &Planned| {
        last.iter().any(|(_, last)| {
            last.slot == key.slot
                && last.name != key.name
                && certified(place, last).is_some_and(|read| read.is_valid_at(now))
        })
    };
    let keys = vaults.iter().flat_map(|vault| &vault.keys);
    keys.filter(|key| is_past(key) && has_follower(key)).map(|key| key.name.clone()).collect()
}
