//! Making a key pair inside a token: it is whole, kept in, and has signed before anybody is told of it.

use aws_lc_rs::rand;
use cryptoki::error::{Error, RvError};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};

use super::cause::said;
use super::error::TokenError;
use super::key::{self, flag};
use super::open::OpenToken;
use super::public;
use super::template::{KeyKind, Order, Strictness};
use super::uri::KeyUri;
use crate::seal::key::{KeyAlgorithm, KeyAttributes};

/// Octets of a new `CKA_ID`: as long as a key identifier (RFC 5280 §4.2.1.2), so that no two keys ever share one.
const ID_LEN: usize = 20;

/// A key pair that was made and proved.
#[derive(Clone, Debug)]
pub struct Generated {
    /// `CKA_ID` of both halves.
    pub id: Vec<u8>,
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// Size of the modulus or of the curve, in bits.
    pub bits: u16,
    /// `SubjectPublicKeyInfo` in DER; a self-test was verified with it.
    pub spki: Vec<u8>,
    /// What the token says of the private key.
    pub attributes: KeyAttributes,
    /// Whether the token keeps it from anything but signatures, as far as it says.
    pub signs_only: bool,
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
    #[error("l'essai n'a pas pu finir ({}) ; vérifiez le token et son module", unfinished(.0))]
    Token(#[from] TokenError),
}

fn unfinished(error: &TokenError) -> String {
    match error {
        TokenError::Lost { cause } => said(cause),
        error => error.to_string(),
    }
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
    #[error("le token {token} ne génère pas ce type de clé ({}) ; choisissez un autre --type", said(cause))]
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
        "la clé générée n'est pas bonne : {defect}. Elle n'a pas pu être détruite ({}) : supprimez-la avec l'outil du fabricant",
        said(cause)
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
    /// Makes a key pair `label` in the token: private, sensitive, never extractable, for signatures alone where the module
    /// can ([`Generated::signs_only`]).
    ///
    /// After `Ok` its attributes were read back, none contradicts the order, and a self-test by the private half was
    /// verified with the public one. After `Err` the token has what it had, unless [`GenerateError::Left`]. A crash before
    /// the self-test leaves a whole key under its label, which the next run refuses to replace and the request proves.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate(&self, label: &[u8], kind: KeyKind) -> Result<Generated, GenerateError> {
        let object = String::from_utf8_lossy(label).into_owned();
        if self.halves(label, &object)? != [0, 0] {
            return Err(GenerateError::Exists { token: self.identity().label.clone(), label: object });
        }
        let mut id = vec![0; ID_LEN];
        rand::fill(&mut id).map_err(|_| TokenError::Lost { cause: Box::new(Error::NotSupported) })?;
        let order = Order { label, object: &object, id: &id, kind };
        // From the strictest words on: a module that refuses them is asked with fewer.
        for strictness in kind.strictest_first() {
            match self.attempt(&order, *strictness) {
                Err(GenerateError::Kind { .. }) => {}
                done => return done,
            }
        }
        self.attempt(&order, Strictness::Least)
    }

    fn attempt(&self, order: &Order<'_>, strictness: Strictness) -> Result<Generated, GenerateError> {
        let (mechanism, public) = order.public_half(strictness);
        let pair = self.session.generate_key_pair(&mechanism, &public, &order.private_half(strictness));
        let (public, private) = pair.map_err(|cause| match cause {
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeySizeRange
                | RvError::CurveNotSupported
                | RvError::AttributeValueInvalid
                | RvError::AttributeTypeInvalid
                | RvError::TemplateInconsistent
                | RvError::DomainParamsInvalid
                | RvError::GeneralError,
                _,
            ) => GenerateError::Kind { token: self.identity().label.clone(), cause: Box::new(cause) },
            cause => TokenError::of(cause, order.object).into(),
        })?;
        self.prove(order, strictness, public, private).map_err(|defect| {
            let destroyed = [private, public].map(|half| self.session.destroy_object(half));
            match destroyed.into_iter().find_map(Result::err) {
                None => GenerateError::Destroyed(defect),
                Some(cause) => GenerateError::Left { defect, cause: Box::new(cause) },
            }
        })
    }

    fn prove(
        &self,
        order: &Order<'_>,
        strictness: Strictness,
        public: ObjectHandle,
        private: ObjectHandle,
    ) -> Result<Generated, Defect> {
        let Order { label, object, id, .. } = *order;
        if self.halves(label, object)? != [1, 1] {
            return Err(Defect::Twin);
        }
        let uri = KeyUri { object: Some(label.to_owned()), id: Some(id.to_owned()), ..KeyUri::default() };
        let key = key::find(&self.session, &uri, &self.identity().label)?;
        let attributes = key.attributes;
        let signs_only = self.is_as_ordered(private, &attributes, object)?;
        if strictness != Strictness::Least
            && let Some(name) = signs_only
        {
            return Err(Defect::Attribute(name));
        }
        let spki =
            public::of_object(&self.session, public, key.algorithm).map_err(|e| TokenError::of(e, object))?;
        let spki = spki.ok_or(Defect::NoPublicKey)?;
        let (message, signature) = self.self_test(&key, object)?;
        if !public::verifies(key.algorithm, &spki, &message, &signature) {
            return Err(Defect::SelfTest);
        }
        Ok(Generated {
            id: id.to_owned(),
            algorithm: key.algorithm,
            bits: key.bits,
            spki,
            attributes,
            signs_only: signs_only.is_none(),
        })
    }

    /// What the token does not say is not held against it here; production asks for it later
    /// ([`crate::seal::key::requirements`]). `Ok`: what else than signing it may do.
    fn is_as_ordered(
        &self,
        key: ObjectHandle,
        attributes: &KeyAttributes,
        object: &str,
    ) -> Result<Option<&'static str>, Defect> {
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
        let flag = |kind| flag(&self.session, key, kind).map_err(|e| TokenError::of(e, object));
        for (name, kind) in [
            ("CKA_TOKEN", AttributeType::Token),
            ("CKA_PRIVATE", AttributeType::Private),
            ("CKA_SIGN", AttributeType::Sign),
        ] {
            if flag(kind)? == Some(false) {
                return Err(Defect::Attribute(name));
            }
        }
        for (name, kind) in [
            ("CKA_DECRYPT", AttributeType::Decrypt),
            ("CKA_UNWRAP", AttributeType::Unwrap),
            ("CKA_DERIVE", AttributeType::Derive),
        ] {
            if flag(kind)? == Some(true) {
                return Ok(Some(name));
            }
        }
        Ok(None)
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
