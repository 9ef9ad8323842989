//! `export`: a register as a file that an import takes.

use std::path::PathBuf;

use clap::Args;

use super::{Register, import, read};
use crate::cli::{AdminDoor, NotDone};
use crate::policy::register::{Format, csv};
use crate::sys::durable;

/// Écrit le registre dans un fichier, tel qu'un import le reprend.
#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Fichier à écrire ; il ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    /// Format : csv ou json ; par défaut d'après l'extension du fichier.
    #[arg(long, value_name = "FORMAT")]
    format: Option<String>,
    #[command(flatten)]
    door: AdminDoor,
}

impl Export {
    /// Runs the verb.
    pub(in crate::cli) fn run<R: Register>(self) -> Result<u8, NotDone> {
        let usage = |message: String| NotDone::Usage(message);
        let format = import::format(self.format.as_deref(), &self.out)?;
        let register = read::<R>(&mut self.door.connect()?)?;
        let bytes = match format {
            Format::Csv => csv::write(register.records.iter()),
            Format::Json => serde_json::to_vec_pretty(&register.records).ok(),
        };
        let bytes = bytes.ok_or_else(|| {
            usage(
                "une valeur ne tient pas dans une cellule (elle contient |) ; exportez avec --format json"
                    .to_owned(),
            )
        })?;
        // It names people.
        durable::create(&self.out, &bytes, 0o600).map_err(|cause| {
            usage(format!("{} ne peut pas être écrit ({cause}) ; donnez un autre --out", self.out.display()))
        })?;
        println!("{} {} dans {}", register.records.len(), R::ENTRIES, self.out.display());
        Ok(0)
    }
}
