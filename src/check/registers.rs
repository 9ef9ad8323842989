//! Registers, profiles, authorities and certificates as files: everything that `sceaud` would refuse to start with, and
//! entries that stand and serve nobody.

use super::configuration::tell;
use super::finding::Finding;
use super::report::Report;
use crate::config::{Named, Whole};

const SUBJECT: &str = "registers";

/// Tells what was found in the files that the configuration names.
pub(super) fn probe(named: &Named, whole: &Whole, report: &mut Report) {
    report.checked(SUBJECT);
    if !whole.registers {
        report.not_checked(SUBJECT, "la section [registers] n'est pas correcte");
    }
    tell(SUBJECT, &named.faults, report);
    for remark in &named.remarks {
        report.found(Finding::of_fault(remark));
    }
}
