//! `sceau applications`: the register of applications.

mod list;
mod review;

use clap::{Args, Subcommand};

use super::register::{self, Register};
use super::{AFTER_HELP, NotDone};
use crate::config::{Config, Named};
use crate::policy::application::{Record, import};
use crate::policy::order::Verb;
use crate::policy::register::{Format, Slip};
use crate::sys::peer;

const AFTER_IMPORT_HELP: &str = "\
Toutes les lignes sont bonnes, ou rien ne change. --dry-run dit chaque ligne fautive et ce qui changerait, sans rien changer.

  sceau applications export --out applications.csv
  sceau applications import applications.csv --dry-run
  sceau applications import applications.csv --sign-with ~/.ssh/id_ed25519_sk

Codes de sortie : 0 fait ou bon ; 1 refusé, une ligne au moins est fautive ; 2 ligne de commande, configuration ou fichier \
illisible ; 3 occupé ou indisponible ; 4 arrêté.";

/// Importe, exporte, montre et revoit le registre des applications. sceau suspend et sceau resume les arrêtent et les reprennent.
#[derive(Debug, Args)]
pub(super) struct Applications {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fait d'un fichier CSV ou JSON le registre des applications : ordre d'un administrateur.
    #[command(after_help = AFTER_IMPORT_HELP)]
    Import(register::Import),
    #[command(after_help = AFTER_HELP)]
    Export(register::Export),
    #[command(after_help = AFTER_HELP)]
    List(list::List),
    #[command(after_help = AFTER_HELP)]
    Review(review::Review),
}

impl Applications {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::Import(import) => import.run::<Self>(),
            What::Export(export) => export.run::<Self>(),
            What::List(list) => list.run(),
            What::Review(review) => review.run(),
        }
    }
}

impl Register for Applications {
    type Record = Record;
    const METHOD: &'static str = "Applications";
    const MEMBER: &'static str = "applications";
    const IMPORT: Verb = Verb::ApplicationsImport;
    const ENTRIES: &'static str = "application(s)";

    fn key(record: &Record) -> &str {
        &record.user
    }

    fn judge(
        config: &Config,
        named: &Named,
        (bytes, format): (&[u8], Format),
        _progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Record>, Vec<Slip>> {
        let uid = |user: &str| peer::uid_of(user).ok().flatten();
        let name = |uid| peer::name_of(uid).ok().flatten();
        let users = import::Users { uid: &uid, name: &name };
        let register = import::judge(bytes, format, &config.around(&named.profiles), users)?;
        Ok(register.all().iter().map(|one| one.record.clone()).collect())
    }
}
