//! From a frame to the method it calls, and its answer back into a frame.

use super::Daemon;
use super::answer::{Answer, No};
use super::relay::RelayRequest;
use super::request::Request;
use crate::varlink::call::Call;
use crate::varlink::service;
use crate::varlink::{RELAY_INTERFACE, TOKEN_INTERFACE};

/// The interface that is served.
const INTERFACE: &str = "fr.sceau.Token";

/// The interface of the relay's door.
const RELAY: &str = "fr.sceau.Relay";

/// Which door a connection came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// `token.sock`.
    Token,
    /// `relay-ledger.sock`.
    Relay,
}

impl Served {
    /// The interface behind it.
    pub(super) fn interface(self) -> &'static str {
        match self {
            Self::Token => INTERFACE,
            Self::Relay => RELAY,
        }
    }
}

/// Answers one frame of the Unix user `uid`; exactly one answer is appended to `out`.
pub(super) async fn answer(daemon: &Daemon, served: Served, uid: u32, frame: &[u8], out: &mut Vec<u8>) {
    let answered = match served {
        Served::Token => match read(frame, out) {
            Ok(None) => return,
            Ok(Some(request)) => obey(daemon, uid, request).await,
            Err(no) => Err(no),
        },
        Served::Relay => match read_relay(frame, out) {
            Ok(None) => return,
            Ok(Some(request)) => daemon.obey_relay(request).await,
            Err(no) => Err(no),
        },
    };
    match answered {
        Ok(answer) => answer.write(out, served.interface()),
        Err(no) => {
            daemon.refusals.count(uid, no.code());
            Answer::No(no).write(out, served.interface());
        }
    }
}

/// As [`read`], of the relay's door.
///
/// # Errors
/// The refusal to answer with; nothing was written.
fn read_relay(frame: &[u8], out: &mut Vec<u8>) -> Result<Option<RelayRequest>, No> {
    let Some(call) = service::serve(Call::parse(frame)?, (RELAY, RELAY_INTERFACE), out)? else {
        return Ok(None);
    };
    let Call { method, parameters, .. } = call;
    let name = method.strip_prefix(RELAY).and_then(|rest| rest.strip_prefix('.'));
    let request = match name {
        Some(name) => RelayRequest::read(name, parameters)?,
        None => None,
    };
    if request.is_none() {
        service::not_found(out, &method, RELAY);
    }
    Ok(request)
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
        Request::Status => Ok(Answer::Status(Box::new(daemon.status()))),
    }
}
