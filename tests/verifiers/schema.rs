//! The SAML 2.0 schema, by `xmllint` and the wrapper `vihf.xsd`.

use std::path::Path;
use std::process::Command;

use crate::collection::{DOCUMENTS_PER_PROCESS_MAX, Establishment, collection};
use crate::counts::{Counts, run, texts};
use crate::twin::Twin;

fn verify(establishments: &[Establishment]) -> Counts {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/vihf.xsd");
    let documents = establishments.iter().flat_map(|establishment| &establishment.documents);
    let paths: Vec<_> = documents.map(|document| document.path.as_path()).collect();
    let mut counts = Counts::default();
    for batch in paths.chunks(DOCUMENTS_PER_PROCESS_MAX) {
        let mut command = Command::new("xmllint");
        command.args(["--noout", "--nonet", "--schema"]).arg(&schema).args(batch);
        let (_, stderr) = texts(&run(&mut command, "libxml2-utils"));
        // One verdict line per document; a document with no verdict counts as refused.
        let verdicts: Vec<_> = stderr.lines().collect();
        for path in batch {
            counts.presented += 1;
            if verdicts.contains(&format!("{} validates", path.display()).as_str()) {
                counts.verified += 1;
            } else {
                let file = path.display().to_string();
                let causes: Vec<_> = verdicts.iter().filter(|line| line.starts_with(&file)).copied().collect();
                let causes = if causes.is_empty() { stderr.clone() } else { causes.join("\n") };
                counts.refused.push(format!("{file}: {causes}"));
            }
        }
    }
    counts
}

/// The twin whose spoiled copy has `from` replaced by `to`, everywhere.
fn assert_refused_with(from: &str, to: &str) {
    verify(&Twin::new(|text| text.replace(from, to)).establishments()).assert_only_spoiled_refused();
}

#[test]
fn every_assertion_is_valid() {
    let establishments = collection();
    verify(&establishments).assert_all_verified("schema", &establishments);
}

#[test]
fn renamed_element_is_refused() {
    assert_refused_with("NameID>", "NameIX>");
}

#[test]
fn renamed_element_inside_the_signature_is_refused() {
    assert_refused_with("DigestValue>", "DigestValux>");
}

#[test]
fn identifier_that_starts_with_a_digit_is_refused() {
    assert_refused_with(" ID=\"_", " ID=\"0");
}

#[test]
fn unknown_type_of_a_code_is_refused() {
    assert_refused_with("xsi:type=\"CE\"", "xsi:type=\"CX\"");
}

#[test]
fn code_without_its_type_is_refused() {
    assert_refused_with("xsi:type=\"CE\"", "");
}

#[test]
fn code_without_its_system_is_refused() {
    assert_refused_with(" codeSystem=\"", " codeSystm=\"");
}
