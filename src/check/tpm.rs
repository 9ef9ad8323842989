//! The TPM, where the configuration counts on one: does its daemon answer, is it enrolled, is it locked?

use std::time::Duration;

use serde_json::{Value, json};

use super::finding::{Finding, Place};
use super::report::Report;
use crate::config::{Config, CounterPlace, system_words};
use crate::sys::call::{Reply, call};

const SUBJECT: &str = "tpm";
/// Longest wait for the daemon: a quote may be under way.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Longest answer in bytes: some names.
const ANSWER_LEN_MAX: usize = 64 * 1024;

/// Whether the configuration counts on a TPM.
pub(super) fn is_used(config: &Config) -> bool {
    matches!(config.ledger.counter, Some(CounterPlace::Tpm(_)))
}

/// Asks the TPM's daemon how it is.
pub(super) fn probe(config: &Config, report: &mut Report) {
    if !is_used(config) {
        return;
    }
    report.checked(SUBJECT);
    let socket = &config.sockets.attest;
    let found = |rule, text: &str| Finding::new(rule, Place::file(socket), text);
    let asked = call(socket, "fr.sceau.Attest.Status", &json!({}), ANSWER_WAIT, ANSWER_LEN_MAX);
    let status = match asked {
        Ok(Reply { error: None, parameters }) => parameters,
        Ok(Reply { error: Some(error), parameters }) => {
            let message = parameters.get("message").and_then(Value::as_str).unwrap_or(&error);
            report.found(found("tpm-trouble", &format!("sceau-attestd : {message}")));
            return;
        }
        Err(cause) => {
            let text = format!(
                "sceau-attestd ne répond pas ({}) ; sans lui, sceaud ne délivre rien après un redémarrage : voyez systemctl \
                 status sceau-attestd, et faites cette vérification en tant que root ou membre de sceau-admin",
                system_words(&cause)
            );
            report.found(found("tpm-unreachable", &text));
            return;
        }
    };
    let says = |member: &str| status.get(member).and_then(Value::as_bool);
    if says("enrolled") == Some(false) || says("counter") == Some(false) {
        let text = "le TPM n'a pas la clé ou le compteur de Sceau ; faites sceau attest enrol";
        report.found(found("tpm-not-enrolled", text));
    }
    if says("lockout") == Some(true) {
        let text = "le TPM est verrouillé après trop de PIN de démarrage faux : le prochain démarrage ne rendra aucun PIN scellé ; \
                    cherchez qui les a tapés, puis tpm2_dictionarylockout --clear-lockout";
        report.found(found("tpm-lockout", text));
    }
    let seals = status.get("sealed").and_then(Value::as_array).is_some_and(|names| !names.is_empty());
    if seals && says("lockout_guarded") == Some(false) {
        let text = "des PIN sont scellés, et aucun secret ne garde le verrou du TPM : qui vole la machine le lève depuis un autre système, \
                    et essaie des PIN de démarrage sans fin ; tpm2_changeauth -c lockout, et gardez ce secret au coffre";
        report.found(found("tpm-lockout-unguarded", text));
    }
}
