//! From a frame to the method it calls, and its answer back into a frame.

use super::Daemon;
use super::answer::{Answer, No};
use super::request::Request;
use crate::varlink::TOKEN_INTERFACE;
use crate::varlink::call::Call;
use crate::varlink::service;

/// The interface that is served.
const INTERFACE: &str = "fr.sceau.Token";

/// Answers one frame of the Unix user `uid`; exactly one answer is appended to `out`.
pub(super) async fn answer(daemon: &Daemon, uid: u32, frame: &[u8], out: &mut Vec<u8>) {
    let answered = match read(frame, out) {
        Ok(None) => return,
        Ok(Some(request)) => obey(daemon, uid, request).await,
        Err(no) => Err(no),
    };
    match answered {
        Ok(answer) => answer.write(out),
        Err(no) => {
            daemon.refusals.count(uid, no.code());
            Answer::No(no).write(out);
        }
    }
}

/// Reads one frame without its NUL: what anybody can make the door parse.
///
/// After `Ok(Some)` nothing was written to `out` and every value is of its type; after `Ok(None)` the frame asked something of
/// the standard interface, or of nobody, and its one answer is in `out`.
///
/// # Errors
/// The refusal to answer with; nothing was written.
pub fn read(frame: &[u8], out: &mut Vec<u8>) -> Result<Option<Request>, No> {
    let Some(call) = service::serve(Call::parse(frame)?, (INTERFACE, TOKEN_INTERFACE), out)? else {
        return Ok(None);
    };
    let Call { method, parameters, .. } = call;
    let name = method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.'));
    let request = match name {
        Some(name) => Request::read(name, parameters)?,
        None => None,
    };
    if request.is_none() {
        service::not_found(out, &method, INTERFACE);
    }
    Ok(request)
}

async fn obey(daemon: &Daemon, uid: u32, request: Request) -> Result<Answer, No> {
    match request {
        Request::Issue(issue) => daemon.issue(uid, issue).await,
        Request::OpenSession(opening) => daemon.open_session(uid, &opening).await,
        Request::CloseSession(session) => daemon.close_session(uid, &session).await,
        Request::Report(id, outcome) => daemon.report(uid, &id, outcome).await,
        Request::Status => Ok(Answer::Status(daemon.status())),
    }
}
