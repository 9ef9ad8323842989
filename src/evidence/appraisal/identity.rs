//! Which TPM made the evidence: EK certificate and AK against those that were enrolled.

use super::{Check, Findings, Known, Status};
use crate::evidence::document::Evidence;
use crate::evidence::endorsement;
use crate::evidence::public::{P256, Public};

/// The EK certificate; whether it is the enrolled one and, where roots are given, still leads to them.
pub(super) fn ek_certificate(evidence: &Evidence, known: &Known<'_>, findings: &mut Findings) {
    let result = if evidence.endorsement.ek_certificate != known.enrolled.ek_certificate {
        Err(if evidence.attestation_key == known.enrolled.attestation_key {
            "le certificat EK a été échangé : la clé d'attestation est celle de l'enrôlement, le certificat est d'un autre TPM".to_owned()
        } else {
            "preuve d'une autre appliance : ni le certificat EK ni la clé d'attestation ne sont ceux de l'enrôlement".to_owned()
        })
    } else if let Some(roots) = known.roots {
        endorsement::verify(&evidence.endorsement, roots, known.now).map_err(|fault| fault.to_string()).map(
            |authorities| {
                let root = authorities.last().cloned().unwrap_or_default();
                findings.shown.ek_authorities = authorities;
                format!("certificat EK de l'enrôlement, garanti par {root}")
            },
        )
    } else {
        Ok("certificat EK de l'enrôlement, dont la chaîne a été vérifiée alors".to_owned())
    };
    findings.decide(Check::EkCertificate, result);
}

/// The enrolled AK, as a key that signs only what its TPM attests.
pub(super) fn attestation_key(evidence: &Evidence, known: &Known<'_>, findings: &mut Findings) -> Option<P256> {
    if evidence.attestation_key != known.enrolled.attestation_key {
        let same_tpm = evidence.endorsement.ek_certificate == known.enrolled.ek_certificate;
        let detail = if same_tpm {
            "autre clé d'attestation que celle de l'enrôlement, sous le même certificat EK"
        } else {
            "autre clé d'attestation que celle de l'enrôlement"
        };
        findings.add(Check::AttestationKey, Status::Failed, detail);
        return None;
    }
    let public = Public::parse(&evidence.attestation_key.0);
    match public
        .as_ref()
        .map_err(|fault| *fault)
        .and_then(|public| public.attestation_key().cloned().map(|key| (public, key)))
    {
        Ok((public, key)) => {
            findings.shown.attestation_key = Some(public.to_string());
            findings.add(
                Check::AttestationKey,
                Status::Passed,
                "clé de l'enrôlement, attachée à ce TPM, qui ne signe que ce qu'il atteste",
            );
            Some(key)
        }
        Err(fault) => {
            findings.add(Check::AttestationKey, Status::Failed, fault.to_string());
            None
        }
    }
}
