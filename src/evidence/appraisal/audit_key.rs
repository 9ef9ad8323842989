//! The audit key: in the TPM, which certifies it, or the one that the officer gave at enrolment.

use super::keys::certified;
use super::{Check, Findings, Known, Status};
use crate::evidence::document::{Evidence, KeyRole};
use crate::evidence::public::P256;
use crate::traces::audit::AuditPublicKey;

/// What a verdict says of an audit key that is the officer's word.
const VOUCHED: &str = "attention : la clé d'audit n'est pas dans ce TPM (HSM ou jeton logiciel) ; qui en détiendrait une copie pourrait \
                       signer ailleurs des points de contrôle : elle vaut ce que vaut sa garde";

/// Where the audit key lives, as far as it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AuditKeyPlace {
    /// In this TPM, which certified it.
    Tpm,
    /// Elsewhere; it is the one that the officer gave.
    Vouched,
    /// Nothing believed says.
    Unknown,
}

/// Decides [`Check::AuditKey`].
pub(super) fn check(evidence: &Evidence, known: &Known<'_>, ak: &P256, findings: &mut Findings) -> AuditKeyPlace {
    match place(evidence, known, ak) {
        Ok((AuditKeyPlace::Vouched, origin)) => {
            let detail = format!(
                "la clé de {origin} n'est pas dans ce TPM ; c'est celle que l'officier a donnée à l'enrôlement"
            );
            findings.add(Check::AuditKey, Status::NotApplicable, detail);
            findings.notes.push(VOUCHED.to_owned());
            AuditKeyPlace::Vouched
        }
        Ok((place, origin)) => {
            let detail = format!("la clé de {origin} est dans ce TPM et ne peut en sortir");
            findings.add(Check::AuditKey, Status::Passed, detail);
            place
        }
        Err(cause) => {
            findings.add(Check::AuditKey, Status::Failed, cause);
            AuditKeyPlace::Unknown
        }
    }
}

/// Where the audit key lives, and whose it is; or why that is not to be believed.
fn place(evidence: &Evidence, known: &Known<'_>, ak: &P256) -> Result<(AuditKeyPlace, String), String> {
    let ledger =
        evidence.claims.ledger.as_ref().ok_or_else(|| "l'appliance ne déclare aucune clé d'audit".to_owned())?;
    let audit = AuditPublicKey::parse(&ledger.audit_key)
        .map_err(|_| "la clé d'audit déclarée n'est pas lisible".to_owned())?;
    let mut keys = evidence.keys.iter().filter(|key| key.role == KeyRole::Audit);
    let place = match (keys.next(), keys.next()) {
        (Some(key), None) if certified(key, evidence, ak)?.is_key_of(&audit.spki()) => AuditKeyPlace::Tpm,
        (Some(_), None) => {
            return Err("la clé certifiée n'est pas celle qui signe les points de contrôle".to_owned());
        }
        (None, _) if is_vouched(known, &audit) => AuditKeyPlace::Vouched,
        (None, _) => return Err("le TPM ne certifie aucune clé d'audit".to_owned()),
        _ => return Err("plusieurs clés d'audit sont montrées".to_owned()),
    };
    Ok((place, audit.origin().to_owned()))
}

/// Whether the officer said himself that this is the audit key.
fn is_vouched(known: &Known<'_>, audit: &AuditPublicKey) -> bool {
    let given = known.enrolled.audit_key.as_deref().filter(|_| known.enrolled.audit_key_vouched);
    given.is_some_and(|given| AuditPublicKey::parse(given).is_ok_and(|given| given == *audit))
}
