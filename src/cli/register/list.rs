//! `list`: who or what is in a register.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::json;

use super::read::Read;
use super::{Register, read};
use crate::cli::{AdminDoor, NotDone};

/// Montre le registre.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl List {
    /// Runs the verb.
    pub(in crate::cli) fn run<R: Register>(self) -> Result<u8, NotDone> {
        let register = read::<R>(&mut self.door.connect()?)?;
        let mut out = io::stdout().lock();
        if self.json {
            let Read { source, records } = register;
            writeln!(out, "{}", json!({ "source": source, R::MEMBER: records }))?;
        } else {
            writeln!(out, "{} {}, registre du {}", register.records.len(), R::ENTRIES, register.source_words())?;
            for record in &register.records {
                R::show(record, &mut out)?;
            }
        }
        out.flush()?;
        Ok(0)
    }
}
