//! The command line `sceau`: one file per verb.

mod client;
mod issue;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, ConfigError};
use client::CallError;

/// Exit codes of the contract.
const EXIT_NEGATIVE: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_UNAVAILABLE: u8 = 3;
const EXIT_HALTED: u8 = 4;

/// La ligne de commande de Sceau, pour l'exploitant, l'intégrateur et le responsable de la sécurité.
///
/// Codes de retour : 0 fait ; 1 refusé ou rejoué ; 2 usage ou configuration ; 3 occupé ou indisponible ; 4 arrêté sur
/// défaut d'intégrité.
#[derive(Debug, Parser)]
#[command(name = "sceau", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Issue(Box<issue::Issue>),
    Status(status::Status),
}

/// Where the door is.
#[derive(Debug, Args)]
struct Door {
    /// Fichier de configuration, qui nomme la socket.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Socket du service, au lieu de celle de la configuration.
    #[arg(long, value_name = "SOCKET")]
    socket: Option<PathBuf>,
}

impl Door {
    fn path(&self) -> Result<PathBuf, ConfigError> {
        match &self.socket {
            Some(socket) => Ok(socket.clone()),
            None => Ok(Config::load(&self.config)?.sockets.token),
        }
    }
}

/// Why a verb was not done; the text is for the person who typed it.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Call(#[from] CallError),
    #[error("la sortie ne peut pas être écrite ({0})")]
    Output(#[from] std::io::Error),
}

impl NotDone {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) => EXIT_USAGE,
            Self::Call(error) => error.exit_code(),
            Self::Output(_) => EXIT_UNAVAILABLE,
        }
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Issue(issue) => issue.run(),
        Verb::Status(status) => status.run(),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(not_done) => {
            eprintln!("sceau : {not_done}");
            ExitCode::from(not_done.exit_code())
        }
    }
}
