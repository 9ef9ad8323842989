//! `sceau-verify`: the officer's offline verifier. Reads files, writes a report, touches nothing else.

mod authorities;
mod evidence;
mod file;
mod json;
mod sarif;
mod text;
pub(crate) mod traces;
mod vihf;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

pub(crate) use vihf::Vihf;

/// The last lines of the help of both `sceau-verify vihf` and `sceau lint`.
pub(crate) const AFTER_HELP: &str = "\
Codes de sortie : 0 bon ; 1 au moins un défaut, ou aucune autorité donnée ; 2 ligne de commande, fichier ou profil incorrect ; \
3 la sortie ne peut pas être écrite.";

/// Le vérificateur hors ligne de Sceau, pour qui doit juger sans rien installer
#[derive(Debug, Parser)]
#[command(name = "sceau-verify", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_HELP)]
    Vihf(Vihf),
    #[command(after_help = traces::AFTER_TRACES_HELP)]
    Traces(traces::Traces),
    #[command(after_help = evidence::AFTER_EVIDENCE_HELP)]
    Evidence(Box<evidence::Evidence>),
}

/// Why nothing was judged; the text is for the person who typed it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotJudged {
    /// The command line, or a file that it names.
    #[error("{0}")]
    Usage(String),
    /// The report cannot be written.
    #[error("la sortie ne peut pas être écrite ({0})")]
    Output(#[from] std::io::Error),
    /// Another command holds the officer's file.
    #[error("le fichier {0} sert en ce moment à une autre commande ; réessayez quand elle aura fini")]
    Held(String),
}

impl NotJudged {
    /// The contract's exit code.
    #[must_use]
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::Output(_) | Self::Held(_) => EXIT_UNAVAILABLE,
        }
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let judged = match usage::parse::<Arguments>().verb {
        Verb::Vihf(vihf) => vihf.run(),
        Verb::Traces(traces) => traces.run(),
        Verb::Evidence(evidence) => evidence.run(),
    };
    usage::exit("sceau-verify", judged, NotJudged::exit_code)
}
