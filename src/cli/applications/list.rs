//! `sceau applications list`: which software is in the register, and what it may ask for.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::json;

use super::Applications;
use crate::cli::register::{Read, read};
use crate::cli::{AdminDoor, NotDone};

/// Montre le registre des applications.
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
        let register = read::<Applications>(&mut self.door.connect()?)?;
        let mut out = io::stdout().lock();
        if self.json {
            let Read { source, records } = register;
            writeln!(out, "{}", json!({ "source": source, "applications": records }))?;
        } else {
            table(&register, &mut out)?;
        }
        out.flush()?;
        Ok(0)
    }
}

fn table(register: &Read<Applications>, out: &mut impl io::Write) -> io::Result<()> {
    writeln!(out, "{} application(s), registre du {}", register.records.len(), register.source_words())?;
    for one in &register.records {
        let state = if one.suspended { "  SUSPENDUE" } else { "" };
        writeln!(out, "{}  {} {}{state}", one.user, one.lps_name, one.lps_version)?;
        writeln!(out, "    homologation : {} jusqu'au {}", one.homologation, one.homologation_expires_on)?;
        writeln!(out, "    services : {}", one.services.join(", "))?;
        writeln!(out, "    canaux : {} ; méthodes : {}", one.channels.join(", "), one.methods.join(", "))?;
        let declares = match one.may_declare {
            Some(true) => "admise si une [[exception]] le permet",
            Some(false) => "refusée",
            None => "refusée en production",
        };
        writeln!(out, "    profils : {} ; connexion déclarée : {declares}", one.profiles.join(", "))?;
        for audience in &one.audience {
            writeln!(out, "    audience : {} chez {}", audience.client_id, audience.provider)?;
        }
    }
    Ok(())
}
