//! The JDK's own XML signatures (javax.xml.crypto.dsig) and PKIX, by `Verify.java`.

use std::path::Path;
use std::process::Command;

use crate::collection::{Establishment, collection};
use crate::counts::{Counts, run};
use crate::twin::Twin;

fn verify(establishments: &[Establishment]) -> Counts {
    let mut command = Command::new("java");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verifiers/Verify.java"));
    command.args(establishments.iter().map(|establishment| &establishment.folder));
    Counts::parse(&run(&mut command, "default-jdk-headless"))
}

#[test]
fn every_assertion_is_verified() {
    let establishments = collection();
    verify(&establishments).assert_all_verified("jdk", &establishments);
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
