//! `sceau traces export`: orders an archive of traces, and receives it.

use std::path::PathBuf;

use clap::Args;
use serde_json::Map;

use super::TracesError;
use crate::cli::NotDone;
use crate::cli::order::{Signing, read_value};
use crate::policy::order::Verb;
use crate::traces::checkpoint::Checkpoint;
use crate::traces::note::Note;

/// Exporte les traces de professionnels ou d'un patient : une archive vérifiable, sur l'ordre signé d'un auditeur.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Professionnel (PS_IdNat) ; à répéter.
    #[arg(long = "practitioner", value_name = "PS_IDNAT", required_unless_present = "patient")]
    practitioners: Vec<String>,
    /// Patient au lieu de professionnels : « - » lit l'INS sur l'entrée standard, @FICHIER dans un fichier ; jamais en argument.
    #[arg(long, value_name = "-", conflicts_with = "practitioners")]
    patient: Option<String>,
    /// Premier instant (RFC 3339 UTC), ou jour (AAAA-MM-JJ, de minuit UTC).
    #[arg(long, value_name = "INSTANT")]
    from: String,
    /// Fin, exclue (RFC 3339 UTC), ou jour, exclu.
    #[arg(long, value_name = "INSTANT")]
    to: String,
    /// Certificat de chiffrement (PEM) de qui lira l'archive ; à répéter. Sans lui, l'archive est en clair.
    #[arg(long, value_name = "CERT.pem")]
    encrypt_for: Vec<PathBuf>,
    /// Point de contrôle conservé, que l'archive doit prolonger : le vérificateur le prendra par --since.
    #[arg(long, value_name = "POINT")]
    since: Option<PathBuf>,
    /// Fichier de l'archive, qui ne doit pas exister.
    #[arg(long, value_name = "FICHIER")]
    out: PathBuf,
    #[command(flatten)]
    signing: Signing,
}

impl Export {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut arguments = Map::new();
        let mut put = |name: &str, value: serde_json::Value| drop(arguments.insert(name.to_owned(), value));
        match &self.patient {
            Some(place) => put("patient", patient(place)?.into()),
            None => put("practitioners", self.practitioners.clone().into()),
        }
        put("from", instant(&self.from).into());
        put("to", instant(&self.to).into());
        if !self.encrypt_for.is_empty() {
            let texts = self.encrypt_for.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            put("encrypt_for", texts.concat().into());
        }
        if let Some(path) = &self.since {
            let text = read(path)?;
            let checkpoint = Note::parse(&text).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
            let checkpoint = checkpoint.ok_or_else(|| {
                NotDone::Usage(format!(
                    "--since {} : ce n'est pas un point de contrôle ; donnez celui que vous avez gardé",
                    path.display()
                ))
            })?;
            put("since", checkpoint.size.to_string().into());
        }
        self.signing.give(Verb::TracesExport, arguments, Some(self.out))
    }
}

/// An INS from where no other user of the machine sees it.
fn patient(place: &str) -> Result<String, NotDone> {
    match place {
        "-" => read_value("@-"),
        file if file.starts_with('@') => read_value(file),
        _ => Err(NotDone::Usage(
            "un patient ne se donne jamais en argument ; écrivez --patient - et donnez l'INS sur l'entrée standard".to_owned(),
        )),
    }
}

/// A day is its first instant.
fn instant(text: &str) -> String {
    if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") }
}

fn read(path: &PathBuf) -> Result<String, NotDone> {
    Ok(std::fs::read_to_string(path).map_err(|cause| TracesError::Read(path.clone(), cause))?)
}
