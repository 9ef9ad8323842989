//! One client's way to `sceaud`: a connection that is introduced once and that application's for good.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::{Client, Gate};
use crate::sys::exchange::{exchange, is_idle};
use crate::varlink::call::error;

/// Longest answer in bytes: an assertion with its receipt, or Status with every seal.
const ANSWER_LEN_MAX: usize = 1024 * 1024;
/// How long a client that has too many connections or calls should wait, in milliseconds.
pub(super) const RETRY_AFTER_MS: u64 = 1_000;

/// The way, connected when something is asked.
#[derive(Debug)]
pub(super) struct Upstream {
    socket: PathBuf,
    client: Client,
    wait: Duration,
    stream: Option<UnixStream>,
}

impl Upstream {
    /// The way of that client.
    pub(super) fn of(gate: &Gate, client: Client) -> Self {
        let wait = Duration::from_millis(gate.config.limits.answer_ms);
        Self { socket: gate.config.token.clone(), client, wait, stream: None }
    }

    /// Asks, with a frame and its NUL; gives the answer's frame without it: that of `sceaud`, or ours where it was not reached.
    ///
    /// Nothing is asked twice: what was written to a connection that broke counts as asked.
    pub(super) async fn ask(&mut self, frame: &[u8]) -> Zeroizing<Vec<u8>> {
        let asked = timeout(self.wait, self.try_ask(frame)).await;
        match asked {
            Ok(Ok(answer)) => answer,
            Ok(Err(Lost::Refused(answer))) => answer,
            Ok(Err(Lost::Unreachable)) | Err(_) => {
                self.stream = None;
                unreachable()
            }
        }
    }

    async fn try_ask(&mut self, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, Lost> {
        // Taken while it is used: a caller that gives up amid an answer leaves no connection whose next answer is the last one's.
        let mut stream = match self.stream.take().filter(is_idle) {
            Some(stream) => stream,
            None => {
                let mut stream = UnixStream::connect(&self.socket).await.map_err(|_| Lost::Unreachable)?;
                let parameters = json!({
                    "certificate": self.client.certificate.to_string(),
                    "address": self.client.address.to_string(),
                });
                introduce(&mut stream, &parameters).await?;
                stream
            }
        };
        let answer = exchange(&mut stream, frame, ANSWER_LEN_MAX).await.map_err(|_| Lost::Unreachable)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

/// Why there is no answer of `sceaud`.
enum Lost {
    Unreachable,
    /// It does not know the client; what is to be answered.
    Refused(Zeroizing<Vec<u8>>),
}

async fn introduce(stream: &mut UnixStream, parameters: &Value) -> Result<(), Lost> {
    let answer = call(stream, "Introduce", parameters).await.map_err(|_| Lost::Unreachable)?;
    match name_of(&answer) {
        None => Ok(()),
        Some("Denied") => Err(Lost::Refused(denied())),
        Some("Busy") => Err(Lost::Refused(busy())),
        Some(other) => {
            tracing::error!(error = other, "sceaud does not know its gate");
            Err(Lost::Unreachable)
        }
    }
}

/// Calls a method of `fr.sceau.Gate`; gives the whole reply.
///
/// # Errors
/// There is no answer.
pub(super) async fn call(stream: &mut UnixStream, method: &str, parameters: &Value) -> std::io::Result<Value> {
    let call = json!({ "method": format!("fr.sceau.Gate.{method}"), "parameters": parameters });
    let mut frame = call.to_string().into_bytes();
    frame.push(0);
    let answer = exchange(stream, &frame, ANSWER_LEN_MAX).await?;
    serde_json::from_slice(&answer).map_err(Into::into)
}

/// Connects for one question about a client that has no certificate yet.
///
/// # Errors
/// What the system said; there is no answer in time.
pub(super) async fn propose(gate: &Gate, parameters: &Value) -> std::io::Result<Value> {
    let wait = Duration::from_millis(gate.config.limits.answer_ms);
    let asked = async {
        let mut stream = UnixStream::connect(&gate.config.token).await?;
        call(&mut stream, "Propose", parameters).await
    };
    timeout(wait, asked).await.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
}

/// The last word of a reply's error, if it is one.
pub(super) fn name_of(reply: &Value) -> Option<&str> {
    reply.get("error")?.as_str().map(|error| error.rsplit('.').next().unwrap_or(error))
}

/// An address as `sceaud` is told it.
pub(super) fn address(address: IpAddr) -> String {
    address.to_canonical().to_string()
}

fn own(name: &str, parameters: impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut frame = Zeroizing::new(Vec::new());
    error(&mut frame, &format!("fr.sceau.Token.{name}"), parameters);
    frame.pop();
    frame
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    message: &'static str,
}

fn unreachable() -> Zeroizing<Vec<u8>> {
    let message = "le service de jetons ne répond pas au portail : redemandez avec un nonce neuf ; si cela dure, vérifiez sceaud sur l'appliance";
    own("Unavailable", Reason { reason: "service-unreachable", message })
}

fn denied() -> Zeroizing<Vec<u8>> {
    let message =
        "ce certificat n'est plus celui d'une application déclarée ; faites-le confirmer par l'exploitant";
    own("Denied", Reason { reason: "application-unknown", message })
}

fn busy() -> Zeroizing<Vec<u8>> {
    #[derive(Serialize)]
    struct Retry {
        retry_after_ms: u64,
    }
    own("Busy", Retry { retry_after_ms: RETRY_AFTER_MS })
}
