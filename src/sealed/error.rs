//! What can go wrong with a sealed key, by what has to be done about it.

use std::io;
use std::path::PathBuf;

use crate::seal::wire::Failure;
use crate::token::PinError;

/// Why a sealed key is not made, not opened, or has not signed; French cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// The wrapping key cannot be had from where the configuration says; it comes as a PIN does.
    #[error("clé d'enveloppe : {0}")]
    Wrapping(#[from] PinError),
    /// What is there is no wrapping key.
    #[error(
        "la clé d'enveloppe n'est pas une ligne de 64 chiffres hexadécimaux ; donnez celle de la génération (sceau keys wrapping-key la tire au hasard)"
    )]
    WrappingForm,
    /// The file cannot be read.
    #[error("le fichier de clé scellée {path} ne peut pas être lu ({cause}) : vérifiez son chemin et ses droits")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file cannot be written, or is there already.
    #[error(
        "le fichier de clé scellée {path} ne peut pas être écrit ({cause}) ; une clé n'est jamais remplacée : donnez un autre nom, ou vérifiez le dossier"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is none of ours.
    #[error(
        "le fichier {path} n'est pas une clé scellée de ce format ; remettez-le d'une sauvegarde, ou corrigez uri"
    )]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// The wrapping key does not open the file: it is another's, or one of both was changed.
    #[error(
        "la clé d'enveloppe n'ouvre pas {path} : ce n'est pas la sienne, ou le fichier a été modifié ; remettez l'une ou l'autre"
    )]
    NotOpened {
        /// The file.
        path: PathBuf,
    },
    /// The key was made for something else.
    #[error("la clé {path} a été générée pour un autre usage ({made_for}) ; générez-en une pour celui-ci")]
    OtherUse {
        /// The file.
        path: PathBuf,
        /// The section of the configuration that it was made for.
        made_for: String,
    },
    /// The kind of key is not for that use.
    #[error(
        "ce type de clé ne sert pas à cela ; un cachet est RSA 2048 à 4096, P-256 ou P-384, une clé d'audit Ed25519 ou P-256"
    )]
    Kind,
    /// The private key and what is said of it do not go together, or aws-lc gave no signature.
    #[error(
        "la clé scellée n'a pas signé comme elle le doit ; remettez son fichier d'une sauvegarde, ou générez-en une autre"
    )]
    Fault,
    /// The kernel refused to take from the process what a key in its memory must not be near.
    #[error(
        "le système refuse le confinement du processus ({0}) : vérifiez l'unité systemd (sealed-key.conf.example)"
    )]
    Confinement(#[source] io::Error),
}

impl SealedError {
    /// What a caller is told: nothing of the inside.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            // As of a PIN: an operator must act.
            Self::Wrapping(_) | Self::WrappingForm | Self::NotOpened { .. } => Failure::PinRefused,
            _ => Failure::TokenUnreachable,
        }
    }

    /// Whether only a change of the configuration or of the key helps: waiting does not.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::OtherUse { .. } | Self::Kind | Self::Form { .. })
    }
}
