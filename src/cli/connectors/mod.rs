//! `sceau connectors`, `sceau modules`: foreign software, attached by order alone.

mod apply;
mod attach;
mod image;
mod list;

use clap::{Args, Subcommand};
use serde_json::Map;

use super::order::Signing;
use super::{AFTER_HELP, NotDone};
use crate::policy::order::Verb;

/// Montre, attache et détache les connecteurs : logiciels tiers à côté des sockets de Sceau, chacun dans son image signée.
#[derive(Debug, Args)]
pub(super) struct Connectors {
    #[command(subcommand)]
    verb: OfConnectors,
}

/// Attache et détache les modules PKCS#11 des fournisseurs, chacun dans son image signée.
#[derive(Debug, Args)]
pub(super) struct Modules {
    #[command(subcommand)]
    verb: OfModules,
}

#[derive(Debug, Subcommand)]
enum OfConnectors {
    #[command(after_help = AFTER_HELP)]
    List(list::List),
    #[command(after_help = AFTER_HELP)]
    Inspect(image::Inspect),
    #[command(after_help = AFTER_HELP)]
    Attach(Box<attach::Attach>),
    #[command(after_help = AFTER_HELP)]
    Detach(Detach),
    #[command(after_help = AFTER_HELP)]
    Apply(apply::Apply),
}

#[derive(Debug, Subcommand)]
enum OfModules {
    #[command(after_help = AFTER_HELP)]
    Attach(attach::AttachModule),
    #[command(after_help = AFTER_HELP)]
    Detach(Detach),
}

/// Détache : ordre d'un administrateur ou d'un approbateur.
#[derive(Debug, Args)]
struct Detach {
    /// Son nom.
    #[arg(long, value_name = "NOM")]
    name: String,
    #[command(flatten)]
    signing: Signing,
}

impl Detach {
    fn run(self, verb: Verb) -> Result<u8, NotDone> {
        self.signing.give(verb, Map::from_iter([("name".to_owned(), self.name.into())]), None)
    }
}

impl Connectors {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            OfConnectors::List(list) => list.run(),
            OfConnectors::Inspect(inspect) => inspect.run(),
            OfConnectors::Attach(attach) => attach.run(),
            OfConnectors::Detach(detach) => detach.run(Verb::ConnectorDetach),
            OfConnectors::Apply(apply) => apply.run(),
        }
    }
}

impl Modules {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            OfModules::Attach(attach) => attach.run(),
            OfModules::Detach(detach) => detach.run(Verb::ModuleDetach),
        }
    }
}
