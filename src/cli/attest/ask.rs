//! One question at `attest.sock`, and what a person is told if it is not answered.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use crate::cli::NotDone;
use crate::cli::client::CallError;
use crate::config::Config;
use crate::evidence::document::DOCUMENT_LEN_MAX;
use crate::sys::call::{Reply, call};
use crate::sys::durable;

/// Longest wait for an answer. Reason: a slow TPM takes most of a minute to make an endorsement key, behind another task.
const ANSWER_WAIT: Duration = Duration::from_secs(180);

/// Where the door is.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ask {
    /// Fichier de configuration, qui nomme la socket.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    pub(in crate::cli) config: PathBuf,
}

impl Ask {
    /// Calls a method of `fr.sceau.Attest` and gives its parameters.
    ///
    /// # Errors
    /// The answer was an error, or there was none.
    pub(in crate::cli) fn ask(&self, method: &str, parameters: &Value) -> Result<Value, NotDone> {
        let path = Config::load(&self.config)?.sockets.attest;
        let method = format!("fr.sceau.Attest.{method}");
        // A document within a JSON string: at most one escape for each of its line ends.
        let reply = call(&path, &method, parameters, ANSWER_WAIT, 2 * DOCUMENT_LEN_MAX);
        let Reply { error, parameters } =
            reply.map_err(|cause| CallError::Attest { path: path.clone(), cause })?;
        match error {
            None => Ok(parameters),
            Some(error) => Err(CallError::Refused { error, parameters }.into()),
        }
    }

    /// The same for a method that gives a document.
    ///
    /// # Errors
    /// The answer was an error, or there was none.
    pub(super) fn document(&self, method: &str, parameters: &Value, member: &str) -> Result<String, NotDone> {
        let answer = self.ask(method, parameters)?;
        let document = answer.get(member).and_then(Value::as_str).map(str::to_owned);
        Ok(document.ok_or(CallError::Reply)?)
    }
}

/// Writes a document where nothing is.
///
/// # Errors
/// Something is there, or what the system said.
pub(in crate::cli) fn keep(path: &Path, document: &str) -> Result<(), NotDone> {
    durable::create(path, document.as_bytes(), 0o644).map_err(|cause| match cause.kind() {
        io::ErrorKind::AlreadyExists => {
            NotDone::Usage(format!("{} existe déjà ; donnez un autre nom avec --out", path.display()))
        }
        _ => NotDone::Usage(format!("{} ne peut pas être écrit ({cause})", path.display())),
    })
}

/// Reads a document that a person names.
///
/// # Errors
/// It cannot be read, or is longer than any.
pub(in crate::cli) fn read(path: &Path) -> Result<String, NotDone> {
    let unread = |cause: &dyn std::fmt::Display| {
        NotDone::Usage(format!(
            "{} ne peut pas être lu ({cause}) ; donnez le fichier reçu de l'officier",
            path.display()
        ))
    };
    let len = path.metadata().map_err(|cause| unread(&cause))?.len();
    if usize::try_from(len).is_ok_and(|len| len > DOCUMENT_LEN_MAX) {
        return Err(unread(&"il est trop long"));
    }
    std::fs::read_to_string(path).map_err(|cause| unread(&cause))
}
