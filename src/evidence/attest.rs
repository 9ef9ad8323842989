//! What a TPM signed (TPMS_ATTEST) and its signature (TPMT_SIGNATURE).

use serde::{Deserialize, Serialize};
use tpm2_protocol::data::{TpmAlgId, TpmsAttest, TpmsPcrSelection, TpmtSignature, TpmuAttest, TpmuSignature};
use tpm2_protocol::{TpmError, TpmUnmarshal as _};

use super::document::{Attested, PCRS};
use super::public::{P256, padded};
use crate::traces::digest::Digest;

/// The TPM's clock and what it counts (TPMS_CLOCK_INFO).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockInfo {
    /// Milliseconds that the TPM was powered since it was last cleared.
    pub clock_ms: u64,
    /// Restarts of the machine since then (TPM Reset).
    pub reset_count: u32,
    /// Suspensions and hibernations since the last reset (TPM Restart, Resume).
    pub restart_count: u32,
    /// No larger value of `clock_ms` was ever shown.
    pub safe: bool,
}

/// A statement of a TPM, believed only after [`Statement::verified`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The caller's bytes (qualifying data).
    pub extra_data: Vec<u8>,
    /// When.
    pub clock: ClockInfo,
    /// Version of the TPM's firmware.
    pub firmware_version: u64,
    /// What.
    pub body: Body,
}

/// What a TPM states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// TPM2_Quote.
    Quote {
        /// Whether it covers [`PCRS`] of the SHA-256 bank, and nothing else.
        selection: Selection,
        /// SHA-256 over the values, in the order of the selection.
        digest: Vec<u8>,
    },
    /// TPM2_Certify: a key of this name is in the TPM.
    Certify {
        /// The key's name.
        name: Vec<u8>,
    },
    /// TPM2_NV_Certify.
    Nv {
        /// Name of the index, which says its kind and attributes.
        name: Vec<u8>,
        /// From where.
        offset: u16,
        /// The bytes there.
        contents: Vec<u8>,
    },
    /// Another statement.
    Other,
}

/// Which PCRs a quote covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// [`PCRS`] of SHA-256.
    Expected,
    /// Another bank, beside or instead.
    OtherBank,
    /// Fewer or more PCRs.
    OtherPcrs,
}

/// Why a statement is not to be believed; French, for an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AttestFault {
    /// `magic` is not TPM_GENERATED_VALUE: a restricted key never signs such bytes.
    #[error(
        "elle ne commence pas par la marque du TPM (TPM_GENERATED_VALUE) : ces octets n'ont pas été faits par un TPM"
    )]
    Magic,
    /// Not one TPMS_ATTEST.
    #[error("elle n'est pas lisible (TPMS_ATTEST)")]
    Unreadable,
    /// Not one TPMT_SIGNATURE.
    #[error("sa signature n'est pas lisible (TPMT_SIGNATURE)")]
    SignatureUnreadable,
    /// RSA-PSS, RSASSA and others.
    #[error("elle est signée en {0}, non en ECDSA P-256")]
    Algorithm(&'static str),
    /// SHA-1 and others.
    #[error("sa signature condense en {0}, non en SHA-256")]
    Hash(&'static str),
    /// Not this key's over these bytes.
    #[error("sa signature n'est pas celle de la clé d'attestation")]
    FalseSignature,
}

impl Statement {
    /// Reads a TPMS_ATTEST.
    ///
    /// # Errors
    /// [`AttestFault::Magic`], [`AttestFault::Unreadable`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AttestFault> {
        let (attest, rest) = TpmsAttest::unmarshal(bytes).map_err(|fault| match fault {
            TpmError::InvalidMagicNumber { .. } => AttestFault::Magic,
            _ => AttestFault::Unreadable,
        })?;
        if !rest.is_empty() {
            return Err(AttestFault::Unreadable);
        }
        let body = match &attest.attested {
            TpmuAttest::Quote(quote) => {
                Body::Quote { selection: selection(&quote.pcr_select), digest: quote.pcr_digest.to_vec() }
            }
            TpmuAttest::Certify(certify) => Body::Certify { name: certify.name.to_vec() },
            TpmuAttest::Nv(nv) => Body::Nv {
                name: nv.index_name.to_vec(),
                offset: nv.offset.into(),
                contents: nv.nv_contents.to_vec(),
            },
            _ => Body::Other,
        };
        Ok(Self {
            extra_data: attest.extra_data.to_vec(),
            clock: ClockInfo {
                clock_ms: attest.clock_info.clock.into(),
                reset_count: attest.clock_info.reset_count.into(),
                restart_count: attest.clock_info.restart_count.into(),
                safe: attest.clock_info.safe.into(),
            },
            firmware_version: attest.firmware_version.into(),
            body,
        })
    }

    /// Reads a statement that this key signed.
    ///
    /// After `Ok` a TPM made the statement, if the key is an attestation key ([`super::public::Public::attestation_key`]).
    ///
    /// # Errors
    /// [`AttestFault`].
    pub fn verified(attested: &Attested, key: &P256) -> Result<Self, AttestFault> {
        let statement = Self::parse(&attested.attest.0)?;
        verify(&attested.attest.0, &attested.signature.0, key)?;
        Ok(statement)
    }
}

