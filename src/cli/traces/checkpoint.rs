//! `sceau traces checkpoint`: the newest checkpoint of the ledger, for an officer to keep.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::TracesError;
use crate::cli::NotDone;
use crate::config::Config;
use crate::ledger::Reader;
use crate::sys::durable;
use crate::traces::audit::AuditPublicKey;

/// Imprime le dernier point de contrôle du journal, vérifié, à garder hors de cette machine.
#[derive(Debug, Args)]
pub(super) struct Checkpoint {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Fichier du point de contrôle, qui ne doit pas exister ; sans cette option, sortie standard.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
}

impl Checkpoint {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let note = self.newest()?;
        let Some(out) = &self.out else {
            let mut out = io::stdout().lock();
            out.write_all(note.as_bytes())?;
            out.flush()?;
            return Ok(0);
        };
        durable::create(out, note.as_bytes(), 0o644).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => TracesError::Exists(out.clone()),
            _ => TracesError::Write { path: out.clone(), cause },
        })?;
        Ok(0)
    }

    /// The newest checkpoint that was kept, once the audit key's signature was verified.
    fn newest(&self) -> Result<String, TracesError> {
        let config = Config::load(&self.config)?;
        let audit = config.audit.as_ref().ok_or(TracesError::NoAudit)?;
        let public = public_key(&audit.public_key)?;
        let reader = Reader::open(&config.ledger.folder)?;
        let (_, note) = reader.newest_checkpoint()?.ok_or(TracesError::NoCheckpoint)?;
        match public.open(&note) {
            Ok((signed, _)) => Ok(signed.note().to_string()),
            Err(_) => Err(TracesError::False(audit.public_key.clone())),
        }
    }
}

/// Reads `AUDIT.pub`.
fn public_key(path: &Path) -> Result<AuditPublicKey, TracesError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TracesError::Unreadable(path.to_owned(), cause))?;
    AuditPublicKey::parse(&text).map_err(|cause| TracesError::AuditKey { path: path.to_owned(), cause })
}
