//! Certificates of seals and of the relay: days left, and which ones overlap; what may not seal at all is told with the files.

use super::finding::{Finding, Place};
use super::report::{DaysLeft, Report};
use crate::certificate::{KeyUse, Requirements, SealCertificate, appraise_for};
use crate::config::{Config, Fault, Named, SealKey};
use crate::vihf::instant::Instant;

const SUBJECT: &str = "certificates";
/// Days before a certificate's end from which it can be renewed (vihf.md §6).
pub const RENEWAL_DAYS: i64 = 60;
/// Days before a certificate's end at which it is told.
const STEPS_DAYS: [i64; 3] = [7, 30, RENEWAL_DAYS];

/// Looks at the certificates that could be read.
pub(super) fn probe(config: &Config, named: &Named, now: Instant, report: &mut Report) {
    if config.seals.is_empty() {
        report.not_checked(SUBJECT, "aucune clé de cachet n'est configurée");
        return;
    }
    report.checked(SUBJECT);
    authentications(config, now, report);
    for seal in &named.seals {
        let days = seal.certificate.days_left(now);
        report.days_left.push(DaysLeft { key: seal.key.key.to_string(), days });
        let successor = named.seals.iter().any(|other| {
            other.key.structure == seal.key.structure
                && other.certificate.not_after() > seal.certificate.not_after()
                && other.certificate.is_valid_at(now)
        });
        let step = STEPS_DAYS.into_iter().find(|step| days <= *step);
        if let (Some(step), true, false) = (step, seal.certificate.is_valid_at(now), successor) {
            let text = format!(
                "le certificat de la clé {} finit dans {days} jour(s), le {} (seuil de {step} jours) ; faites-le \
                 renouveler, puis installez les deux tant qu'ils se chevauchent",
                seal.key.key,
                seal.certificate.not_after()
            );
            report.found(Finding::new("certificate-ends-soon", Place::file(&seal.key.certificate), &text));
        }
    }
    for structure in named.convention.iter().flat_map(|presented| &presented.convention.structures) {
        let valid = named
            .seals
            .iter()
            .filter(|seal| seal.key.structure == structure.id.as_str() && seal.certificate.is_valid_at(now));
        let names: Vec<String> = valid.map(|seal| seal.key.key.to_string()).collect();
        if names.len() > 1 {
            let text = format!(
                "deux certificats sont valides ({}), le plus récent scelle ; retirez l'ancien une fois échu",
                names.join(", ")
            );
            let place = Place::Object(format!("structure {}", structure.id.as_str()));
            report.found(Finding::new("certificates-overlap", place, &text));
        }
    }
}

/// The relay's client certificates, judged as the relay judges them.
fn authentications(config: &Config, now: Instant, report: &mut Report) {
    let mut read: Vec<(&SealKey, SealCertificate)> = Vec::new();
    for path in config.relay.iter().flat_map(|relay| relay.anchors.iter().chain(&relay.intermediates)) {
        if let Err(cause) = std::fs::metadata(path) {
            report.found(Finding::of_fault(&Fault::unread(path, &cause)));
        }
    }
    for key in &config.authentications {
        let path = &key.certificate;
        let refuse =
            |cause: String| Fault::of("certificate-unreadable", path, format!("clé {} : {cause}", key.key));
        let parsed = std::fs::read(path)
            .map_err(|cause| Fault::unread(path, &cause))
            .and_then(|pem| SealCertificate::parse(&pem).map_err(|cause| refuse(cause.to_string())));
        match parsed {
            Ok(certificate) => read.push((key, certificate)),
            Err(fault) => report.found(Finding::of_fault(&fault)),
        }
    }
    // What is wrong with the authorities is told with them.
    let Ok(trust) = config.load_trust() else { return };
    for (key, certificate) in &read {
        let place = || Place::file(&key.certificate);
        let days = certificate.days_left(now);
        report.days_left.push(DaysLeft { key: key.key.to_string(), days });
        let needs = Requirements {
            structure: &key.structure,
            trust: &trust,
            // The offer's own policy is not the seal's.
            policy_oid: "",
            production: !config.is_test(),
        };
        let stand_in = read.iter().any(|(_, other)| other.is_valid_at(now));
        for refusal in appraise_for(KeyUse::Authentication, certificate, &needs, now) {
            let rule = if refusal.is_of_time() && stand_in { "certificate-superseded" } else { refusal.rule() };
            report.found(Finding::new(rule, place(), &format!("clé {} : {refusal}", key.key)));
        }
        let successor =
            read.iter().any(|(_, other)| other.not_after() > certificate.not_after() && other.is_valid_at(now));
        let step = STEPS_DAYS.into_iter().find(|step| days <= *step);
        if let (Some(step), true, false) = (step, certificate.is_valid_at(now), successor) {
            let text = format!(
                "le certificat de la clé {} finit dans {days} jour(s), le {} (seuil de {step} jours) ; faites-le \
                 renouveler, puis installez les deux tant qu'ils se chevauchent",
                key.key,
                certificate.not_after()
            );
            report.found(Finding::new("certificate-ends-soon", place(), &text));
        }
    }
}
