//! `sceau keys audit-public`: the public half of the audit key, as the file that officers verify the ledger with.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::KeysError;
use super::choice::{Choice, Use};
use crate::cli::NotDone;
use crate::sys::durable;
use crate::token::{TokenError, Unusable};
use crate::traces::audit::{AuditPublicKey, is_origin};

/// Imprime la clé publique d'audit (AUDIT.pub), à remettre aux responsables de la sécurité.
#[derive(Debug, Args)]
pub(super) struct AuditPublic {
    #[command(flatten)]
    choice: Choice,
    /// Nom du journal, avec --uri ; avec --key, c'est celui de [audit].
    #[arg(long, value_name = "ORIGINE", conflicts_with = "key", required_unless_present = "key")]
    origin: Option<String>,
    /// Fichier de la clé publique, qui ne doit pas exister ; sans cette option, sortie standard.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
}

impl AuditPublic {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let chosen = self.choice.choose()?;
        if chosen.key_use != Use::Audit {
            let cause = "cette clé n'est pas une clé d'audit ; donnez celle de [audit], ou --use audit";
            return Err(KeysError::Usage(cause.to_owned()).into());
        }
        let configured = chosen.audit.as_ref().map(|(_, audit)| audit);
        let origin = configured.map(|audit| audit.origin.clone()).or(self.origin).unwrap_or_default();
        if !is_origin(&origin) {
            let cause = format!(
                "--origin {origin:?} n'est pas un nom de journal ; donnez 1 à 100 caractères parmi a-z 0-9 . _ - /, comme \
                 « ch-exemple.fr/sceau »"
            );
            return Err(KeysError::Usage(cause).into());
        }
        if let Some(out) = &self.out
            && out.symlink_metadata().is_ok()
        {
            return Err(KeysError::Exists(out.clone()).into());
        }
        let token = chosen.open()?;
        let key = token.key(&chosen.uri)?;
        let public = AuditPublicKey::of_spki(&origin, key.spki()).map_err(|_| {
            KeysError::Token(TokenError::Unusable { object: key.name(), cause: Unusable::Purpose })
        })?;
        match &self.out {
            Some(out) => {
                durable::create(out, format!("{public}\n").as_bytes(), 0o644).map_err(|cause| {
                    match cause.kind() {
                        io::ErrorKind::AlreadyExists => KeysError::Exists(out.clone()),
                        _ => KeysError::Write { path: out.clone(), cause },
                    }
                })?;
            }
            None => {
                let mut out = io::stdout().lock();
                writeln!(out, "{public}")?;
                out.flush()?;
            }
        }
        let written = self.out.as_ref().map(|out| format!(" : {}", out.display())).unwrap_or_default();
        eprintln!("Clé publique du journal {origin}, prouvée par une signature du token{written}.");
        eprintln!(
            "Nommez ce fichier dans [audit] public_key, et remettez-en une copie à ceux qui vérifieront le journal, par une \
             voie sûre : sans elle ils ne peuvent rien vérifier, avec une autre ils vérifieraient un autre journal."
        );
        Ok(0)
    }
}
