//! `sceau traces restore`: the ledger made again from its backup, on new hardware.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::super::NotDone;
use crate::ledger::{self, Against, Escrow, NotAnEscrow, NotRestored, StoreError};
use crate::sys::clock;
use crate::traces::audit::AuditPublicKey;
use crate::traces::checkpoint::SignedCheckpoint;
use crate::usage::{EXIT_HALTED, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};

const AFTER_HELP: &str = "\
openssl déchiffre : les clés peuvent être des fichiers PEM ou ce que vos réglages d'openssl savent lire. Tout est vérifié ; \
rien n'est au dossier --into avant. À lancer par l'utilisateur de sceaud, sceaud arrêté. Le journal restauré commence une \
génération nouvelle, déclarée par sa première trace ; les sessions d'avant n'existent plus.

Codes de sortie : 0 fait ; 1 sauvegarde refusée ; 2 ligne de commande incorrecte ; 3 fichiers ou openssl indisponibles ; 4 \
journal incohérent.";

/// Restaure le journal dans un dossier neuf, depuis sa sauvegarde et le séquestre de ses clés.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Restore {
    /// Dossier de la sauvegarde.
    #[arg(long, value_name = "DOSSIER")]
    from: PathBuf,
    /// Séquestre des clés.
    #[arg(long, value_name = "FICHIER")]
    escrow: PathBuf,
    /// Clé privée qui ouvre le séquestre, et les segments si --segments-key n'est pas donné.
    #[arg(long, value_name = "FICHIER")]
    key: PathBuf,
    /// Clé privée qui ouvre les segments.
    #[arg(long, value_name = "FICHIER")]
    segments_key: Option<PathBuf>,
    /// Fichier du mot de passe de ces clés.
    #[arg(long, value_name = "FICHIER")]
    pin_file: Option<PathBuf>,
    /// Dossier du journal à faire : [ledger] folder.
    #[arg(long, value_name = "DOSSIER")]
    into: PathBuf,
    /// Dernier point de contrôle gardé.
    #[arg(long, value_name = "FICHIER", requires = "audit_key")]
    since: Option<PathBuf>,
    /// Clé d'audit qui l'a signé.
    #[arg(long, value_name = "FICHIER")]
    audit_key: Option<PathBuf>,
    /// Accepter que des traces couvertes par --since soient perdues.
    #[arg(long, requires = "since")]
    accept_loss: bool,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

/// Why a copy of the ledger was not made or not read.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum NotCopied {
    #[error(transparent)]
    Restored(#[from] NotRestored),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Escrow(#[from] NotAnEscrow),
    #[error("{path} ne peut pas être lu ({cause}) ; vérifiez le chemin et les droits")]
    Unread { path: PathBuf, cause: io::Error },
    #[error("openssl ne déchiffre pas {path} ({said}) ; vérifiez la clé : le fichier est chiffré pour [backup]")]
    Decryption { path: PathBuf, said: String },
    #[error("le point de contrôle n'est pas signé par cette clé d'audit ({0}) ; vérifiez --since et --audit-key")]
    Checkpoint(String),
}

impl NotCopied {
    pub(in super::super) fn exit_code(&self) -> u8 {
        match self {
            Self::Restored(NotRestored::Exists(_) | NotRestored::Empty) => EXIT_USAGE,
            Self::Restored(NotRestored::Store(cause)) | Self::Store(cause) => match cause {
                StoreError::Broken(_) | StoreError::KeyErased | StoreError::KeyMissing => EXIT_HALTED,
                _ => EXIT_UNAVAILABLE,
            },
            Self::Restored(_) | Self::Escrow(_) | Self::Checkpoint(_) => EXIT_NEGATIVE,
            Self::Unread { .. } | Self::Decryption { .. } => EXIT_UNAVAILABLE,
        }
    }
}

