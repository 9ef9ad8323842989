//! Sealed PINs: made, given back, approved for other states of the machine, and foreseen.

use std::time::Instant;

use zeroize::Zeroizing;

use super::answer::{Answer, No};
use super::approvals::{self, ApprovalError};
use super::sealed_file::{FORMAT, Kept, forget, torn};
use super::task::Tasks;
use crate::config::KeyName;
use crate::evidence::document::Marshalled;
use crate::tpm::approver::Approver;
use crate::tpm::device::Tpm;
use crate::tpm::policy;
use crate::tpm::sealed::{SECRET_LEN_MAX, Sealed};

/// Approvals that are kept; the oldest go first. Reason: two images and their predecessors, of some phases of a boot each.
const APPROVALS_MAX: usize = 32;
/// Shortest boot PIN in characters. Reason: a million tries, of which the TPM allows some tens a day.
const BOOT_PIN_MIN: usize = 6;

/// What a sealed PIN is made from.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) name: KeyName,
    pub(super) secret: Zeroizing<String>,
    pub(super) boot_pin: Zeroizing<String>,
    pub(super) approver: String,
    pub(super) pcrs: Vec<u8>,
    pub(super) signatures: String,
    /// Put it in the place of one that is there.
    pub(super) replace: bool,
}

impl Tasks {
    /// Seals a PIN, and gives it back once before it is kept: what is on the disk can be opened.
    pub(super) fn seal(&mut self, order: &Order) -> Result<Answer, No> {
        let Order { name, secret, boot_pin, approver: pem, pcrs, signatures, replace } = order;
        if secret.is_empty() || secret.len() > SECRET_LEN_MAX {
            return Err(No::malformed("secret", format!("donnez un PIN de 1 à {SECRET_LEN_MAX} octets")));
        }
        if boot_pin.chars().count() < BOOT_PIN_MIN {
            let message =
                format!("le PIN de démarrage est trop court ; donnez au moins {BOOT_PIN_MIN} caractères");
            return Err(No::malformed("boot_pin", message));
        }
        let approver = Approver::from_pem(pem).map_err(|cause| No::malformed("approver", cause.to_string()))?;
        let approvals = approvals::read(signatures, pcrs, &approver).map_err(|cause| refused(&cause))?;
        let path = self.sealed_path(name);
        if path.exists() && !replace {
            let message = format!("un PIN est déjà scellé sous le nom {name} ; sceau seal recover le remplace");
            return Err(No::Denied("already-sealed", message));
        }
        let mut tpm = self.open()?;
        let values = measured(&mut tpm, pcrs)?;
        let sealed = tpm.seal(secret.as_bytes(), boot_pin.as_bytes(), (&approver, pcrs))?;
        let kept = Kept {
            format: FORMAT.to_owned(),
            storage: Marshalled(tpm.name().0.clone()),
            public: Marshalled(sealed.public),
            private: Marshalled(sealed.private),
            approver: pem.clone(),
            pcrs: pcrs.clone(),
            approvals,
        };
        let opened = open(&mut tpm, &kept, &values, boot_pin.as_bytes())?;
        if opened.as_slice() != secret.as_bytes() {
            return Err(No::Unavailable(
                "tpm-failed",
                "le TPM n'a pas rendu ce qu'il a scellé ; rien n'est gardé".to_owned(),
            ));
        }
        // Until here the old one stands.
        self.keep(name, &kept)?;
        tracing::info!(%name, pcrs = approvals::list(pcrs), "a PIN is sealed");
        Ok(Answer::Done {})
    }

    /// Gives a PIN back.
    pub(super) fn unseal(&mut self, name: &KeyName, boot_pin: &[u8]) -> Result<Answer, No> {
        let began = Instant::now();
        let kept = self.sealed_of(name)?;
        let mut tpm = self.of(&kept)?;
        let values = measured(&mut tpm, &kept.pcrs)?;
        let secret = open(&mut tpm, &kept, &values, boot_pin)?;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(%name, took_ms, "a PIN is unsealed");
        let text = std::str::from_utf8(&secret).map_err(|_| torn())?;
        Ok(Answer::Secret { secret: Zeroizing::new(text.to_owned()) })
    }

