//! What guards the ledger: a counter against older copies, and room on its disk.

use super::finding::{Finding, Place};
use super::report::Report;
use super::{is_root, not_readable};
use crate::config::Config;
use crate::sys::{file, space};

const SUBJECT: &str = "ledger";
/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// Looks at the ledger's disk, and whether a counter is configured.
pub(super) fn probe(config: &Config, report: &mut Report) {
    let place = &config.ledger;
    if place.counter.is_none() && !config.is_test() {
        let why = "qu'une ancienne copie du journal n'a pas été remise en place : aucun compteur monotone ne le garde ; donnez \
                   [ledger] counter = \"tpm:0x01800100\" où il y a un TPM, ou gardez des checkpoints hors de la machine et \
                   comparez-les";
        report.not_checked(SUBJECT, why);
    }
    match file::access(&place.folder) {
        Ok(_) => {}
        // Not there yet: sceaud makes it.
        Err(cause) if cause.kind() == std::io::ErrorKind::PermissionDenied && !is_root() => {
            report.not_checked(SUBJECT, not_readable(&place.folder));
            return;
        }
        Err(_) => return,
    }
    report.checked(SUBJECT);
    if let Ok(free) = space::free(&place.folder)
        && free < place.alarm_len
    {
        let text = format!(
            "il reste {} Mio pour le journal, l'alarme est à {} Mio ; libérez de la place ou agrandissez le disque",
            free / MIB,
            place.alarm_len / MIB
        );
        report.found(Finding::new("space-low", Place::file(&place.folder), &text));
    }
}
