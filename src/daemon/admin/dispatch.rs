//! From a frame of `admin.sock` to the method it calls, and its answer back into a frame.

use serde_json::Value;
use zeroize::{Zeroize as _, Zeroizing};

use super::super::Daemon;
use super::super::checkpointing::NoReceipt;
use super::answer::{self, Instance, No, Unavailable};
use super::attachment::Attachment;
use super::consistency::Span;
use super::submit::Obeyed;
use super::{connectors, gate, registers};
use crate::varlink::ADMIN_INTERFACE;
use crate::varlink::call::Call;
use crate::varlink::service;

/// The interface that is served.
const INTERFACE: &str = "fr.sceau.Admin";

/// An order as it was submitted.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) order: Zeroizing<String>,
    pub(super) signatures: Vec<Zeroizing<String>>,
    /// The caller takes several replies.
    pub(super) more: bool,
    /// What came before it on its connection.
    pub(super) document: Option<Zeroizing<Vec<u8>>>,
}

enum Request {
    Instance,
    Operators,
    Suspensions,
    Connectors,
    Enrolments,
    Attach(Zeroizing<String>),
    Submit(Submission),
    Practitioners(Option<Zeroizing<String>>),
    Applications(Option<Zeroizing<String>>),
    Checkpoint,
    Consistency(Span),
    Convention,
    TakeConvention,
}

/// Answers one frame of the Unix user `uid`; gives the document that is still to be delivered, if there is one. Otherwise
/// exactly one answer is appended to `out`.
pub(super) async fn answer(
    daemon: &Daemon,
    uid: u32,
    frame: &[u8],
    attachment: &mut Attachment,
    out: &mut Vec<u8>,
) -> Option<Obeyed> {
    let answered = match read(frame, out) {
        Ok(None) => return None,
        Ok(Some(request)) => obey(daemon, uid, request, attachment, out).await,
        Err(no) => Err(no),
    };
    answered.unwrap_or_else(|no| {
        daemon.refusals.count(uid, no.code());
        no.write(out);
        None
    })
}

/// Reads one frame without its NUL; `None`: it was answered.
fn read(frame: &[u8], out: &mut Vec<u8>) -> Result<Option<Request>, No> {
    let Some(call) = service::serve(Call::parse(frame)?, (INTERFACE, ADMIN_INTERFACE), out)? else {
        return Ok(None);
    };
    let Call { method, mut parameters, more } = call;
    let request = match method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.')) {
        Some("Instance") => Request::Instance,
        Some("Operators") => Request::Operators,
        Some("Suspensions") => Request::Suspensions,
        Some("Connectors") => Request::Connectors,
        Some("Enrolments") => Request::Enrolments,
        Some("Checkpoint") => Request::Checkpoint,
        Some("Consistency") => {
            Request::Consistency(Span { since: parameters.count("since")?, size: parameters.count("size")? })
        }
        Some("Convention") => Request::Convention,
        Some("TakeConvention") => Request::TakeConvention,
        Some("Attach") => Request::Attach(parameters.text("chunk")?),
        Some("Practitioners") => Request::Practitioners(parameters.optional_text("after")?),
        Some("Applications") => Request::Applications(parameters.optional_text("after")?),
        Some("Submit") => {
            let (order, signatures) = (parameters.text("order")?, parameters.texts("signatures")?);
            Request::Submit(Submission { order, signatures, more, document: None })
        }
        _ => {
            service::not_found(out, &method, INTERFACE);
            return Ok(None);
        }
    };
    parameters.finish()?;
    Ok(Some(request))
}

async fn obey(
    daemon: &Daemon,
    uid: u32,
    request: Request,
    attachment: &mut Attachment,
    out: &mut Vec<u8>,
) -> Result<Option<Obeyed>, No> {
    match request {
        Request::Instance => {
            let instance = daemon.ledger.instance();
            let halted = daemon.halted.cause().map(super::super::halt::Halt::message);
            let (ledger, generation, state) = (instance.id.as_str(), instance.generation.number(), daemon.state());
            answer::instance(out, &Instance { ledger, generation, state, halted });
        }
        Request::Operators => answer::operators(out, daemon.admin.orders.lock().await.operators.all()),
        Request::Suspensions => answer::suspensions(out, &daemon.watched()),
        Request::Connectors => answer::connectors(out, &connectors::told(&daemon.admin.connectors())),
        Request::Enrolments => answer::enrolments(out, &gate::told(daemon)),
        Request::Checkpoint => {
            if daemon.audit.is_none() {
                return Err(No::Unavailable(Unavailable::NoAuditKey));
            }
            // There is at least the entry of the start.
            let newest = daemon.ledger.size().saturating_sub(1);
            let note = daemon.checkpoints.covering(newest).await.map_err(|cause| match cause {
                NoReceipt::Audit => No::Unavailable(Unavailable::AuditKey),
                NoReceipt::Counter => No::Unavailable(daemon.counter_trouble()),
                NoReceipt::Ledger(cause) => cause.into(),
            })?;
            answer::checkpoint(out, &note);
        }
        Request::Consistency(span) => answer::consistency(out, &daemon.consistency(span).await?),
        Request::Convention => answer::convention(out, &daemon.told_convention()),
        Request::TakeConvention => answer::taken(out, &daemon.take_convention(uid).await?),
        Request::Attach(chunk) => answer::attached(out, attachment.append(&daemon.admin, uid, &chunk)?),
        Request::Practitioners(after) => {
            let in_force = daemon.registers.in_force();
            let after = after.as_ref().map(|id| id.as_str());
            answer::practitioners(out, &registers::practitioners(&in_force, after)?);
        }
        Request::Applications(after) => {
            let in_force = daemon.registers.in_force();
            let after = after.as_ref().map(|user| user.as_str());
            answer::applications(out, &registers::applications(&in_force, after)?);
        }
        Request::Submit(submission) => {
            let submission = Submission { document: attachment.take(), ..submission };
            let mut obeyed = daemon.submit(uid, submission).await?;
            if obeyed.document.is_some() {
                return Ok(Some(obeyed));
            }
            answer::done(out, obeyed.entry, &obeyed.done);
            // An invitation's code is in it.
            if let Some(Value::String(code)) = obeyed.done.get_mut("code") {
                code.zeroize();
            }
        }
    }
    Ok(None)
}
