//! Making a key pair inside a token: it is whole, kept in, and has signed before anybody is told of it.

use aws_lc_rs::rand;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::error::TokenError;
use super::key::{self, P256, P384, flag};
use super::open::OpenToken;
use super::public;
use super::uri::KeyUri;
use crate::seal::key::KeyAttributes;
use crate::vihf::signature::SignatureAlgorithm;

/// Octets of a new `CKA_ID`: as long as a key identifier (RFC 5280 §4.2.1.2), so that no two keys ever share one.
const ID_LEN: usize = 20;
/// 65537, the exponent that every outside verifier takes.
const PUBLIC_EXPONENT: [u8; 3] = [1, 0, 1];

/// Kinds of keys that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA with a modulus of so many bits: 2048, 3072 or 4096.
    Rsa(u16),
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
}

/// A key pair that was made and proved.
#[derive(Clone, Debug)]
pub struct Generated {
    /// `CKA_ID` of both halves.
    pub id: Vec<u8>,
    /// What it signs with.
    pub algorithm: SignatureAlgorithm,
    /// Size of the modulus or of the curve, in bits.
    pub bits: u16,
    /// `SubjectPublicKeyInfo` in DER; a self-test was verified with it.
    pub spki: Vec<u8>,
    /// What the token says of the private key.
    pub attributes: KeyAttributes,
}

