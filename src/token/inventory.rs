//! What private keys a token holds, and what lies beside each: public half, certificates.

use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::error::TokenError;
use super::key::{PrivateKey, attributes, bytes, kind};
use super::open::OpenToken;
use super::public;
use crate::seal::key::{KeyAlgorithm, KeyAttributes, SpkiSource};

/// A private key as the token shows it; nothing is signed to prove it.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// `CKA_LABEL`.
    pub label: Vec<u8>,
    /// `CKA_ID`.
    pub id: Vec<u8>,
    /// What it signs with and its bits; none: a kind that is not offered.
    pub kind: Option<(KeyAlgorithm, u16)>,
    /// What the token says of it.
    pub attributes: KeyAttributes,
    /// `SubjectPublicKeyInfo` of whatever may be its public half, the likeliest first.
    pub public: Vec<Vec<u8>>,
    /// Whether a public key object stands beside it.
    pub has_public_object: bool,
    /// Certificates of the same id, DER.
    pub certificates: Vec<Vec<u8>>,
}

impl OpenToken {
    /// Every private key of the token, in the order of their labels.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn inventory(&self) -> Result<Vec<KeyEntry>, TokenError> {
        let library = |e| TokenError::of(e, &self.identity().label);
        let keys = self.session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).map_err(library)?;
        let mut entries = keys.into_iter().map(|key| self.entry(key)).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| (&a.label, &a.id).cmp(&(&b.label, &b.id)));
        Ok(entries)
    }

    fn entry(&self, handle: ObjectHandle) -> Result<KeyEntry, TokenError> {
        let session = &self.session;
        let library = |e| TokenError::of(e, &self.identity().label);
        let label = bytes(session, handle, AttributeType::Label).map_err(library)?;
        let id = bytes(session, handle, AttributeType::Id).map_err(library)?;
        let attributes = attributes(session, handle).map_err(library)?;
        let kind = kind(session, handle).map_err(library)?.ok();
        let mut public = Vec::new();
        if let Some((algorithm, bits)) = kind {
            let key = PrivateKey { handle, algorithm, bits, label: label.clone(), id: id.clone(), attributes };
            public = public::in_token(session, &key, &self.identity().label)?;
        }
        // What the private object itself says (RSA modulus) decides which public object is its own.
        if let Some(own) = public.iter().position(|(_, source)| *source == SpkiSource::PrivateObject) {
            let own = public.swap_remove(own);
            public.retain(|(spki, _)| *spki == own.0);
            public.push(own);
        }
        let has_public_object = public.iter().any(|(_, source)| *source == SpkiSource::PublicObject);
        let mut certificates = Vec::new();
        if let Some(id) = &id {
            let template = [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Id(id.clone())];
            for object in session.find_objects(&template).map_err(library)? {
                certificates.extend(bytes(session, object, AttributeType::Value).map_err(library)?);
            }
        }
        Ok(KeyEntry {
            label: label.unwrap_or_default(),
            id: id.unwrap_or_default(),
            kind,
            attributes,
            public: public.into_iter().map(|(spki, _)| spki).collect(),
            has_public_object,
            certificates,
        })
    }
}
