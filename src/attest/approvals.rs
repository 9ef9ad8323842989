//! Approved states of the machine, as systemd-measure writes them (`systemd-tpm2-pcr-signature.json`).
//!
//! They have no age limit: the TPM takes whatever the approver ever signed, so that a limit here would bind neither an old image
//! that somebody boots nor who kept the file, and would lock out a hospital whose state is the same for years. What ends old
//! approvals is another approver's key (`sceau seal recover`). An NV counter in the policy would end them one by one; the TPM
//! library has no TPM2_PolicyNV yet (tss-esapi 7).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::tpm::approver::Approver;
use crate::tpm::policy::{self, PCR_MAX};
use crate::tpm::sealed::Approval;
use crate::traces::digest::Digest;

/// The one bank that is approved: SHA-1 may be forged.
const BANK: &str = "sha256";

/// One approval as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pcrs: Vec<u8>,
    /// SHA-256 of the signing key, where it is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pkfp: Option<String>,
    /// PolicyPCR, hexadecimal.
    pol: String,
    /// Signature, base64.
    sig: String,
}

/// Why a text holds no approvals for an object; French.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApprovalError {
    #[error("ce n'est pas un fichier de signatures de PCR (forme de systemd-measure, banque sha256)")]
    Form,
    #[error("aucune signature n'est pour les PCR {wanted} ; signez la politique de ces PCR-là")]
    Selection { wanted: String },
    #[error("une signature n'est pas de la clé d'approbation du scellement ; rien n'est admis")]
    Signature,
    #[error("une signature approuve des PCR à zéro, l'état d'une machine qui ne mesure rien ; rien n'est admis")]
    Unmeasured,
}

/// Reads the approvals of the SHA-256 bank that are for exactly these PCRs; each was signed by the approver.
pub(super) fn read(text: &str, pcrs: &[u8], approver: &Approver) -> Result<Vec<Written>, ApprovalError> {
    let banks: BTreeMap<String, Vec<Written>> = serde_json::from_str(text).map_err(|_| ApprovalError::Form)?;
    let all = banks.get(BANK).ok_or(ApprovalError::Form)?;
    let ours: Vec<&Written> = all.iter().filter(|written| sorted(&written.pcrs) == sorted(pcrs)).collect();
    if ours.is_empty() {
        return Err(ApprovalError::Selection { wanted: list(pcrs) });
    }
    for written in &ours {
        let approval = written.approval().ok_or(ApprovalError::Form)?;
        let told = written.pkfp.as_ref().is_none_or(|pkfp| *pkfp == approver.fingerprint().to_string());
        if !told || !approver.has_signed(&approval.policy, &approval.pcrs, &approval.signature) {
            return Err(ApprovalError::Signature);
        }
        for byte in [0x00, 0xff] {
            let unmeasured: Vec<_> = pcrs.iter().map(|pcr| (*pcr, Digest::new([byte; Digest::LEN]))).collect();
            if approval.policy == policy::of_pcrs(&unmeasured) {
                return Err(ApprovalError::Unmeasured);
            }
        }
    }
    Ok(ours.into_iter().cloned().collect())
}

impl Written {
    /// Its values; none if they are no values.
    pub(super) fn approval(&self) -> Option<Approval> {
        Some(Approval {
            pcrs: sorted(&self.pcrs),
            policy: Digest::from_hex(&self.pol)?,
            signature: STANDARD.decode(&self.sig).ok()?,
        })
    }
}

/// Reads a choice of PCRs as a person writes it, `7,11,12`: ascending, each once.
pub(super) fn choice(text: &str) -> Option<Vec<u8>> {
    let pcrs: Vec<u8> = text.split(',').map(|pcr| pcr.trim().parse()).collect::<Result<_, _>>().ok()?;
    let fine = pcrs.iter().all(|pcr| *pcr <= PCR_MAX) && pcrs == sorted(&pcrs);
    fine.then_some(pcrs)
}

/// PCRs as a person reads them.
pub(super) fn list(pcrs: &[u8]) -> String {
    pcrs.iter().map(u8::to_string).collect::<Vec<_>>().join(",")
}

fn sorted(pcrs: &[u8]) -> Vec<u8> {
    let mut pcrs = pcrs.to_vec();
    pcrs.sort_unstable();
    pcrs.dedup();
    pcrs
}
