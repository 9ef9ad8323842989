//! `sceau convention diff`: what a convention changes, in words.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::{AdminDoor, NotDone};
use super::{page, read};
use crate::policy::convention::difference;

/// Dit en mots ce qu'une convention change d'une autre, et marque ce qui élargit ce qui est permis.
#[derive(Debug, Args)]
pub(super) struct Diff {
    /// Ancienne convention.
    #[arg(value_name = "ANCIENNE")]
    old: PathBuf,
    /// Nouvelle convention.
    #[arg(value_name = "NOUVELLE")]
    new: PathBuf,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Diff {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let test = read::is_test(&self.door);
        let (old, new) = (read::file(&self.old, test)?, read::file(&self.new, test)?);
        let changes = difference(&old.convention, &new.convention);
        let mut out = io::stdout().lock();
        if self.json {
            let one = |change: &crate::policy::convention::Change| json!({ "widens": change.widens, "text": change.text });
            writeln!(out, "{}", json!({ "changes": changes.iter().map(one).collect::<Vec<_>>() }))?;
        } else {
            page::changes(&changes, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }
}
