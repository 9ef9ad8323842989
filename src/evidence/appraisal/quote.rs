//! The quote: who signed it, over which PCRs, for which nonce and claims.

use super::{Check, Findings, Known, NonceStanding, Status};
use crate::evidence::attest::{Body, ClockInfo, Selection, Statement, pcr_digest};
use crate::evidence::binding::qualifying_data;
use crate::evidence::document::{Evidence, PCRS};
use crate::evidence::public::P256;

/// What the quote lets be believed.
pub(super) struct Quoted {
    /// The clock of a signed quote for a fresh nonce.
    pub(super) clock: Option<ClockInfo>,
    /// The PCR values of the document are those of a signed quote.
    pub(super) pcrs: bool,
    /// Nonce and claims are those of a signed quote, and the nonce is fresh.
    pub(super) covers_claims: bool,
}

const NO_QUOTE: &str = "la citation n'est pas crue";

pub(super) fn check(evidence: &Evidence, known: &Known<'_>, ak: Option<&P256>, findings: &mut Findings) -> Quoted {
    let fresh = nonce(known, findings);
    let nothing = Quoted { clock: None, pcrs: false, covers_claims: false };
    let rest = [Check::PcrBank, Check::Binding, Check::PcrValues];
    let Some(ak) = ak else {
        findings.add(Check::Quote, Status::NotChecked, "la clé d'attestation n'est pas celle de l'enrôlement");
        findings.not_checked(&rest, NO_QUOTE);
        return nothing;
    };
    let statement = match Statement::verified(&evidence.quote, ak) {
        Ok(statement) => statement,
        Err(fault) => {
            findings.add(Check::Quote, Status::Failed, format!("la citation n'est pas à croire : {fault}"));
            findings.not_checked(&rest, NO_QUOTE);
            return nothing;
        }
    };
    let Body::Quote { selection, digest } = &statement.body else {
        findings.add(
            Check::Quote,
            Status::Failed,
            "le TPM a signé autre chose qu'une citation de PCR (TPM2_Quote)",
        );
        findings.not_checked(&rest, NO_QUOTE);
        return nothing;
    };
    findings.add(Check::Quote, Status::Passed, "signée en ECDSA P-256 avec SHA-256 par la clé d'attestation");
    let bank = findings.decide(
        Check::PcrBank,
        match selection {
            Selection::Expected => Ok("banque SHA-256, PCR 0 à 7, 11, 12 et 15".to_owned()),
            Selection::OtherBank => {
                Err("la citation porte sur une autre banque que SHA-256, seule ou en plus".to_owned())
            }
            Selection::OtherPcrs => {
                Err("la citation ne porte pas sur les PCR 0 à 7, 11, 12 et 15 exactement".to_owned())
            }
        },
    );
    let bound = statement.extra_data == qualifying_data(&evidence.nonce, &evidence.claims).as_bytes();
    let bound = findings.decide(
        Check::Binding,
        if bound {
            Ok("nonce, version, convention, certificats, journal et compteur sont ceux que le TPM a signés"
                .to_owned())
        } else {
            Err("le nonce ou les déclarations du document ne sont pas ceux que le TPM a signés".to_owned())
        },
    );
    let shown = evidence.pcrs.iter().map(|value| value.pcr).eq(PCRS);
    let pcrs = if !bank {
        findings.add(Check::PcrValues, Status::NotChecked, "ce ne sont pas les PCR voulus")
    } else if !shown {
        findings.add(
            Check::PcrValues,
            Status::Failed,
            "le document ne montre pas les PCR cités, une fois chacun, dans l'ordre",
        )
    } else {
        let same = *digest == pcr_digest(evidence.pcrs.iter().map(|value| value.sha256)).as_bytes();
        findings.decide(
            Check::PcrValues,
            if same {
                Ok("les valeurs montrées sont celles de la citation".to_owned())
            } else {
                Err("les valeurs montrées ne sont pas celles de la citation".to_owned())
            },
        )
    };
    if pcrs {
        findings.shown.pcrs.clone_from(&evidence.pcrs);
    }
    if fresh && bound {
        let version = format!("{:016x}", statement.firmware_version);
        if let Some(before) = known.baseline.firmware_version.as_ref().filter(|before| **before != version) {
            findings
                .notes
                .push(format!("micrologiciel du TPM changé : {version}, au dernier verdict bon : {before}"));
        }
        findings.shown.firmware_version = Some(version);
    }
    Quoted { clock: (fresh && bound).then_some(statement.clock), pcrs, covers_claims: fresh && bound }
}

fn nonce(known: &Known<'_>, findings: &mut Findings) -> bool {
    findings.decide(
        Check::Nonce,
        match known.nonce {
            NonceStanding::Fresh(_) => Ok("nonce de ce vérificateur, utilisé pour la première fois".to_owned()),
            NonceStanding::Again(_) => {
                Ok("nonce de ce vérificateur ; ce même document a déjà été jugé".to_owned())
            }
            NonceStanding::Unknown => Err("ce nonce n'a pas été tiré par ce vérificateur".to_owned()),
            NonceStanding::OtherAppliance => Err("ce nonce a été tiré pour une autre appliance".to_owned()),
            NonceStanding::OtherThanAsked => {
                Err("ce nonce n'est pas celui du fichier donné par --nonce-file".to_owned())
            }
            NonceStanding::Spent => Err("ce nonce a déjà servi à une autre preuve".to_owned()),
            NonceStanding::Expired => Err("ce nonce est périmé".to_owned()),
        },
    )
}
