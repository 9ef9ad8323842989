//! Secrets that this TPM gives back in an approved state of the machine, to who knows the boot PIN.

use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::structures::{
    Auth, Digest as TpmDigest, KeyedHashScheme, Name, Nonce, Private, Public, PublicBuilder, PublicKeyRsa,
    PublicKeyedHashParameters, RsaSignature, SensitiveData, Signature,
};
use tss_esapi::traits::{Marshall as _, UnMarshall as _};
use zeroize::Zeroizing;

use super::approver::Approver;
use super::device::Tpm;
use super::error::of_library;
use super::quote::selection;
use super::{TpmError, policy, session};
use crate::traces::digest::Digest;

/// Says what the hash of a boot PIN is for.
const BOOT_PIN: &[u8] = b"fr.sceau.boot-pin/1";
/// Longest secret in bytes that a TPM seals (MAX_SYM_DATA).
pub const SECRET_LEN_MAX: usize = 128;

/// A sealed secret, of use to the TPM that made it alone.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// TPMT_PUBLIC.
    pub public: Vec<u8>,
    /// What TPM2B_PRIVATE holds.
    pub private: Vec<u8>,
}

/// A state of the machine that the approver has signed.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The PCRs, ascending.
    pub pcrs: Vec<u8>,
    /// Their PolicyPCR.
    pub policy: Digest,
    /// The approver's signature of it for these PCRs ([`policy::to_sign`]).
    pub signature: Vec<u8>,
}

impl Tpm {
    /// Seals a secret for whatever state of these PCRs (ascending) the approver signs and for who knows the boot PIN.
    ///
    /// A wrong boot PIN is a try that the TPM counts: a person's PIN is short.
    ///
    /// # Errors
    /// [`TpmError`]; a secret of more than [`SECRET_LEN_MAX`] bytes is [`TpmError::Library`].
    pub fn seal(
        &mut self,
        secret: &[u8],
        boot_pin: &[u8],
        (approver, pcrs): (&Approver, &[u8]),
    ) -> Result<Sealed, TpmError> {
        let parent = self.storage()?;
        let template = template(&policy::of_sealed(approver.name(), pcrs)).map_err(of_library)?;
        let data = SensitiveData::try_from(secret).map_err(of_library)?;
        let auth = auth(boot_pin)?;
        let made =
            self.in_session(|context| context.create(parent, template, Some(auth), Some(data), None, None))?;
        Ok(Sealed {
            public: made.out_public.marshall().map_err(of_library)?,
            private: made.out_private.value().to_vec(),
        })
    }

    /// The secret, if the machine is in the state of that approval.
    ///
    /// Whoever calls has compared the state before: no try is wasted on a machine that is not approved.
    ///
    /// # Errors
    /// [`TpmError::Policy`] in another state; [`TpmError::Secret`] with a wrong boot PIN, [`TpmError::Lockout`] after too
    /// many; [`TpmError::Other`] if another TPM sealed it; any other.
    pub fn unseal(
        &mut self,
        sealed: &Sealed,
        boot_pin: &[u8],
        (approver, approval): (&Approver, &Approval),
    ) -> Result<Zeroizing<Vec<u8>>, TpmError> {
        let parent = self.storage()?;
        let ticket = self.ticket(approver, approval)?;
        let public = Public::unmarshall(&sealed.public).map_err(of_library)?;
        let private = Private::try_from(sealed.private.as_slice()).map_err(of_library)?;
        let loaded =
            self.in_session(|context| context.load(parent, private, public)).map_err(|cause| match cause {
                // Its wrapping is not by this storage key (TPM_RC_INTEGRITY).
                TpmError::Answer(code) if code & 0x3f == 0x1f => TpmError::Other,
                cause => cause,
            })?;
        let session = session::policy(&mut self.context, parent)?;
        let selection = selection(&approval.pcrs)?;
        let approved = TpmDigest::try_from(approval.policy.as_bytes().as_slice()).map_err(of_library)?;
        let name = Name::try_from(approver.name().to_vec()).map_err(of_library)?;
        let reference = Nonce::try_from(policy::reference(&approval.pcrs)).map_err(of_library)?;
        self.context.execute_without_session(|context| {
            // An empty digest: the PCRs as they are.
            context.policy_pcr(session, TpmDigest::default(), selection)?;
            context.policy_authorize(session, approved, reference, &name, ticket)?;
            context.policy_auth_value(session)
        })?;
        self.context.tr_set_auth(loaded.into(), auth(boot_pin)?)?;
        let session = AuthSession::from(session);
        let unsealed = self.context.execute_with_session(Some(session), |context| context.unseal(loaded.into()));
        let secret = unsealed.map(|secret| Zeroizing::new(secret.value().to_vec()))?;
        self.context.flush_context(loaded.into())?;
        Ok(secret)
    }

    /// The TPM's own word that the approver signed, which it wants to see again.
    fn ticket(
        &mut self,
        approver: &Approver,
        approval: &Approval,
    ) -> Result<tss_esapi::structures::VerifiedTicket, TpmError> {
        let public = approver.public.clone();
        // Of the owner: the null hierarchy gives tickets that stand for nothing.
        let key: KeyHandle = self
            .context
            .execute_without_session(|context| context.load_external_public(public, Hierarchy::Owner))?;
        // What is signed is the hash of policy and reference (TPM 2.0 Part 3 §23.16).
        let digest = Digest::of(&[&policy::to_sign(&approval.policy, &approval.pcrs)]);
        let digest = TpmDigest::try_from(digest.as_bytes().as_slice()).map_err(of_library)?;
        let signature = PublicKeyRsa::try_from(approval.signature.as_slice()).map_err(of_library)?;
        let signature =
            Signature::RsaSsa(RsaSignature::create(HashingAlgorithm::Sha256, signature).map_err(of_library)?);
        let ticket =
            self.context.execute_without_session(|context| context.verify_signature(key, digest, signature));
        self.context.flush_context(key.into())?;
        Ok(ticket?)
    }

    /// What the TPM itself computes for these PCRs as they are (a trial session): what [`policy::of_pcrs`] must agree with.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn trial_of_pcrs(&mut self, pcrs: &[u8]) -> Result<Digest, TpmError> {
        let parent = self.storage()?;
        let trial = session::trial(&mut self.context, parent)?;
        let selection = selection(pcrs)?;
        let digest = self.context.execute_without_session(|context| {
            context.policy_pcr(trial, TpmDigest::default(), selection)?;
            context.policy_get_digest(trial)
        })?;
        self.context.flush_context(tss_esapi::handles::SessionHandle::from(trial).into())?;
        Digest::from_slice(digest.value()).ok_or_else(|| TpmError::Library("no SHA-256 policy".to_owned()))
    }
}

/// A person's PIN as the object's secret: of any length, in 32 bytes.
fn auth(boot_pin: &[u8]) -> Result<Auth, TpmError> {
    Auth::try_from(Digest::of(&[BOOT_PIN, boot_pin]).as_bytes().as_slice()).map_err(of_library)
}

fn template(policy: &Digest) -> tss_esapi::Result<Public> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        // Without the policy nothing is given back, whoever knows the PIN; nor is the PIN changed.
        .with_user_with_auth(false)
        .with_admin_with_policy(true)
        // Wrong PINs are counted.
        .with_no_da(false)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::KeyedHash)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_auth_policy(TpmDigest::try_from(policy.as_bytes().as_slice())?)
        .with_keyed_hash_parameters(PublicKeyedHashParameters::new(KeyedHashScheme::Null))
        .with_keyed_hash_unique_identifier(TpmDigest::default())
        .build()
}