impl Restore {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let restored = self.restored()?;
        let mut out = io::stdout().lock();
        if self.json {
            let report = json!({
                "generation": restored.generation.number(),
                "name": restored.generation.to_string(),
                "entries": restored.entries,
                "identities": restored.data_keys,
                "root": restored.root,
                "since_checked": self.since.is_some(),
            });
            writeln!(out, "{report}")?;
        } else {
            writeln!(out, "restauré : {} traces, {} identités", restored.entries, restored.data_keys)?;
            writeln!(out, "génération {}, déclarée par l'entrée {}", restored.generation, restored.entries)?;
            if self.since.is_none() {
                writeln!(
                    out,
                    "non vérifié : un état plus récent (donnez --since, le dernier point de contrôle gardé)"
                )?;
            }
        }
        out.flush()?;
        Ok(0)
    }

    fn restored(&self) -> Result<ledger::RestoredLedger, NotCopied> {
        let mut text = Zeroizing::new(Vec::new());
        let mut escrow = self.decrypted(&self.escrow, &self.key)?;
        escrow.read_to_end(&mut text).map_err(|cause| unread(&self.escrow, cause))?;
        let escrow = Escrow::parse(&text)?;
        let since = self.since()?;
        let key = self.segments_key.as_ref().unwrap_or(&self.key);
        let segments = segments(&self.from)?.into_iter().map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, self.decrypted(&path, key).map_err(io::Error::other)?))
        });
        let against =
            Against { since: since.as_ref().map(SignedCheckpoint::checkpoint), accept_loss: self.accept_loss };
        Ok(ledger::restore(&self.into, &escrow, segments, against, clock::now())?)
    }

    fn since(&self) -> Result<Option<SignedCheckpoint>, NotCopied> {
        let (Some(note), Some(key)) = (&self.since, &self.audit_key) else { return Ok(None) };
        let read = |path: &PathBuf| fs::read_to_string(path).map_err(|cause| unread(path, cause));
        let wrong = |cause: &dyn std::fmt::Display| NotCopied::Checkpoint(cause.to_string());
        // AUDIT.pub is of generation 1, and the checkpoint of whichever was lost.
        let key = AuditPublicKey::parse(&read(key)?).map_err(|cause| wrong(&cause))?;
        key.open(&read(note)?).map(|(signed, _)| Some(signed)).map_err(|cause| wrong(&cause))
    }

    /// A file as openssl decrypts it.
    fn decrypted(&self, path: &Path, key: &Path) -> Result<Decrypted, NotCopied> {
        let mut command = Command::new("openssl");
        command.args(["cms", "-decrypt", "-binary", "-inform", "DER", "-in"]).arg(path).arg("-inkey").arg(key);
        if let Some(pin) = &self.pin_file {
            command.arg("-passin").arg(format!("file:{}", pin.display()));
        }
        let failed = |cause: io::Error| unread(Path::new("openssl"), cause);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(failed)?;
        let out = child.stdout.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Decrypted { child, out, path: path.to_owned() })
    }
}

/// What openssl gives; its failure is the reader's.
struct Decrypted {
    child: Child,
    out: ChildStdout,
    path: PathBuf,
}

impl Read for Decrypted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = self.out.read(bytes)?;
        if len == 0 && !bytes.is_empty() && !self.child.wait()?.success() {
            let mut said = String::new();
            if let Some(stderr) = &mut self.child.stderr {
                let _ = stderr.take(1000).read_to_string(&mut said);
            }
            let said = said.lines().next().unwrap_or("sans cause").to_owned();
            return Err(io::Error::other(NotCopied::Decryption { path: self.path.clone(), said }));
        }
        Ok(len)
    }
}

impl Drop for Decrypted {
    fn drop(&mut self) {
        // Whoever stops reading has its verdict already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The newest generation's segments, in their order.
fn segments(folder: &Path) -> Result<Vec<PathBuf>, NotCopied> {
    let read = |cause| unread(folder, cause);
    let mut names = Vec::new();
    for file in fs::read_dir(folder).map_err(read)? {
        let name = file.map_err(read)?.file_name().into_string().unwrap_or_default();
        names.extend(name.ends_with(".p7m").then_some(name));
    }
    names.sort_unstable();
    // `g0002-00000001.p7m` begins the second generation's; what it was restored from is in it.
    if let Some(generation) =
        names.last().and_then(|name| name.split_once('-')).map(|(name, _)| format!("{name}-"))
    {
        names.retain(|name| name.starts_with(&generation));
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn unread(path: &Path, cause: io::Error) -> NotCopied {
    NotCopied::Unread { path: path.to_owned(), cause }
}
