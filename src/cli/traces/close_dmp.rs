//! `sceau traces close-dmp`: a patient's DMP is closed, the term of its traces begins.

use clap::Args;
use serde_json::Map;

use super::super::NotDone;
use super::super::order::{Signing, read_value};
use crate::policy::order::Verb;

/// Dit qu'un DMP est clos : la conservation de ses traces court dès cet ordre. Une assertion d'après l'annule.
#[derive(Debug, Args)]
pub(super) struct CloseDmp {
    /// « - » : l'INS est lu sur l'entrée standard, jamais donné en argument.
    #[arg(long, value_name = "-")]
    patient: String,
    #[command(flatten)]
    signing: Signing,
}

impl CloseDmp {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        if self.patient != "-" {
            let message = "un patient ne se donne jamais en argument ; écrivez --patient - et donnez l'INS sur l'entrée standard";
            return Err(NotDone::Usage(message.to_owned()));
        }
        let ins = read_value("@-")?;
        let arguments = Map::from_iter([("patient".to_owned(), ins.into())]);
        self.signing.give(Verb::TracesCloseDmp, arguments, None)
    }
}
