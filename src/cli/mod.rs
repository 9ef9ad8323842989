//! The command line `sceau`: one file per verb.

#[cfg(feature = "appliance")]
mod applications;
#[cfg(feature = "appliance")]
mod attest;
#[cfg(feature = "appliance")]
mod bench;
mod check;
mod client;
#[cfg(feature = "appliance")]
mod connectors;
mod convention;
mod issue;
#[cfg(feature = "appliance")]
mod keys;
mod metrics;
mod operators;
mod order;
#[cfg(feature = "appliance")]
mod practitioners;
#[cfg(feature = "appliance")]
mod register;
#[cfg(feature = "appliance")]
mod seal;
mod status;
mod suspensions;
#[cfg(feature = "appliance")]
mod traces;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde_json::Value;

use crate::config::{Config, ConfigError};
use crate::usage::{self, EXIT_HALTED, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};
use crate::verifier;
use client::{CallError, Client};

const AFTER_HELP: &str = "\
Codes de sortie : 0 fait ; 1 refusé ou rejoué ; 2 ligne de commande, configuration ou demande incorrecte ; 3 occupé ou \
indisponible ; 4 arrêté sur défaut d'intégrité.";
const AFTER_STATUS_HELP: &str = "\
Codes de sortie : 0 prêt ; 2 ligne de commande ou configuration incorrecte ; 3 pas prêt, occupé ou indisponible ; 4 arrêté \
sur défaut d'intégrité.";

const AFTER_CHECK_HELP: &str = "\
Codes de sortie : 0 rien à corriger (des avertissements sont possibles) ; 1 droits, unités ou homologation à corriger ; 2 \
ligne de commande, configuration, registre ou certificat incorrect ; 3 service, signataire ou horloge indisponible ; 4 arrêté \
sur défaut d'intégrité.";

/// La ligne de commande de Sceau, pour l'exploitant, l'intégrateur et le responsable de la sécurité
#[derive(Debug, Parser)]
#[command(name = "sceau", version, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_HELP)]
    Issue(Box<issue::Issue>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Attest(attest::Attest),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Seal(Box<seal::Seal>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Keys(Box<keys::Keys>),
    #[command(after_help = AFTER_HELP)]
    Operators(operators::Operators),
    #[command(after_help = AFTER_HELP)]
    Order(order::Orders),
    #[command(name = "convention", after_help = AFTER_HELP)]
    Convention(convention::ConventionArguments),
    #[command(after_help = AFTER_HELP)]
    Suspend(suspensions::Suspend),
    #[command(after_help = AFTER_HELP)]
    Resume(suspensions::Resume),
    #[command(after_help = AFTER_HELP)]
    Suspensions(suspensions::Suspensions),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Practitioners(Box<practitioners::Practitioners>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Applications(Box<applications::Applications>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Connectors(Box<connectors::Connectors>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Modules(Box<connectors::Modules>),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Traces(Box<traces::Traces>),
    #[command(name = "lint", after_help = verifier::AFTER_HELP)]
    Lint(verifier::Vihf),
    // Its long text has the codes, in fewer words.
    #[command(after_help = AFTER_STATUS_HELP, long_about = None)]
    Status(status::Status),
    #[command(after_help = AFTER_HELP)]
    Metrics(metrics::Metrics),
    #[command(after_help = AFTER_CHECK_HELP)]
    Check(check::Check),
    #[cfg(feature = "appliance")]
    #[command(after_help = AFTER_HELP)]
    Bench(bench::Bench),
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

/// Where the operators' door is.
#[derive(Debug, Args)]
struct AdminDoor {
    /// Fichier de configuration, qui nomme la socket.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Socket des opérateurs, au lieu de celle de la configuration.
    #[arg(long, value_name = "SOCKET")]
    socket: Option<PathBuf>,
}

impl AdminDoor {
    fn connect(&self) -> Result<Client, NotDone> {
        let path = match &self.socket {
            Some(socket) => socket.clone(),
            None => Config::load(&self.config)?.sockets.admin,
        };
        Ok(Client::connect_admin(&path)?)
    }
}

/// Prints a document of `sceaud` as it came, or as `table` makes people read it.
fn show(
    document: &Value,
    json: bool,
    table: impl FnOnce(&Value, &mut io::StdoutLock<'static>) -> io::Result<()>,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        writeln!(out, "{document}")?;
    } else {
        table(document, &mut out)?;
    }
    out.flush()
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
    #[error("{0}")]
    Verifier(#[from] verifier::NotJudged),
    #[cfg(feature = "appliance")]
    #[error(transparent)]
    Keys(#[from] keys::KeysError),
    #[cfg(feature = "appliance")]
    #[error(transparent)]
    Traces(#[from] traces::TracesError),
    #[cfg(feature = "appliance")]
    #[error(transparent)]
    Copied(#[from] traces::NotCopied),
    #[cfg(feature = "appliance")]
    #[error(transparent)]
    NotApplied(#[from] crate::connectors::NotApplied),
    #[error("la sortie ne peut pas être écrite ({0})")]
    Output(#[from] io::Error),
}

impl NotDone {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Usage(_) => EXIT_USAGE,
            Self::Call(error) => error.exit_code(),
            Self::Verifier(cause) => cause.exit_code(),
            #[cfg(feature = "appliance")]
            Self::Keys(error) => error.exit_code(),
            #[cfg(feature = "appliance")]
            Self::Traces(error) => error.exit_code(),
            #[cfg(feature = "appliance")]
            Self::Copied(cause) => cause.exit_code(),
            #[cfg(feature = "appliance")]
            Self::NotApplied(_) => EXIT_UNAVAILABLE,
            Self::Output(_) => EXIT_UNAVAILABLE,
        }
    }
}

/// Runs the command line.
#[must_use]
pub fn main() -> ExitCode {
    let done = match usage::parse::<Arguments>().verb {
        Verb::Issue(issue) => issue.run(),
        Verb::Lint(vihf) => vihf.run().map_err(NotDone::from),
        #[cfg(feature = "appliance")]
        Verb::Attest(attest) => attest.run(),
        #[cfg(feature = "appliance")]
        Verb::Seal(seal) => seal.run(),
        #[cfg(feature = "appliance")]
        Verb::Keys(keys) => keys.run(),
        Verb::Operators(operators) => operators.run(),
        Verb::Order(order) => order.run(),
        Verb::Convention(convention) => convention.run(),
        Verb::Suspend(suspend) => suspend.run(),
        Verb::Resume(resume) => resume.run(),
        Verb::Suspensions(suspensions) => suspensions.run(),
        #[cfg(feature = "appliance")]
        Verb::Practitioners(practitioners) => practitioners.run(),
        #[cfg(feature = "appliance")]
        Verb::Applications(applications) => applications.run(),
        #[cfg(feature = "appliance")]
        Verb::Connectors(connectors) => connectors.run(),
        #[cfg(feature = "appliance")]
        Verb::Modules(modules) => modules.run(),
        #[cfg(feature = "appliance")]
        Verb::Traces(traces) => traces.run(),
        Verb::Status(status) => status.run(),
        Verb::Metrics(metrics) => metrics.run(),
        Verb::Check(check) => check.run(),
        #[cfg(feature = "appliance")]
        Verb::Bench(bench) => bench.run(),
    };
    usage::exit("sceau", done, NotDone::exit_code)
}
