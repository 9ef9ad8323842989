//! From a frame to the method it calls, and its answer back into a frame.

use super::Daemon;
use super::answer::{Answer, No};
use super::request;
use crate::varlink::TOKEN_INTERFACE;
use crate::varlink::call::Call;
use crate::varlink::members::MemberError;
use crate::varlink::service;

/// The interface that is served.
const INTERFACE: &str = "fr.sceau.Token";

/// Answers one frame of the Unix user `uid`; exactly one answer is appended to `out`.
pub(super) async fn answer(daemon: &Daemon, uid: u32, frame: &[u8], out: &mut Vec<u8>) {
    match call(daemon, uid, frame, out).await {
        Ok(None) => {}
        Ok(Some(answer)) => answer.write(out),
        Err(no) => {
            daemon.refusals.count(uid, no.code());
            Answer::No(no).write(out);
        }
    }
}

async fn call(daemon: &Daemon, uid: u32, frame: &[u8], out: &mut Vec<u8>) -> Result<Option<Answer>, No> {
    let served = service::serve(Call::parse(frame)?, (INTERFACE, TOKEN_INTERFACE), out)?;
    let Some(Call { method, parameters }) = served else {
        return Ok(None);
    };
    let method = match method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.')) {
        Some(name) => name,
        None => {
            service::not_found(out, &method, INTERFACE);
            return Ok(None);
        }
    };
    let answer = match method {
        "Issue" => daemon.issue(uid, request::issue(parameters)?).await?,
        "OpenSession" => daemon.open_session(uid, &request::open_session(parameters)?)?,
        "CloseSession" => daemon.close_session(uid, &request::close_session(parameters)?)?,
        "Report" => {
            let (id, outcome) = request::report(parameters)?;
            daemon.report(uid, &id, outcome)?
        }
        "Status" => {
            parameters.finish().map_err(<No as From<MemberError>>::from)?;
            Answer::Status(daemon.status())
        }
        _ => {
            service::not_found(out, &format!("{INTERFACE}.{method}"), INTERFACE);
            return Ok(None);
        }
    };
    Ok(Some(answer))
}
