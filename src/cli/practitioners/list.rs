//! `sceau practitioners list`: who is in the register, and how.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::json;

use super::read::{self, Register};
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
        let register = read::register(&mut self.door.connect()?)?;
        let mut out = io::stdout().lock();
        if self.json {
            let Register { source, records } = register;
            writeln!(out, "{}", json!({ "source": source, "practitioners": records }))?;
        } else {
            table(&register, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }
}

fn table(register: &Register, out: &mut impl io::Write) -> io::Result<()> {
    let source = if register.source == "ledger" { "journal" } else { "fichier de la configuration" };
    writeln!(out, "{} professionnel(s), registre du {source}", register.records.len())?;
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
