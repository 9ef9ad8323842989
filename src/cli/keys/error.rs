//! Why a step of the key ceremony was not done, for the person in front of it.

use std::io;
use std::path::PathBuf;

use crate::certificate::{RequestError, SubjectError};
use crate::cli::{EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};
use crate::config::ConfigError;
use crate::sealed::SealedError;
use crate::token::{GenerateError, PinRefusal, TokenError};

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum KeysError {
    /// Options that do not go together, or that something is missing beside.
    #[error("{0}")]
    Usage(String),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A value of the subject.
    #[error(transparent)]
    Subject(#[from] SubjectError),
    /// The token.
    #[error("{}", told(.0))]
    Token(#[from] TokenError),
    /// A sealed key.
    #[error(transparent)]
    Sealed(#[from] SealedError),
    /// A new key.
    #[error("{}", told_of_generation(.0))]
    Generate(#[from] GenerateError),
    /// The request.
    #[error("{}", told_of_request(.0))]
    Request(#[from] RequestError<TokenError>),
    /// A certificate that is not taken: every reason.
    #[error("le certificat {} est refusé, rien n'a été changé :{}", path.display(), listed(reasons))]
    Refused {
        /// Its file.
        path: PathBuf,
        /// Why, each with its remedy.
        reasons: Vec<String>,
    },
    /// A file that cannot be read.
    #[error("le fichier {} ne peut pas être lu ({cause}) : vérifiez son chemin et ses droits", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A file that must not be overwritten.
    #[error("le fichier {} existe déjà et n'est pas remplacé : donnez un autre nom à --out", .0.display())]
    Exists(PathBuf),
    /// A file or folder that cannot be written.
    #[error(
        "{} ne peut pas être écrit ({cause}), ce qui y était reste : vérifiez le dossier, ses droits et la place libre", path.display()
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Installed as a file, but not put in the token.
    #[error(
        "le certificat est installé dans {}, mais le token ne l'a pas pris ({}) ; relancez la même commande, ou renoncez à --into-token", path.display(), told(cause)
    )]
    NotInToken {
        /// Where the certificate is.
        path: PathBuf,
        /// What the token said.
        cause: TokenError,
    },
    /// The kernel refused what protects the process.
    #[error("le système refuse la protection de la mémoire du programme ({0}) : le PIN n'a pas été lu")]
    System(io::Error),
}

impl KeysError {
    /// Exit code of the contract.
    pub(in crate::cli) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Config(_) | Self::Subject(_) | Self::Exists(_) => EXIT_USAGE,
            Self::Generate(GenerateError::Exists { .. } | GenerateError::Kind { .. }) => EXIT_USAGE,
            Self::Request(RequestError::Subject(_) | RequestError::Encoding(_)) => EXIT_USAGE,
            Self::Read { .. } => EXIT_USAGE,
            // The secret's file is configuration, and so is the name of a key that is there already.
            Self::Sealed(SealedError::Wrapping(_) | SealedError::WrappingForm) => EXIT_USAGE,
            Self::Sealed(SealedError::Write { cause, .. }) if cause.kind() == io::ErrorKind::AlreadyExists => {
                EXIT_USAGE
            }
            Self::Sealed(error) if error.is_configuration() => EXIT_USAGE,
            Self::Sealed(_) => EXIT_UNAVAILABLE,
            Self::Refused { .. } => EXIT_NEGATIVE,
            Self::Token(error)
            | Self::Generate(GenerateError::Token(error))
            | Self::Request(RequestError::Signature(error)) => exit_code(error),
            Self::Generate(_) | Self::Write { .. } | Self::NotInToken { .. } | Self::System(_) => EXIT_UNAVAILABLE,
        }
    }
}

/// A PIN's file is configuration; a PIN that the token refuses, and a token that is not there, are the token's state.
pub(super) fn exit_code(error: &TokenError) -> u8 {
    match error {
        TokenError::Pin(_) => EXIT_USAGE,
        error if error.is_configuration() => EXIT_USAGE,
        _ => EXIT_UNAVAILABLE,
    }
}

/// What a person is told of a token's error: the room's own words, but for those that speak of a signer's next try.
pub(super) fn told(error: &TokenError) -> String {
    match error {
        TokenError::Lost { cause } => format!(
            "le token n'a pas répondu comme il le doit ({cause}) : vérifiez son branchement, sa place libre et ses \
             droits, puis relancez la commande"
        ),
        TokenError::LoginUnclear { cause, wait_s, marker } => format!(
            "le token n'a pas accepté le PIN et n'a pas dit pourquoi ({cause}) ; vérifiez le token et le fichier du PIN. \
             Le même PIN ne sera admis à un nouvel essai que dans {wait_s} s, pour ne pas bloquer le token ; pour un \
             essai immédiat, supprimez {}",
            marker.display()
        ),
        TokenError::PinRefused(PinRefusal::Locked { .. }) => {
            format!("{error} (CKF_USER_PIN_LOCKED ; aucun essai n'a été fait)")
        }
        TokenError::PinRefused(PinRefusal::FinalTry { .. }) => {
            format!("{error} (CKF_USER_PIN_FINAL_TRY ; aucun essai n'a été fait)")
        }
        TokenError::PinRefused(PinRefusal::Remembered { .. }) => format!("{error} (aucun essai n'a été fait)"),
        TokenError::NoModule => "aucun module PKCS#11 n'est désigné ; donnez --module".to_owned(),
        error => error.to_string(),
    }
}

fn told_of_generation(error: &GenerateError) -> String {
    match error {
        GenerateError::Token(error) => told(error),
        error => error.to_string(),
    }
}

fn told_of_request(error: &RequestError<TokenError>) -> String {
    match error {
        RequestError::Signature(error) => told(error),
        error => error.to_string(),
    }
}

fn listed(reasons: &[String]) -> String {
    reasons.iter().map(|reason| format!("\n  - {reason}")).collect()
}
