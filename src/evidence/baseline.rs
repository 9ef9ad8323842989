//! What the last believed evidence of an appliance showed: what the next one is held against.

use serde::{Deserialize, Serialize};

use super::attest::ClockInfo;
use super::document::{Ledger, Marshalled, PcrValue};
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// An appliance as it was enrolled. Its AK lives in the TPM of its EK certificate: credential activation proved it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The EK certificate, X.509 DER.
    pub ek_certificate: Marshalled,
    /// Public area of the AK: TPMT_PUBLIC.
    pub attestation_key: Marshalled,
    /// The line of `AUDIT.pub`: given at enrolment, or that of the first good evidence.
    pub audit_key: Option<String>,
    /// The officer gave [`Enrolled::audit_key`] himself, and the TPM never certified it: it may live elsewhere, in an HSM or a soft
    /// token. False once it was certified: a key that is in the TPM stays there.
    #[serde(default)]
    pub audit_key_vouched: bool,
}

/// The newest of each thing that was believed. Each part moves forward by itself, and only when its own check and those that it stands
/// on passed: a bad verdict neither hides nor undoes what an earlier one saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The TPM's clock.
    pub clock: Option<ClockSeen>,
    /// The monotonic counter.
    pub counter: Option<CounterSeen>,
    /// The ledger's checkpoint.
    pub ledger: Option<Ledger>,
    /// PCRs of the last evidence that was good in everything.
    pub pcrs: Vec<PcrValue>,
    /// What the last good evidence claimed, to say what changed.
    pub claims: Option<ClaimsSeen>,
    /// What of the reference values it matched, by name and version.
    #[serde(default)]
    pub admitted: Vec<String>,
    /// Version of its TPM's firmware, 16 hexadecimal digits.
    #[serde(default)]
    pub firmware_version: Option<String>,
}

/// The TPM's clock, and when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockSeen {
    /// It was read after this instant of the verifier's clock: that evidence's nonce was drawn then.
    pub after: Instant,
    /// What it showed.
    pub clock: ClockInfo,
}

/// A counter's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CounterSeen {
    /// Its value.
    pub value: u64,
    /// Name of its NV index, if the TPM certified it.
    pub index: Option<Marshalled>,
}

/// What a good evidence claimed, shortened to what is compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimsSeen {
    /// Version of Sceau.
    pub version: String,
    /// Version of the image.
    pub image: Option<String>,
    /// The convention's terms.
    pub convention: Digest,
    /// SHA-256 of each seal certificate.
    pub seals: Vec<Digest>,
    /// SHA-256 of each certificate of mutual TLS.
    #[serde(default)]
    pub authentications: Vec<Digest>,
}
