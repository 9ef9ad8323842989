//! `sceau convention approve`: an approver reads what changes, and signs.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::order::{beside, signature};
use super::super::{AdminDoor, EXIT_NEGATIVE, NotDone};
use super::page::{self, Standing};
use super::read;
use crate::policy::convention::{Known, NAMESPACE, NotTaken, difference, judge};
use crate::policy::operators::Operators;
use crate::policy::sshsig::Envelope;
use crate::sys::{clock, durable};

pub(super) const AFTER_HELP: &str = "\
Deux approbateurs signent le même fichier, chacun de son poste ; ssh-keygen demande la phrase de la clé ou le toucher :

  sceau convention approve --key ~/.ssh/id_ed25519_sk convention.toml
  sceau convention check convention.toml
  sceau convention take

Sur un poste sans sceaud, donnez avec --against le fichier de la convention en vigueur.

Codes de sortie : 0 signée ; 1 convention refusée, non signée ; 2 ligne de commande, fichier ou clé incorrects ; 3 occupé ou \
indisponible ; 4 arrêté sur défaut d'intégrité.";

/// Montre une convention et ce qu'elle change, puis la signe ; la signature est écrite à côté.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// Fichier à signer, tel qu'il sera mis en vigueur.
    #[arg(value_name = "FICHIER")]
    file: PathBuf,
    /// Clé SSH : fichier privé, ou .pub d'une clé que tient l'agent.
    #[arg(long, value_name = "CLE")]
    key: PathBuf,
    /// Convention à laquelle comparer, au lieu de celle que sceaud applique.
    #[arg(long, value_name = "FICHIER")]
    against: Option<PathBuf>,
    /// Fichier de la signature ; par défaut FICHIER.NOM-DE-LA-CLE.sig.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    door: AdminDoor,
}

impl Approve {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let test = read::is_test(&self.door);
        let presented = read::file(&self.file, test)?;
        let against = match &self.against {
            Some(path) => Some(read::file(path, test)?),
            None => read::in_force(&self.door)?.map(|told| told.presented),
        };
        let mut out = io::stderr().lock();
        let standing = Standing { approvers: &[], state: "à approuver" };
        page::write(&presented, &standing, &mut out)?;
        match &against {
            Some(old) => {
                writeln!(out, "\nPar rapport à la convention en vigueur :")?;
                page::changes(&difference(&old.convention, &presented.convention), &mut out)?;
            }
            None => writeln!(out, "\nAucune convention n'est en vigueur : celle-ci est la première.")?,
        }
        let previous = against.as_ref().and_then(|old| Some((old.convention.title.as_ref()?.number, old.digest)));
        // Whoever signs may sign first, and before anybody is registered: what cannot be mended by signing is refused.
        let (operators, now) = (Operators::default(), clock::now());
        let known = Known { operators: &operators, production: false, now, previous };
        match judge(&presented.convention, presented.text.as_bytes(), &presented.armours(), &known) {
            Ok(_) => {}
            Err(NotTaken::NotYet) => writeln!(out, "Elle ne pourra être mise en vigueur qu'à son premier jour.")?,
            Err(why) => {
                writeln!(out, "convention non signée ({}) : {}", why.code(), why.message())?;
                return Ok(EXIT_NEGATIVE);
            }
        }
        out.flush()?;
        let signature = signature(&self.key, NAMESPACE, presented.text.as_bytes())?;
        let path = self.out.unwrap_or_else(|| beside(&self.file, &self.key));
        if is_by_another(&path, &signature) {
            return Err(NotDone::Usage(format!(
                "{} est la signature d'une autre clé, qui porte le même nom ; donnez --out {}.VOTRE-NOM.sig",
                path.display(),
                self.file.display()
            )));
        }
        // One's own signature of an older text is of no use any more.
        durable::replace(&path, signature.as_bytes(), 0o644).map_err(|cause| {
            NotDone::Usage(format!("la signature {} ne peut pas être écrite ({cause})", path.display()))
        })?;
        println!("{}", path.display());
        Ok(0)
    }
}

/// Whether a signature by another key than that of `mine` is there: keys of two approvers are often named alike.
fn is_by_another(path: &Path, mine: &str) -> bool {
    let key = |armour: &str| Envelope::parse(armour)?.key();
    let theirs = fs::read_to_string(path).ok().and_then(|armour| key(&armour));
    theirs.is_some_and(|theirs| key(mine).is_none_or(|mine| mine.text() != theirs.text()))
}
