//! What the AK signs: PCRs, and that a key is in this TPM.

use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::structures::{
    Attest, AttestInfo, Auth, Data, PcrSelectionList, PcrSlot, Private, Public, Signature, SignatureScheme,
};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};
use zeroize::Zeroizing;

use super::TpmError;
use super::attestation_key::AttestationKey;
use super::device::Tpm;
use super::error::of_library;
use crate::traces::digest::Digest;

/// How often a quote is made anew whose PCRs changed between reading and signing: measuring ends with the boot.
const TRIES: usize = 3;
/// PCRs that TPM2_PCR_Read gives at once (TPML_DIGEST).
const READ_MAX: usize = 8;

/// What the TPM said, and the AK's signature.
#[derive(Debug)]
pub struct Attested {
    /// TPMS_ATTEST.
    pub attest: Vec<u8>,
    /// TPMT_SIGNATURE.
    pub signature: Vec<u8>,
}

/// A key that a PKCS#11 library keeps outside the TPM, wrapped by it.
#[derive(Debug)]
pub struct WrappedKey {
    /// TPM2B_PUBLIC.
    pub public: Vec<u8>,
    /// TPM2B_PRIVATE.
    pub private: Vec<u8>,
    /// Persistent handle of its parent.
    pub parent: u32,
    /// Its authorisation.
    pub auth: Zeroizing<Vec<u8>>,
}

impl Tpm {
    /// Values of these PCRs of the SHA-256 bank, in their order.
    ///
    /// # Errors
    /// [`TpmError::Library`] if the bank is not active; any other.
    pub fn pcrs(&mut self, pcrs: &[u8]) -> Result<Vec<Digest>, TpmError> {
        let mut values = Vec::new();
        for some in pcrs.chunks(READ_MAX) {
            let selection = selection(some)?;
            let (_, read, digests) = self.context.pcr_read(selection.clone())?;
            if read != selection {
                return Err(TpmError::Library("the TPM has no active SHA-256 bank".to_owned()));
            }
            let digest = |digest: &tss_esapi::structures::Digest| Digest::from_slice(digest.value());
            values.extend(digests.value().iter().filter_map(digest));
        }
        if values.len() == pcrs.len() { Ok(values) } else { Err(TpmError::Library("PCRs are missing".to_owned())) }
    }

    /// A quote over these PCRs (ascending) with that qualifying data, and the values that it covers.
    ///
    /// # Errors
    /// [`TpmError::Later`] if PCRs change all the time; any other.
    pub fn quote(
        &mut self,
        key: &AttestationKey,
        qualifying: &Digest,
        pcrs: &[u8],
    ) -> Result<(Attested, Vec<Digest>), TpmError> {
        let data = Data::try_from(qualifying.as_bytes().as_slice()).map_err(of_library)?;
        for _ in 0..TRIES {
            let values = self.pcrs(pcrs)?;
            let (selection, data) = (selection(pcrs)?, data.clone());
            let (attest, signature) =
                self.in_session(|context| context.quote(key.handle, data, SignatureScheme::Null, selection))?;
            let all: Vec<&[u8]> = values.iter().map(|value| value.as_bytes().as_slice()).collect();
            let quoted = match attest.attested() {
                AttestInfo::Quote { info } => info.pcr_digest().value() == Digest::of(&all).as_bytes(),
                _ => false,
            };
            if quoted {
                return Ok((attested(&attest, &signature)?, values));
            }
        }
        Err(TpmError::Later)
    }

    /// The AK's word that a wrapped key is in this TPM, with that qualifying data, and the key's TPMT_PUBLIC.
    ///
    /// # Errors
    /// [`TpmError::Missing`] without its parent, [`TpmError::Secret`] if its authorisation is wrong; any other.
    pub fn certify(
        &mut self,
        key: &AttestationKey,
        qualifying: &Digest,
        wrapped: &WrappedKey,
    ) -> Result<(Attested, Vec<u8>), TpmError> {
        let library = |what: &str| TpmError::Library(what.to_owned());
        let body = |bytes: &[u8]| tpm2b(bytes).map(<[u8]>::to_vec).ok_or_else(|| library("no TPM2B"));
        let public = Public::unmarshall(&body(&wrapped.public)?).map_err(of_library)?;
        let private = Private::try_from(body(&wrapped.private)?).map_err(of_library)?;
        let data = Data::try_from(qualifying.as_bytes().as_slice()).map_err(of_library)?;
        let parent = self.persistent(wrapped.parent)?;
        let marshalled = public.marshall().map_err(of_library)?;
        // The storage key's place in the TPM is needed: a session once salted does without it.
        self.release()?;
        let loaded = self.in_session(|context| context.load(parent, private, public))?;
        let auth = Auth::try_from(wrapped.auth.to_vec()).map_err(of_library)?;
        self.context.tr_set_auth(loaded.into(), auth)?;
        // The key's secret through the salted session; the AK has none.
        let (ours, theirs) = (self.session, self.second_session()?);
        let certified = self.context.execute_with_sessions((Some(ours), Some(theirs), None), |context| {
            context.certify(loaded.into(), key.handle, data, SignatureScheme::Null)
        });
        let (attest, signature) = certified?;
        self.context.flush_context(loaded.into())?;
        Ok((attested(&attest, &signature)?, marshalled))
    }

    fn persistent(&mut self, handle: u32) -> Result<KeyHandle, TpmError> {
        let handle = tss_esapi::handles::PersistentTpmHandle::new(handle).map_err(of_library)?;
        Ok(self.context.tr_from_tpm_public(tss_esapi::handles::TpmHandle::Persistent(handle))?.into())
    }
}

fn attested(attest: &Attest, signature: &Signature) -> Result<Attested, TpmError> {
    Ok(Attested {
        attest: attest.marshall().map_err(of_library)?,
        signature: signature.marshall().map_err(of_library)?,
    })
}

/// The content of a TPM2B: two bytes of length, then exactly as many.
pub(super) fn tpm2b(bytes: &[u8]) -> Option<&[u8]> {
    let (len, content) = bytes.split_first_chunk::<2>()?;
    (usize::from(u16::from_be_bytes(*len)) == content.len()).then_some(content)
}

/// These PCRs of the SHA-256 bank.
pub(super) fn selection(pcrs: &[u8]) -> Result<PcrSelectionList, TpmError> {
    let slot = |pcr: &u8| PcrSlot::try_from(1_u32.checked_shl(u32::from(*pcr)).unwrap_or_default());
    let slots: Vec<_> = pcrs.iter().map(slot).collect::<Result<_, _>>().map_err(of_library)?;
    PcrSelectionList::builder().with_selection(HashingAlgorithm::Sha256, &slots).build().map_err(of_library)
}