/// What is wrong with a key that was just made.
#[derive(Debug, thiserror::Error)]
pub enum Defect {
    /// An attribute is not as ordered.
    #[error("le token a changé {0}, contre la demande ; n'utilisez pas ce module pour un cachet")]
    Attribute(&'static str),
    /// The public half cannot be read.
    #[error("sa clé publique ne peut pas être lue ; mettez à jour le module du fabricant")]
    NoPublicKey,
    /// The signature of the self-test is wrong.
    #[error("la signature d'essai ne se vérifie pas ; vérifiez le token et son module avec le fabricant")]
    SelfTest,
    /// Another key of the same label appeared meanwhile.
    #[error("une autre clé du même nom est apparue pendant la génération ; relancez une seule commande à la fois")]
    Twin,
    /// The token failed under the test.
    #[error("l'essai n'a pas pu finir : {0}")]
    Token(#[from] TokenError),
}

/// Why there is no new key; French cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The label is taken.
    #[error(
        "le token {token} a déjà une clé {label:?} : rien n'a été généré ni remplacé ; choisissez un autre object= (par exemple avec l'année), ou continuez avec cette clé par « sceau keys csr »"
    )]
    Exists {
        /// The token.
        token: String,
        /// The label.
        label: String,
    },
    /// The token makes no keys of that kind.
    #[error("le token {token} ne génère pas ce type de clé ({cause}) ; choisissez un autre --type")]
    Kind {
        /// The token.
        token: String,
        /// What it said.
        cause: Box<Error>,
    },
    /// The key was made, is not good, and is gone again.
    #[error("la clé générée n'est pas bonne et a été détruite : {0}")]
    Destroyed(Defect),
    /// The key was made, is not good, and could not be destroyed.
    #[error(
        "la clé générée n'est pas bonne : {defect} Elle n'a pas pu être détruite ({cause}) : supprimez-la avec l'outil du fabricant"
    )]
    Left {
        /// What is wrong with it.
        defect: Defect,
        /// What the token said.
        cause: Box<Error>,
    },
    /// The token failed before anything was made.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl OpenToken {
    /// Makes a key pair `label` in the token: private, sensitive, never extractable, for signatures alone.
    ///
    /// After `Ok` its attributes were read back, none contradicts the order, and a self-test by the private half was
    /// verified with the public one. After `Err` the token has what it had, unless [`GenerateError::Left`]. A crash before
    /// the self-test leaves a whole key under its label, which the next run refuses to replace and the request proves.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate(&self, label: &[u8], kind: KeyKind) -> Result<Generated, GenerateError> {
        let object = String::from_utf8_lossy(label).into_owned();
        let token = self.identity().label.clone();
        if self.halves(label, &object)? != [0, 0] {
            return Err(GenerateError::Exists { token, label: object });
        }
        let mut id = vec![0; ID_LEN];
        rand::fill(&mut id).map_err(|_| TokenError::Lost { cause: Box::new(Error::NotSupported) })?;
        let (mechanism, of_kind) = kind.order();
        let public = [public_half(label, &id), of_kind].concat();
        let pair = self.session.generate_key_pair(&mechanism, &public, &private_half(label, &id));
        let (public, private) = pair.map_err(|cause| match cause {
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeySizeRange
                | RvError::CurveNotSupported
                | RvError::AttributeValueInvalid
                | RvError::AttributeTypeInvalid
                | RvError::TemplateInconsistent
                | RvError::DomainParamsInvalid,
                _,
            ) => GenerateError::Kind { token, cause: Box::new(cause) },
            cause => TokenError::of(cause, &object).into(),
        })?;
        self.prove(label, &object, id, public, private).map_err(|defect| {
            let destroyed = [private, public].map(|half| self.session.destroy_object(half));
            match destroyed.into_iter().find_map(Result::err) {
                None => GenerateError::Destroyed(defect),
                Some(cause) => GenerateError::Left { defect, cause: Box::new(cause) },
            }
        })
    }

    fn prove(
        &self,
        label: &[u8],
        object: &str,
        id: Vec<u8>,
        public: ObjectHandle,
        private: ObjectHandle,
    ) -> Result<Generated, Defect> {
        if self.halves(label, object)? != [1, 1] {
            return Err(Defect::Twin);
        }
        let uri = KeyUri { object: Some(label.to_owned()), id: Some(id.clone()), ..KeyUri::default() };
        let key = key::find(&self.session, &uri, &self.identity().label)?;
        let attributes = key.attributes;
        self.is_as_ordered(private, &attributes, object)?;
        let spki =
            public::of_object(&self.session, public, key.algorithm).map_err(|e| TokenError::of(e, object))?;
        let spki = spki.ok_or(Defect::NoPublicKey)?;
        let (message, signature) = self.self_test(&key, object)?;
        if !public::verifies(key.algorithm, &spki, &message, &signature) {
            return Err(Defect::SelfTest);
        }
        Ok(Generated { id, algorithm: key.algorithm, bits: key.bits, spki, attributes })
    }

    /// What the token does not say is not held against it here; production asks for it later
    /// ([`crate::seal::key::requirements`]).
    fn is_as_ordered(&self, key: ObjectHandle, attributes: &KeyAttributes, object: &str) -> Result<(), Defect> {
        let said = [
            ("CKA_SENSITIVE", attributes.sensitive, true),
            ("CKA_ALWAYS_SENSITIVE", attributes.always_sensitive, true),
            ("CKA_EXTRACTABLE", attributes.extractable, false),
            ("CKA_NEVER_EXTRACTABLE", attributes.never_extractable, true),
            ("CKA_LOCAL", attributes.local, true),
        ];
        let contradicts = said.iter().find(|(_, said, ordered)| said.is_some_and(|said| said != *ordered));
        if let Some((name, ..)) = contradicts {
            return Err(Defect::Attribute(name));
        }
        let asked = [
            ("CKA_TOKEN", AttributeType::Token, true),
            ("CKA_PRIVATE", AttributeType::Private, true),
            ("CKA_SIGN", AttributeType::Sign, true),
            ("CKA_DECRYPT", AttributeType::Decrypt, false),
            ("CKA_UNWRAP", AttributeType::Unwrap, false),
            ("CKA_DERIVE", AttributeType::Derive, false),
        ];
        for (name, kind, ordered) in asked {
            let said = flag(&self.session, key, kind).map_err(|e| TokenError::of(e, object))?;
            if said.is_some_and(|said| said != ordered) {
                return Err(Defect::Attribute(name));
            }
        }
        Ok(())
    }

    /// How many private and public keys have the label.
    fn halves(&self, label: &[u8], object: &str) -> Result<[usize; 2], TokenError> {
        let count = |class| {
            let template = [Attribute::Class(class), Attribute::Label(label.to_owned())];
            self.session.find_objects(&template).map(|found| found.len()).map_err(|e| TokenError::of(e, object))
        };
        Ok([count(ObjectClass::PRIVATE_KEY)?, count(ObjectClass::PUBLIC_KEY)?])
    }
}

impl KeyKind {
    /// The mechanism, and what the public half's template says of the kind.
    fn order(self) -> (Mechanism<'static>, Vec<Attribute>) {
        let curve = |curve: &[u8]| (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(curve.to_vec())]);
        match self {
            Self::Rsa(bits) => {
                let bits = Attribute::ModulusBits(u64::from(bits).into());
                (Mechanism::RsaPkcsKeyPairGen, vec![bits, Attribute::PublicExponent(PUBLIC_EXPONENT.to_vec())])
            }
            Self::P256 => curve(P256),
            Self::P384 => curve(P384),
        }
    }
}

fn public_half(label: &[u8], id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Label(label.to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Verify(true),
        Attribute::Encrypt(false),
        Attribute::Wrap(false),
    ]
}

/// Every use but signing is said to be off: a token's default may be on (SoftHSM's is).
fn private_half(label: &[u8], id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Label(label.to_vec()),
        Attribute::Id(id.to_vec()),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
    ]
}
