//! `sceau practitioners list`: who is in the register, and how.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::json;

use super::Practitioners;
use crate::cli::register::{Read, read};
use crate::cli::{AdminDoor, NotDone};

/// Montre le registre des professionnels.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl List {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let register = read::<Practitioners>(&mut self.door.connect()?)?;
        let mut out = io::stdout().lock();
        if self.json {
            let Read { source, records } = register;
            writeln!(out, "{}", json!({ "source": source, "practitioners": records }))?;
        } else {
            table(&register, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }
}

fn table(register: &Read<Practitioners>, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{} professionnel(s), registre du {}", register.records.len(), register.source_words())?;
    for one in &register.records {
        let state = if one.suspended {
            "SUSPENDU"
        } else if !one.enrolled && one.enrolled_on.is_none() {
            "non enrôlé"
        } else if one.trained_on.is_none() {
            "non formé"
        } else {
            "en règle"
        };
        writeln!(out, "{}  {}  {}  {state}", one.id, one.name, one.profession)?;
        writeln!(out, "    services : {}", one.services.join(", "))?;
        for authenticator in &one.authenticator {
            let lost = if authenticator.revoked { "  RÉVOQUÉ" } else { "" };
            writeln!(out, "    moyen : {} {}{lost}", authenticator.method, authenticator.id)?;
        }
    }
    Ok(())
}
