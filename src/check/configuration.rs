//! `sceau.toml` itself: everything that loading it would refuse.

use super::finding::Finding;
use super::report::Report;
use super::{is_root, not_readable};
use crate::config::Fault;

const SUBJECT: &str = "configuration";

/// Tells the faults of the configuration file; `understood` says whether anything could be made of it.
pub(super) fn probe(faults: &[Fault], understood: bool, report: &mut Report) {
    if understood {
        report.checked(SUBJECT);
    }
    tell(SUBJECT, faults, report);
    if !understood {
        for subject in ["registers", "certificates", "keys", "permissions"] {
            report.not_checked(subject, "la configuration n'est pas lisible");
        }
    }
}

/// Faults as findings; what only this caller may not read is no fault of the machine, unless it is the configuration.
pub(super) fn tell(subject: &'static str, faults: &[Fault], report: &mut Report) {
    for fault in faults {
        if fault.rule == "file-unreadable" && !is_root() {
            report.not_checked(subject, not_readable(&fault.file));
            if subject != SUBJECT {
                continue;
            }
        }
        report.found(Finding::of_fault(fault));
    }
}
