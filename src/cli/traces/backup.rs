//! `sceau traces backup`: what the folder of backups has not yet, or the escrow of the keys.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use super::super::NotDone;
use super::super::order::Signing;
use crate::policy::order::Verb;
use crate::sys::durable;

/// What the next segment goes on from, in the folder.
const STATE: &str = "etat.txt";
/// Longest state.
const STATE_LEN_MAX: u64 = 4096;

const AFTER_HELP: &str = "\
Les segments sont chiffrés pour [backup] readers ; leur porteur ne peut ni les lire ni les changer sans que la restauration le \
dise. Le dossier ne fait que grandir. Les clés n'y sont jamais : --escrow --out FICHIER en fait un séquestre, chiffré pour \
[backup] recovery, à garder ailleurs et à refaire après chaque destruction.";

/// Sauvegarde le journal : ce qui s'est ajouté depuis la dernière fois.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Backup {
    /// Dossier des sauvegardes ; vide la première fois.
    #[arg(long, value_name = "DOSSIER", required_unless_present = "escrow", conflicts_with = "escrow")]
    to: Option<PathBuf>,
    /// Faire le séquestre des clés au lieu d'une sauvegarde.
    #[arg(long, requires = "out")]
    escrow: bool,
    /// Fichier du séquestre.
    #[arg(long, value_name = "FICHIER", conflicts_with = "to")]
    out: Option<PathBuf>,
    #[command(flatten)]
    signing: Signing,
}

impl Backup {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut arguments = Map::new();
        let Some(folder) = self.to else {
            arguments.insert("escrow".to_owned(), "oui".into());
            return self.signing.give(Verb::TracesBackup, arguments, self.out);
        };
        if !self.signing.signs() {
            let message = "une sauvegarde s'ordonne et se reçoit en une commande ; donnez --sign-with CLE";
            return Err(NotDone::Usage(message.to_owned()));
        }
        if let Some(state) = state(&folder)? {
            arguments.insert("since".to_owned(), state.into());
        }
        // What an interrupted backup left: the state does not count it.
        let document = folder.join(".segments");
        match fs::remove_file(&document) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(unwritten(&document, &cause)),
            _ => {}
        }
        let answer = self.signing.obtain(Verb::TracesBackup, arguments, Some(&document))?;
        let done = answer.get("done").cloned().unwrap_or_default();
        split(&folder, &document, &done).map_err(|cause| unwritten(&folder, &cause))?;
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            writeln!(out, "{answer}")?;
        } else {
            let number = |name: &str| done.get(name).and_then(Value::as_u64).unwrap_or_default();
            writeln!(out, "sauvegardé : {} traces en tout, époque {}", number("entries"), number("epoch"))?;
            if done.get("new_escrow") == Some(&Value::Bool(true)) {
                writeln!(out, "faites un nouveau séquestre : sceau traces backup --escrow --out FICHIER")?;
            }
            if let Some(destroy) = done.get("destroy").and_then(Value::as_str) {
                writeln!(out, "{destroy}")?;
            }
        }
        out.flush()?;
        Ok(0)
    }
}

fn state(folder: &Path) -> Result<Option<String>, NotDone> {
    let path = folder.join(STATE);
    let mut text = String::new();
    match File::open(&path).and_then(|file| file.take(STATE_LEN_MAX).read_to_string(&mut text)) {
        Ok(_) => Ok(Some(text.trim().to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unwritten(&path, &cause)),
    }
}

/// Cuts the document into its segments, then lets the folder's state count them.
///
/// A crash before the state is written leaves segments that the next backup makes again under the same names.
fn split(folder: &Path, document: &Path, done: &Value) -> io::Result<()> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    let mut source = File::open(document)?;
    for segment in done.get("segments").and_then(Value::as_array).ok_or_else(broken)? {
        let number = |name: &str| segment.get(name).and_then(Value::as_u64).ok_or_else(broken);
        let (generation, number, len) = (number("generation")?, number("number")?, number("bytes")?);
        let mut bytes = Vec::new();
        if Read::by_ref(&mut source).take(len).read_to_end(&mut bytes)? as u64 != len {
            return Err(broken());
        }
        durable::replace(&folder.join(format!("g{generation:04}-{number:08}.p7m")), &bytes, 0o600)?;
    }
    let state = done.get("state").and_then(Value::as_str).ok_or_else(broken)?;
    durable::replace(&folder.join(STATE), state.as_bytes(), 0o600)?;
    fs::remove_file(document)
}

fn unwritten(path: &Path, cause: &io::Error) -> NotDone {
    let path = path.display();
    NotDone::Usage(format!(
        "la sauvegarde ne peut pas être écrite ou lue dans {path} ({cause}) ; vérifiez ce dossier"
    ))
}
