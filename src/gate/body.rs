//! Bodies of HTTP messages: read whole within limits, answered, or passed on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::policy::fingerprint::Fingerprint;
use crate::sys::places::Place;

/// A body for a client: ours, or the relay's.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// Ours, whole; erased once it is sent.
    Own(Option<Bytes>),
    /// The relay's, as it comes, with the place of its call.
    Relay { body: Incoming, _place: Place<Fingerprint> },
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relay { body, .. } => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Relay { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relay { body, .. } => body.size_hint(),
        }
    }
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotRead {
    /// Longer than it may be.
    TooLong,
    /// Broken off, or too slow.
    Lost,
}

/// Bytes of a body beyond its limit that are read and thrown away: whoever still writes when we hang up is cut off by the
/// system before the refusal is read.
const DISCARDED_MAX: usize = 1 << 20;

/// Reads a body whole: at most `len_max` bytes, within `patience`.
///
/// # Errors
/// [`NotRead`]; the connection is good for no more.
pub(super) async fn read(
    mut body: impl Body<Data = Bytes> + Unpin,
    len_max: usize,
    patience: Duration,
) -> Result<Zeroizing<Vec<u8>>, NotRead> {
    let most = u64::try_from(len_max + DISCARDED_MAX).unwrap_or(u64::MAX);
    if body.size_hint().lower() > most {
        return Err(NotRead::TooLong);
    }
    let whole = async {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut discarded = 0;
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(data) = frame.map_err(|_| NotRead::Lost)?.into_data() else { continue };
            if discarded == 0 && bytes.len() + data.len() <= len_max {
                bytes.extend_from_slice(&data);
                continue;
            }
            discarded += data.len();
            if discarded > DISCARDED_MAX {
                break;
            }
        }
        if discarded > 0 { Err(NotRead::TooLong) } else { Ok(bytes) }
    };
    timeout(patience, whole).await.unwrap_or(Err(NotRead::Lost))
}

/// A JSON answer, which nobody keeps.
pub(super) fn json(status: StatusCode, body: Zeroizing<Vec<u8>>) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::Own(Some(Bytes::from_owner(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// An error in the interface's words.
pub(super) fn error(status: StatusCode, name: &str, parameters: impl Serialize) -> Response<AnswerBody> {
    #[derive(Serialize)]
    struct Error<'a, P> {
        error: &'a str,
        parameters: P,
    }
    let body = serde_json::to_vec(&Error { error: name, parameters }).unwrap_or_default();
    json(status, Zeroizing::new(body))
}

/// The same for words that are wrong.
pub(super) fn malformed(status: StatusCode, field: &str, message: &str) -> Response<AnswerBody> {
    error(status, "Malformed", serde_json::json!({ "field": field, "message": message }))
}

/// Load is shed.
pub(super) fn busy(retry_after_ms: u64) -> Response<AnswerBody> {
    let mut response =
        error(StatusCode::TOO_MANY_REQUESTS, "Busy", serde_json::json!({ "retry_after_ms": retry_after_ms }));
    let seconds = HeaderValue::from(retry_after_ms.div_ceil(1_000));
    response.headers_mut().insert(RETRY_AFTER, seconds);
    response
}
