//! What an officer brings for the TPM, and takes away: enrolment, challenge, nonce and evidence.

use std::fs;
use std::path::Path;

use super::error::ConsoleError;
use super::folder;
use super::place::{Place, REQUESTS};
use super::program::told;
use super::report::Report;
use super::stick::Stick;
use crate::evidence::question::Question;
use crate::sys::durable;

/// The appliance's request of enrolment: kept beside the configuration, given with each visit until it is answered.
const ENROLMENT: &str = "enrolement.json";
/// An officer's challenge, and the answer to it.
const CHALLENGE: [&str; 2] = ["defi.json", "reponse.json"];
/// An officer's nonce, and the evidence for it.
const NONCE: [&str; 2] = ["nonce.txt", "preuve.json"];
/// Longest challenge in bytes.
const CHALLENGE_LEN_MAX: u64 = 256 * 1024;

/// Enrols the TPM, once: its keys and the ledger's counter are made before `sceaud` first needs them.
pub(super) fn enrol(place: &Place, stick: &Stick, report: &mut Report) -> Result<(), ConsoleError> {
    let kept = place.configuration().join(REQUESTS).join(ENROLMENT);
    if !kept.is_file() {
        let request = made(place, &["attest", "enrol"], &[], "enrôlement du TPM")?;
        durable::replace(&kept, &request, 0o644).map_err(ConsoleError::file(&kept))?;
        report.did("TPM enrôlé : clé d'attestation et compteur du journal");
        report.next(format!(
            "remettez answers/{ENROLMENT} à l'officier ; sur son poste, sceau-verify evidence enrol"
        ));
    }
    let request = fs::read(&kept).map_err(ConsoleError::file(&kept))?;
    answer(stick, ENROLMENT, &request)
}

/// Answers a challenge, if the officer brought one.
pub(super) fn answer_challenge(place: &Place, stick: &Stick, report: &mut Report) -> Result<(), ConsoleError> {
    let [challenge, response] = CHALLENGE;
    let Some(text) = read(stick, challenge, CHALLENGE_LEN_MAX)? else { return Ok(()) };
    let answered = made_of(place, (challenge, &text), &["attest", "answer"], "", "défi")?;
    answer(stick, response, &answered)?;
    report.did(format!("défi de l'officier : réponse dans answers/{response}"));
    Ok(())
}

/// Gives evidence for a nonce, if the officer brought one.
pub(super) fn give_evidence(place: &Place, stick: &Stick, report: &mut Report) -> Result<(), ConsoleError> {
    let [nonce, evidence] = NONCE;
    let Some(text) = read(stick, nonce, Question::LEN_MAX as u64)? else { return Ok(()) };
    let Some(question) = Question::parse(&String::from_utf8_lossy(&text)) else {
        let cause = "ce n'est pas un nonce ; donnez le fichier que « sceau-verify evidence nonce --out » a écrit";
        return Err(ConsoleError::refused(nonce, cause));
    };
    let question = question.to_string();
    let asked = (nonce, question.as_bytes());
    let proof = made_of(place, asked, &["attest", "evidence"], "--nonce-file=", "preuve d'état")?;
    answer(stick, evidence, &proof)?;
    note(place, "preuve faite sur une clé USB")?;
    report.did(format!("preuve d'état pour le nonce de l'officier dans answers/{evidence}"));
    Ok(())
}

/// What `sceau attest` makes of a file's bytes; the file is its last argument behind `option`, and is gone afterwards.
fn made_of(
    place: &Place,
    (name, bytes): (&str, &[u8]),
    verb: &[&str],
    option: &str,
    step: &'static str,
) -> Result<Vec<u8>, ConsoleError> {
    let path = place.work().join(name);
    folder::make(&place.work(), 0o711, None)?;
    durable::replace(&path, bytes, 0o600).map_err(ConsoleError::file(&path))?;
    let made = made(place, verb, &[format!("{option}{}", path.display())], step);
    let _ = fs::remove_file(&path);
    made
}

/// What `sceau attest` writes to the file that it is given.
fn made(place: &Place, verb: &[&str], arguments: &[String], step: &'static str) -> Result<Vec<u8>, ConsoleError> {
    let work = place.work().join("attest");
    folder::remove(&work, None)?;
    folder::make(&work, 0o700, None)?;
    let out = work.join("out.json");
    let mut all = vec![format!("--out={}", out.display())];
    all.extend_from_slice(arguments);
    let made = told(place, verb, &all, step).and_then(|_| fs::read(&out).map_err(ConsoleError::file(&out)));
    folder::remove(&work, None)?;
    made
}

/// When evidence was last made, for the screen.
fn note(place: &Place, how: &str) -> Result<(), ConsoleError> {
    let path = place.last_attestation();
    folder::make(path.parent().unwrap_or(Path::new("/")), 0o700, None)?;
    let text = format!("{} : {how}\n", crate::sys::clock::now());
    durable::replace(&path, text.as_bytes(), 0o600).map_err(ConsoleError::file(&path))
}

fn read(stick: &Stick, name: &str, max: u64) -> Result<Option<Vec<u8>>, ConsoleError> {
    stick
        .read(name, max)
        .map_err(|cause| ConsoleError::refused(name, format!("il ne se lit pas ({cause}) ; recopiez-le")))
}

fn answer(stick: &Stick, name: &str, bytes: &[u8]) -> Result<(), ConsoleError> {
    stick.answer(name, bytes).map_err(ConsoleError::file(Path::new(name)))
}
