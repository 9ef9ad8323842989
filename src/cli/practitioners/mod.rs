//! `sceau practitioners`: the register of practitioners.

mod change;
mod export;
mod import;
mod list;
mod progress;
mod read;
mod review;

use clap::{Args, Subcommand};

use super::{AFTER_HELP, NotDone};

/// Importe, exporte, montre et revoit le registre des professionnels.
#[derive(Debug, Args)]
pub(super) struct Practitioners {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(after_help = import::AFTER_HELP)]
    Import(import::Import),
    #[command(after_help = AFTER_HELP)]
    Export(export::Export),
    #[command(after_help = AFTER_HELP)]
    List(list::List),
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
            What::Import(import) => import.run(),
            What::Export(export) => export.run(),
            What::List(list) => list.run(),
            What::Suspend(suspend) => suspend.run(),
            What::RevokeAuthenticator(revoke) => revoke.run(),
            What::Review(review) => review.run(),
        }
    }
}
