//! Appraisal (RFC 9334): evidence against what is known of its appliance; every check is made, every one is told.
//!
//! ```text
//! identity ─► quote ─► nonce, binding, PCR values ─► event log ─► Secure Boot, reference values
//!                 └──► clock        └──► claims: keys, counter, ledger
//! ```
//! A check whose ground failed is not made: it is told as not checked, never as passed.

mod audit_key;
mod check;
mod identity;
mod keys;
mod ledger;
mod measured;
mod quote;
mod time;
mod verdict;

pub use check::{CHECKS, Check};
pub use verdict::{Outcome, Shown, Standing, Status, Verdict};

use super::baseline::{Baseline, ClaimsSeen, Enrolled};
use super::document::{Claims, Evidence, KeyCertificate};
use super::reference::Reference;
use crate::certificate::Trust;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// What the verifier knows of a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceStanding {
    /// Drawn for this appliance at this instant, in time, and no evidence answered it yet.
    Fresh(Instant),
    /// As [`NonceStanding::Fresh`], and this very document answered it: it is judged again.
    Again(Instant),
    /// Never drawn by this verifier, or forgotten.
    Unknown,
    /// Drawn for another appliance.
    OtherAppliance,
    /// Not the one that the caller says to have asked with.
    OtherThanAsked,
    /// Answered by another document.
    Spent,
    /// Too old.
    Expired,
}

/// What evidence is held against.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The appliance as it was enrolled.
    pub enrolled: &'a Enrolled,
    /// What was believed of it last.
    pub baseline: &'a Baseline,
    /// What the verifier knows of the evidence's nonce.
    pub nonce: NonceStanding,
    /// Roots of TPM makers; without them the chain is the one that was verified at enrolment.
    pub roots: Option<&'a Trust>,
    /// Reference values; without them no evidence is good.
    pub reference: Option<&'a Reference>,
    /// The officer takes this evidence as a new beginning: what went back or was replaced since the last one is told, not refused.
    pub new_baseline: bool,
    /// He says with this very evidence which audit key it is: [`Enrolled::audit_key`], even for a new beginning.
    pub audit_key_given: bool,
    /// The verifier's clock.
    pub now: Instant,
}

/// What the checks write down.
struct Findings {
    outcomes: Vec<Outcome>,
    notes: Vec<String>,
    shown: Shown,
    baseline: Baseline,
    enrolled: Enrolled,
}

impl Findings {
    fn add(&mut self, check: Check, status: Status, detail: impl Into<String>) -> bool {
        self.outcomes.push(Outcome { check, status, detail: detail.into() });
        status == Status::Passed
    }

    /// A check by its result: the sentence of what holds, or of what does not.
    fn decide(&mut self, check: Check, result: Result<String, String>) -> bool {
        match result {
            Ok(detail) => self.add(check, Status::Passed, detail),
            Err(detail) => self.add(check, Status::Failed, detail),
        }
    }

    fn not_checked(&mut self, checks: &[Check], why: &str) {
        for check in checks {
            self.add(*check, Status::NotChecked, why);
        }
    }
}

