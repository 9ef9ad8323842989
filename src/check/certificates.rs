//! Seal certificates: days left, and which ones overlap; what may not seal at all is told with the files.

use super::finding::{Finding, Place};
use super::report::{DaysLeft, Report};
use crate::config::{Config, Named};
use crate::vihf::instant::Instant;

const SUBJECT: &str = "certificates";
/// Days before a certificate's end at which it is told (vihf.md §6: renewal opens 60 days before).
const STEPS_DAYS: [i64; 3] = [7, 30, 60];

/// Looks at the certificates that could be read.
pub(super) fn probe(config: &Config, named: &Named, now: Instant, report: &mut Report) {
    if config.seals.is_empty() {
        report.not_checked(SUBJECT, "aucune clé de cachet n'est configurée");
        return;
    }
    report.checked(SUBJECT);
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
    for structure in &config.structures {
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
