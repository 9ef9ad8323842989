//! `sceau convention check`: would this file be taken?

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::super::{AdminDoor, EXIT_NEGATIVE, NotDone};
use super::read;
use crate::policy::convention::{Known, judge};
use crate::sys::clock;

/// Vérifie un fichier de convention et ses signatures comme sceaud le ferait, sans rien changer.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Fichier ; ses signatures sont à côté.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    #[command(flatten)]
    door: AdminDoor,
}

impl Check {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let presented = read::file(&self.file, read::is_test(&self.door))?;
        let operators = read::operators(&self.door)?;
        let previous = read::in_force(&self.door)?.and_then(|told| {
            let number = told.presented.convention.title.as_ref()?.number;
            Some((number, told.presented.digest))
        });
        let known = Known { operators: &operators, production: true, now: clock::now(), previous };
        let judged = judge(&presented.convention, presented.text.as_bytes(), &presented.armours(), &known);
        let mut out = io::stdout().lock();
        let code = match judged {
            Ok(approvers) => {
                let again = previous.is_some_and(|(_, digest)| digest == presented.digest);
                let next =
                    if again { "elle est en vigueur" } else { "mettez-la en vigueur : sceau convention take" };
                writeln!(out, "convention correcte, approuvée par {} ; {next}", approvers.join(", "))?;
                0
            }
            Err(why) => {
                writeln!(out, "convention refusée ({}) : {}", why.code(), why.message())?;
                EXIT_NEGATIVE
            }
        };
        out.flush()?;
        Ok(code)
    }
}
