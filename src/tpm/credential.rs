//! Credential activation: the proof that EK and AK are in one TPM (TPM 2.0 Part 1 §24).

use tss_esapi::attributes::SessionAttributesBuilder;
use tss_esapi::constants::SessionType;
use tss_esapi::handles::AuthHandle;
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::session_handles::{AuthSession, PolicySession};
use tss_esapi::structures::{Digest, EncryptedSecret, IdObject, Nonce, SymmetricDefinition};
use zeroize::Zeroizing;

use super::TpmError;
use super::attestation_key::AttestationKey;
use super::device::Tpm;
use super::endorsement::Endorsement;
use super::error::of_library;
use super::quote::tpm2b;

impl Tpm {
    /// What a verifier hid under EK and the name of AK. `credential`: TPM2B_ID_OBJECT, `secret`: TPM2B_ENCRYPTED_SECRET.
    ///
    /// # Errors
    /// None inside if the two are no such structures; [`TpmError`] if the TPM cannot open them: they are another's.
    pub fn activate(
        &mut self,
        endorsement: &Endorsement,
        key: &AttestationKey,
        (credential, secret): (&[u8], &[u8]),
    ) -> Result<Option<Zeroizing<Vec<u8>>>, TpmError> {
        let (Some(credential), Some(secret)) = (tpm2b(credential), tpm2b(secret)) else { return Ok(None) };
        let (Ok(credential), Ok(secret)) = (IdObject::try_from(credential), EncryptedSecret::try_from(secret))
        else {
            return Ok(None);
        };
        let policy = self.endorsement_session()?;
        let session = self.session;
        // Two sessions that encrypt the same parameter are refused (0x7001a): the first one does.
        let opened = self.context.execute_with_sessions((Some(session), Some(policy), None), |context| {
            context.activate_credential(key.handle, endorsement.handle, credential, secret)
        })?;
        Ok(Some(Zeroizing::new(opened.value().to_vec())))
    }

    /// The session that the template of an EK asks for: who knows the endorsement hierarchy's secret, which is empty
    /// (TCG EK Credential Profile §B.3.3, PolicyA).
    fn endorsement_session(&mut self) -> Result<AuthSession, TpmError> {
        let session = self.context.start_auth_session(
            None,
            None,
            None,
            SessionType::Policy,
            SymmetricDefinition::AES_128_CFB,
            HashingAlgorithm::Sha256,
        )?;
        let session = session.ok_or_else(|| TpmError::Library("no session".to_owned()))?;
        let (attributes, mask) = SessionAttributesBuilder::new().build();
        self.context.tr_sess_set_attributes(session, attributes, mask)?;
        let policy = PolicySession::try_from(session).map_err(of_library)?;
        self.context.execute_with_nullauth_session(|context| {
            let (nonce, cp_hash) = (Nonce::default(), Digest::default());
            context.policy_secret(policy, AuthHandle::Endorsement, nonce, cp_hash, Nonce::default(), None)
        })?;
        Ok(session)
    }
}
