//! A certificate that may read an envelope, and how its key receives the content key.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use cms::cert::IssuerAndSerialNumber;
use cms::cert::x509::Certificate;
use cms::cert::x509::der::asn1::{Any, BitString, ObjectIdentifier, OctetString};
use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::cert::x509::ext::pkix::KeyUsage;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::CmsVersion;
use cms::enveloped_data::{
    KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, KeyTransRecipientInfo, OriginatorIdentifierOrKey,
    OriginatorPublicKey, RecipientEncryptedKey, RecipientIdentifier, RecipientInfo,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// id-RSAES-OAEP (RFC 4055 §4.1).
const RSAES_OAEP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.7");
/// dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753 §7.1.4).
const STD_DH_SHA256_KDF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.1");
/// id-aes256-wrap (RFC 3565 §2.3.2).
const AES256_WRAP: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.45");
/// RSAES-OAEP-params with SHA-256 for hash and MGF1, empty label (RFC 4055 §4.1), DER.
const OAEP_SHA256: [u8; 49] = [
    0x30, 0x2f, 0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08, 0x30, 0x0d,
    0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
];
/// ECC-CMS-SharedInfo (RFC 5753 §7.2) for a key of 256 bits for AES-256 key wrap, DER; no user key material, since the
/// originator's key is used once.
const SHARED_INFO: [u8; 23] = [
    0x30, 0x15, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2d, 0xa2, 0x06, 0x04,
    0x04, 0x00, 0x00, 0x01, 0x00,
];
/// Bytes of the content key and of the key that wraps it.
pub(super) const KEY_LEN: usize = 32;

/// Why a certificate cannot receive an envelope; the caller names the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipientError {
    /// No PEM section of a certificate.
    #[error("il ne contient aucun certificat PEM (-----BEGIN CERTIFICATE-----)")]
    Pem,
    /// Not X.509.
    #[error("son contenu n'est pas un certificat X.509")]
    Der,
    /// A key that nothing is encrypted for.
    #[error(
        "sa clé n'est ni RSA de 2048 bits ou plus, ni P-256 ; donnez un certificat de chiffrement de cette sorte"
    )]
    Key,
    /// Its key usage does not allow it.
    #[error(
        "il n'est pas fait pour chiffrer (keyUsage sans keyEncipherment pour RSA, sans keyAgreement pour P-256) ; donnez \
         le certificat de chiffrement du destinataire, pas celui de signature ou d'authentification"
    )]
    Usage,
    /// Not yet or no longer valid.
    #[error("il n'est pas valable aujourd'hui ; demandez au destinataire son certificat en vigueur")]
    Validity,
    /// The library failed.
    #[error("le chiffrement de la clé pour ce certificat a échoué")]
    NotWrapped,
}

/// Somebody who may read; known by issuer and serial number alone.
#[derive(Clone, Debug)]
pub struct Recipient {
    id: IssuerAndSerialNumber,
    key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    /// SubjectPublicKeyInfo, DER.
    Rsa(Vec<u8>),
    /// Uncompressed point.
    P256(Vec<u8>),
}

