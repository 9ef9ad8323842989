//! `sceau order`: an order is made, signed by each who must, and submitted; also in one command for one person.

mod arguments;
mod made;
mod sign;
mod submit;

use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::{AdminDoor, NotDone};
use crate::policy::order::{NAMESPACE, Verb};
use made::Made;

pub(super) use arguments::read_value;
pub(super) use sign::{beside, signature};
pub(super) use submit::read_document;

const AFTER_NEW_HELP: &str = "\
Un ordre vaut 24 heures au plus et une seule fois. Ses octets exacts sont signés : ne modifiez plus le fichier.

  sceau order new operator-revoke --argument name=alice > ordre.json
  sceau order sign --key ~/.ssh/id_ed25519_sk ordre.json
  sceau order submit ordre.json --signature ordre.json.id_ed25519_sk.sig";

/// Fait, signe ou soumet un ordre d'opérateur.
#[derive(Debug, Args)]
pub(super) struct Orders {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(after_help = AFTER_NEW_HELP)]
    New(New),
    Sign(sign::Sign),
    Submit(submit::Submit),
}

/// Imprime un nouvel ordre, à signer.
#[derive(Debug, Args)]
struct New {
    /// Verbe, par exemple operator-revoke.
    #[arg(value_name = "VERBE")]
    verb: String,
    /// Argument du verbe ; @FICHIER en lit la valeur dans un fichier, @- sur l'entrée standard. Une liste se répète.
    #[arg(long = "argument", value_name = "NOM=VALEUR")]
    arguments: Vec<String>,
    /// Journal visé ; par défaut celui qui répond sur la socket.
    #[arg(long, value_name = "JOURNAL")]
    ledger: Option<String>,
    #[command(flatten)]
    door: AdminDoor,
}

/// How an order is given in one command: signed here and now, or printed for others to sign.
#[derive(Debug, Args)]
pub(super) struct Signing {
    /// Clé SSH qui signe (fichier privé, ou .pub d'une clé que tient l'agent) ; à répéter si plusieurs signent ici. Sans elle,
    /// l'ordre est imprimé, à signer avec sceau order sign.
    #[arg(long = "sign-with", value_name = "CLE")]
    keys: Vec<PathBuf>,
    /// Imprimer la réponse en JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Orders {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::New(new) => new.run(),
            What::Sign(sign) => sign.run(),
            What::Submit(submit) => submit.run(),
        }
    }
}

impl New {
    fn run(self) -> Result<u8, NotDone> {
        let verb = Verb::parse(&self.verb).ok_or_else(|| {
            let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.name()).collect();
            NotDone::Usage(format!("ce verbe est inconnu ; choisissez parmi {}", known.join(", ")))
        })?;
        let arguments = arguments::read(verb, &self.arguments)?;
        let ledger = match self.ledger {
            Some(ledger) => ledger,
            None => made::ledger(&mut self.door.connect()?)?,
        };
        print(&Made::new(&ledger, verb, arguments)?)
    }
}

impl Signing {
    /// Gives an order: makes it, signs it with the keys that are here and submits it; prints it where there are none. The
    /// document that it delivers goes to `out`.
    ///
    /// # Errors
    /// Whatever step failed, with its remedy; nothing was ordered unless the answer says so.
    pub(super) fn give(
        &self,
        verb: Verb,
        arguments: Map<String, Value>,
        out: Option<PathBuf>,
    ) -> Result<u8, NotDone> {
        let mut client = self.door.connect()?;
        let made = Made::new(&made::ledger(&mut client)?, verb, arguments)?;
        if !self.signs() {
            eprintln!(
                "sceau : ordre à signer (sceau order sign --key CLE FICHIER), puis à soumettre (sceau order submit)"
            );
            return print(&made);
        }
        submit::submit(&mut client, &made, &self.signatures(&made)?, out.as_deref(), self.json)
    }

    /// The same with the keys that are here, for a verb that reads the answer itself.
    ///
    /// # Errors
    /// As [`Signing::give`].
    pub(super) fn obtain(
        &self,
        verb: Verb,
        arguments: Map<String, Value>,
        out: Option<&std::path::Path>,
    ) -> Result<Value, NotDone> {
        let mut client = self.door.connect()?;
        let made = Made::new(&made::ledger(&mut client)?, verb, arguments)?;
        submit::obtain(&mut client, &made, &self.signatures(&made)?, out)
    }

    /// Gives an order that is about a document, and hands the document in before it; `progress` learns how many of its bytes
    /// are there.
    ///
    /// # Errors
    /// As [`Signing::give`].
    pub(super) fn give_with(
        &self,
        verb: Verb,
        arguments: Map<String, Value>,
        document: &[u8],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Value, NotDone> {
        let mut client = self.door.connect()?;
        let made = Made::new(&made::ledger(&mut client)?, verb, arguments)?;
        let signatures = self.signatures(&made)?;
        submit::attach(&mut client, document, progress)?;
        submit::obtain(&mut client, &made, &signatures, None)
    }

    /// The register's pages come through the same door.
    ///
    /// # Errors
    /// As [`AdminDoor::connect`].
    pub(super) fn connect(&self) -> Result<super::client::Client, NotDone> {
        self.door.connect()
    }

    fn signatures(&self, made: &Made) -> Result<Vec<String>, NotDone> {
        self.keys.iter().map(|key| signature(key, NAMESPACE, made.text().as_bytes())).collect()
    }

    /// Whether the order is signed here.
    pub(super) fn signs(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether the answer is wanted in JSON.
    pub(super) fn wants_json(&self) -> bool {
        self.json
    }

    /// The operators' door.
    pub(super) fn door(&self) -> &AdminDoor {
        &self.door
    }

    /// The configuration file.
    pub(super) fn config(&self) -> &std::path::Path {
        &self.door.config
    }
}

fn print(made: &Made) -> Result<u8, NotDone> {
    let mut out = io::stdout().lock();
    out.write_all(made.text().as_bytes())?;
    out.flush()?;
    Ok(0)
}
