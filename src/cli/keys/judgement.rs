//! What stands against a certificate that somebody wants to install: every reason, not the first.

use super::KeysError;
use super::held::Held;
use crate::certificate::{KeyUse, OtherSubject, Refusal, Requirements, SealCertificate, appraise_for};
use crate::config::Config;
use crate::sys::clock;

/// A reason for not taking a certificate: its name in JSON, and the words for a person.
pub(super) type Reason = (&'static str, String);

/// The certificate with its PEM if nothing stands against it, else every reason that does.
pub(super) fn judge(
    offered: &[String],
    key: &Held<'_>,
    key_use: KeyUse,
    config: &Config,
    structure: &str,
    other: Option<&OtherSubject>,
) -> Result<Result<(String, SealCertificate), Vec<Reason>>, KeysError> {
    let trust = config.load_trust()?;
    let parsed: Vec<_> =
        offered.iter().map(|pem| SealCertificate::parse(pem.as_bytes()).map(|read| (pem.clone(), read))).collect();
    // A file with its chain: the certificate of this key, whatever its place; else the first.
    let is_own = |read: &&Result<(String, SealCertificate), _>| {
        read.as_ref().is_ok_and(|(_, certificate)| certificate.spki() == key.spki())
    };
    let (pem, certificate) = match parsed.iter().find(is_own).or(parsed.first()) {
        Some(Ok(taken)) => taken.clone(),
        Some(Err(cause)) => {
            let cause = format!("{cause} ; donnez le fichier reçu de l'IGC-Santé, tel quel");
            return Ok(Err(vec![("unreadable", cause)]));
        }
        None => {
            let cause = "il ne contient aucun certificat, ni PEM ni DER ; donnez le fichier reçu de l'IGC-Santé";
            return Ok(Err(vec![("unreadable", cause.to_owned())]));
        }
    };
    let mut reasons = Vec::new();
    if !config.is_test()
        && let Some(cause) = key.refusal()
    {
        reasons.push(("key-unfit", format!("la clé ne convient pas à la production : {cause}")));
    }
    let mut refusals = Vec::new();
    if certificate.spki() != key.spki() {
        refusals.push(Refusal::OtherKey);
    }
    let needs = Requirements {
        structure,
        trust: &trust,
        policy_oid: &config.trust.policy_oid,
        production: !config.is_test(),
    };
    refusals.extend(appraise_for(key_use, &certificate, &needs, clock::now()));
    if let Some(other) = other
        && OtherSubject::of_certificate(certificate.der()).as_ref().map(OtherSubject::der) != Some(other.der())
    {
        let (wanted, found) = (other.text().to_owned(), certificate.issuer_field().to_owned());
        refusals.push(Refusal::OtherSubject { wanted, found });
    }
    reasons.extend(refusals.iter().map(|refusal| (refusal.rule(), refusal.to_string())));
    Ok(if reasons.is_empty() { Ok((pem, certificate)) } else { Err(reasons) })
}
