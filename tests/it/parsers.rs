//! Every kept input of the fuzz targets still has its parser's property; libFuzzer itself is run by `tests/fuzz.sh`.

use std::fs;
use std::path::Path;

#[path = "../fuzz/src/lib.rs"]
mod properties;

/// Fewer in one corpus means that somebody lost it.
const INPUTS_MIN: usize = 10;
/// Largest size of all corpora in bytes: a clone stays small, and the replay a matter of seconds.
const CORPORA_LEN_MAX: u64 = 2 * 1024 * 1024;
/// Most inputs of all corpora.
const INPUTS_MAX: usize = 1_500;

fn folder(target: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fuzz").join(target)
}

fn inputs(target: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A panic of the property names the target and the file.
fn replay(target: &str, holds: fn(&[u8])) {
    let files = inputs(target);
    assert!(files.len() >= INPUTS_MIN, "{target}: {} inputs", files.len());
    for file in files {
        let input = fs::read(&file).unwrap();
        let held = std::panic::catch_unwind(|| holds(&input));
        assert!(held.is_ok(), "{target}: the property does not hold for {}", file.display());
    }
}

#[test]
fn a_request_is_read_one_way_and_answered_once() {
    replay("request", properties::request::holds);
}

#[test]
fn what_the_gate_reads_stays_in_its_frame() {
    replay("gate", properties::gate::holds);
}

#[test]
fn a_certificate_is_usable_or_refused() {
    replay("certificate", properties::certificate::holds);
}

#[test]
fn a_key_uri_is_read_back_and_no_pin_repeated() {
    replay("pkcs11_uri", properties::pkcs11_uri::holds);
}

#[test]
fn a_configuration_is_complete_or_located() {
    replay("configuration", properties::configuration::holds);
}

#[test]
fn only_our_own_signed_info_is_recognised() {
    replay("signed_info", properties::signed_info::holds);
}

#[test]
fn only_what_was_sealed_is_good() {
    properties::verifier::known_is_good();
    replay("verifier", properties::verifier::holds);
}

#[test]
fn a_call_is_read_one_way_and_changed_in_one_place() {
    properties::call::known_is_good();
    replay("call", properties::call::holds);
}

#[test]
fn only_what_was_signed_is_shown_by_a_good_archive() {
    properties::archive::known_is_good();
    replay("archive", properties::archive::holds);
}

#[test]
fn an_event_log_is_read_in_bounds() {
    properties::event_log::known_is_read();
    replay("event_log", properties::event_log::holds);
}

#[test]
fn no_document_but_the_tpms_own_is_good() {
    properties::evidence::known_is_good();
    replay("evidence", properties::evidence::holds);
}

/// A target without a corpus, or a corpus without a target, would be replayed by nobody.
#[test]
fn every_target_has_a_corpus_and_a_dictionary() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let mut targets: Vec<&str> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .collect();
    targets.sort_unstable();
    let mut kept: Vec<_> = inputs("").into_iter().filter(|path| path.is_dir()).collect();
    kept.sort();
    assert_eq!(kept.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect::<Vec<_>>(), targets);
    let files: Vec<_> = targets.iter().flat_map(|target| inputs(target)).collect();
    let len: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(files.len() <= INPUTS_MAX && len <= CORPORA_LEN_MAX, "{} inputs, {len} bytes", files.len());
    for target in targets {
        assert!(folder("").join(format!("{target}.dict")).exists(), "{target} has no dictionary");
        let source =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/parsers.rs")).unwrap();
        assert!(
            source.contains(&format!("replay(\"{target}\", properties::{target}::holds)")),
            "{target} is not replayed"
        );
    }
}
