//! `sceau convention show`: one screen.

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::super::{AdminDoor, EXIT_NEGATIVE, NotDone};
use super::page::{self, Standing};
use super::read;

/// Montre la convention en vigueur, ou celle d'un fichier.
#[derive(Debug, Args)]
pub(super) struct Show {
    /// Fichier à montrer au lieu de la convention en vigueur.
    #[arg(value_name = "FICHIER")]
    file: Option<PathBuf>,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Show {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut out = io::stdout().lock();
        let (presented, approvers, state, holds) = match &self.file {
            Some(path) => {
                let presented = read::file(path, read::is_test(&self.door))?;
                let names = presented.signatures.iter().map(|(name, _)| name.clone()).collect();
                (presented, names, "fichier, à vérifier avec sceau convention check".to_owned(), true)
            }
            None => match read::in_force(&self.door)? {
                Some(told) => {
                    let state = match (told.holds, told.refused) {
                        (true, None) => "en vigueur".to_owned(),
                        (true, Some(why)) => format!("en vigueur ; une nouvelle est refusée : {why}"),
                        (false, _) => "hors de ses dates, rien n'est délivré".to_owned(),
                    };
                    (told.presented, told.approvers, state, told.holds)
                }
                None => {
                    let why = read::refusal(&self.door)?;
                    let why = why
                        .unwrap_or_else(|| "sceaud applique les termes de sceau.toml, ou n'en a aucun".to_owned());
                    writeln!(out, "Aucune convention signée n'est en vigueur : {why}")?;
                    return Ok(EXIT_NEGATIVE);
                }
            },
        };
        let standing = Standing { approvers: &approvers, state: &state };
        if self.json {
            writeln!(out, "{}", page::json(&presented, &standing))?;
        } else {
            page::write(&presented, &standing, &mut out)?;
        }
        out.flush()?;
        Ok(if holds { 0 } else { EXIT_NEGATIVE })
    }
}
