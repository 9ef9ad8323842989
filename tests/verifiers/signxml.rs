//! signxml (Python, on lxml and cryptography): signature, certification path, and the facts claimed of each document.

use crate::collection::{Establishment, collection};
use crate::counts::Counts;
use crate::twin::Twin;
use crate::venv::run_script;

fn verify(establishments: &[Establishment]) -> Counts {
    run_script("verify_signxml.py", establishments)
}

#[test]
fn every_assertion_is_verified() {
    let establishments = collection();
    verify(&establishments).assert_all_verified("signxml", &establishments);
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
fn wrapped_signature_is_refused() {
    verify(&Twin::with_foreign_root_element().establishments()).assert_only_spoiled_refused();
}

#[test]
fn impostor_root_is_refused() {
    verify(&Twin::with_impostor_root().establishments()).assert_all_refused();
}
