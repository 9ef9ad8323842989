//! `sceau-verify evidence`: judges what the TPM of an appliance attests, with one file of the officer's own.
//!
//! | module | duty |
//! |---|---|
//! | `officer` | that file: appliances, nonces, history |
//! | `enrol` | an appliance becomes known |
//! | `nonce` | the question |
//! | `judge` | the answer, judged |
//! | `history` | what was judged |
//! | `page`, `json`, `html` | a verdict for people, for programs, for the file |

mod enrol;
mod history;
mod html;
mod json;
mod judge;
mod nonce;
mod officer;
mod page;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::NotJudged;
use super::file::open;
use crate::evidence::document::{DOCUMENT_LEN_MAX, Document};

/// The last lines of the help.
pub(crate) const AFTER_EVIDENCE_HELP: &str = "\
Codes de sortie : 0 bon, ou fait ; 1 au moins un contrôle en échec ou non décidé ; 2 ligne de commande, document ou fichier de \
l'officier incorrect ; 3 la sortie ne peut pas être écrite, ou le fichier de l'officier sert à une autre commande.";

/// Juge la preuve de bon état qu'une appliance fait signer par son TPM.
///
/// Rien d'autre n'est demandé à ce poste : ni TPM, ni réseau. Le fichier de l'officier (--state) retient les appliances enrôlées, les nonces
/// tirés et l'historique des verdicts ; gardez-le là où l'exploitant de l'appliance n'écrit pas.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Evidence {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    judge: judge::Judge,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(after_help = AFTER_EVIDENCE_HELP)]
    Enrol(enrol::Enrol),
    #[command(after_help = AFTER_EVIDENCE_HELP)]
    Nonce(nonce::Draw),
    #[command(after_help = AFTER_EVIDENCE_HELP)]
    History(history::History),
}

impl Evidence {
    /// Does what the command line says; gives the exit code.
    ///
    /// # Errors
    /// [`NotJudged`].
    pub(crate) fn run(self) -> Result<u8, NotJudged> {
        match self.verb {
            Some(Verb::Enrol(enrol)) => enrol.run(),
            Some(Verb::Nonce(draw)) => draw.run(),
            Some(Verb::History(history)) => history.run(),
            None => self.judge.run(),
        }
    }
}

/// The file of the officer, which every verb names.
#[derive(Debug, Args)]
struct State {
    /// Fichier de l'officier : appliances, nonces, historique. Créé au premier enrôlement.
    #[arg(long = "state", value_name = "OFFICIER.json")]
    path: PathBuf,
}

/// A document that the command line names.
fn document<D: Document>(path: &Path) -> Result<D, NotJudged> {
    let bytes = open(path, DOCUMENT_LEN_MAX as u64)?;
    D::read(&bytes).map_err(|cause| NotJudged::Usage(format!("{} : {cause}", path.display())))
}

/// Writes a new file; one that is there is never overwritten.
fn create(path: &Path, text: &str) -> Result<(), NotJudged> {
    let written =
        File::create_new(path).and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => NotJudged::Usage(format!(
            "{} existe déjà et ne sera pas remplacé ; donnez un autre nom",
            path.display()
        )),
        _ => NotJudged::Output(cause),
    })
}

/// Prints on standard output.
fn print(text: &str) -> Result<(), NotJudged> {
    let mut out = io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush())?)
}
