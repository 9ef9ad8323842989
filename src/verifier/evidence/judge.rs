//! `sceau-verify evidence FILE`: one evidence, judged against what this verifier knows.

use std::path::PathBuf;

use clap::Args;

use super::enrol::audit_key;
use super::officer::{self, Judged, Kept};
use super::{create, document, html, json, page, print};
use crate::evidence::appraisal::{Known, NonceStanding, Standing, Status, Verdict, appraise};
use crate::evidence::baseline::Enrolled;
use crate::evidence::document::{DOCUMENT_LEN_MAX, Document as _, Evidence};
use crate::evidence::nonce::Nonce;
use crate::evidence::question::Question;
use crate::evidence::reference::Reference;
use crate::sys::clock;
use crate::traces::digest::Digest;
use crate::usage::EXIT_NEGATIVE;
use crate::verifier::file::open;
use crate::verifier::{NotJudged, authorities};
use crate::vihf::instant::Instant;

/// Longest reason in characters.
const REASON_LEN_MAX: usize = 500;

#[derive(Debug, Args)]
pub(super) struct Judge {
    /// Preuve à juger (sceau attest evidence).
    #[arg(value_name = "PREUVE.json", required = true)]
    file: Option<PathBuf>,
    /// Fichier de l'officier : appliances, nonces, historique.
    #[arg(long, value_name = "OFFICIER.json", required = true)]
    state: Option<PathBuf>,
    /// Appliance dont c'est la preuve ; par défaut, celle pour qui le nonce a été tiré.
    #[arg(long, value_name = "NOM")]
    appliance: Option<String>,
    /// Fichier du nonce demandé (evidence nonce --out) : la preuve doit répondre à celui-là.
    #[arg(long, value_name = "FICHIER")]
    nonce_file: Option<PathBuf>,
    /// Racines des fabricants de TPM (PEM) : vérifie de nouveau le certificat EK ; peut être répété.
    #[arg(long, value_name = "RACINES.pem")]
    roots: Vec<PathBuf>,
    /// Valeurs de référence de l'image ; sans elles, aucune preuve n'est déclarée bonne.
    #[arg(long, value_name = "REFERENCE.json")]
    reference: Option<PathBuf>,
    /// Admet, pour cette raison qui sera conservée, que journal, compteur, horloge ou machine ne prolongent pas les précédents.
    #[arg(long, value_name = "RAISON")]
    new_baseline: Option<String>,
    /// Avec --new-baseline : la clé d'audit que l'appliance a désormais (AUDIT.pub), obtenue par une voie sûre.
    #[arg(long, value_name = "AUDIT.pub", requires = "new_baseline")]
    key: Option<PathBuf>,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
    /// Écrit aussi un rapport HTML à classer, dans un fichier qui n'existe pas encore.
    #[arg(long, value_name = "RAPPORT.html")]
    html: Option<PathBuf>,
}

/// What a report tells.
pub(super) struct Report<'a> {
    pub(super) appliance: &'a str,
    pub(super) file: String,
    pub(super) document: Digest,
    pub(super) at: Instant,
    pub(super) nonce: Nonce,
    pub(super) verdict: &'a Verdict,
    pub(super) new_baseline: Option<&'a str>,
    /// Verdicts on this appliance before this one, the newest last.
    pub(super) before: &'a [Judged],
}

