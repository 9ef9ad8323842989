//! TPM2_MakeCredential without a TPM (TCG TPM 2.0 Library, part 1, §24 "Credential Protection", §11.4.10 "Key Derivation").

use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::kdf::{
    KbkdfCtrHmacAlgorithmId, SskdfDigestAlgorithmId, get_kbkdf_ctr_hmac_algorithm, get_sskdf_digest_algorithm,
    kbkdf_ctr_hmac, sskdf_digest,
};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use tpm2_protocol::data::{TpmAlgId, TpmtSymDefObject, TpmuSymKeyBits, TpmuSymMode};
use zeroize::Zeroizing;

use super::document::Marshalled;
use super::public::{Material, P256_LEN, Public};

/// Length of a secret in bytes: that of SHA-256, the most that the AK's name algorithm allows.
pub const SECRET_LEN: usize = 32;
/// Length of a seed in bytes: that of the EK's name algorithm.
const SEED_LEN: usize = 32;
/// Length of an AES-128 key in bytes: what the EK's symmetric parameters say.
const KEY_LEN: usize = 16;
/// Purpose of the seed, with the NUL that part 1 counts to it.
const IDENTITY: &[u8] = b"IDENTITY\0";

/// What TPM2_ActivateCredential takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// TPM2B_ID_OBJECT.
    pub credential: Marshalled,
    /// TPM2B_ENCRYPTED_SECRET.
    pub secret: Marshalled,
}

/// Why no credential was made; French, for an officer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// An EK of another template than the TCG's L-1 (RSA 2048) or L-2 (P-256).
    #[error(
        "la clé d'endossement (EK) n'est ni RSA 2048 ni P-256 avec AES-128-CFB (modèles L-1 et L-2 du TCG) ; demandez à l'appliance une EK de l'un de ces modèles"
    )]
    Template,
    /// The key or the generator failed.
    #[error("la clé d'endossement (EK) ne peut pas chiffrer ; vérifiez que la demande n'a pas été modifiée")]
    Cryptography,
}

impl From<Unspecified> for CredentialError {
    fn from(_: Unspecified) -> Self {
        Self::Cryptography
    }
}

/// Draws a secret at random.
///
/// # Errors
/// [`CredentialError::Cryptography`]: the system's generator failed.
pub fn draw() -> Result<Zeroizing<[u8; SECRET_LEN]>, CredentialError> {
    let mut secret = Zeroizing::new([0; SECRET_LEN]);
    SystemRandom::new().fill(secret.as_mut_slice())?;
    Ok(secret)
}

/// Protects `secret` for the TPM that holds both `ek` (SubjectPublicKeyInfo `ek_spki`, its certificate's) and a key named `name`.
///
/// After `Ok` only TPM2_ActivateCredential of that TPM opens it.
///
/// # Errors
/// [`CredentialError`].
pub fn make(
    ek: &Public,
    ek_spki: &[u8],
    name: &[u8],
    secret: &[u8; SECRET_LEN],
) -> Result<Credential, CredentialError> {
    let (seed, encrypted) = match &ek.material {
        Material::Rsa { parameters, modulus, .. }
            if modulus.len() == 256 && is_aes_128_cfb(&parameters.symmetric) =>
        {
            let mut seed = Zeroizing::new([0; SEED_LEN]);
            SystemRandom::new().fill(seed.as_mut_slice())?;
            let key = PublicEncryptingKey::from_der(ek_spki).map_err(|_| CredentialError::Cryptography)?;
            let key = OaepPublicEncryptingKey::new(key)?;
            let mut ciphertext = vec![0; key.ciphertext_size()];
            let made =
                key.encrypt(&OAEP_SHA256_MGF1SHA256, seed.as_slice(), &mut ciphertext, Some(IDENTITY))?.to_vec();
            (seed, made)
        }
        Material::P256(key) if is_aes_128_cfb(&key.parameters.symmetric) => ecdh_seed(key.point(), key.x())?,
        _ => return Err(CredentialError::Template),
    };
    let key = kdfa(seed.as_slice(), b"STORAGE\0", name, KEY_LEN)?;
    let mut identity = tpm2b(secret)?;
    let context = EncryptionContext::Iv128(FixedLength::from([0; 16]));
    // The key is of this seed alone: a fixed IV is used once.
    EncryptingKey::cfb128(UnboundCipherKey::new(&AES_128, &key)?)?.less_safe_encrypt(&mut identity, context)?;
    let key = kdfa(seed.as_slice(), b"INTEGRITY\0", &[], SEED_LEN)?;
    let mut integrity = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &key));
    integrity.update(&identity);
    integrity.update(name);
    let credential = [tpm2b(integrity.sign().as_ref())?, identity].concat();
    Ok(Credential { credential: Marshalled(tpm2b(&credential)?), secret: Marshalled(tpm2b(&encrypted)?) })
}

/// §C.6.4: a seed by an ephemeral key, and its public point (TPMS_ECC_POINT).
fn ecdh_seed(point: &[u8], x: &[u8]) -> Result<(Zeroizing<[u8; SEED_LEN]>, Vec<u8>), CredentialError> {
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let public = own.compute_public_key()?;
    let (own_x, own_y) = match public.as_ref().split_first() {
        Some((0x04, both)) if both.len() == 2 * P256_LEN => both.split_at(P256_LEN),
        _ => return Err(CredentialError::Cryptography),
    };
    let info = [IDENTITY, own_x, x].concat();
    let hash = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(Unspecified)?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, point);
    let seed = agree_ephemeral(own, peer, Unspecified, |shared| {
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        sskdf_digest(hash, shared, &info, seed.as_mut_slice())?;
        Ok(seed)
    })?;
    Ok((seed, [tpm2b(own_x)?, tpm2b(own_y)?].concat()))
}

/// KDFa with SHA-256: SP 800-108 in counter mode; `label` with its NUL.
fn kdfa(seed: &[u8], label: &[u8], context: &[u8], len: usize) -> Result<Zeroizing<Vec<u8>>, CredentialError> {
    let bits = u32::try_from(len * 8).map_err(|_| CredentialError::Cryptography)?.to_be_bytes();
    let algorithm = get_kbkdf_ctr_hmac_algorithm(KbkdfCtrHmacAlgorithmId::Sha256).ok_or(Unspecified)?;
    let mut key = Zeroizing::new(vec![0; len]);
    kbkdf_ctr_hmac(algorithm, seed, &[label, context, &bits].concat(), &mut key)?;
    Ok(key)
}

fn is_aes_128_cfb(symmetric: &TpmtSymDefObject) -> bool {
    symmetric.algorithm == TpmAlgId::Aes
        && matches!(symmetric.key_bits, TpmuSymKeyBits::Aes(bits) if u16::from(bits) == 128)
        && matches!(symmetric.mode, TpmuSymMode::Aes(TpmAlgId::Cfb))
}

/// Bytes after their length in two bytes.
fn tpm2b(bytes: &[u8]) -> Result<Vec<u8>, CredentialError> {
    let len = u16::try_from(bytes.len()).map_err(|_| CredentialError::Cryptography)?;
    Ok([&len.to_be_bytes(), bytes].concat())
}
