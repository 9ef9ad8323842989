//! `sceau practitioners`: the register of practitioners.

mod change;
mod review;

use std::io;

use clap::{Args, Subcommand};

use super::register::{self, Register};
use super::{AFTER_HELP, NotDone};
use crate::config::{Config, Named};
use crate::policy::order::Verb;
use crate::policy::practitioner::{Record, import};
use crate::policy::register::{Format, Slip};

const AFTER_IMPORT_HELP: &str = "\
Toutes les lignes sont bonnes, ou rien ne change. --dry-run dit chaque ligne fautive et ce qui changerait, sans rien changer.

  sceau practitioners import professionnels.csv --dry-run
  sceau practitioners import professionnels.csv --sign-with ~/.ssh/id_ed25519_sk

Codes de sortie : 0 fait ou bon ; 1 refusé, une ligne au moins est fautive ; 2 ligne de commande, configuration ou fichier \
illisible ; 3 occupé ou indisponible ; 4 arrêté.";

/// Importe, exporte, montre et revoit le registre des professionnels.
#[derive(Debug, Args)]
pub(super) struct Practitioners {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fait d'un fichier CSV ou JSON le registre des professionnels : ordre d'un administrateur.
    #[command(after_help = AFTER_IMPORT_HELP)]
    Import(register::Import),
    #[command(after_help = AFTER_HELP)]
    Export(register::Export),
    #[command(after_help = AFTER_HELP)]
    List(register::List),
    #[command(after_help = AFTER_HELP)]
    Suspend(change::Suspend),
    #[command(after_help = AFTER_HELP)]
    RevokeAuthenticator(change::RevokeAuthenticator),
    #[command(after_help = AFTER_HELP)]
    Review(review::Review),
}

impl Practitioners {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::Import(import) => import.run::<Self>(),
            What::Export(export) => export.run::<Self>(),
            What::List(list) => list.run::<Self>(),
            What::Suspend(suspend) => suspend.run(),
            What::RevokeAuthenticator(revoke) => revoke.run(),
            What::Review(review) => review.run(),
        }
    }
}

impl Register for Practitioners {
    type Record = Record;
    const METHOD: &'static str = "Practitioners";
    const MEMBER: &'static str = "practitioners";
    const IMPORT: Verb = Verb::PractitionersImport;
    const ENTRIES: &'static str = "professionnel(s)";

    fn key(record: &Record) -> &str {
        &record.id
    }

    fn show(one: &Record, out: &mut impl io::Write) -> io::Result<()> {
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
        Ok(())
    }

    fn judge(
        config: &Config,
        named: &Named,
        (bytes, format): (&[u8], Format),
        _now: &[Record],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Record>, Vec<Slip>> {
        let around = named.around(config);
        let register = import::judge(bytes, format, &around, None, progress)?;
        Ok(register.all().iter().map(|one| one.record.clone()).collect())
    }
}
