//! `sceau convention`: what the establishment declared, shown, compared, approved and put in force.

mod approve;
mod check;
mod diff;
mod page;
mod read;
mod show;
mod take;

pub(super) use read::{named, presented};

use clap::{Args, Subcommand};

use super::{AFTER_HELP, NotDone};

/// Montre, compare, vérifie, approuve ou met en vigueur la convention de l'établissement.
#[derive(Debug, Args)]
pub(super) struct ConventionArguments {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(after_help = AFTER_HELP)]
    Show(show::Show),
    #[command(after_help = AFTER_HELP)]
    Diff(diff::Diff),
    #[command(after_help = AFTER_HELP)]
    Check(check::Check),
    #[command(after_help = approve::AFTER_HELP)]
    Approve(approve::Approve),
    #[command(after_help = AFTER_HELP)]
    Take(take::Take),
}

impl ConventionArguments {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::Show(show) => show.run(),
            What::Diff(diff) => diff.run(),
            What::Check(check) => check.run(),
            What::Approve(approve) => approve.run(),
            What::Take(take) => take.run(),
        }
    }
}
