//! `sceau metrics`: figures of the service as OpenMetrics text.

use std::io::{self, Read as _, Write as _};

use clap::Args;
use serde_json::{Value, json};

use super::client::{CallError, Client};
use super::{Door, EXIT_UNAVAILABLE, NotDone};
use crate::metrics::{HEAD_LEN_MAX, answer, text};

/// Imprime les métriques du service au format OpenMetrics ; aucune donnée de patient ni de professionnel.
///
/// Si sceaud ne répond pas, le texte est imprimé quand même, avec sceau_up à 0, et le code de sortie est 3.
#[derive(Debug, Args)]
pub(super) struct Metrics {
    #[command(flatten)]
    door: Door,
    /// Répondre à une requête HTTP lue sur l'entrée standard (sceau-metrics.socket).
    #[arg(long)]
    http: bool,
}

impl Metrics {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let path = self.door.path()?;
        let ask = || -> Result<Value, CallError> { Client::connect(&path)?.call("Status", &json!({})) };
        let mut out = io::stdout().lock();
        if self.http {
            let head = head()?;
            out.write_all(answer(&head, || text(ask().ok().as_ref())).as_bytes())?;
            out.flush()?;
            return Ok(0);
        }
        let status = ask();
        out.write_all(text(status.as_ref().ok()).as_bytes())?;
        out.flush()?;
        match status {
            Ok(_) => Ok(0),
            Err(error) => {
                eprintln!("sceau : {error}");
                Ok(EXIT_UNAVAILABLE)
            }
        }
    }
}

/// The head of a request from standard input, as far as it comes.
fn head() -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut stdin = io::stdin().lock();
    let mut chunk = [0; 1024];
    while head.len() < HEAD_LEN_MAX && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stdin.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    Ok(head)
}