/// Whether `key` made this TPMT_SIGNATURE over `message`, in ECDSA with SHA-256.
fn verify(message: &[u8], signature: &[u8], key: &P256) -> Result<(), AttestFault> {
    let (made, rest) = TpmtSignature::unmarshal(signature).map_err(|_| AttestFault::SignatureUnreadable)?;
    if !rest.is_empty() {
        return Err(AttestFault::SignatureUnreadable);
    }
    let ecc = match &made.signature {
        TpmuSignature::Ecdsa(ecc) => ecc,
        TpmuSignature::Rsapss(_) => return Err(AttestFault::Algorithm("RSA-PSS")),
        TpmuSignature::Rsassa(_) => return Err(AttestFault::Algorithm("RSA PKCS#1 v1.5")),
        TpmuSignature::Hmac(_) => return Err(AttestFault::Algorithm("HMAC")),
        TpmuSignature::Null => return Err(AttestFault::Algorithm("rien (aucune signature)")),
        _ => return Err(AttestFault::Algorithm("un autre algorithme")),
    };
    match ecc.hash {
        TpmAlgId::Sha256 => {}
        TpmAlgId::Sha1 => return Err(AttestFault::Hash("SHA-1")),
        TpmAlgId::Sha384 => return Err(AttestFault::Hash("SHA-384")),
        TpmAlgId::Sha512 => return Err(AttestFault::Hash("SHA-512")),
        _ => return Err(AttestFault::Hash("une autre fonction")),
    }
    match (padded(&ecc.signature_r), padded(&ecc.signature_s)) {
        (Some(r), Some(s)) if key.verifies(message, &r, &s) => Ok(()),
        _ => Err(AttestFault::FalseSignature),
    }
}

fn selection(banks: &[TpmsPcrSelection]) -> Selection {
    match banks {
        [bank] if bank.hash == TpmAlgId::Sha256 => {
            let chosen = bank.pcr_select.iter().zip(0u8..).flat_map(|(byte, at)| {
                (0u8..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit)
            });
            if chosen.eq(PCRS) { Selection::Expected } else { Selection::OtherPcrs }
        }
        _ => Selection::OtherBank,
    }
}

/// `pcrDigest` of a quote over these values, in ascending order of their PCRs.
#[must_use]
pub fn pcr_digest(values: impl IntoIterator<Item = Digest>) -> Digest {
    let all: Vec<u8> = values.into_iter().flat_map(|value| *value.as_bytes()).collect();
    Digest::of(&[&all])
}
