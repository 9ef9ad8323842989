//! `sceau practitioners suspend` and `revoke-authenticator`: orders about one practitioner.

use clap::Args;
use serde_json::Map;

use crate::cli::NotDone;
use crate::cli::order::{Signing, read_value};
use crate::policy::order::Verb;

/// Suspend un professionnel, à l'instant : ordre d'un administrateur ou d'un approbateur. sceau resume le reprend.
#[derive(Debug, Args)]
pub(super) struct Suspend {
    /// « - » : son identifiant national (PS_IdNat) est lu sur l'entrée standard.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    practitioner: String,
    #[command(flatten)]
    signing: Signing,
}

/// Révoque un moyen d'authentification perdu, à l'instant et pour toujours : ordre d'un administrateur ou d'un approbateur.
#[derive(Debug, Args)]
pub(super) struct RevokeAuthenticator {
    /// « - » : l'identifiant national (PS_IdNat) de son porteur est lu sur l'entrée standard.
    #[arg(long, value_name = "-", value_parser = ["-"])]
    practitioner: String,
    /// Méthode de l'annexe 2, par exemple CPS.
    #[arg(long, value_name = "METHODE")]
    method: String,
    /// Identifiant du moyen au registre, par exemple le numéro de la carte.
    #[arg(long, value_name = "MOYEN")]
    authenticator: String,
    #[command(flatten)]
    signing: Signing,
}

impl Suspend {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        give(&self.signing, Verb::PractitionerSuspend, [("practitioner", read_practitioner(&self.practitioner)?)])
    }
}

impl RevokeAuthenticator {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let Self { practitioner, method, authenticator, signing } = self;
        let practitioner = read_practitioner(&practitioner)?;
        let arguments = [("practitioner", practitioner), ("method", method), ("authenticator", authenticator)];
        give(&signing, Verb::AuthenticatorRevoke, arguments)
    }
}

/// A command line is seen by every user of the machine: `-` is the only word that is taken.
fn read_practitioner(given: &str) -> Result<String, NotDone> {
    read_value(&format!("@{given}"))
}

fn give<const N: usize>(signing: &Signing, verb: Verb, arguments: [(&str, String); N]) -> Result<u8, NotDone> {
    let arguments: Map<_, _> =
        arguments.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    signing.give(verb, arguments, None)
}
