//! The ledger's head: signed by its audit key, grown from the one that was believed last.

use super::audit_key::AuditKeyPlace;
use super::{Check, Findings, Known, Status};
use crate::evidence::document::{Consistency, Evidence, Ledger};
use crate::traces::audit::{AuditPublicKey, Generation};
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::traces::merkle::verify::consistency;

/// Most hashes of a proof: two for each level of a tree of 2^64 entries.
const PROOF_MAX: usize = 128;

pub(super) fn check(evidence: &Evidence, known: &Known<'_>, audit_key: AuditKeyPlace, findings: &mut Findings) {
    let Some(ledger) = &evidence.claims.ledger else {
        findings.add(
            Check::Ledger,
            Status::Failed,
            "l'appliance ne montre aucun point de contrôle de son journal",
        );
        return;
    };
    let result = opened(ledger, known).and_then(|(signed, generation)| {
        let now = signed.checkpoint();
        findings.shown.ledger_entries = Some(now.size);
        match known.baseline.ledger.as_ref().filter(|_| !known.new_baseline) {
            None => Ok(format!("première preuve : {} entrées, point de contrôle retenu", now.size)),
            Some(before) => grown(before, now, generation, evidence.consistency.as_ref()),
        }
    });
    let passed = findings.decide(Check::Ledger, result);
    let pinned = pinned(known).is_some();
    // The first one believed pins the audit key, if that is in the TPM: a key of which nothing is known must not stand against the next.
    if passed && (pinned || audit_key != AuditKeyPlace::Unknown) {
        if !pinned {
            findings.enrolled.audit_key = Some(ledger.audit_key.clone());
        }
        if audit_key == AuditKeyPlace::Tpm {
            findings.enrolled.audit_key_vouched = false;
        }
        findings.baseline.ledger = Some(ledger.clone());
    }
}

/// The audit key that it must be.
fn pinned<'a>(known: &Known<'a>) -> Option<&'a str> {
    known.enrolled.audit_key.as_deref().filter(|_| !known.new_baseline || known.audit_key_given)
}

/// The checkpoint with its generation, if the ledger's audit key signed it.
fn opened(ledger: &Ledger, known: &Known<'_>) -> Result<(SignedCheckpoint, Generation), String> {
    let audit = AuditPublicKey::parse(&ledger.audit_key)
        .map_err(|_| "la clé d'audit déclarée n'est pas lisible".to_owned())?;
    match pinned(known).map(AuditPublicKey::parse) {
        Some(Ok(pinned)) if pinned != audit => {
            return Err("la clé d'audit n'est plus celle du journal connu".to_owned());
        }
        Some(Err(_)) => {
            return Err("la clé d'audit retenue n'est pas lisible ; le fichier de l'officier est abîmé".to_owned());
        }
        _ => {}
    }
    audit
        .open(&ledger.checkpoint)
        .map_err(|_| "le point de contrôle n'est pas signé par la clé d'audit".to_owned())
}

/// Whether the tree of `now` extends the one that was seen.
fn grown(
    before: &Ledger,
    now: &Checkpoint,
    generation: Generation,
    proof: Option<&Consistency>,
) -> Result<String, String> {
    let kept = AuditPublicKey::parse(&before.audit_key).ok().and_then(|audit| audit.open(&before.checkpoint).ok());
    let Some((kept, kept_generation)) = kept else {
        return Err(
            "le point de contrôle retenu n'est plus lisible ; le fichier de l'officier est abîmé".to_owned()
        );
    };
    let kept = kept.checkpoint();
    if generation != kept_generation || now.origin() != kept.origin() {
        return Err(format!(
            "le journal a été restauré : génération {generation}, {kept_generation} au dernier verdict"
        ));
    }
    if now.size < kept.size {
        return Err(format!("{} entrées, {} au dernier verdict : le journal a reculé", now.size, kept.size));
    }
    if now.size == kept.size {
        return if now == kept {
            Ok(format!("{} entrées, comme au dernier verdict", now.size))
        } else {
            Err("même taille qu'au dernier verdict, contenu différent : deux histoires".to_owned())
        };
    }
    let grown = format!("{} entrées, {} de plus qu'au dernier verdict", now.size, now.size - kept.size);
    if kept.size == 0 && kept.root == crate::traces::merkle::empty_root() {
        return Ok(grown);
    }
    let Some(proof) = proof.filter(|proof| proof.since == kept.size && proof.proof.len() <= PROOF_MAX) else {
        return Err(format!(
            "aucune preuve que le journal prolonge celui du dernier verdict : demandez-la depuis {} entrées",
            kept.size
        ));
    };
    if consistency(kept.size, now.size, &proof.proof, &kept.root, &now.root) {
        Ok(grown)
    } else {
        Err("le journal ne prolonge pas celui du dernier verdict : deux histoires".to_owned())
    }
}
