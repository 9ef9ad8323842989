//! The convention's file: right, signed, in its days, and declaring the certificates that are configured.

use super::configuration::tell;
use super::finding::{Finding, Place};
use super::report::Report;
use crate::config::{Config, Named, Presented};
use crate::policy::convention::{APPROVERS_MIN, NAMESPACE};
use crate::policy::sshsig::Envelope;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

const SUBJECT: &str = "convention";

/// Tells what would keep the file from being taken, as far as it shows without the register of operators.
pub(super) fn probe(config: &Config, named: &Named, now: Instant, report: &mut Report) {
    if let Some(presented) = &named.convention
        && !presented.convention.sealed_keys
        && let Some(key) = config.signer_keys().iter().find(|key| !key.keyring().is_token())
    {
        let text = format!(
            "la clé {} est scellée dans un fichier, et la convention ne l'admet pas : rien n'est scellé ; faites-y mettre sealed_keys = true, ou utilisez un token",
            key.key
        );
        let place = Place::file(config.convention_file().unwrap_or(&config.path));
        report.found(Finding::new("sealed-keys-not-declared", place, &text));
    }
    let Some(path) = config.convention_file() else { return };
    report.checked(SUBJECT);
    tell(SUBJECT, &named.convention_faults, report);
    let Some(presented) = &named.convention else { return };
    let mut found = |rule, text: &str| report.found(Finding::new(rule, Place::file(path), text));
    let signers = signers(presented);
    if !config.is_test() && signers < APPROVERS_MIN {
        let text = format!(
            "la convention porte {signers} signature(s) de ce texte, il en faut {APPROVERS_MIN} d'approbateurs distincts ; faites-la signer : sceau convention approve"
        );
        found("convention-unsigned", &text);
    }
    if let Some(title) = &presented.convention.title {
        let days = format!("du {} au {}", title.from, title.until);
        if !title.holds_at(now) {
            let text = format!("la convention vaut {days}, pas aujourd'hui ; faites-en signer une qui vaut");
            found("convention-out-of-date", &text);
        } else if title.alarm(now).is_some() {
            let left = title.days_left(now);
            let text = format!("la convention vaut {days}, encore {left} jour(s) ; faites-en signer une nouvelle");
            found("convention-ends-soon", &text);
        }
    }
    for seal in &named.seals {
        let fingerprint = Digest::of(&[seal.certificate.der()]);
        if !presented.convention.admits(&seal.key.structure, &fingerprint) {
            let text = format!(
                "le certificat de la clé {} n'est pas déclaré par la convention pour la structure {}, il ne scelle pas ; faites-le déclarer",
                seal.key.key, seal.key.structure
            );
            report.found(Finding::new("certificate-not-declared", Place::file(&seal.key.certificate), &text));
        }
    }
}

/// How many distinct keys signed this very text for this use; whose they are, `sceaud` knows.
fn signers(presented: &Presented) -> usize {
    let mut keys = Vec::new();
    for envelope in presented.armours().into_iter().filter_map(Envelope::parse) {
        if let Some(key) = envelope.key()
            && envelope.is_by(&key, NAMESPACE, presented.text.as_bytes())
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    keys.len()
}
