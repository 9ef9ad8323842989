//! Enrolment: three documents by which a verifier makes sure that an AK lives in the TPM of an EK certificate.
//!
//! ```text
//! appliance: Request (EK certificate, EK, AK) ──► officer: EK chain, AK's attributes; a secret under EK and AK's name
//! appliance: Answer (the secret) ◄── TPM2_ActivateCredential ◄── Challenge
//! ```
//! Only the TPM that holds both keys can open the challenge (TCG TPM 2.0 Library, part 1, §24).

use serde::{Deserialize, Serialize};

use super::document::{Document, Endorsement, Marshalled};
use super::nonce::Nonce;

/// What the appliance asks to be enrolled as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`Request::FORMAT`].
    pub format: String,
    /// Version of Sceau.
    pub version: String,
    /// Which TPM.
    pub endorsement: Endorsement,
    /// Public area of the AK: TPMT_PUBLIC.
    pub attestation_key: Marshalled,
}

/// What only the TPM that holds EK and AK can open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Challenge {
    /// [`Challenge::FORMAT`].
    pub format: String,
    /// Which enrolment; the answer repeats it.
    pub id: Nonce,
    /// TPM2B_ID_OBJECT: `credentialBlob` of TPM2_ActivateCredential.
    pub credential: Marshalled,
    /// TPM2B_ENCRYPTED_SECRET: `secret` of TPM2_ActivateCredential.
    pub secret: Marshalled,
}

/// What the TPM found inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// [`Answer::FORMAT`].
    pub format: String,
    /// The challenge's.
    pub id: Nonce,
    /// `certInfo` of TPM2_ActivateCredential: the bytes, without a TPM2B's length.
    pub credential: Marshalled,
}

impl Document for Request {
    const FORMAT: &'static str = "fr.sceau.enrolment-request/1";
}

impl Document for Challenge {
    const FORMAT: &'static str = "fr.sceau.enrolment-challenge/1";
}

impl Document for Answer {
    const FORMAT: &'static str = "fr.sceau.enrolment-answer/1";
}
