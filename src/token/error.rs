//! What can go wrong with a token, by what has to be done about it.

use std::io;
use std::path::{Path, PathBuf};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

use super::pin::PinError;
use super::uri::UriError;
use crate::seal::key::KeyRefusal;
use crate::seal::wire::Failure;

/// Why a device cannot be opened or has not signed; French cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The URI of the configuration is wrong.
    #[error("uri : {0}")]
    Uri(#[from] UriError),
    /// No library is named, neither by `module` nor by the URI.
    #[error("aucun module PKCS#11 n'est désigné ; donnez module = \"…\" dans [[seal]]")]
    NoModule,
    /// The PIN cannot be had from where the configuration says.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The key is there and is not what a seal needs.
    #[error("la clé {object} ne peut pas servir de cachet : {cause}")]
    Unusable {
        /// The key, as the URI names it.
        object: String,
        /// What is wrong with it.
        cause: Unusable,
    },
    /// The vendor's library cannot be loaded or started; tried again, since vendors' daemons come and go.
    #[error(
        "le module PKCS#11 {path} ne se charge pas ({cause}) : vérifiez son chemin, ses droits et ses dépendances"
    )]
    Module {
        /// The library.
        path: PathBuf,
        /// What the loader or the library said.
        cause: Box<Error>,
    },
    /// The token or the key is not there; tried again.
    #[error(transparent)]
    Absent(#[from] Absence),
    /// The PIN was refused or must not be tried; never tried again unchanged.
    #[error(transparent)]
    PinRefused(#[from] PinRefusal),
    /// `C_Login` failed and did not say whether the PIN is wrong; the same PIN is tried again after a pause.
    #[error(
        "le token n'a pas accepté le PIN et n'a pas dit pourquoi ({cause}) ; le même PIN sera réessayé dans {wait_s} s, pour ne pas bloquer le token : vérifiez le token et le fichier du PIN. Pour un essai immédiat, supprimez {marker}"
    )]
    LoginUnclear {
        /// What the library said.
        cause: Box<Error>,
        /// Seconds until the next try.
        wait_s: u64,
        /// The file that remembers it.
        marker: PathBuf,
    },
    /// It failed so a short while ago, here or in another process of the token.
    #[error(
        "un essai récent de ce PIN a échoué sans cause claire ; il attend, 15 minutes au plus, pour ne pas bloquer le token. Pour un essai immédiat, supprimez {marker}"
    )]
    LoginPaced {
        /// The file that remembers it.
        marker: PathBuf,
    },
    /// The folder that remembers refused PINs does not work; without memory no PIN is tried.
    #[error(
        "le dossier qui mémorise les PIN refusés ne peut pas être utilisé, {path} ({cause}) : vérifiez ses droits"
    )]
    Memory {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// This generation of the device is spent: close, finalise, open anew.
    #[error("le token a été perdu ({cause}) ; la reprise est automatique")]
    Lost {
        /// What the library said.
        cause: Box<Error>,
    },
    /// Every session is signing.
    #[error("toutes les sessions PKCS#11 sont occupées")]
    Busy,
    /// The bytes are not what this key signs.
    #[error("ce n'est pas un SignedInfo canonique pour cette clé")]
    ShapeRefused,
}

/// What is wrong with a key that is there; the configuration or the key must change.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Neither RSA nor EC.
    #[error("son type n'est ni RSA ni EC ; utilisez RSA 2048 à 4096, P-256 ou P-384")]
    Type,
    /// A size or curve that is not offered.
    #[error("sa taille ou sa courbe n'est pas admise ; utilisez RSA 2048 à 4096, P-256 ou P-384")]
    Size,
    /// `CKA_ALWAYS_AUTHENTICATE`: a PIN for every signature.
    #[error("elle exige le PIN à chaque signature (CKA_ALWAYS_AUTHENTICATE) ; générez une clé sans cet attribut")]
    AlwaysAuthenticate,
    /// The token does not sign with it.
    #[error(
        "le token ne signe pas avec elle ({0}) ; vérifiez CKA_SIGN et les mécanismes CKM_RSA_PKCS et CKM_ECDSA"
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
        "le token a refusé le PIN ({cause}) ; il ne sera pas réessayé : corrigez le fichier du PIN. Si ce PIN est bien le bon (token débloqué), supprimez {marker}"
    )]
    Token {
        /// What the token said.
        cause: Box<Error>,
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

impl TokenError {
    /// What a caller is told: nothing of the inside.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::PinRefused(_) | Self::Pin(_) => Failure::PinRefused,
            Self::ShapeRefused => Failure::ShapeRefused,
            Self::Busy => Failure::Busy,
            Self::Uri(_) | Self::NoModule | Self::Unusable { .. } | Self::Module { .. } => {
                Failure::TokenUnreachable
            }
            // It heals by itself, unlike a PIN that was refused.
            Self::LoginUnclear { .. } | Self::LoginPaced { .. } => Failure::TokenUnreachable,
            Self::Absent(_) | Self::Memory { .. } | Self::Lost { .. } => Failure::TokenUnreachable,
        }
    }

    /// Whether only a change of the configuration or of the key helps: waiting does not.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Uri(_) | Self::NoModule | Self::Unusable { .. })
    }

    /// The file whose content, or the PIN's, must change before another try makes sense; see [`super::is_held`].
    #[must_use]
    pub fn marker(&self) -> Option<&Path> {
        match self {
            Self::LoginUnclear { marker, .. } | Self::LoginPaced { marker } => Some(marker),
            Self::PinRefused(
                PinRefusal::Token { marker, .. } | PinRefusal::Remembered { marker } | PinRefusal::Full { marker },
            ) => Some(marker),
            _ => None,
        }
    }

    /// The one mapping of what cryptoki and the library say outside loading and login.
    ///
    /// A lost token hides behind almost any code (SoftHSM: `OBJECT_HANDLE_INVALID`, tpm2-pkcs11: `GENERAL_ERROR`), so
    /// everything is a loss but what can only mean that the key is not made for this.
    pub(super) fn of(error: Error, object: &str) -> Self {
        match error {
            Error::Pkcs11(
                RvError::MechanismInvalid
                | RvError::MechanismParamInvalid
                | RvError::KeyFunctionNotPermitted
                | RvError::FunctionNotSupported,
                Function::SignInit | Function::Sign,
            ) => Self::Unusable { object: object.to_owned(), cause: Unusable::Mechanism(Box::new(error)) },
            _ => Self::Lost { cause: Box::new(error) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_unclear_is_a_loss() {
        let of = |rv| TokenError::of(Error::Pkcs11(rv, Function::Sign), "k");
        for rv in [
            RvError::ObjectHandleInvalid,
            RvError::GeneralError,
            RvError::DeviceRemoved,
            RvError::SessionHandleInvalid,
            RvError::UserNotLoggedIn,
            RvError::CryptokiNotInitialized,
            RvError::VendorDefined(0x8000_0001),
        ] {
            assert!(matches!(of(rv), TokenError::Lost { .. }), "{rv:?}");
        }
        assert!(of(RvError::MechanismInvalid).is_configuration());
    }
}
