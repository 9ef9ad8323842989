//! The command `xmlsec1` (libxmlsec1 on OpenSSL): signature and certification path.
//!
//! Versions 1.2 (Debian 12) and 1.3 take several files, stop at the first that fails, and differ in the word for a
//! success. The embedded certificate is the only key on offer, so 1.3's strict key search needs no option.

use std::path::Path;
use std::process::Command;

use crate::collection::{DOCUMENTS_PER_PROCESS_MAX, Establishment, collection};
use crate::counts::{Counts, run, texts};
use crate::twin::Twin;

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion";

fn verify(establishments: &[Establishment]) -> Counts {
    let mut counts = Counts::default();
    for establishment in establishments {
        let paths: Vec<_> = establishment.documents.iter().map(|document| document.path.as_path()).collect();
        for batch in paths.chunks(DOCUMENTS_PER_PROCESS_MAX) {
            verify_batch(establishment, batch, &mut counts);
        }
    }
    counts
}

/// One process for `batch`, and one more after each refused document: the tool goes no further than that.
fn verify_batch(establishment: &Establishment, mut batch: &[&Path], counts: &mut Counts) {
    counts.presented += batch.len();
    while !batch.is_empty() {
        let mut command = Command::new("xmlsec1");
        command.arg("--verify").arg("--trusted-pem").arg(establishment.ca());
        command.arg("--untrusted-pem").arg(establishment.intermediate());
        command.args(["--id-attr:ID", ASSERTION]).args(batch);
        let output = run(&mut command, "xmlsec1");
        let (stdout, stderr) = texts(&output);
        let is_success = |line: &&str| matches!(*line, "OK" | "Verification status: OK");
        let good = stdout.lines().chain(stderr.lines()).filter(is_success).count();
        counts.verified += good;
        if output.status.success() {
            assert_eq!(good, batch.len(), "xmlsec1 succeeded without a verdict for each document\n{stderr}");
            return;
        }
        let refused =
            batch.get(good).unwrap_or_else(|| panic!("xmlsec1 failed after its last document\n{stderr}"));
        counts.refused.push(format!("{}: {stderr}", refused.display()));
        batch = &batch[good + 1..];
    }
}

#[test]
fn every_assertion_is_verified() {
    let establishments = collection();
    verify(&establishments).assert_all_verified("xmlsec1", &establishments);
}

#[test]
fn changed_content_is_refused() {
    verify(&Twin::with_content_changed().establishments()).assert_only_spoiled_refused();
}

#[test]
fn changed_signature_is_refused() {
    verify(&Twin::with_signature_changed().establishments()).assert_only_spoiled_refused();
}

#[test]
fn impostor_root_is_refused() {
    verify(&Twin::with_impostor_root().establishments()).assert_all_refused();
}
