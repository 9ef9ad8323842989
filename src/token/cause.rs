//! The causes that a person acts on: a key unfit, a token or key not there, a PIN refused; French, each with its remedy.

use std::path::PathBuf;

use cryptoki::error::Error;

use super::tries::TriesLeft;
use crate::seal::key::KeyRefusal;

/// The library's answer by its name, `C_Login : PinIncorrect`: its sentence in the standard is long and English.
pub(super) fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(rv, function) => format!("C_{function:?} : {rv:?}"),
        other => other.to_string(),
    }
}

/// What is wrong with a key that is there; the configuration or the key must change.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Neither RSA nor EC nor Ed25519.
    #[error(
        "son type n'est ni RSA ni EC ; utilisez RSA 2048 à 4096, P-256 ou P-384 (clé d'audit : Ed25519 ou P-256)"
    )]
    Type,
    /// A kind that is offered for another purpose.
    #[error(
        "son type ne sert pas à cela ; un cachet est RSA 2048 à 4096, P-256 ou P-384, une clé d'audit Ed25519 ou P-256"
    )]
    Purpose,
    /// A size or curve that is not offered.
    #[error("sa taille ou sa courbe n'est pas admise ; utilisez RSA 2048 à 4096, P-256 ou P-384")]
    Size,
    /// `CKA_ALWAYS_AUTHENTICATE`: a PIN for every signature.
    #[error("elle exige le PIN à chaque signature (CKA_ALWAYS_AUTHENTICATE) ; générez une clé sans cet attribut")]
    AlwaysAuthenticate,
    /// The token does not sign with it.
    #[error(
        "le token ne signe pas avec elle ({0}) ; vérifiez CKA_SIGN et les mécanismes CKM_RSA_PKCS, CKM_ECDSA et CKM_EDDSA"
    )]
    Mechanism(Box<Error>),
    /// The public key does not verify what the private key signs.
    #[error(
        "la clé publique trouvée ne vérifie pas ses signatures ; deux objets du token, ou le certificat, ne vont pas ensemble"
    )]
    PublicKeyMismatch,
    /// No public key in the token nor in the certificate's file.
    #[error("le token n'a pas de clé publique pour elle, et le certificat configuré n'en donne pas ({0})")]
    NoPublicKey(String),
    /// Production does not take it.
    #[error("en production, {0}")]
    Refused(#[from] KeyRefusal),
}

/// What was looked for and not found exactly once.
#[derive(Debug, thiserror::Error)]
pub enum Absence {
    /// No token fits the URI.
    #[error("aucun token ne correspond à l'uri ; présents : {found} ; vérifiez le branchement, ou l'uri")]
    Token {
        /// Labels and serial numbers of the tokens that are there.
        found: String,
    },
    /// Several tokens fit the URI.
    #[error("plusieurs tokens correspondent à l'uri : {found} ; précisez serial= ou slot-id=")]
    Tokens {
        /// Labels and serial numbers of those that fit.
        found: String,
    },
    /// No private key fits the URI.
    #[error(
        "aucune clé privée du token {token} ne correspond à l'uri ; présentes : {found} ; vérifiez object= et id="
    )]
    Key {
        /// The token.
        token: String,
        /// Labels of the private keys that are there.
        found: String,
    },
    /// Several private keys fit the URI.
    #[error("plusieurs clés privées du token {token} correspondent à l'uri : {found} ; précisez id=")]
    Keys {
        /// The token.
        token: String,
        /// Labels and ids of those that fit.
        found: String,
    },
    /// The token has no user PIN yet.
    #[error("le token {token} n'a pas encore de PIN utilisateur ; initialisez-le")]
    PinNotInitialised {
        /// The token.
        token: String,
    },
}

/// Why a PIN is not tried, or not again.
#[derive(Debug, thiserror::Error)]
pub enum PinRefusal {
    /// The token refused it just now.
    #[error(
        "le token a refusé le PIN ({}) ; {tries} ; ce PIN ne sera pas réessayé : corrigez le fichier du PIN. Si ce PIN est bien le bon (token débloqué), supprimez {marker}",
        said(cause)
    )]
    Token {
        /// What the token said.
        cause: Box<Error>,
        /// What the token's flags say since.
        tries: TriesLeft,
        /// The file that remembers it.
        marker: PathBuf,
    },
    /// It was refused before and has not changed since.
    #[error(
        "ce PIN a déjà été refusé par le token et ne sera pas réessayé : corrigez le fichier du PIN. Si ce PIN est bien le bon (token débloqué), supprimez {marker}"
    )]
    Remembered {
        /// The file that remembers it.
        marker: PathBuf,
    },
    /// So many PINs are remembered that another wrong one could not be.
    #[error(
        "trop de PIN refusés sont mémorisés pour ce token, aucun autre ne sera essayé : vérifiez le PIN avec l'outil du fabricant, puis supprimez {marker}"
    )]
    Full {
        /// The file that remembers them.
        marker: PathBuf,
    },
    /// One wrong PIN would lock the token (`CKF_USER_PIN_FINAL_TRY`).
    #[error(
        "le token {token} n'accepte plus qu'un essai de PIN : vérifiez le PIN vous-même avec l'outil du fabricant, la réussite remet le compteur à zéro"
    )]
    FinalTry {
        /// The token.
        token: String,
    },
    /// The PIN is locked (`CKF_USER_PIN_LOCKED`).
    #[error("le PIN du token {token} est verrouillé : débloquez-le avec l'outil du fabricant")]
    Locked {
        /// The token.
        token: String,
    },
}
