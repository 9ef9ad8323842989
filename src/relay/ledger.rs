//! `fr.sceau.Relay` from the relay's side: the ledger's owner issues and spends, the relay asks.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::caller::Caller;
use super::claim::Sealed;
use super::fault::Fault;
use crate::sys::exchange::{exchange, is_idle};
use hyper::StatusCode;

/// Longest wait for an answer: well over what a place, a signature and a commit take.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// Longest answer in bytes.
const ANSWER_LEN_MAX: usize = 1024 * 1024;
/// Connections kept while nothing is asked.
const IDLE_MAX: usize = 64;

/// The door of `sceaud`.
#[derive(Debug)]
pub(super) struct Ledger {
    path: PathBuf,
    idle: Mutex<Vec<UnixStream>>,
}

impl Ledger {
    /// The door at that socket; connects when asked.
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default() }
    }

    /// An assertion for a call of the application `caller`.
    ///
    /// # Errors
    /// The fault to answer with; no assertion exists for the relay.
    pub(super) async fn issue(&self, caller: Caller, sealed: &Sealed) -> Result<Zeroizing<String>, Fault> {
        let patient =
            sealed.patient.as_ref().map(|patient| json!({ "ins": patient.as_str(), "oid": sealed.system }));
        let parameters = json!({
            "application": caller.to_string(),
            "session": sealed.session.as_str(),
            "nonce": sealed.nonce,
            "transaction": sealed.transaction,
            "purpose": sealed.purpose,
            "patient": patient,
            "invisible_to_guardians": sealed.invisible,
        });
        let answer = self.call("IssueFor", parameters).await?;
        match answer.get("assertion").and_then(Value::as_str) {
            Some(assertion) => Ok(Zeroizing::new(assertion.to_owned())),
            None => Err(unreachable_door()),
        }
    }

    /// Spends an assertion for a call that admits these transactions; durable after `Ok`.
    ///
    /// # Errors
    /// The fault to answer with: nothing may be sent, whether the ledger has it spent or not.
    pub(super) async fn spend(&self, caller: Caller, id: &str, transactions: &[String]) -> Result<Spent, Fault> {
        let parameters =
            json!({ "application": caller.to_string(), "id": id, "transactions": transactions.join(" ") });
        self.call("Spend", parameters).await?;
        Ok(Spent { _private: () })
    }

    /// Tells what became of a call; what cannot be told is missing in the ledger and does not stop the answer.
    pub(super) async fn outcome(&self, caller: Caller, id: &str, outcome: &'static str) {
        let parameters = json!({ "application": caller.to_string(), "id": id, "outcome": outcome });
        if let Err(fault) = self.call("Outcome", parameters).await {
            tracing::warn!(reason = %fault.code, outcome, "an outcome was not recorded");
        }
    }

    async fn call(&self, method: &str, parameters: Value) -> Result<Value, Fault> {
        let call = json!({ "method": format!("fr.sceau.Relay.{method}"), "parameters": parameters });
        let mut frame = Zeroizing::new(call.to_string().into_bytes());
        frame.push(0);
        let mut stream = match self.take() {
            Some(stream) => stream,
            None => UnixStream::connect(&self.path).await.map_err(|_| unreachable_door())?,
        };
        let answer = timeout(ANSWER_WAIT, exchange(&mut stream, &frame, ANSWER_LEN_MAX)).await;
        let Ok(Ok(answer)) = answer else { return Err(unreachable_door()) };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(stream);
        }
        drop(idle);
        let mut reply: Value = serde_json::from_slice(&answer).map_err(|_| unreachable_door())?;
        let parameters = reply.get_mut("parameters").map(Value::take).unwrap_or(Value::Null);
        match reply.get("error").and_then(Value::as_str) {
            None => Ok(parameters),
            Some(error) => Err(refusal(error, &parameters)),
        }
    }

    /// A connection that still lives: `sceaud` may have been started again, and a call must not be asked twice.
    fn take(&self) -> Option<UnixStream> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(stream) = idle.pop() {
            if is_idle(&stream) {
                return Some(stream);
            }
        }
        None
    }
}

/// Proof that an assertion was spent for the call at hand; made by [`Ledger::spend`] alone, used up by sending.
#[derive(Debug)]
#[must_use]
pub(super) struct Spent {
    _private: (),
}

fn unreachable_door() -> Fault {
    Fault::receiver(
        StatusCode::SERVICE_UNAVAILABLE,
        "ledger-unreachable",
        "le service de jetons ne répond pas : rien n'a été envoyé ; vérifiez sceaud, puis refaites l'appel avec un nonce neuf",
    )
}

fn refusal(error: &str, parameters: &Value) -> Fault {
    let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let unavailable =
        |code: &'static str, message: String| Fault::receiver(StatusCode::SERVICE_UNAVAILABLE, code, message);
    match error.strip_prefix("fr.sceau.Relay.").unwrap_or_default() {
        "Denied" => Fault::refused(text("reason"), text("message")),
        "Replayed" => Fault::refused("replayed".to_owned(), text("message")),
        "Spent" => Fault::refused("assertion-spent".to_owned(), text("message")),
        "Expired" => Fault::refused("assertion-expired".to_owned(), text("message")),
        "Malformed" => Fault::sender("malformed", format!("{} : {}", text("field"), text("message"))),
        "Busy" => unavailable("busy", "la charge est trop forte ; réessayez dans un instant".to_owned()),
        "Unavailable" => unavailable("unavailable", format!("{} ({})", text("message"), text("reason"))),
        "Halted" => unavailable("halted", text("message")),
        _ => unreachable_door(),
    }
}
