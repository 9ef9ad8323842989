//! One private key of the list: its certificates, and what is wrong with either.

use serde_json::{Value, json};

use super::certificate::{certificates, read};
use super::list::Configured;
use super::table::{hex, kind_name};
use crate::certificate::{KeyUse, SealCertificate};
use crate::config::Purpose;
use crate::seal::key::requirements;
use crate::sys::clock;
use crate::token::KeyEntry;
use crate::traces::audit::AuditPublicKey;

/// One key as JSON; the table is made from it, so that both say the same.
pub(super) fn describe(entry: &KeyEntry, configured: Option<&Configured>) -> Value {
    let seal = configured.and_then(|key| key.seal.as_ref());
    let mut warnings = Vec::new();
    if entry.kind.is_none() {
        warnings.push("type non pris en charge ; utilisez RSA 2048 à 4096, P-256 ou P-384".to_owned());
    }
    if let Err(cause) = requirements(&entry.attributes) {
        warnings.push(format!("refusée en production : {cause}"));
    }
    if !entry.has_public_object {
        warnings.push("sans clé publique à côté d'elle ; restaurez-la avec l'outil du fabricant".to_owned());
    }
    let mut found = Vec::new();
    if let Some(seal) = seal {
        let path = &seal.certificate;
        match read(path).map(|bytes| certificates(&bytes)) {
            Ok(pem) => found.extend(pem.into_iter().take(1).map(|pem| (Some(path.clone()), pem))),
            Err(_) => warnings.push(format!("pas de certificat dans {} ; importez-le", path.display())),
        }
    }
    found.extend(entry.certificates.iter().flat_map(|der| certificates(der)).map(|pem| (None, pem)));
    let now = clock::now();
    let mut shown: Vec<Value> = Vec::new();
    for (path, pem) in found {
        let place = path.as_ref().map_or("le token".to_owned(), |path| path.display().to_string());
        let certificate = match SealCertificate::parse(pem.as_bytes()) {
            Ok(certificate) => certificate,
            Err(cause) => {
                warnings.push(format!("certificat illisible ({place}) : {cause}"));
                continue;
            }
        };
        let is_own = entry.public.iter().any(|spki| spki == certificate.spki());
        if !is_own && !entry.public.is_empty() {
            warnings.push(format!("le certificat ({place}) n'est pas celui de cette clé ; importez le bon"));
        }
        let days_left = certificate.days_left(now);
        if !certificate.is_valid_at(now) {
            warnings.push(format!("le certificat ({place}) est hors de sa validité ; renouvelez-le"));
        }
        shown.push(json!({
            "source": if path.is_some() { "file" } else { "token" },
            "path": path,
            "subject": certificate.issuer_field(),
            "use": KeyUse::of(certificate.der()).map(KeyUse::name),
            "of_this_key": is_own,
            "not_before": certificate.not_before().to_string(),
            "not_after": certificate.not_after().to_string(),
            "days_left": days_left,
        }));
    }
    let of_certificate = shown.iter().find_map(|shown| shown.get("use").filter(|name| !name.is_null()).cloned());
    let configured_use = configured.map(|key| match &key.signer.purpose {
        Purpose::Seal => KeyUse::Seal.name(),
        Purpose::Audit { .. } => "audit",
        Purpose::Authentication => KeyUse::Authentication.name(),
    });
    let key_use = configured_use.map(Value::from).or(of_certificate);
    let verifier_key = configured.and_then(|key| match &key.signer.purpose {
        Purpose::Audit { origin } => {
            entry.public.iter().find_map(|spki| AuditPublicKey::of_spki(origin, spki).ok())
        }
        Purpose::Seal | Purpose::Authentication => None,
    });
    json!({
        "label": String::from_utf8_lossy(&entry.label),
        "id": hex(&entry.id),
        "type": kind_name(entry.kind),
        "sensitive": entry.attributes.sensitive,
        "extractable": entry.attributes.extractable,
        "local": entry.attributes.local,
        "use": key_use,
        "configured": configured.map(|key| key.signer.key.as_str()),
        "verifier_key": verifier_key.map(|key| key.to_string()),
        "certificates": shown,
        "warnings": warnings,
    })
}
