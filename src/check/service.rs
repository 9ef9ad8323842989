//! What `sceaud` says of itself, if it runs.

use super::finding::{Finding, Place};
use super::report::Report;
use crate::config::Config;
use crate::sys::file;

const SUBJECT: &str = "service";
/// Troubles that keep nobody from an assertion yet, or one application alone; their rules have the same names.
const OF_THEIR_OWN: [&str; 6] = [
    "space-low",
    "homologation-expired",
    "homologation-ends-soon",
    "convention-refused",
    "convention-ends-soon",
    "certificate-not-declared",
];

/// What came of asking `sceaud` for its Status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It answered.
    Status {
        /// The contract's word.
        state: String,
        /// Whether every structure can be sealed for.
        ready: bool,
        /// Keys that cannot sign.
        unready: Vec<String>,
        /// What is amiss beyond them: reason and message.
        troubles: Vec<(String, String)>,
        /// The audit key, if it cannot sign.
        audit_unready: Option<String>,
        /// Foreign software that orders attached: kind and name.
        attached: Vec<(String, String)>,
    },
    /// It said that it halted, and why.
    Halted(String),
    /// Nobody answered; why.
    Silent(String),
}

/// Tells what the answer means.
pub(super) fn probe(config: &Config, answer: &Answer, report: &mut Report) {
    let place = || Place::file(&config.sockets.token);
    match answer {
        Answer::Status { state, .. } if state == "halted" => halted("son état est « halted »", config, report),
        Answer::Halted(cause) => halted(cause, config, report),
        Answer::Status { state, ready, unready, troubles, audit_unready, attached } => {
            report.checked(SUBJECT);
            for (kind, name) in attached {
                let text = format!(
                    "{kind} {name} attaché par un ordre ; sceau connectors list montre ce qu'il peut atteindre"
                );
                report.found(Finding::new("software-attached", Place::Object(name.clone()), &text));
            }
            if let Some(key) = audit_unready {
                let text = format!(
                    "la clé d'audit {key} ne signe pas : ni points de contrôle du journal, ni reçus ; les jetons sans reçu sont servis ; voyez systemctl status 'sceau-signer@{key}-*'"
                );
                report.found(Finding::new("audit-not-ready", place(), &text));
            }
            for (reason, message) in troubles {
                let rule = match OF_THEIR_OWN.into_iter().find(|own| own == reason) {
                    Some(rule) => rule,
                    None if reason == "convention" => "convention-not-in-force",
                    None => "service-trouble",
                };
                // A register or a convention that is a file was told with its line.
                if report.findings.iter().any(|finding| finding.rule.name == rule && rule != "service-trouble") {
                    continue;
                }
                report.found(Finding::new(rule, place(), &format!("sceaud : {message}")));
            }
            let stopped_by_trouble = troubles.iter().any(|(reason, _)| !OF_THEIR_OWN.contains(&reason.as_str()));
            if !(*ready || stopped_by_trouble && unready.is_empty()) && state != "unprovisioned" {
                let keys = if unready.is_empty() { "aucune clé".to_owned() } else { unready.join(", ") };
                let text = format!(
                    "sceaud répond et ne peut pas tout sceller (clés qui ne signent pas : {keys}) ; voyez systemctl status 'sceau-signer@*' et leur journal"
                );
                report.found(Finding::new("service-not-ready", place(), &text));
            }
        }
        Answer::Silent(cause) => match file::access(&config.sockets.token) {
            Ok(_) => {
                let text =
                    format!("sceaud ne répond pas ({cause}) ; voyez systemctl status sceaud et son journal");
                report.checked(SUBJECT);
                report.found(Finding::new("service-unreachable", place(), &text));
            }
            Err(_) => {
                let text = "sceaud n'est pas démarré, sa socket n'existe pas ; démarrez-le : systemctl start sceau.target";
                report.found(Finding::new("service-stopped", place(), text));
                report.not_checked(SUBJECT, "sceaud n'est pas démarré");
            }
        },
    }
}

fn halted(cause: &str, config: &Config, report: &mut Report) {
    report.checked(SUBJECT);
    let text = format!(
        "sceaud s'est arrêté sur un défaut d'intégrité : {cause} ; ne le relancez pas sans avoir compris, prévenez la sécurité"
    );
    report.found(Finding::new("service-halted", Place::file(&config.sockets.token), &text));
}
