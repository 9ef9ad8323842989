//! `sceau-verify traces`: judges an archive of traces with the audit key and nothing else.

mod progress;
mod report;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;

pub(crate) use progress::Progress;
pub(crate) use report::Report;

use super::NotJudged;
use crate::traces::audit::{self, AuditPublicKey};
use crate::traces::checkpoint::SignedCheckpoint;
use crate::traces::note::NOTE_LEN_MAX;
use crate::traces::verify::archive::judge;

/// The last lines of the help.
pub(crate) const AFTER_TRACES_HELP: &str = "\
Codes de sortie : 0 bon (ce qui n'a pas été vérifié est dit) ; 1 au moins un défaut ; 2 ligne de commande, clé, point de contrôle \
ou fichier incorrect ; 3 la sortie ne peut pas être écrite.";
/// Largest file of keys in bytes: one line of some hundred bytes for each generation.
const KEYS_LEN_MAX: u64 = 64 * 1024;

/// Vérifie une archive de traces (« sceau traces export ») avec la clé d'audit du journal.
///
/// Chaque entrée est confrontée au point de contrôle signé, chaque identité au chiffré du journal, le tableau et le manifeste sont
/// refaits et comparés. Pour un professionnel, il est prouvé qu'aucune entrée de la période ne manque. Le journal lui-même
/// (ledger.sqlite) se vérifie sur sa machine par « sceau traces verify ».
#[derive(Debug, Args)]
pub(crate) struct Traces {
    /// Archive à vérifier (.zip), déchiffrée.
    #[arg(value_name = "ARCHIVE")]
    file: PathBuf,
    /// Clés d'audit du journal, une par ligne (nom+identifiant+clé), obtenues de l'établissement par une voie sûre.
    #[arg(long, value_name = "AUDIT.pub")]
    key: PathBuf,
    /// Point de contrôle que vous avez conservé : juge aussi retour en arrière, dédoublement et fin coupée.
    #[arg(long, value_name = "POINT")]
    since: Option<PathBuf>,
    /// Imprime un document JSON.
    #[arg(long)]
    json: bool,
}

impl Traces {
    /// Judges the file and prints the report.
    ///
    /// # Errors
    /// [`NotJudged`]; nothing was printed on standard output but what was written before the output failed.
    pub(crate) fn run(self) -> Result<u8, NotJudged> {
        let keys = audit_keys(&self.key)?;
        let kept = self.since.as_deref().map(|path| kept(path, &keys)).transpose()?;
        refuse_other_kinds(&self.file)?;
        let mut bar = Progress::new();
        let judged =
            judge(|| File::open(&self.file), &keys, kept.as_ref(), &mut |done, total| bar.show(done, total));
        bar.end();
        let judged = judged.map_err(|cause| unreadable(&self.file, &cause))?;
        Report::of_archive(&self.file, judged).print(self.json)
    }
}

impl Report {
    /// Prints it; gives the exit code.
    ///
    /// # Errors
    /// [`NotJudged::Output`].
    pub(crate) fn print(&self, json: bool) -> Result<u8, NotJudged> {
        let page = if json { self.json() } else { self.text() };
        let mut out = io::stdout().lock();
        out.write_all(page.as_bytes()).and_then(|()| out.flush())?;
        Ok(self.exit_code())
    }
}

/// The audit keys of a file.
///
/// # Errors
/// [`NotJudged::Usage`]: file, form, or no key at all.
pub(crate) fn audit_keys(path: &Path) -> Result<Vec<AuditPublicKey>, NotJudged> {
    let refuse = |line: usize, cause: &dyn std::fmt::Display| {
        NotJudged::Usage(format!("--key {}, ligne {line} : {cause}", path.display()))
    };
    let text = text(path, KEYS_LEN_MAX)?;
    let lines = text.lines().zip(1..).map(|(line, number)| (line.trim(), number));
    let keys = lines
        .filter(|(line, _)| !line.is_empty() && !line.starts_with('#'))
        .map(|(line, number)| AuditPublicKey::parse(line).map_err(|cause| refuse(number, &cause)))
        .collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        Err(refuse(1, &"aucune clé ; donnez le fichier AUDIT.pub de l'établissement"))
    } else {
        Ok(keys)
    }
}

/// The checkpoint that the officer kept.
///
/// # Errors
/// [`NotJudged::Usage`]: file, or a checkpoint that none of the keys signed.
pub(crate) fn kept(path: &Path, keys: &[AuditPublicKey]) -> Result<SignedCheckpoint, NotJudged> {
    let note = text(path, NOTE_LEN_MAX as u64)?;
    audit::open(keys, &note).map_err(|cause| {
        NotJudged::Usage(format!(
            "--since {} : ce point de contrôle n'est pas signé par la clé donnée ({cause}) ; vérifiez lequel des deux est faux",
            path.display()
        ))
    })
}

/// What is no archive, and what to do with it.
fn refuse_other_kinds(path: &Path) -> Result<(), NotJudged> {
    let refuse = |what: &str| Err(NotJudged::Usage(format!("{} : {what}", path.display())));
    if path.is_dir() {
        return refuse(
            "c'est un dossier ; donnez l'archive, ou lancez « sceau traces verify » sur la machine du journal",
        );
    }
    let mut start = [0; 16];
    let read =
        File::open(path).and_then(|mut file| file.read(&mut start)).map_err(|cause| unreadable(path, &cause))?;
    match start.get(..read).unwrap_or_default() {
        start if start.starts_with(b"SQLite format 3") => refuse(
            "c'est le fichier d'un journal, que ce programme ne lit pas (il n'embarque pas SQLite) ; lancez « sceau traces verify » \
             sur la machine du journal, ou demandez un export",
        ),
        // A CMS message: DER or BER in binary, or PEM.
        [0x30, ..] | [b'-', b'-', b'-', ..] => refuse(
            "cette archive est chiffrée ; déchiffrez-la d'abord : openssl cms -decrypt -binary -inform DER -in ARCHIVE -recip \
             CERT.pem -inkey CLE.pem -out ARCHIVE.zip",
        ),
        _ => Ok(()),
    }
}

fn text(path: &Path, len_max: u64) -> Result<String, NotJudged> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(len_max + 1).read_to_string(&mut text))
        .map_err(|cause| unreadable(path, &cause))?;
    if text.len() as u64 > len_max {
        return Err(NotJudged::Usage(format!("{} : le fichier est trop grand ; donnez le bon", path.display())));
    }
    Ok(text)
}

fn unreadable(path: &Path, cause: &io::Error) -> NotJudged {
    NotJudged::Usage(format!(
        "{} ne peut pas être lu ({cause}) ; vérifiez le chemin et les droits",
        path.display()
    ))
}
