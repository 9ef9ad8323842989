//! Canonical form: exclusive canonicalisation must leave every assertion byte for byte as it is.

use std::fs;
use std::process::Command;

use crate::collection::{Document, Establishment, collection};
use crate::counts::{Counts, run};
use crate::twin::Twin;
use crate::venv::run_script;

/// Documents that the `xmllint` command sees as well; it takes one process each, so a sample is enough beside lxml,
/// which reads all with the same libxml2 code.
const XMLLINT_SAMPLE: usize = 40;

/// Every document, by lxml in one process.
fn verify(establishments: &[Establishment]) -> Counts {
    run_script("verify_canonical.py", establishments)
}

/// Up to [`XMLLINT_SAMPLE`] documents spread over `establishments`, by the `xmllint` command.
fn verify_sample(establishments: &[Establishment]) -> Counts {
    // The command cannot express a PrefixList (platform.md); lxml can and sees those documents.
    let documents: Vec<&Document> = establishments
        .iter()
        .flat_map(|establishment| &establishment.documents)
        .filter(|document| !document.text().contains("PrefixList="))
        .collect();
    let mut counts = Counts::default();
    for document in documents.iter().step_by(documents.len().div_ceil(XMLLINT_SAMPLE).max(1)) {
        let output =
            run(Command::new("xmllint").args(["--nonet", "--exc-c14n"]).arg(&document.path), "libxml2-utils");
        counts.presented += 1;
        if output.status.success() && output.stdout == fs::read(&document.path).unwrap() {
            counts.verified += 1;
        } else {
            counts.refused.push(format!("{}: not in canonical form", document.path.display()));
        }
    }
    counts
}

/// A twin with one more space in its first tag: the same XML, another form.
fn spaced() -> Twin {
    Twin::new(|text| text.replacen(' ', "  ", 1))
}

#[test]
fn every_assertion_is_canonical() {
    let establishments = collection();
    verify(&establishments).assert_all_verified("canonical (lxml)", &establishments);
}

#[test]
fn sampled_assertions_are_canonical_for_xmllint() {
    let counts = verify_sample(&collection());
    println!("canonical (xmllint): presented={} verified={}", counts.presented, counts.verified);
    assert!(counts.presented >= XMLLINT_SAMPLE / 2, "only {} documents to sample", counts.presented);
    assert_eq!(counts.verified, counts.presented, "{}", counts.refused.join("\n"));
}

#[test]
fn another_form_is_refused() {
    verify(&spaced().establishments()).assert_only_spoiled_refused();
}

#[test]
fn another_form_is_refused_by_xmllint() {
    verify_sample(&spaced().establishments()).assert_only_spoiled_refused();
}

#[test]
fn final_newline_is_refused() {
    let twin = Twin::new(|text| format!("{text}\n"));
    verify(&twin.establishments()).assert_only_spoiled_refused();
    verify_sample(&twin.establishments()).assert_only_spoiled_refused();
}