    /// Admits approvals of other states; the TPM is not asked, so that it can be done before the machine is in them.
    pub(super) fn approve(&mut self, name: &KeyName, signatures: &str) -> Result<Answer, No> {
        let mut kept = self.sealed_of(name)?;
        let read = approvals::read(signatures, &kept.pcrs, &kept.approver()?).map_err(|cause| refused(&cause))?;
        let new: Vec<_> = read.into_iter().filter(|written| !kept.approvals.contains(written)).collect();
        let added = new.len();
        kept.approvals.extend(new);
        let surplus = kept.approvals.len().saturating_sub(APPROVALS_MAX);
        if surplus > 0 {
            // The state of this moment stays, however old its approval is: an update that fails comes back to it.
            let mut tpm = self.of(&kept)?;
            let values = tpm.pcrs(&kept.pcrs)?;
            let values: Vec<policy::Value> = kept.pcrs.iter().copied().zip(values).collect();
            forget(&mut kept.approvals, surplus, &policy::of_pcrs(&values));
        }
        self.keep(name, &kept)?;
        tracing::info!(%name, added, "states are approved");
        Ok(Answer::Approved { added: u64::try_from(added).unwrap_or(u64::MAX) })
    }

    /// Whether the PIN would be given back: now, or with these values in the place of the PCRs' own.
    pub(super) fn foresee(&mut self, name: &KeyName, expected: &[policy::Value]) -> Result<Answer, No> {
        let kept = self.sealed_of(name)?;
        if let Some((pcr, _)) = expected.iter().find(|(pcr, _)| !kept.pcrs.contains(pcr)) {
            let message =
                format!("le PCR {pcr} n'est pas de ce scellement, qui a les PCR {}", approvals::list(&kept.pcrs));
            return Err(No::malformed("expected", message));
        }
        let mut tpm = self.of(&kept)?;
        let values = tpm.pcrs(&kept.pcrs)?;
        let values = kept.pcrs.iter().copied().zip(values);
        let values: Vec<policy::Value> = values
            .map(|(pcr, now)| expected.iter().find(|(other, _)| *other == pcr).copied().unwrap_or((pcr, now)))
            .collect();
        let policy = policy::of_pcrs(&values);
        Ok(Answer::Foreseen {
            opens: kept.approval(&policy).is_some() && policy::unmeasured(&values).is_none(),
            policy: policy.to_string(),
            pcrs: values.iter().map(|(pcr, value)| format!("{pcr}={value}")).collect(),
            approvals: u64::try_from(kept.approvals.len()).unwrap_or(u64::MAX),
        })
    }
}

/// Gives back what is sealed, without a try where the state is not approved.
fn open(tpm: &mut Tpm, kept: &Kept, values: &[policy::Value], boot_pin: &[u8]) -> Result<Zeroizing<Vec<u8>>, No> {
    let policy = policy::of_pcrs(values);
    let approval = kept.approval(&policy).ok_or_else(|| {
        let list = approvals::list(&kept.pcrs);
        No::Denied(
            "policy-refused",
            format!(
                "l'état de la machine (PCR {list}) n'est pas approuvé ; si la mise à jour est voulue, sceau seal digest puis \
                 sceau seal reseal l'approuvent, sinon sceau seal recover avec deux officiers"
            ),
        )
    })?;
    let sealed = Sealed { public: kept.public.0.clone(), private: kept.private.0.clone() };
    Ok(tpm.unseal(&sealed, boot_pin, (&kept.approver()?, &approval))?)
}

/// The values of these PCRs, none of which may say nothing.
fn measured(tpm: &mut Tpm, pcrs: &[u8]) -> Result<Vec<policy::Value>, No> {
    let values: Vec<policy::Value> = pcrs.iter().copied().zip(tpm.pcrs(pcrs)?).collect();
    match policy::unmeasured(&values) {
        None => Ok(values),
        Some(pcr) => Err(No::Denied(
            "pcr-unmeasured",
            format!(
                "le PCR {pcr} est à zéro : cette machine n'y mesure rien, et un scellement n'y protégerait de rien ; choisissez \
                 d'autres PCR, ou démarrez l'image signée"
            ),
        )),
    }
}

fn refused(cause: &ApprovalError) -> No {
    match cause {
        ApprovalError::Form => No::malformed("signatures", cause.to_string()),
        ApprovalError::Selection { .. } | ApprovalError::Signature | ApprovalError::Unmeasured => {
            No::Denied("approval-refused", cause.to_string())
        }
    }
}
