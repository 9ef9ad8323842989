//! `sceau convention take`: the file that the configuration names comes into force.

use std::io::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::super::{AdminDoor, NotDone, show};

/// Fait relire à sceaud le fichier de la convention et le met en vigueur s'il est signé et dans ses dates.
///
/// Aucune demande n'est interrompue ; une convention refusée laisse l'ancienne en vigueur. systemctl reload sceaud fait
/// de même.
#[derive(Debug, Args)]
pub(super) struct Take {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Take {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let taken = self.door.connect()?.call_admin("TakeConvention", &json!({}))?;
        show(&taken, self.json, |taken, out| match taken.get("entry").and_then(Value::as_u64) {
            Some(entry) => writeln!(out, "convention en vigueur, inscrite à l'entrée {entry}"),
            None => writeln!(out, "cette convention est déjà en vigueur"),
        })?;
        Ok(0)
    }
}
