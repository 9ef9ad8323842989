//! A blocking client of the sockets.

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
/// Longest wait for an answer to an order: what it makes may be large before its first byte leaves.
const ORDER_WAIT: Duration = Duration::from_secs(600);
/// The applications' interface.
const TOKEN: &str = "fr.sceau.Token";
/// The operators' interface.
const ADMIN: &str = "fr.sceau.Admin";
/// The TPM's interface.
const ATTEST: &str = "fr.sceau.Attest";
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
    /// Nobody answers for the TPM.
    #[error(
        "la socket {path} ne répond pas ({cause}) : vérifiez que sceau-attestd est démarré (sceau-attestd.socket) et que \
         vous êtes root ou du groupe sceau-admin"
    )]
    Attest {
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
            Self::Socket { cause, .. } | Self::Attest { cause, .. } => system_words(cause),
            Self::Reply | Self::Refused { .. } => self.to_string(),
        }
    }

    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Socket { .. } | Self::Attest { .. } | Self::Reply => EXIT_UNAVAILABLE,
            Self::Refused { error, .. } => match ours(error) {
                Some("Denied" | "Replayed") => EXIT_NEGATIVE,
                Some("Busy" | "Unavailable") => EXIT_UNAVAILABLE,
                Some("Halted") => EXIT_HALTED,
                _ => EXIT_USAGE,
            },
        }
    }
}

/// An error of our own interfaces, without the interface.
fn ours(error: &str) -> Option<&str> {
    [TOKEN, ADMIN, ATTEST].iter().find_map(|interface| error.strip_prefix(interface)?.strip_prefix('.'))
}

fn explain(error: &str, parameters: &Value) -> String {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
    match (ours(error), error) {
        (Some("Malformed"), _) => format!("demande incorrecte, {} : {}", text("field"), text("message")),
        (Some("Denied"), _) => match parameters.get("entry") {
            Some(entry) => format!("refusé ({}, entrée {entry}) : {}", text("reason"), text("message")),
            None => format!("refusé ({}) : {}", text("reason"), text("message")),
        },
        (Some("Replayed"), _) => format!("rejoué : {}", text("message")),
        (Some("Busy"), _) => "occupé : la charge est trop forte ; réessayez dans un instant".to_owned(),
        (Some("Unavailable"), _) => format!("indisponible ({}) : {}", text("reason"), text("message")),
        (Some("Halted"), _) => format!("arrêté : {}", text("message")),
        (_, "org.varlink.service.InvalidParameter") => {
            format!("le paramètre {} manque ou n'est pas du bon type", text("parameter"))
        }
        _ => format!("{error} {parameters}"),
    }
}

/// A connection to a door.
pub(super) struct Client {
    path: PathBuf,
    stream: UnixStream,
    pending: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there, or access is refused.
    pub(super) fn connect(path: &Path) -> Result<Self, CallError> {
        Self::open(path, ANSWER_WAIT)
    }

    /// Connects to the operators' door, whose answers may take their time.
    ///
    /// # Errors
    /// Nobody listens there, or access is refused.
    pub(super) fn connect_admin(path: &Path) -> Result<Self, CallError> {
        Self::open(path, ORDER_WAIT)
    }

    fn open(path: &Path, wait: Duration) -> Result<Self, CallError> {
        let failed = |cause| CallError::Socket { path: path.to_owned(), cause };
        let stream = UnixStream::connect(path).map_err(failed)?;
        stream.set_read_timeout(Some(wait)).map_err(failed)?;
        stream.set_write_timeout(Some(wait)).map_err(failed)?;
        Ok(Self { path: path.to_owned(), stream, pending: Vec::new() })
    }

    /// Calls a method of `fr.sceau.Token` and gives its parameters.
    ///
    /// # Errors
    /// The answer was an error, or there was none.
    pub(super) fn call(&mut self, method: &str, parameters: &Value) -> Result<Value, CallError> {
        self.send(&json!({ "method": format!("{TOKEN}.{method}"), "parameters": parameters }))?;
        Ok(self.receive()?.0)
    }

    /// The same of `fr.sceau.Admin`.
    ///
    /// # Errors
    /// The answer was an error, or there was none.
    pub(super) fn call_admin(&mut self, method: &str, parameters: &Value) -> Result<Value, CallError> {
        self.send(&json!({ "method": format!("{ADMIN}.{method}"), "parameters": parameters }))?;
        Ok(self.receive()?.0)
    }

    /// Submits an order; `taken` gets each answer before the last one.
    ///
    /// # Errors
    /// The answer was an error, or there was none; or what `taken` said.
    pub(super) fn submit<E: From<CallError>>(
        &mut self,
        parameters: &Value,
        mut taken: impl FnMut(&Value) -> Result<(), E>,
    ) -> Result<Value, E> {
        self.send(&json!({ "method": format!("{ADMIN}.Submit"), "parameters": parameters, "more": true }))?;
        loop {
            match self.receive()? {
                (parameters, true) => taken(&parameters)?,
                (parameters, false) => return Ok(parameters),
            }
        }
    }

    fn send(&mut self, call: &Value) -> Result<(), CallError> {
        let mut frame = Zeroizing::new(call.to_string().into_bytes());
        frame.push(0);
        self.stream.write_all(&frame).map_err(|cause| CallError::Socket { path: self.path.clone(), cause })
    }

    /// The next answer's parameters, and whether more follow.
    fn receive(&mut self) -> Result<(Value, bool), CallError> {
        let frame = self.frame().map_err(|cause| CallError::Socket { path: self.path.clone(), cause })?;
        let mut reply: Value = serde_json::from_slice(&frame).map_err(|_| CallError::Reply)?;
        let parameters = reply.get_mut("parameters").map(Value::take).unwrap_or(Value::Null);
        let continues = reply.get("continues").and_then(Value::as_bool).unwrap_or_default();
        match reply.get("error").and_then(Value::as_str) {
            None => Ok((parameters, continues)),
            Some(error) => Err(CallError::Refused { error: error.to_owned(), parameters }),
        }
    }

    fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut chunk = [0; 8192];
        loop {
            if let Some(end) = memchr::memchr(0, &self.pending) {
                let mut frame = self.pending.split_off(end + 1);
                std::mem::swap(&mut frame, &mut self.pending);
                frame.pop();
                return Ok(frame);
            }
            let read = self.stream.read(&mut chunk)?;
            if read == 0 || self.pending.len() > ANSWER_LEN_MAX {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.pending.extend_from_slice(chunk.get(..read).unwrap_or_default());
        }
    }
}
