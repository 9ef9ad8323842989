//! The keys of the configuration beside each other: each a key of its own, for a structure that is declared.

use std::path::Path;

use super::SealKey;
use super::audit::AuditKey;
use super::file::File;
use super::seal::SealTable;
use super::signer_key::Purpose;
use crate::policy::breach::{Breach, unique};
use crate::policy::convention::{STRUCTURES_MAX, Structure};
use crate::tables::Document;

/// Most seal keys: two (old and new while certificates overlap) for each structure.
const SEALS_MAX: usize = 2 * STRUCTURES_MAX;
/// Most keys of mutual TLS: one, two during a renewal.
const AUTHENTICATIONS_MAX: usize = 2;

/// Seal keys: one key pair and one certificate per structure (vihf.md §6).
pub(super) fn seals(
    tables: Vec<SealTable>,
    base: &Path,
    document: &Document<File>,
    breaches: &mut Vec<Breach>,
) -> Vec<SealKey> {
    if tables.len() > SEALS_MAX {
        let cause = format!("[[seal]] : {} clés, le maximum est {SEALS_MAX}", tables.len());
        breaches.push(Breach::of("bad-value", "seal", "key", cause));
    }
    for (field, names) in [
        ("key", tables.iter().map(|table| table.key.clone()).collect::<Vec<_>>()),
        ("uri", tables.iter().map(|table| table.uri.clone()).collect()),
        ("certificate", tables.iter().map(|table| table.certificate.display().to_string()).collect()),
    ] {
        unique("seal", field, names.iter().map(String::as_str), breaches);
    }
    let mut seals = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check(Purpose::Seal, base, entry) {
            Ok(seal) if document.is_whole_entry("seal", entry) => seals.push(seal),
            Ok(_) => {}
            Err(wrong) => breaches.extend(wrong),
        }
    }
    seals
}

/// Keys of structures that are not declared, and structures without their key; `all`: every seal was understood.
///
/// After it, seals of structures that are not declared are gone: nothing more is said of what is told already.
pub(super) fn of_structures(
    (seals, all): (&mut Vec<SealKey>, bool),
    authentications: &[SealKey],
    structures: &[Structure],
    breaches: &mut Vec<Breach>,
) {
    let is_declared = |key: &SealKey| structures.iter().any(|s| s.id.as_str() == key.structure);
    let told = |section: &'static str, key: &SealKey| {
        let cause = format!(
            "[[{section}]] key = {:?} : la structure {:?} n'est pas déclarée ; ajoutez-la en [[structure]]",
            key.key.as_str(),
            key.structure
        );
        Breach::of("unknown-structure", section, "structure", cause).in_entry(key.entry)
    };
    let before = seals.len();
    breaches.extend(seals.iter().filter(|key| !is_declared(key)).map(|key| told("seal", key)));
    breaches.extend(authentications.iter().filter(|key| !is_declared(key)).map(|key| told("authentication", key)));
    seals.retain(is_declared);
    let strangers = seals.len() < before;
    // A seal of an unknown structure is perhaps the one that seems to be missing.
    if strangers || !all {
        return;
    }
    for (entry, structure) in structures.iter().enumerate() {
        let keys = seals.iter().filter(|s| s.structure == structure.id.as_str()).count();
        if !seals.is_empty() && !(1..=2).contains(&keys) {
            let cause = format!(
                "[[structure]] id = {:?} : {keys} clé(s) de cachet ; il en faut une, ou deux pendant un renouvellement",
                structure.id.as_str()
            );
            breaches.push(Breach::of("contradiction", "structure", "id", cause).in_entry(entry));
        }
    }
}

/// The audit key is a key of its own: who may seal must not be able to sign another past for the ledger.
pub(super) fn check_audit(audit: &AuditKey, keys: &[String], uris: &[String], breaches: &mut Vec<Breach>) {
    let taken = [("key", audit.signer.key.as_str(), keys), ("uri", audit.signer.uri.as_str(), uris)];
    for (field, value, seals) in taken {
        if seals.iter().any(|seal| seal == value) {
            let cause = format!(
                "[audit] {field} = {value:?} est aussi celui d'un [[seal]] ; la clé d'audit est une clé à part, donnez la sienne"
            );
            breaches.push(Breach::of("declared-twice", "audit", field, cause));
        }
    }
}

/// Keys of mutual TLS: each a key of its own, none of which seals.
pub(super) fn authentications(
    tables: Vec<SealTable>,
    base: &Path,
    document: &Document<File>,
    seals: (&[String], &[String]),
    breaches: &mut Vec<Breach>,
) -> Vec<SealKey> {
    if tables.len() > AUTHENTICATIONS_MAX {
        let cause = format!("[[authentication]] : {} clés, le maximum est {AUTHENTICATIONS_MAX}", tables.len());
        breaches.push(Breach::of("bad-value", "authentication", "key", cause));
    }
    for (field, of_seals, own) in [
        ("key", seals.0, tables.iter().map(|table| table.key.clone()).collect::<Vec<_>>()),
        ("uri", seals.1, tables.iter().map(|table| table.uri.clone()).collect()),
    ] {
        unique("authentication", field, own.iter().map(String::as_str), breaches);
        for (entry, name) in own.iter().enumerate().filter(|(_, name)| of_seals.contains(name)) {
            let cause = format!(
                "[[authentication]] {field} = {name:?} est aussi celui d'un [[seal]] ; la clé d'authentification est une clé à part"
            );
            breaches.push(Breach::of("declared-twice", "authentication", field, cause).in_entry(entry));
        }
    }
    let mut keys = Vec::new();
    for (entry, table) in tables.into_iter().enumerate() {
        match table.check(Purpose::Authentication, base, entry) {
            Ok(key) if document.is_whole_entry("authentication", entry) => keys.push(key),
            Ok(_) => {}
            Err(wrong) => breaches.extend(wrong),
        }
    }
    keys
}
