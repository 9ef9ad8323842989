//! `sceau order submit`: hands an order and its signatures in, and tells what came of it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde_json::{Value, json};

use super::super::client::{CallError, Client};
use super::super::{AdminDoor, NotDone};
use super::made::Made;
use crate::policy::register::FILE_LEN_MAX;
use crate::policy::sshsig::ENVELOPE_LEN_MAX;

/// Bytes of a piece of a document: in base64 it fits in a frame of the socket with room.
const PIECE_LEN: usize = 45 * 1024;

/// Soumet un ordre signé.
#[derive(Debug, Args)]
pub(super) struct Submit {
    /// Ordre, tel qu'il a été signé.
    #[arg(value_name = "ORDRE")]
    order: PathBuf,
    /// Signature ; à répéter si l'ordre en demande plusieurs.
    #[arg(long = "signature", value_name = "FICHIER", required = true)]
    signatures: Vec<PathBuf>,
    /// Fichier sur lequel porte l'ordre (practitioners-import), tel qu'il était quand l'ordre a été signé.
    #[arg(long, value_name = "FICHIER")]
    document: Option<PathBuf>,
    /// Fichier où mettre le document que l'ordre fait livrer.
    #[arg(long, value_name = "FICHIER")]
    out: Option<PathBuf>,
    /// Imprimer la réponse en JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Submit {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let made = Made::read(&self.order)?;
        let signatures = self.signatures.iter().map(|path| signature(path)).collect::<Result<Vec<_>, _>>()?;
        let mut client = self.door.connect()?;
        match (&self.document, made.verb().takes_document()) {
            (Some(document), true) => attach(&mut client, &read_document(document)?, &mut |_, _| {})?,
            (None, true) => {
                return Err(NotDone::Usage(
                    "cet ordre porte sur un fichier ; donnez --document FICHIER".to_owned(),
                ));
            }
            (Some(_), false) => {
                return Err(NotDone::Usage(
                    "cet ordre ne porte sur aucun fichier ; retirez --document".to_owned(),
                ));
            }
            (None, false) => {}
        }
        submit(&mut client, &made, &signatures, self.out.as_deref(), self.json)
    }
}

fn signature(path: &Path) -> Result<String, NotDone> {
    let unread =
        |cause: &str| NotDone::Usage(format!("la signature {} n'est pas lisible ({cause})", path.display()));
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > ENVELOPE_LEN_MAX as u64 => Err(unread("elle est trop longue")),
        Ok(_) => fs::read_to_string(path).map_err(|cause| unread(&cause.to_string())),
        Err(cause) => Err(unread(&cause.to_string())),
    }
}

/// A file that an order is about.
///
/// # Errors
/// It cannot be read, or is too long.
pub(in super::super) fn read_document(path: &Path) -> Result<Vec<u8>, NotDone> {
    let unread = |cause: &str| NotDone::Usage(format!("{} n'est pas lisible ({cause})", path.display()));
    let mut document = Vec::new();
    let file = File::open(path).map_err(|cause| unread(&cause.to_string()))?;
    file.take(FILE_LEN_MAX as u64 + 1).read_to_end(&mut document).map_err(|cause| unread(&cause.to_string()))?;
    if document.len() > FILE_LEN_MAX {
        return Err(unread("il dépasse 16 Mio"));
    }
    Ok(document)
}

/// Hands a document in, for the order that follows on this connection.
///
/// # Errors
/// The answer was an error, or there was none.
pub(super) fn attach(
    client: &mut Client,
    document: &[u8],
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), NotDone> {
    let mut sent = 0;
    for piece in document.chunks(PIECE_LEN) {
        client.call_admin("Attach", &json!({ "chunk": STANDARD.encode(piece) }))?;
        sent += piece.len();
        progress(sent, document.len());
    }
    Ok(())
}

/// Submits an order; the document that it delivers is at `out` only once it is whole.
///
/// # Errors
/// The order was refused or not done; nothing is at `out`.
pub(super) fn submit(
    client: &mut Client,
    made: &Made,
    signatures: &[String],
    out: Option<&Path>,
    json: bool,
) -> Result<u8, NotDone> {
    let answer = obtain(client, made, signatures, out)?;
    let mut stdout = io::stdout().lock();
    if json {
        writeln!(stdout, "{answer}")?;
    } else {
        let entry = answer.get("entry").and_then(Value::as_u64).unwrap_or_default();
        writeln!(stdout, "ordre exécuté ({}), inscrit à l'entrée {entry}", made.verb().name())?;
        // Told once: an invitation that was signed elsewhere is no use without it.
        if let Some(code) = answer.pointer("/done/code").and_then(Value::as_str) {
            writeln!(stdout, "Code d'invitation, valable 24 heures au plus et une seule fois :\n\n  {code}\n")?;
        }
    }
    stdout.flush()?;
    Ok(0)
}

/// The same, for whoever reads the answer.
///
/// # Errors
/// As [`submit`].
pub(super) fn obtain(
    client: &mut Client,
    made: &Made,
    signatures: &[String],
    out: Option<&Path>,
) -> Result<Value, NotDone> {
    let mut document = match (made.verb().delivers(), out) {
        (true, Some(out)) => Some(Partial::create(out)?),
        (true, None) => {
            return Err(NotDone::Usage("cet ordre livre un document ; donnez --out FICHIER".to_owned()));
        }
        (false, _) => None,
    };
    let parameters = json!({ "order": made.text(), "signatures": signatures });
    let answer = client.submit(&parameters, |answer| {
        let chunk = answer.get("chunk").and_then(Value::as_str).and_then(|chunk| STANDARD.decode(chunk).ok());
        match (&mut document, chunk) {
            (Some(document), Some(chunk)) => Ok(document.file.write_all(&chunk)?),
            _ => Err(NotDone::Call(CallError::Reply)),
        }
    })?;
    if let Some(document) = document {
        document.finish()?;
    }
    Ok(answer)
}

/// A document on its way, beside its place; dropped unfinished, it is removed.
struct Partial<'p> {
    file: File,
    aside: PathBuf,
    path: Option<&'p Path>,
}

impl<'p> Partial<'p> {
    fn create(path: &'p Path) -> Result<Self, NotDone> {
        let failed = |cause: io::Error| {
            NotDone::Usage(format!("{} ne peut pas être écrit ({cause}) ; donnez un autre --out", path.display()))
        };
        if path.symlink_metadata().is_ok() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let mut aside = path.as_os_str().to_owned();
        aside.push(".partiel");
        let aside = PathBuf::from(aside);
        // Traces are for whoever ordered them.
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).map_err(failed)?;
        Ok(Self { file, aside, path: Some(path) })
    }

    fn finish(mut self) -> Result<(), NotDone> {
        self.file.sync_all()?;
        if let Some(path) = self.path.take() {
            fs::rename(&self.aside, path)?;
        }
        Ok(())
    }
}

impl Drop for Partial<'_> {
    fn drop(&mut self) {
        if self.path.is_some() {
            let _ = fs::remove_file(&self.aside);
        }
    }
}