impl Recipient {
    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    /// As [`Recipient::from_der`], and [`RecipientError::Pem`].
    pub fn from_pem(pem: &[u8], at: Instant) -> Result<Self, RecipientError> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| RecipientError::Pem)?;
        Self::from_der(&der, at)
    }

    /// Reads a certificate.
    ///
    /// Trusts that the caller wants this person to read: no chain is judged, since whoever names the certificate vouches for
    /// it. After `Ok` its key can receive, its usage allows it and it is valid `at`.
    ///
    /// # Errors
    /// [`RecipientError`].
    pub fn from_der(der: &[u8], at: Instant) -> Result<Self, RecipientError> {
        let tbs = Certificate::from_der(der).map_err(|_| RecipientError::Der)?.tbs_certificate;
        let seconds = u64::try_from(at.ms() / 1000).unwrap_or_default();
        let validity = tbs.validity;
        let (from, to) = (validity.not_before.to_unix_duration(), validity.not_after.to_unix_duration());
        if !(from.as_secs()..=to.as_secs()).contains(&seconds) {
            return Err(RecipientError::Validity);
        }
        let usage: Option<KeyUsage> = tbs.get().map_err(|_| RecipientError::Der)?.map(|(_, usage)| usage);
        let public = &tbs.subject_public_key_info;
        let parameters = public.algorithm.parameters.as_ref();
        let (key, allowed) = match public.algorithm.oid {
            RSA_ENCRYPTION => {
                let spki = public.to_der().map_err(|_| RecipientError::Der)?;
                // The library refuses moduli below 2048 bits.
                rsa(&spki).ok_or(RecipientError::Key)?;
                (Key::Rsa(spki), usage.is_none_or(|usage| usage.key_encipherment()))
            }
            EC_PUBLIC_KEY if parameters.and_then(|any| any.decode_as().ok()) == Some(P256) => {
                let point = public.subject_public_key.as_bytes().ok_or(RecipientError::Key)?;
                (Key::P256(point.to_vec()), usage.is_none_or(|usage| usage.key_agreement()))
            }
            _ => return Err(RecipientError::Key),
        };
        if !allowed {
            return Err(RecipientError::Usage);
        }
        let recipient =
            Self { id: IssuerAndSerialNumber { issuer: tbs.issuer, serial_number: tbs.serial_number }, key };
        // A point off the curve is found here, not after the half of a backup.
        recipient.wrap(&[0; KEY_LEN]).map_err(|_| RecipientError::Key)?;
        Ok(recipient)
    }

    /// Whether it is read with the same key, whatever the two certificates say.
    #[must_use]
    pub fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// The content key for this recipient.
    pub(super) fn wrap(&self, content_key: &[u8; KEY_LEN]) -> Result<RecipientInfo, RecipientError> {
        match &self.key {
            Key::Rsa(spki) => self.transport(spki, content_key),
            Key::P256(point) => self.agreement(point, content_key),
        }
        .ok_or(RecipientError::NotWrapped)
    }

    fn transport(&self, spki: &[u8], content_key: &[u8; KEY_LEN]) -> Option<RecipientInfo> {
        let key = rsa(spki)?;
        let mut room = vec![0; key.ciphertext_size()];
        let wrapped = key.encrypt(&OAEP_SHA256_MGF1SHA256, content_key, &mut room, None).ok()?;
        Some(RecipientInfo::Ktri(KeyTransRecipientInfo {
            version: CmsVersion::V0,
            rid: RecipientIdentifier::IssuerAndSerialNumber(self.id.clone()),
            key_enc_alg: AlgorithmIdentifierOwned {
                oid: RSAES_OAEP,
                parameters: Some(Any::from_der(&OAEP_SHA256).ok()?),
            },
            enc_key: OctetString::new(&*wrapped).ok()?,
        }))
    }

    fn agreement(&self, point: &[u8], content_key: &[u8; KEY_LEN]) -> Option<RecipientInfo> {
        let wrap = AlgorithmIdentifierOwned { oid: AES256_WRAP, parameters: None };
        let own = PrivateKey::generate(&ECDH_P256).ok()?;
        // X9.63 KDF: one block of SHA-256 is the whole key.
        let kek = agree(&own, UnparsedPublicKey::new(&ECDH_P256, point), (), |secret| {
            let kek = Digest::of(&[secret, &1u32.to_be_bytes(), &SHARED_INFO]);
            Ok(Zeroizing::new(*kek.as_bytes()))
        });
        let kek = AesKek::new(&AES_256, kek.ok()?.as_ref()).ok()?;
        let mut room = [0; KEY_LEN + 8];
        let wrapped = kek.wrap(content_key, &mut room).ok()?;
        let rid = KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(self.id.clone());
        Some(RecipientInfo::Kari(KeyAgreeRecipientInfo {
            version: CmsVersion::V3,
            originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
                // The recipient's curve: no parameters (RFC 5753 §3.1.1).
                algorithm: AlgorithmIdentifierOwned { oid: EC_PUBLIC_KEY, parameters: None },
                public_key: BitString::from_bytes(own.compute_public_key().ok()?.as_ref()).ok()?,
            }),
            ukm: None,
            key_enc_alg: AlgorithmIdentifierOwned {
                oid: STD_DH_SHA256_KDF,
                parameters: Any::encode_from(&wrap).ok(),
            },
            recipient_enc_keys: vec![RecipientEncryptedKey { rid, enc_key: OctetString::new(&*wrapped).ok()? }],
        }))
    }
}

fn rsa(spki: &[u8]) -> Option<OaepPublicEncryptingKey> {
    OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(spki).ok()?).ok()
}
