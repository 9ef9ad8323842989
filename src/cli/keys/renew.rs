//! `sceau keys renew`: the order by which an appliance makes a key that is to follow one of its own.

use clap::Args;
use serde_json::Map;

use crate::cli::NotDone;
use crate::cli::order::Signing;
use crate::policy::order::Verb;

/// Ordonne à une appliance une clé neuve à côté de celle-ci : ordre d'un administrateur, à apporter par clé USB.
#[derive(Debug, Args)]
pub(super) struct Renew {
    /// Clé qui aura une suite, par son nom dans la configuration ([[seal]] ou [[authentication]] key).
    #[arg(long, value_name = "CLE")]
    key: String,
    #[command(flatten)]
    signing: Signing,
}

impl Renew {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        self.signing.give(Verb::KeyRenew, Map::from_iter([("key".to_owned(), self.key.into())]), None)
    }
}
