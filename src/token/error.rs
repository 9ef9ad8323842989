//! What can go wrong with a token, by what has to be done about it.

use std::io;
use std::path::{Path, PathBuf};

use cryptoki::context::Function;
use cryptoki::error::{Error, RvError};

use super::cause::{Absence, PinRefusal, Unusable};
use super::pin::PinError;
use super::uri::UriError;
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

    /// The file whose content, or the PIN's, must change before another try makes sense; see [`super::PinGuard::is_held`].
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
