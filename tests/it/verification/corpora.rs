//! XML signatures that we did not write: the library's arithmetic is right, and nothing of them is ever a good VIHF.
//!
//! The arithmetic is asked with the library's permissive settings, as xmlsec asks it; the verifier asks with strict ones, and
//! for one shape only.

use std::fs;
use std::path::{Path, PathBuf};

use bergshamra_dsig::{DsigContext, VerifyResult, verify};
use bergshamra_keys::{KeysManager, loader};
use sceau::lint::{Judgement, Moment, Verdict, lint};
use sceau::vihf::instant::Instant;

use super::ours::OURS;

/// What the library is not built for here, or refuses on purpose; their rows are only held to "never good".
const NOT_OURS: &[&str] =
    &["dsa-sha1", "external-reference", "xslt", "x509-lookup", "x509-digest", "retrieval-method"];
/// Rows whose arithmetic must be confirmed, at least.
const CONFIRMED_MIN: usize = 50;

struct Case {
    file: PathBuf,
    expected: String,
    key: String,
    needs: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/xmldsig")
}

fn cases() -> Vec<Case> {
    let table = fs::read_to_string(folder().join("cases.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    rows.map(|row| {
        let [file, expected, key, _, needs, _] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        Case {
            file: folder().join(file),
            expected: expected.into(),
            key: key.into(),
            needs: needs.split(' ').map(Into::into).collect(),
        }
    })
    .collect()
}

fn arithmetic(case: &Case) -> Result<bool, String> {
    let mut keys = KeysManager::new();
    let (kind, value) = case.key.split_once(':').unwrap_or((&case.key, ""));
    match kind {
        "keyinfo" => {}
        "hmac" => {
            let bytes: Vec<u8> = (0..value.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&value[at..at + 2], 16).unwrap())
                .collect();
            keys.add_key(loader::load_hmac_key(&bytes).map_err(|e| e.to_string())?);
        }
        _ => keys.add_key(loader::load_key_file(&folder().join(value)).map_err(|e| e.to_string())?),
    }
    let context = DsigContext::new_permissive(keys).with_insecure(true);
    let text = fs::read_to_string(&case.file).map_err(|e| e.to_string())?;
    match verify::verify(&context, &text).map_err(|e| e.to_string())? {
        VerifyResult::Valid { .. } => Ok(true),
        VerifyResult::Invalid { .. } => Ok(false),
    }
}

#[test]
fn the_librarys_arithmetic_agrees_with_the_sets() {
    let (mut confirmed, mut wrong) = (0, Vec::new());
    for case in cases() {
        if case.needs.iter().any(|need| NOT_OURS.contains(&need.as_str())) {
            continue;
        }
        let found = arithmetic(&case);
        match (case.expected.as_str(), &found) {
            ("valid", Ok(true)) | ("invalid", Ok(false) | Err(_)) => confirmed += 1,
            // An algorithm that the library does not have is not a wrong answer.
            ("valid", Err(_)) | ("unsafe" | "either", _) => {}
            _ => wrong.push(format!("{} {} {found:?} {:?}", case.file.display(), case.expected, case.needs)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(confirmed >= CONFIRMED_MIN, "{confirmed} rows confirmed");
}

#[test]
fn nothing_of_the_sets_is_ever_a_good_vihf() {
    let trust = OURS[0].judgement.trust.clone();
    let judgement =
        Judgement { profile: None, trust, moment: Moment::NotAfter(Instant::from_ms(4_000_000_000_000)) };
    let mut count = 0;
    for case in cases() {
        let report = lint(&fs::read(&case.file).unwrap(), &judgement);
        assert_eq!(report.verdict, Verdict::Bad, "{}", case.file.display());
        assert!(!report.findings.is_empty());
        count += 1;
    }
    assert!(count >= 150, "{count}");
}
