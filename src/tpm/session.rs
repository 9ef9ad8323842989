//! Salted, encrypted sessions: who sits between us and the TPM reads no secret and forges no answer.

use tss_esapi::Context;
use tss_esapi::attributes::{ObjectAttributesBuilder, SessionAttributesBuilder};
use tss_esapi::constants::SessionType;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::{AuthSession, PolicySession};
use tss_esapi::structures::{
    EccPoint, Name, Public, PublicBuilder, PublicEccParametersBuilder, SymmetricDefinition,
    SymmetricDefinitionObject,
};

use super::TpmError;
use super::error::{of_hierarchy, of_library};

/// The owner's storage key: the TCG's template (TPM v2.0 Provisioning Guidance §7.5.1, ECC P-256), made anew from the
/// owner's seed each time, the same each time until the TPM is cleared.
///
/// The name is of the public area that sessions are salted with, which is this answer's: the library holds the two against each
/// other. Asked for again (TPM2_ReadPublic), somebody on the wire who put his own key here could pass on the TPM's true name.
pub(super) fn storage_key(context: &mut Context) -> Result<(KeyHandle, Name), TpmError> {
    let template = storage_template().map_err(of_library)?;
    let made = context
        .execute_with_nullauth_session(|context| {
            context.create_primary(Hierarchy::Owner, template, None, None, None, None)
        })
        .map_err(of_hierarchy)?;
    let name = context.tr_get_name(made.key_handle.into())?;
    Ok((made.key_handle, name))
}

fn storage_template() -> tss_esapi::Result<Public> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        // Its secret is empty: there is nothing to guess.
        .with_no_da(true)
        .with_decrypt(true)
        .with_restricted(true)
        .build()?;
    let parameters = PublicEccParametersBuilder::new_restricted_decryption_key(
        SymmetricDefinitionObject::AES_128_CFB,
        EccCurve::NistP256,
    );
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters.build()?)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()
}

/// An HMAC session salted with that key; parameters are encrypted both ways.
pub(super) fn salted(context: &mut Context, key: KeyHandle) -> Result<AuthSession, TpmError> {
    start(context, key, SessionType::Hmac)
}

/// An HMAC session without encryption: who authorises by it is proved all the same.
pub(super) fn plain(context: &mut Context) -> Result<AuthSession, TpmError> {
    let session = context.start_auth_session(
        None,
        None,
        None,
        SessionType::Hmac,
        SymmetricDefinition::AES_128_CFB,
        HashingAlgorithm::Sha256,
    )?;
    session.ok_or_else(|| TpmError::Library("no session".to_owned()))
}

/// A policy session salted with that key; what is unsealed through it crosses the wire encrypted.
pub(super) fn policy(context: &mut Context, key: KeyHandle) -> Result<PolicySession, TpmError> {
    PolicySession::try_from(start(context, key, SessionType::Policy)?).map_err(of_library)
}

/// A session that only computes a policy's digest.
pub(super) fn trial(context: &mut Context, key: KeyHandle) -> Result<PolicySession, TpmError> {
    PolicySession::try_from(start(context, key, SessionType::Trial)?).map_err(of_library)
}

fn start(context: &mut Context, key: KeyHandle, kind: SessionType) -> Result<AuthSession, TpmError> {
    let session = context.start_auth_session(
        Some(key),
        None,
        None,
        kind,
        SymmetricDefinition::AES_128_CFB,
        HashingAlgorithm::Sha256,
    )?;
    let session = session.ok_or_else(|| TpmError::Library("no session".to_owned()))?;
    if kind != SessionType::Trial {
        let (attributes, mask) = SessionAttributesBuilder::new().with_decrypt(true).with_encrypt(true).build();
        context.tr_sess_set_attributes(session, attributes, mask)?;
    }
    Ok(session)
}