impl Judge {
    /// Judges, keeps the verdict, then prints it.
    ///
    /// # Errors
    /// [`NotJudged`]; the nonce is spent once a verdict was kept, whatever fails afterwards.
    pub(super) fn run(self) -> Result<u8, NotJudged> {
        // clap asks for both where there is no verb.
        let (Some(file), Some(state)) = (&self.file, &self.state) else {
            let cause = "donnez la preuve à juger et --state, ou un verbe : enrol, nonce, history";
            return Err(NotJudged::Usage(cause.to_owned()));
        };
        let bytes = open(file, DOCUMENT_LEN_MAX as u64)?;
        let evidence =
            Evidence::read(&bytes).map_err(|cause| NotJudged::Usage(format!("{} : {cause}", file.display())))?;
        let digest = Digest::of(&[&bytes]);
        let roots = if self.roots.is_empty() {
            None
        } else {
            Some(authorities::read("--roots", &self.roots, "celle du fabricant du TPM")?)
        };
        let reference = self.reference.as_deref().map(document::<Reference>).transpose()?;
        let asked = self.asked()?;
        let reason = self.reason()?;
        let audit_key = self.key.as_deref().map(audit_key).transpose()?;
        let mut kept = Kept::open(state, false)?;
        let now = clock::now();
        let owner = kept.officer.asked(&evidence.nonce).map(str::to_owned);
        let by_key = kept.officer.appliances.iter().find(|known| {
            known.enrolled.attestation_key == evidence.attestation_key
                || known.enrolled.ek_certificate == evidence.endorsement.ek_certificate
        });
        let by_key = by_key.map(|known| known.name.clone());
        let name = self.appliance.clone().or_else(|| owner.clone()).or(by_key);
        let appliance = kept.officer.appliance(name.as_deref())?;
        let nonce = match (asked, owner) {
            (Some(asked), _) if asked != evidence.nonce => NonceStanding::OtherThanAsked,
            (_, Some(owner)) if owner != appliance.name => NonceStanding::OtherAppliance,
            _ => appliance.standing(&evidence.nonce, &digest, now),
        };
        let enrolled = match audit_key.clone() {
            Some(given) => {
                Enrolled { audit_key: Some(given), audit_key_vouched: true, ..appliance.enrolled.clone() }
            }
            None => appliance.enrolled.clone(),
        };
        let verdict = appraise(
            &evidence,
            &Known {
                enrolled: &enrolled,
                baseline: &appliance.baseline,
                nonce,
                roots: roots.as_ref(),
                reference: reference.as_ref(),
                new_baseline: reason.is_some(),
                audit_key_given: audit_key.is_some(),
                now,
            },
        );
        let before = appliance.verdicts.clone();
        if matches!(nonce, NonceStanding::Fresh(_)) {
            appliance.spend(&evidence.nonce, digest);
        }
        appliance.baseline = verdict.baseline.clone();
        // Another audit key is the appliance's once its evidence is good with it, and not before.
        if audit_key.is_none() || verdict.standing() == Standing::Good {
            appliance.enrolled = verdict.enrolled.clone();
        }
        appliance.judged(judged(&verdict, digest, now, reason.clone()));
        let name = appliance.name.clone();
        kept.save()?;
        let report = Report {
            appliance: &name,
            file: file.display().to_string(),
            document: digest,
            at: now,
            nonce: evidence.nonce,
            verdict: &verdict,
            new_baseline: reason.as_deref(),
            before: &before,
        };
        print(&if self.json { json::document(&report) } else { page::page(&report) })?;
        if let Some(out) = &self.html {
            create(out, &html::document(&report))?;
        }
        Ok(if verdict.standing() == Standing::Good { 0 } else { EXIT_NEGATIVE })
    }

    fn asked(&self) -> Result<Option<Nonce>, NotJudged> {
        let Some(path) = &self.nonce_file else { return Ok(None) };
        let text = open(path, Question::LEN_MAX as u64)?;
        match std::str::from_utf8(&text).ok().and_then(Question::parse) {
            Some(question) => Ok(Some(question.nonce)),
            None => Err(NotJudged::Usage(format!(
                "--nonce-file {} : il faut ce que « evidence nonce --out » a écrit, ou ses 64 chiffres hexadécimaux",
                path.display()
            ))),
        }
    }

    fn reason(&self) -> Result<Option<String>, NotJudged> {
        let reason = self.new_baseline.as_deref().map(str::trim);
        match reason {
            Some(reason)
                if reason.is_empty()
                    || reason.chars().count() > REASON_LEN_MAX
                    || reason.contains(char::is_control) =>
            {
                Err(NotJudged::Usage(format!(
                    "--new-baseline : donnez une raison d'une ligne, de {REASON_LEN_MAX} caractères au plus"
                )))
            }
            reason => Ok(reason.map(str::to_owned)),
        }
    }
}

fn judged(verdict: &Verdict, document: Digest, at: Instant, new_baseline: Option<String>) -> Judged {
    let not_passed = verdict
        .outcomes
        .iter()
        .filter(|outcome| matches!(outcome.status, Status::Failed | Status::NotChecked))
        .map(|outcome| officer::check_name(outcome.check))
        .collect();
    Judged {
        at,
        document,
        verdict: officer::standing_name(verdict.standing()).to_owned(),
        not_passed,
        new_baseline,
    }
}
