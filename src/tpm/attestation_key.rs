//! The attestation key (AK): a restricted key that signs what the TPM itself says, and nothing that is given to it.

use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::handles::{KeyHandle, ObjectHandle, PersistentTpmHandle, TpmHandle};
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::dynamic_handles::Persistent;
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::{Hierarchy, Provision};
use tss_esapi::structures::{
    EccParameter, EccPoint, EccScheme, HashScheme, KeyDerivationFunctionScheme, Public, PublicBuilder,
    PublicEccParametersBuilder, SymmetricDefinitionObject,
};
use tss_esapi::traits::Marshall as _;

use super::TpmError;
use super::device::Tpm;
use super::error::{of_hierarchy, of_library};
use crate::traces::digest::Digest;

/// What makes our key another one than a neighbour's of the same template.
const UNIQUE: &[u8] = b"fr.sceau.attestation-key/1";

/// The AK, loaded.
#[derive(Debug)]
pub struct AttestationKey {
    /// TPMT_PUBLIC.
    pub public: Vec<u8>,
    /// Its name in the TPM's words: hash algorithm and digest of the public area.
    pub name: Vec<u8>,
    pub(super) handle: KeyHandle,
}

impl Tpm {
    /// The AK at that persistent handle; made and kept there if nothing is.
    ///
    /// The key comes from the endorsement seed, so that one that was removed is made again as it was; only another TPM, or
    /// a maker's reset of this one, makes another.
    ///
    /// # Errors
    /// [`TpmError::Full`] if something else is at that handle; any other.
    pub fn attestation_key(&mut self, handle: u32) -> Result<AttestationKey, TpmError> {
        let place = PersistentTpmHandle::new(handle).map_err(of_library)?;
        match self.context.tr_from_tpm_public(TpmHandle::Persistent(place)) {
            Ok(kept) => {
                let key = self.described(kept.into())?;
                if key.is_ours()? { Ok(key) } else { Err(TpmError::Full) }
            }
            Err(error) => match TpmError::from(error) {
                TpmError::Missing => self.make_attestation_key(place),
                error => Err(error),
            },
        }
    }

    fn make_attestation_key(&mut self, place: PersistentTpmHandle) -> Result<AttestationKey, TpmError> {
        let template = template().map_err(of_library)?;
        let made = self
            .context
            .execute_with_nullauth_session(|context| {
                context.create_primary(Hierarchy::Endorsement, template, None, None, None, None)
            })
            .map_err(of_hierarchy)?;
        let made = made.key_handle;
        let kept = self.in_session(|context| {
            context.evict_control(Provision::Owner, made.into(), Persistent::Persistent(place))
        })?;
        self.context.flush_context(ObjectHandle::from(made))?;
        self.described(kept.into())
    }

    fn described(&mut self, handle: KeyHandle) -> Result<AttestationKey, TpmError> {
        let (public, _, _) = self.context.read_public(handle)?;
        // The name that commands are authenticated with.
        let name = self.context.tr_get_name(handle.into())?;
        Ok(AttestationKey { public: public.marshall().map_err(of_library)?, name: name.value().to_vec(), handle })
    }
}

impl AttestationKey {
    /// Whether it is of our template, its point aside.
    fn is_ours(&self) -> Result<bool, TpmError> {
        let template = template().and_then(|template| template.marshall()).map_err(of_library)?;
        // TPMT_PUBLIC ends with the point: two TPM2B of at most 32 bytes each.
        let head = template.len().saturating_sub(2 * (2 + Digest::LEN));
        Ok(self.public.get(..head).is_some_and(|ours| template.get(..head) == Some(ours)))
    }
}

fn template() -> tss_esapi::Result<Public> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        // Its secret is empty: it signs nothing but what the TPM says of itself.
        .with_no_da(true)
        .with_sign_encrypt(true)
        .with_restricted(true)
        .build()?;
    let parameters = PublicEccParametersBuilder::new()
        .with_symmetric(SymmetricDefinitionObject::Null)
        // ECDSA: tpm2_checkquote refuses valid RSA-PSS quotes.
        .with_ecc_scheme(EccScheme::EcDsa(HashScheme::new(HashingAlgorithm::Sha256)))
        .with_curve(EccCurve::NistP256)
        .with_key_derivation_function_scheme(KeyDerivationFunctionScheme::Null)
        .with_is_signing_key(true)
        .with_is_decryption_key(false)
        .with_restricted(true)
        .build()?;
    let unique = EccParameter::try_from(Digest::of(&[UNIQUE]).as_bytes().as_slice())?;
    let zero = EccParameter::try_from([0; Digest::LEN].as_slice())?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::new(unique, zero))
        .build()
}
