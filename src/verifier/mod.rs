//! The command line `sceau-verify`: judges offline, with what it is given and nothing of the machine.

mod vihf;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::usage;

/// Exit codes of the contract.
const EXIT_NEGATIVE: u8 = 1;
const EXIT_USAGE: u8 = 2;

const AFTER_HELP: &str = "\
Codes de sortie : 0 rien à redire ; 1 verdict négatif ; 2 ligne de commande ou fichier incorrect.";

/// Le vérificateur hors ligne de Sceau, pour le responsable de la sécurité et l'éditeur de logiciel
#[derive(Debug, Parser)]
#[command(name = "sceau-verify", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_HELP)]
    Vihf(vihf::Vihf),
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let Verb::Vihf(vihf) = usage::parse::<Arguments>().verb;
    match vihf.run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(EXIT_NEGATIVE),
        Err(cause) => {
            eprintln!("sceau-verify : {cause}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}
