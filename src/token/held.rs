//! A key that is in the token, for its request and its certificate: proved to be whole, signing requests alone.

use aws_lc_rs::rand;
use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, CertificateType, ObjectClass};
use x509_parser::certification_request::X509CertificationRequestInfo;
use x509_parser::prelude::*;

use super::cause::Unusable;
use super::error::TokenError;
use super::key::{self, PrivateKey, bytes};
use super::open::OpenToken;
use super::uri::KeyUri;
use super::{mechanism, public};
use crate::seal::key::{KeyAlgorithm, KeyAttributes};
use crate::seal::wire::{NONCE_LEN, self_test_message};

/// A private key whose public half is known by a verified signature.
#[derive(Debug)]
pub struct HeldKey<'t> {
    token: &'t OpenToken,
    key: PrivateKey,
    object: String,
    spki: Vec<u8>,
}

impl OpenToken {
    /// The one private key that fits the URI, proved by a self-test that its public half verifies.
    ///
    /// # Errors
    /// [`TokenError`]: not there exactly once, of a kind that is not offered, or without the public half.
    pub fn key(&self, uri: &KeyUri) -> Result<HeldKey<'_>, TokenError> {
        let object = uri.object_name();
        let key = key::find(&self.session, uri, &self.identity().label)?;
        let unusable = |cause| TokenError::Unusable { object: object.clone(), cause };
        let candidates = public::in_token(&self.session, &key, &object)?;
        if candidates.is_empty() {
            return Err(unusable(Unusable::NoPublicKey("le token n'a que la clé privée".to_owned())));
        }
        let (message, signature) = self.self_test(&key, &object)?;
        let proved = candidates
            .into_iter()
            .find(|(spki, _)| public::verifies(key.algorithm, spki, &message, &signature))
            .ok_or_else(|| unusable(Unusable::PublicKeyMismatch))?;
        Ok(HeldKey { token: self, key, object, spki: proved.0 })
    }

    /// A self-test message with a fresh nonce, and its signature.
    pub(super) fn self_test(&self, key: &PrivateKey, object: &str) -> Result<(Vec<u8>, Vec<u8>), TokenError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| TokenError::Lost { cause: Box::new(Error::NotSupported) })?;
        let message = self_test_message(&nonce);
        let signature = self.sign(key, object, &message)?;
        Ok((message, signature))
    }

    fn sign(&self, key: &PrivateKey, object: &str, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let (mechanism, input) = mechanism::of(key.algorithm, message);
        let session = self.signing_session(object)?;
        let signature = session.sign(&mechanism, key.handle, &input).map_err(|e| TokenError::of(e, object))?;
        if signature.len() == mechanism::signature_len(key.algorithm, key.bits) {
            Ok(signature)
        } else {
            Err(TokenError::Lost { cause: Box::new(Error::InvalidValue) })
        }
    }
}

impl HeldKey<'_> {
    /// How the key is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.object
    }

    /// What it signs with.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm
    }

    /// `SubjectPublicKeyInfo` in DER, proved.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// What the token says of the private key.
    #[must_use]
    pub fn attributes(&self) -> &KeyAttributes {
        &self.key.attributes
    }

    /// Signs a `CertificationRequestInfo` (RFC 2986 §4.1) of this very key, and nothing else; RSA as long as the modulus,
    /// ECDSA raw r‖s. After `Ok` the signature has been verified.
    ///
    /// # Errors
    /// [`TokenError::ShapeRefused`] before the token is asked; any other of the token.
    pub fn sign_request_info(&self, info: &[u8]) -> Result<Vec<u8>, TokenError> {
        if !is_request_of(info, &self.spki) {
            return Err(TokenError::ShapeRefused);
        }
        let signature = self.token.sign(&self.key, &self.object, info)?;
        if public::verifies(self.key.algorithm, &self.spki, info, &signature) {
            Ok(signature)
        } else {
            let cause = Unusable::PublicKeyMismatch;
            Err(TokenError::Unusable { object: self.object.clone(), cause })
        }
    }

    /// Puts a certificate beside the key, with its id and label, in place of those that were there; one that is there
    /// already stays.
    ///
    /// Trusts that the caller has compared the certificate's key with [`HeldKey::spki`]. The new one is written before
    /// the others go: the token never has none because of this.
    ///
    /// # Errors
    /// [`TokenError`]; the token keeps what it had, perhaps with the new one beside it.
    pub fn store_certificate(&self, der: &[u8]) -> Result<(), TokenError> {
        let library = |e| TokenError::of(e, &self.object);
        let session = &self.token.session;
        let Some(id) = self.key.id.clone() else {
            return Err(TokenError::Lost { cause: Box::new(Error::InvalidValue) });
        };
        let (_, x509) = X509Certificate::from_der(der).map_err(|_| TokenError::ShapeRefused)?;
        let all = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Id(id.clone())];
        let old = session.find_objects(&all).map_err(library)?;
        let mut present = false;
        let mut others = Vec::new();
        for object in old {
            if bytes(session, object, AttributeType::Value).map_err(library)?.as_deref() == Some(der) {
                present = true;
            } else {
                others.push(object);
            }
        }
        if !present {
            let mut template = vec![
                Attribute::Class(ObjectClass::CERTIFICATE),
                Attribute::CertificateType(CertificateType::X_509),
                Attribute::Token(true),
                Attribute::Private(false),
                Attribute::Id(id),
                Attribute::Subject(x509.subject().as_raw().to_vec()),
                Attribute::Issuer(x509.issuer().as_raw().to_vec()),
                Attribute::SerialNumber(integer(x509.raw_serial())),
                Attribute::Value(der.to_vec()),
            ];
            template.extend(self.key.label.clone().map(Attribute::Label));
            session.create_object(&template).map_err(library)?;
        }
        for object in others {
            session.destroy_object(object).map_err(library)?;
        }
        Ok(())
    }
}

/// Whether the bytes are a whole `CertificationRequestInfo` of the key with that `SubjectPublicKeyInfo`.
pub(crate) fn is_request_of(info: &[u8], spki: &[u8]) -> bool {
    matches!(X509CertificationRequestInfo::from_der(info), Ok(([], request)) if request.subject_pki.raw == spki)
}

/// `CKA_SERIAL_NUMBER` is the DER of the INTEGER (PKCS#11 §4.6.3); a serial number has 20 octets at most.
fn integer(content: &[u8]) -> Vec<u8> {
    let len = u8::try_from(content.len()).unwrap_or(u8::MAX);
    [&[0x02, len], content].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rcgen::{CertificateParams, KeyPair, PublicKeyData as _};

    use super::*;

    fn request() -> (Vec<u8>, Vec<u8>) {
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::default().serialize_request(&key).unwrap();
        let (_, parsed) = X509CertificationRequest::from_der(request.der()).unwrap();
        (parsed.certification_request_info.raw.to_vec(), key.subject_public_key_info())
    }

    #[test]
    fn nothing_but_a_request_of_its_own_key_is_signed() {
        let (info, spki) = request();
        assert!(is_request_of(&info, &spki));
        assert!(!is_request_of(&info, &request().1), "another key's");
        assert!(!is_request_of(&[info.as_slice(), &[0]].concat(), &spki), "with something behind it");
        assert!((0..info.len()).all(|len| !is_request_of(&info[..len], &spki)), "cut short");
        for bytes in [&b"<ds:SignedInfo>"[..], &self_test_message(&[0; NONCE_LEN]), &spki, &[]] {
            assert!(!is_request_of(bytes, &spki));
        }
    }
}
