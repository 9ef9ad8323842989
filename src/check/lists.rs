//! Revocation lists of the relay: there, readable, and young enough for calls to be made.

use std::path::Path;

use super::finding::{Finding, Place};
use super::report::{ListAge, Report};
use crate::certificate::RevocationList;
use crate::config::{Config, Fault};
use crate::vihf::instant::Instant;

const SUBJECT: &str = "certificates";
const HOUR_MS: i64 = 3_600_000;

/// Looks at every list that `[relay]` names or fetches.
pub(super) fn probe(config: &Config, now: Instant, report: &mut Report) {
    let Some(relay) = &config.relay else { return };
    let max_ms = i64::try_from(relay.crl_age_max_ms).unwrap_or(i64::MAX);
    for path in &relay.crls {
        match std::fs::read(path) {
            Ok(file) => judge(path, &file, now, max_ms, report),
            Err(cause) => report.found(Finding::of_fault(&Fault::unread(path, &cause))),
        }
    }
    for (url, path) in relay.fetched() {
        match std::fs::read(&path) {
            Ok(file) => judge(&path, &file, now, max_ms, report),
            Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied => {
                report.not_checked(SUBJECT, super::not_readable(&path));
            }
            Err(_) => {
                let text = format!(
                    "la liste de {url} n'a jamais été reçue, et rien n'est envoyé au DMP ; démarrez sceau-relayd, et voyez son journal"
                );
                report.found(Finding::new("revocation-list-missing", Place::file(&path), &text));
            }
        }
    }
}

fn judge(path: &Path, file: &[u8], now: Instant, max_ms: i64, report: &mut Report) {
    let Some(lists) = RevocationList::read(file) else {
        let text = "ce n'est pas une liste de révocation, PEM ou DER";
        report.found(Finding::new("revocation-list-unusable", Place::file(path), text));
        return;
    };
    for list in lists {
        let age_ms = now.ms_since(list.this_update());
        let (hours, max_hours) = (age_ms.div_euclid(HOUR_MS), max_ms / HOUR_MS);
        report.lists.push(ListAge { file: path.to_owned(), hours, max_hours });
        let ended = list.next_update().is_some_and(|next| next <= now);
        let rule = match () {
            () if ended || age_ms > max_ms => "revocation-list-old",
            () if age_ms > max_ms / 2 => "revocation-list-ages",
            () => continue,
        };
        let text = format!(
            "la liste du {} a {hours} h, le plus est {max_hours} h{} ; mettez-la à jour, ou voyez pourquoi le relais ne la reçoit pas",
            list.this_update(),
            if ended { ", et elle est échue" } else { "" }
        );
        report.found(Finding::new(rule, Place::file(path), &text));
    }
}
