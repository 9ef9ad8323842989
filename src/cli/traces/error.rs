//! Why a verb about the ledger was not done, for the person in front of it.

use std::io;
use std::path::PathBuf;

use crate::cli::{EXIT_HALTED, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};
use crate::config::{ConfigError, system_words};
use crate::ledger::{NotRecorded, StoreError};
use crate::traces::audit::AuditKeyError;
use crate::traces::reconcile::ExtractError;

/// Why a verb was not done.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum TracesError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Nothing signs this ledger.
    #[error("la configuration n'a pas de section [audit] : rien ne signe ce journal ; ajoutez-la (voir le guide)")]
    NoAudit,
    /// The public key's file.
    #[error("le fichier {} ne peut pas être lu ({}) : vérifiez [audit] public_key et ses droits", .0.display(), system_words(.1))]
    Unreadable(PathBuf, io::Error),
    /// The public key.
    #[error("{} : {cause}", path.display())]
    AuditKey {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        cause: AuditKeyError,
    },
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] StoreError),
    /// Nothing was signed yet.
    #[error(
        "le journal n'a pas encore de point de contrôle : sceaud en signe un à son démarrage, dès que le signataire de la clé d'audit répond ; voyez sceau status"
    )]
    NoCheckpoint,
    /// The newest checkpoint is not the audit key's.
    #[error(
        "le dernier point de contrôle gardé n'est pas signé par la clé de {} ; si cette clé n'a pas été changée, le journal a été altéré : conservez-le et prévenez la sécurité", .0.display()
    )]
    False(PathBuf),
    /// A file that was named cannot be read.
    #[error("{} ne peut pas être lu ({}) ; vérifiez le chemin et les droits", .0.display(), system_words(.1))]
    Read(PathBuf, io::Error),
    /// An extract that is none.
    #[error("{} n'est pas un extrait : {cause}", path.display())]
    Extract {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        cause: ExtractError,
    },
    /// A file that must not be overwritten.
    #[error("le fichier {} existe déjà et n'est pas remplacé : donnez un autre nom à --out", .0.display())]
    Exists(PathBuf),
    /// A file that cannot be written.
    #[error("{} ne peut pas être écrit ({cause}) : vérifiez le dossier, ses droits et la place libre", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl TracesError {
    /// Exit code of the contract.
    pub(in crate::cli) fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::NoAudit
            | Self::Unreadable(..)
            | Self::AuditKey { .. }
            | Self::Exists(_)
            | Self::Read(..)
            | Self::Extract { .. } => EXIT_USAGE,
            Self::False(_) => EXIT_NEGATIVE,
            Self::Ledger(StoreError::KeyMissing) => EXIT_HALTED,
            Self::Ledger(StoreError::System(_) | StoreError::KeyExposed | StoreError::Format(_)) => {
                EXIT_UNAVAILABLE
            }
            Self::Ledger(error) if error.class() == NotRecorded::Broken => EXIT_HALTED,
            Self::Ledger(_) | Self::NoCheckpoint | Self::Write { .. } => EXIT_UNAVAILABLE,
        }
    }
}
