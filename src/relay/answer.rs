//! The DMP's answer on its way to the application: unchanged, within limits, its fault named for our counts.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Response, StatusCode};

use super::counts::Counts;
use super::fault::Fault;
use super::stream::Limited;
use crate::config::Relay;
use crate::sys::neighbours::strip;
use crate::xmldsig::Document;

const SOAP12: &str = "http://www.w3.org/2003/05/soap-envelope";
/// How much of a refusal is looked at for its fault's code, in bytes.
const LOOKED_AT_MAX: usize = 16 * 1024;

/// A body for the application: a fault of ours, or the DMP's answer.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// Ours, whole.
    Own(Option<Bytes>),
    /// The DMP's, as it comes.
    Dmp(Box<Passing>),
}

/// An answer of the DMP on its way.
#[derive(Debug)]
pub(super) struct Passing {
    stream: Limited,
    /// What was seen of a refusal.
    seen: Option<Vec<u8>>,
    counts: Arc<Counts>,
}

/// Makes an answer of the DMP the application's.
///
/// # Errors
/// It is no answer that can be passed on; the connection must not be used again.
pub(super) fn pass(
    answer: Response<Incoming>,
    limits: &Relay,
    counts: &Arc<Counts>,
) -> Result<Response<AnswerBody>, Fault> {
    let (mut parts, body) = answer.into_parts();
    let ambiguous = parts.headers.contains_key(TRANSFER_ENCODING) && parts.headers.contains_key(CONTENT_LENGTH);
    if ambiguous || parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::receiver(
            StatusCode::BAD_GATEWAY,
            "answer-malformed",
            "la réponse du DMP n'est pas du HTTP/1.1 sans ambiguïté ; prévenez le support du DMP",
        ));
    }
    if body.size_hint().exact().is_some_and(|len| len > limits.answer_len_max) {
        return Err(Fault::receiver(
            StatusCode::BAD_GATEWAY,
            "answer-too-long",
            "la réponse du DMP dépasse la longueur admise (answer_len_max) ; demandez moins de documents à la fois",
        ));
    }
    strip(&mut parts.headers);
    let refusal = parts.status.is_client_error() || parts.status.is_server_error();
    let passing = Passing {
        stream: Limited::new(Some(body), limits.answer_len_max, limits.silence_ms),
        seen: refusal.then(Vec::new),
        counts: Arc::clone(counts),
    };
    Ok(Response::from_parts(parts, AnswerBody::Dmp(Box::new(passing))))
}

impl Passing {
    fn look(&mut self, piece: &[u8]) {
        if let Some(seen) = &mut self.seen {
            let room = LOOKED_AT_MAX.saturating_sub(seen.len());
            seen.extend_from_slice(piece.get(..room.min(piece.len())).unwrap_or_default());
        }
    }
}

impl Drop for Passing {
    /// Read or not, a refusal is counted once.
    fn drop(&mut self) {
        if let Some(seen) = self.seen.take() {
            self.counts.count("dmp", &kind(&seen));
        }
    }
}

/// The innermost code of a SOAP fault, without its prefix; nothing of its text, where people may be named.
fn kind(answer: &[u8]) -> String {
    let code = || {
        let document = Document::parse(answer).ok()?;
        let fault = document.elements().find(|element| element.is(SOAP12, "Fault"))?;
        let values = fault.elements().filter(|element| element.is(SOAP12, "Value"));
        let code = values.last()?.text();
        let local = code.trim().rsplit(':').next()?.to_owned();
        let plain = (1..=48).contains(&local.len())
            && local.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        plain.then_some(local)
    };
    code().unwrap_or_else(|| "no-fault".to_owned())
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Dmp(passing) => {
                let next = passing.stream.poll(cx);
                if let Poll::Ready(Some(Ok(piece))) = &next {
                    passing.look(piece);
                }
                next.map(|next| next.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Dmp(passing) => passing.stream.is_ended(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Dmp(passing) => passing.stream.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_counted_by_its_code_and_nothing_of_its_text() {
        let fault = format!(
            "<s:Envelope xmlns:s=\"{SOAP12}\"><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode>\
             <s:Value>d:DMPInvalidCertificate</s:Value></s:Subcode></s:Code><s:Reason><s:Text>Jean DUPONT</s:Text>\
             </s:Reason></s:Fault></s:Body></s:Envelope>"
        );
        assert_eq!(kind(fault.as_bytes()), "DMPInvalidCertificate");
        assert_eq!(kind(fault.replace("DMPInvalidCertificate", "Jean DUPONT").as_bytes()), "no-fault");
        assert_eq!(kind(b"<html>"), "no-fault");
    }
}
