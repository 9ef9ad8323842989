//! The private key: found exactly once, its type, its size, what the token says of it.

use cryptoki::error::Error;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;

use crate::seal::key::KeyAlgorithm;
pub use crate::seal::key::{KeyAttributes, KeyRefusal, requirements};

use super::cause::{Absence, Unusable};
use super::error::TokenError;
use super::uri::{KeyUri, hex};

/// DER of the named curve P-256 in `CKA_EC_PARAMS` (RFC 5480 §2.1.1.1).
pub(super) const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// DER of the named curve P-384.
pub(super) const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// `CKA_EC_PARAMS` of Ed25519: its name as PrintableString (PKCS#11 3.0 §2.3.5) …
pub(super) const ED25519_NAME: &[u8] = b"\x13\x0cedwards25519";
/// … or the OID of RFC 8410 §3 (3.1).
const ED25519_OID: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// A private key with its handle, which is good for one generation of the device.
#[derive(Debug)]
pub(super) struct PrivateKey {
    pub(super) handle: ObjectHandle,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) bits: u16,
    pub(super) label: Option<Vec<u8>>,
    pub(super) id: Option<Vec<u8>>,
    pub(super) attributes: KeyAttributes,
}

/// Finds the one private key that fits, in a session that is logged in.
pub(super) fn find(session: &Session, uri: &KeyUri, token: &str) -> Result<PrivateKey, TokenError> {
    let object = uri.object_name();
    let library = |e: Error| TokenError::of(e, &object);
    let all = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
    let mut template = all.clone();
    template.extend(uri.object.clone().map(Attribute::Label));
    template.extend(uri.id.clone().map(Attribute::Id));
    let found = session.find_objects(&template).map_err(library)?;
    let handle = match found.as_slice() {
        [handle] => *handle,
        [] => {
            let present = session.find_objects(&all).map_err(library)?;
            return Err(Absence::Key { token: token.to_owned(), found: names(session, &present) }.into());
        }
        several => return Err(Absence::Keys { token: token.to_owned(), found: names(session, several) }.into()),
    };
    let unusable = |cause| TokenError::Unusable { object: object.clone(), cause };
    if flag(session, handle, AttributeType::AlwaysAuthenticate).map_err(library)? == Some(true) {
        return Err(unusable(Unusable::AlwaysAuthenticate));
    }
    let (algorithm, bits) = kind(session, handle).map_err(library)?.map_err(unusable)?;
    Ok(PrivateKey {
        handle,
        algorithm,
        bits,
        label: bytes(session, handle, AttributeType::Label).map_err(library)?,
        id: bytes(session, handle, AttributeType::Id).map_err(library)?,
        attributes: attributes(session, handle).map_err(library)?,
    })
}

/// What the token says of a private key.
pub(super) fn attributes(session: &Session, key: ObjectHandle) -> Result<KeyAttributes, Error> {
    Ok(KeyAttributes {
        sensitive: flag(session, key, AttributeType::Sensitive)?,
        always_sensitive: flag(session, key, AttributeType::AlwaysSensitive)?,
        extractable: flag(session, key, AttributeType::Extractable)?,
        never_extractable: flag(session, key, AttributeType::NeverExtractable)?,
        local: flag(session, key, AttributeType::Local)?,
    })
}

pub(super) fn kind(session: &Session, key: ObjectHandle) -> Result<Result<(KeyAlgorithm, u16), Unusable>, Error> {
    Ok(match one(session, key, AttributeType::KeyType)? {
        Some(Attribute::KeyType(KeyType::RSA)) => {
            let modulus = bytes(session, key, AttributeType::Modulus)?.unwrap_or_default();
            match modulus_bits(&modulus) {
                bits @ 2048..=4096 => Ok((KeyAlgorithm::RsaSha256, bits)),
                _ => Err(Unusable::Size),
            }
        }
        Some(Attribute::KeyType(KeyType::EC)) => match bytes(session, key, AttributeType::EcParams)?.as_deref() {
            Some(P256) => Ok((KeyAlgorithm::EcdsaSha256, 256)),
            Some(P384) => Ok((KeyAlgorithm::EcdsaSha384, 384)),
            _ => Err(Unusable::Size),
        },
        Some(Attribute::KeyType(KeyType::EC_EDWARDS)) => {
            match bytes(session, key, AttributeType::EcParams)?.as_deref() {
                Some(ED25519_NAME | ED25519_OID) => Ok((KeyAlgorithm::Ed25519, 256)),
                _ => Err(Unusable::Size),
            }
        }
        _ => Err(Unusable::Type),
    })
}

fn modulus_bits(modulus: &[u8]) -> u16 {
    let leading = modulus.iter().take_while(|b| **b == 0).count();
    let Some((first, rest)) = modulus.get(leading..).and_then(<[u8]>::split_first) else { return 0 };
    u16::try_from(rest.len() * 8).unwrap_or(u16::MAX).saturating_add(u16::from(8 - first.leading_zeros() as u8))
}

/// One attribute, asked alone: modules differ in what they do to the others of a template when one is hidden.
/// A hidden or unknown attribute is `None`.
pub(super) fn one(
    session: &Session,
    object: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Attribute>, Error> {
    Ok(session.get_attributes(object, &[kind])?.pop())
}

pub(super) fn flag(session: &Session, object: ObjectHandle, kind: AttributeType) -> Result<Option<bool>, Error> {
    Ok(match one(session, object, kind)? {
        Some(
            Attribute::Sensitive(value)
            | Attribute::AlwaysSensitive(value)
            | Attribute::Extractable(value)
            | Attribute::NeverExtractable(value)
            | Attribute::Local(value)
            | Attribute::AlwaysAuthenticate(value)
            | Attribute::Token(value)
            | Attribute::Private(value)
            | Attribute::Sign(value)
            | Attribute::Decrypt(value)
            | Attribute::Unwrap(value)
            | Attribute::Derive(value),
        ) => Some(value),
        _ => None,
    })
}

/// A byte-string attribute; empty counts as hidden, since no attribute that we read may be empty.
pub(super) fn bytes(
    session: &Session,
    object: ObjectHandle,
    kind: AttributeType,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(match one(session, object, kind)? {
        Some(
            Attribute::Label(value)
            | Attribute::Id(value)
            | Attribute::Modulus(value)
            | Attribute::PublicExponent(value)
            | Attribute::EcParams(value)
            | Attribute::EcPoint(value)
            | Attribute::PublicKeyInfo(value)
            | Attribute::Value(value),
        ) => Some(value).filter(|value| !value.is_empty()),
        _ => None,
    })
}

fn names(session: &Session, keys: &[ObjectHandle]) -> String {
    if keys.is_empty() {
        return "aucune".to_owned();
    }
    let name = |key: &ObjectHandle| {
        let label = bytes(session, *key, AttributeType::Label).ok().flatten().unwrap_or_default();
        let id = bytes(session, *key, AttributeType::Id).ok().flatten().unwrap_or_default();
        format!("{:?} (id {})", String::from_utf8_lossy(&label), hex(&id))
    };
    keys.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modulus_is_counted_in_bits() {
        assert_eq!(modulus_bits(&[0x80; 256]), 2048);
        assert_eq!(modulus_bits(&[[0].as_slice(), &[0x80; 256]].concat()), 2048);
        assert_eq!(modulus_bits(&[0x7f, 0, 0]), 23);
        assert_eq!((modulus_bits(&[]), modulus_bits(&[0, 0])), (0, 0));
    }
}