/// Judges evidence. Pure: the caller keeps [`Verdict::baseline`] and spends the nonce.
///
/// Trusts `known` alone. After a verdict of [`Standing::Good`]: the TPM of the enrolled appliance made this evidence for this nonce; what was
/// started there replays from its log and is a reference image with Secure Boot on; the ledger is the one seen last, grown, and its audit key is
/// in that TPM or the one that the officer gave at enrolment, which a note says.
#[must_use]
pub fn appraise(evidence: &Evidence, known: &Known<'_>) -> Verdict {
    let mut findings = Findings {
        outcomes: Vec::with_capacity(CHECKS.len()),
        notes: Vec::new(),
        shown: Shown::default(),
        baseline: known.baseline.clone(),
        enrolled: known.enrolled.clone(),
    };
    identity::ek_certificate(evidence, known, &mut findings);
    let ak = identity::attestation_key(evidence, known, &mut findings);
    let quoted = quote::check(evidence, known, ak.as_ref(), &mut findings);
    measured::check(evidence, known, &quoted, &mut findings);
    time::check(known, &quoted, &mut findings);
    // What the system claims is worth what the quote that covers it is worth.
    match ak.as_ref().filter(|_| quoted.covers_claims) {
        Some(ak) => {
            findings.shown.version = Some(shown(&evidence.claims.version));
            findings.shown.image = evidence.claims.image.as_deref().map(shown);
            keys::check(evidence, known, ak, &mut findings);
            let audit_key = audit_key::check(evidence, known, ak, &mut findings);
            ledger::check(evidence, known, audit_key, &mut findings);
        }
        None => findings.not_checked(
            &[Check::Counter, Check::AuditKey, Check::Keys, Check::Ledger],
            "ces déclarations ne sont couvertes par aucune citation crue",
        ),
    }
    let Findings { mut outcomes, notes, shown, baseline, enrolled } = findings;
    outcomes.sort_by_key(|outcome| CHECKS.iter().position(|check| *check == outcome.check));
    let mut verdict = Verdict { outcomes, notes, shown, baseline, enrolled };
    for seal in evidence.claims.seals.iter().filter(|seal| !seal.keyring.is_token()) {
        let text =
            "clé scellée dans un fichier de l'appliance, et dans aucun HSM : qui tient le système mesuré la tient";
        verdict.notes.push(format!("{} : {text}", self::shown(&seal.key)));
    }
    if verdict.standing() == Standing::Good {
        changes(evidence, known.baseline, &mut verdict.notes);
        if !known.baseline.admitted.is_empty() && known.baseline.admitted != verdict.shown.admitted {
            let (now, before) = (verdict.shown.admitted.join(" + "), known.baseline.admitted.join(" + "));
            verdict.notes.push(format!("admis : {now}, au dernier verdict bon : {before}"));
        }
        verdict.baseline.admitted.clone_from(&verdict.shown.admitted);
        verdict.baseline.firmware_version.clone_from(&verdict.shown.firmware_version);
        verdict.baseline.pcrs.clone_from(&evidence.pcrs);
        verdict.baseline.claims = Some(seen(&evidence.claims));
    }
    if verdict.standing() != Standing::Good
        && verdict.baseline.counter.as_ref().is_some_and(|seen| seen.index.is_none())
    {
        // A value that no TPM certified is a word: of a system that is not in order, it must not stand against the next one.
        verdict.baseline.counter.clone_from(&known.baseline.counter);
    }
    if known.enrolled.audit_key.is_none() && verdict.standing() != Standing::Good {
        // The first evidence says which ledger it is: a system that is not in order does not.
        verdict.baseline.ledger.clone_from(&known.baseline.ledger);
        verdict.enrolled = known.enrolled.clone();
    }
    if known.new_baseline && verdict.standing() != Standing::Good {
        // A new beginning is one whole, or none.
        verdict.baseline = known.baseline.clone();
        verdict.enrolled = known.enrolled.clone();
    }
    verdict
}

fn seen(claims: &Claims) -> ClaimsSeen {
    let digests = |all: &[KeyCertificate]| all.iter().map(|one| Digest::of(&[&one.certificate.0])).collect();
    ClaimsSeen {
        version: claims.version.clone(),
        image: claims.image.clone(),
        convention: claims.convention,
        seals: digests(&claims.seals),
        authentications: digests(&claims.authentications),
    }
}

/// What a good evidence shows otherwise than the last good one.
fn changes(evidence: &Evidence, baseline: &Baseline, notes: &mut Vec<String>) {
    let value = |pcr: u8| baseline.pcrs.iter().find(|known| known.pcr == pcr).map(|known| known.sha256);
    let changed: Vec<String> = evidence
        .pcrs
        .iter()
        .filter(|now| value(now.pcr).is_some_and(|before| before != now.sha256))
        .map(|now| now.pcr.to_string())
        .collect();
    if !changed.is_empty() {
        notes.push(format!("PCR changés depuis le dernier verdict bon : {}", changed.join(", ")));
    }
    let Some(before) = &baseline.claims else { return };
    let now = seen(&evidence.claims);
    let told = [
        (before.version != now.version, "la version de Sceau"),
        (before.image != now.image, "la version de l'image"),
        (before.convention != now.convention, "la convention en vigueur"),
        (before.seals != now.seals, "les certificats de cachet"),
        (before.authentications != now.authentications, "les certificats d'authentification"),
    ];
    let told: Vec<&str> = told.into_iter().filter(|(changed, _)| *changed).map(|(_, what)| what).collect();
    if !told.is_empty() {
        notes.push(format!("changé depuis le dernier verdict bon : {}", told.join(", ")));
    }
}

/// A word of the attester, fit for a terminal: without control characters and without those that turn its direction.
fn shown(word: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    word.chars().filter(|c| !c.is_control() && !turns(*c)).take(SHOWN_LEN_MAX).collect()
}

/// Longest word of the attester that is shown, in characters.
const SHOWN_LEN_MAX: usize = 80;
