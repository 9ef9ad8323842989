//! The endorsement key (EK): what the TPM's maker vouches for.

use tss_esapi::abstraction::{AsymmetricAlgorithmSelection, DefaultKey, ek};
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::key_bits::RsaKeyBits;
use tss_esapi::traits::Marshall as _;

use super::TpmError;
use super::device::Tpm;
use super::error::of_library;

/// Kinds of EK in the order in which they are looked for: every PC has the first (TCG EK Credential Profile §2.2.1.4).
const KINDS: [AsymmetricAlgorithmSelection; 2] = [
    AsymmetricAlgorithmSelection::Rsa(RsaKeyBits::Rsa2048),
    AsymmetricAlgorithmSelection::Ecc(EccCurve::NistP256),
];

/// An EK in the TPM.
#[derive(Debug)]
pub struct Endorsement {
    /// Its certificate as the TPM has it, X.509 DER; empty if the maker left none there.
    pub certificate: Vec<u8>,
    /// TPMT_PUBLIC.
    pub public: Vec<u8>,
    pub(super) handle: KeyHandle,
}

impl Tpm {
    /// The EK that has a certificate, else the first kind.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement(&mut self) -> Result<Endorsement, TpmError> {
        let found = KINDS.into_iter().find_map(|kind| match self.ek_certificate(kind) {
            Err(TpmError::Missing) => None,
            other => Some((kind, other)),
        });
        let (kind, certificate) = match found {
            Some((kind, certificate)) => (kind, certificate?),
            None => (KINDS[0], Vec::new()),
        };
        let handle = ek::create_ek_object_2(&mut self.context, kind, DefaultKey)?;
        let (public, _, _) = self.context.read_public(handle)?;
        Ok(Endorsement { certificate, public: public.marshall().map_err(of_library)?, handle })
    }

    fn ek_certificate(&mut self, kind: AsymmetricAlgorithmSelection) -> Result<Vec<u8>, TpmError> {
        let mut der = ek::retrieve_ek_pubcert(&mut self.context, kind)?;
        // Makers leave the rest of the index as it was: the certificate says itself how long it is.
        if let Some(len) = der_len(&der) {
            der.truncate(len);
        }
        Ok(der)
    }
}

/// Length of a DER SEQUENCE with its header (X.690 §8.1.3), if the bytes begin with one of two length bytes, as every
/// certificate does.
fn der_len(der: &[u8]) -> Option<usize> {
    match der {
        [0x30, 0x82, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low])) + 4),
        _ => None,
    }
}
