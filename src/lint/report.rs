//! The report of one document.

use super::certificate::Signer;
use super::finding::{Finding, Findings};
use super::rule::{Rule, Severity};
use crate::vihf::instant::Instant;

/// What a VIHF is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No defect, and its certificate leads to a given authority.
    Good,
    /// No defect, but no authority was given: its signer may be anybody.
    Undecided,
    /// At least one defect.
    Bad,
}

impl Verdict {
    /// The word in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Undecided => "undecided",
            Self::Bad => "bad",
        }
    }
}

/// Everything that was found, and what it was found with.
#[derive(Clone, Debug)]
#[must_use]
pub struct Report {
    /// The verdict.
    pub verdict: Verdict,
    /// Findings in document order.
    pub findings: Vec<Finding>,
    /// How many more there were than a report holds.
    pub more: usize,
    /// The assertion's ID.
    pub id: Option<String>,
    /// The profile that it was held against.
    pub profile: Option<String>,
    /// The instant at which the certificate was judged.
    pub judged_at: Option<Instant>,
    /// The signing certificate.
    pub signer: Option<Signer>,
}

impl Report {
    /// A report that ends where the document could not be judged further.
    pub(super) fn stopped(findings: Findings) -> Self {
        Self::of(findings, Judged::default(), false)
    }

    /// The report of a document that was judged to its end; `trusted`: against given authorities.
    pub(super) fn of(mut findings: Findings, judged: Judged, trusted: bool) -> Self {
        if !trusted && judged.judged_at.is_some() {
            findings.document(
                Rule::TrustMissing,
                crate::xmldsig::Position::START,
                "aucune autorité n'a été donnée : le signataire n'est pas établi",
            );
        }
        let (findings, more) = findings.sorted();
        let bad = more > 0 || findings.iter().any(|finding| finding.severity == Severity::Error);
        let verdict = match (bad, trusted && judged.signer.is_some()) {
            (true, _) => Verdict::Bad,
            (false, true) => Verdict::Good,
            (false, false) => Verdict::Undecided,
        };
        let Judged { id, profile, judged_at, signer } = judged;
        Self { verdict, findings, more, id, profile, judged_at, signer }
    }
}

/// What was learnt on the way.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) id: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) judged_at: Option<Instant>,
    pub(super) signer: Option<Signer>,
}
