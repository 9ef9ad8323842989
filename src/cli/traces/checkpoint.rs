//! `sceau traces checkpoint`: the newest checkpoint of the ledger, for an officer to keep.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::TracesError;
use crate::cli::NotDone;
use crate::cli::client::{CallError, Client};
use crate::config::Config;
use crate::ledger::Reader;
use crate::sys::durable;
use crate::traces::audit::AuditPublicKey;

/// Imprime un point de contrôle du journal, vérifié, à garder hors de cette machine.
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

    /// A fresh checkpoint of a running `sceaud`, else the newest that was kept; the audit key's signature was verified.
    fn newest(&self) -> Result<String, TracesError> {
        let config = Config::load(&self.config)?;
        let audit = config.audit.as_ref().ok_or(TracesError::NoAudit)?;
        let public = public_key(&audit.public_key)?;
        let note = match fresh(&config.sockets.admin) {
            Ok(note) => note,
            Err(cause) => {
                let reader = Reader::open(&config.ledger.folder)?;
                let (size, note) = reader.newest_checkpoint()?.ok_or(TracesError::NoCheckpoint)?;
                eprintln!(
                    "sceau : pas de nouveau point de contrôle ({}) ; voici le dernier gardé, à {size} entrées",
                    cause.cause()
                );
                note
            }
        };
        match public.open(&note) {
            Ok((signed, _)) => Ok(signed.note().to_string()),
            Err(_) => Err(TracesError::False(audit.public_key.clone())),
        }
    }
}

/// What `sceaud` signs at this moment.
fn fresh(socket: &Path) -> Result<String, CallError> {
    let answer = Client::connect_admin(socket)?.call_admin("Checkpoint", &json!({}))?;
    answer.get("note").and_then(Value::as_str).map(str::to_owned).ok_or(CallError::Reply)
}

/// Reads `AUDIT.pub`.
pub(super) fn public_key(path: &Path) -> Result<AuditPublicKey, TracesError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TracesError::Unreadable(path.to_owned(), cause))?;
    AuditPublicKey::parse(&text).map_err(|cause| TracesError::AuditKey { path: path.to_owned(), cause })
}
