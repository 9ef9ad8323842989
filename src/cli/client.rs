//! A blocking client of `token.sock`.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::config::system_words;

use super::{EXIT_HALTED, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE};

/// Longest wait for an answer: well over the three seconds that a place and a signature take by default; a probe must
/// not hang with what it probes.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Longest answer in bytes: an assertion and its receipt are far below.
const ANSWER_LEN_MAX: usize = 1024 * 1024;

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    /// Nobody answers.
    #[error("la socket {path} ne répond pas ({cause}) : vérifiez que sceaud est démarré et que vous y avez accès")]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// What came back is no varlink reply.
    #[error("la réponse reçue n'est pas une réponse varlink : vérifiez que cette socket est bien celle de sceaud")]
    Reply,
    /// One of the contract's errors.
    #[error("{}", explain(.error, .parameters))]
    Refused {
        /// Qualified error.
        error: String,
        /// Its parameters.
        parameters: Value,
    },
}

impl CallError {
    /// The cause alone, for a text that names the socket itself.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Socket { cause, .. } => system_words(cause),
            Self::Reply | Self::Refused { .. } => self.to_string(),
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Socket { .. } | Self::Reply => EXIT_UNAVAILABLE,
            Self::Refused { error, .. } => match error.as_str() {
                "fr.sceau.Token.Denied" | "fr.sceau.Token.Replayed" => EXIT_NEGATIVE,
                "fr.sceau.Token.Busy" | "fr.sceau.Token.Unavailable" => EXIT_UNAVAILABLE,
                "fr.sceau.Token.Halted" => EXIT_HALTED,
                _ => EXIT_USAGE,
            },
        }
    }
}

fn explain(error: &str, parameters: &Value) -> String {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
    match error {
        "fr.sceau.Token.Malformed" => format!("demande incorrecte, {} : {}", text("field"), text("message")),
        "fr.sceau.Token.Denied" => format!("refusé ({}) : {}", text("reason"), text("message")),
        "fr.sceau.Token.Replayed" => format!("rejoué : {}", text("message")),
        "fr.sceau.Token.Busy" => "occupé : la charge est trop forte ; réessayez dans un instant".to_owned(),
        "fr.sceau.Token.Unavailable" => format!("indisponible ({}) : {}", text("reason"), text("message")),
        "fr.sceau.Token.Halted" => format!("arrêté : {}", text("message")),
        "org.varlink.service.InvalidParameter" => {
            format!("le paramètre {} manque ou n'est pas du bon type", text("parameter"))
        }
        other => format!("{other} {parameters}"),
    }
}

/// A connection to the door.
pub(super) struct Client {
    path: PathBuf,
    stream: UnixStream,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or access is refused.
    pub(super) fn connect(path: &Path) -> Result<Self, CallError> {
        let failed = |cause| CallError::Socket { path: path.to_owned(), cause };
        let stream = UnixStream::connect(path).map_err(failed)?;
        stream.set_read_timeout(Some(ANSWER_WAIT)).map_err(failed)?;
        stream.set_write_timeout(Some(ANSWER_WAIT)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), stream })
    }

    /// Calls a method of `fr.sceau.Token` and gives its parameters.
    ///
    /// # Errors
    /// The answer was an error, or there was none.
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Result<Value, CallError> {
        let call = json!({ "method": format!("fr.sceau.Token.{method}"), "parameters": parameters });
        let mut frame = Zeroizing::new(call.to_string().into_bytes());
        frame.push(0);
        let answer =
            self.exchange(&frame).map_err(|cause| CallError::Socket { path: self.path.clone(), cause })?;
        let mut reply: Value = serde_json::from_slice(&answer).map_err(|_| CallError::Reply)?;
        let parameters = reply.get_mut("parameters").map(Value::take).unwrap_or(Value::Null);
        match reply.get("error").and_then(Value::as_str) {
            None => Ok(parameters),
            Some(error) => Err(CallError::Refused { error: error.to_owned(), parameters }),
        }
    }

    fn exchange(&mut self, frame: &[u8]) -> io::Result<Vec<u8>> {
        self.stream.write_all(frame)?;
        let mut answer = Vec::new();
        let mut chunk = [0; 8192];
        while answer.last() != Some(&0) {
            let read = self.stream.read(&mut chunk)?;
            if read == 0 || answer.len() > ANSWER_LEN_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
        answer.pop();
        Ok(answer)
    }
}
