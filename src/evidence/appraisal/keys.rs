//! Keys and counter that the TPM certifies: whether they are in it, and whether they are the ones in use.

use tpm2_protocol::TpmUnmarshal as _;
use tpm2_protocol::data::{TpmAlgId, TpmsNvPublic};
use x509_parser::prelude::*;

use super::{Check, Findings, Known, Status, shown};
use crate::evidence::attest::{Body, Statement};
use crate::evidence::baseline::CounterSeen;
use crate::evidence::binding::qualifying_data;
use crate::evidence::document::{Attested, CertifiedCounter, CertifiedKey, Evidence, KeyRole, Marshalled};
use crate::evidence::public::{P256, Public};
use crate::traces::digest::Digest;

/// Most keys that are read: a configuration has a handful.
const KEYS_MAX: usize = 64;
/// TPMA_NV bits 4 to 7, the kind of an index, and that of a counter (part 2, §13.4).
const NV_KIND: (u32, u32) = (0xF0, 0x10);

/// What the TPM certifies beside the audit key.
pub(super) fn check(evidence: &Evidence, known: &Known<'_>, ak: &P256, findings: &mut Findings) {
    counter(evidence, known, ak, findings);
    others(evidence, ak, findings);
}

fn others(evidence: &Evidence, ak: &P256, findings: &mut Findings) {
    let mut others = evidence.keys.iter().filter(|key| key.role != KeyRole::Audit).peekable();
    if others.peek().is_none() {
        findings.add(Check::Keys, Status::NotApplicable, "aucune autre clé n'est dite dans le TPM");
        return;
    }
    if evidence.keys.len() > KEYS_MAX {
        findings.add(Check::Keys, Status::Failed, format!("plus de {KEYS_MAX} clés sont montrées"));
        return;
    }
    let mut names = Vec::new();
    let result = others.try_for_each(|key| {
        let name = shown(&key.key);
        certified(key, evidence, ak)
            .and_then(|public| in_use(key, &public, evidence))
            .map_err(|cause| format!("{name} : {cause}"))?;
        names.push(name);
        Ok(())
    });
    findings.decide(Check::Keys, result.map(|()| format!("certifiées par le TPM : {}", names.join(", "))));
}

/// The statement of the AK about something else than PCRs, for the same nonce and claims.
fn stated(attested: &Attested, evidence: &Evidence, ak: &P256) -> Result<Statement, String> {
    let statement = Statement::verified(attested, ak)
        .map_err(|fault| format!("la certification n'est pas à croire : {fault}"))?;
    if statement.extra_data == qualifying_data(&evidence.nonce, &evidence.claims).as_bytes() {
        Ok(statement)
    } else {
        Err("la certification a été faite pour un autre nonce ou d'autres déclarations".to_owned())
    }
}

/// The key's public area, if the AK certified it and it cannot leave the TPM.
pub(super) fn certified(key: &CertifiedKey, evidence: &Evidence, ak: &P256) -> Result<Public, String> {
    let public = Public::parse(&key.public.0).map_err(|fault| fault.to_string())?;
    match stated(&key.certification, evidence, ak)?.body {
        Body::Certify { name } if name == public.name() => {}
        Body::Certify { .. } => return Err("le TPM a certifié une autre clé".to_owned()),
        _ => return Err("le TPM a signé autre chose qu'une certification (TPM2_Certify)".to_owned()),
    }
    public.signs_in_place().map_err(|fault| fault.to_string())?;
    Ok(public)
}

/// A seal's key is that of a seal certificate in use, and mutual TLS's that of one of its own.
fn in_use(key: &CertifiedKey, public: &Public, evidence: &Evidence) -> Result<(), String> {
    let (declared, what) = match key.role {
        // Judged by itself: it has no certificate.
        KeyRole::Audit => return Ok(()),
        KeyRole::Seal => (&evidence.claims.seals, "de cachet"),
        KeyRole::Authentication => (&evidence.claims.authentications, "d'authentification"),
    };
    let spki_is = |der: &Marshalled| matches!(X509Certificate::from_der(&der.0), Ok(([], x509)) if public.is_key_of(x509.public_key().raw));
    if declared.iter().any(|declared| declared.key == key.key && spki_is(&declared.certificate)) {
        Ok(())
    } else {
        Err(format!("elle n'est celle d'aucun certificat {what} déclaré sous ce nom"))
    }
}

fn counter(evidence: &Evidence, known: &Known<'_>, ak: &P256, findings: &mut Findings) {
    let before = known.baseline.counter.as_ref().filter(|_| !known.new_baseline);
    let Some(value) = evidence.claims.counter else {
        if before.is_some() {
            findings.add(Check::Counter, Status::Failed, "l'appliance ne montre plus le compteur qu'elle avait");
        } else {
            findings.add(
                Check::Counter,
                Status::NotApplicable,
                "l'appliance ne déclare pas de compteur dans son TPM",
            );
        }
        return;
    };
    let index = evidence.counter.as_ref().map(|counter| index(counter, value, evidence, ak)).transpose();
    let result = index.and_then(|index| {
        let seen = CounterSeen { value, index };
        match before {
            Some(before) if before.index.is_some() && seen.index != before.index => {
                Err("ce n'est plus le compteur que le TPM certifiait au dernier verdict".to_owned())
            }
            Some(before) if value < before.value => {
                Err(format!("le compteur est à {value}, il était à {} au dernier verdict", before.value))
            }
            _ => Ok(seen),
        }
    });
    findings.shown.counter = Some(value);
    match result {
        Ok(seen) => {
            let by = if seen.index.is_some() { "certifié par le TPM" } else { "selon le système mesuré" };
            findings.add(Check::Counter, Status::Passed, format!("à {value}, {by}"));
            findings.baseline.counter = Some(seen);
        }
        Err(cause) => {
            findings.add(Check::Counter, Status::Failed, cause);
        }
    }
}

/// Name of the counter's index, if the AK certified this value of a counter.
fn index(counter: &CertifiedCounter, value: u64, evidence: &Evidence, ak: &P256) -> Result<Marshalled, String> {
    let unreadable = "la partie publique du compteur n'est pas lisible (TPMS_NV_PUBLIC)";
    let (public, rest) = TpmsNvPublic::unmarshal(&counter.public.0).map_err(|_| unreadable.to_owned())?;
    if !rest.is_empty() || public.name_alg != TpmAlgId::Sha256 {
        return Err(unreadable.to_owned());
    }
    let (mask, kind) = NV_KIND;
    if public.attributes.bits() & mask != kind {
        return Err("l'index montré n'est pas un compteur : sa valeur peut être écrite".to_owned());
    }
    let known = [&[0x00, 0x0B], Digest::of(&[&counter.public.0]).as_bytes().as_slice()].concat();
    match stated(&counter.certification, evidence, ak)?.body {
        Body::Nv { name, offset: 0, contents } if name == known && contents == value.to_be_bytes() => {
            Ok(Marshalled(name))
        }
        Body::Nv { .. } => Err("le TPM a certifié un autre index ou une autre valeur".to_owned()),
        _ => Err("le TPM a signé autre chose que la valeur du compteur (TPM2_NV_Certify)".to_owned()),
    }
}
