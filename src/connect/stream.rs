//! Bodies on their way between a local caller and the gate: unchanged, as they come, ended when the appliance is lost.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::appliance::Appliance;

/// Longest silence within a body: the relay's own towards the DMP is shorter.
const SILENCE: Duration = Duration::from_secs(120);

/// What a local caller gets: an answer of ours, or the appliance's.
pub(super) enum Answer {
    /// Ours, whole.
    Own(Option<Bytes>),
    /// The appliance's.
    Passing(Box<Passing>),
}

/// A body of the appliance's. Where it cannot come to its end it ends without one, so that nobody takes it for whole.
pub(super) struct Passing {
    inner: Incoming,
    lost: Pin<Box<dyn Future<Output = ()> + Send>>,
    deadline: Pin<Box<Sleep>>,
    over: bool,
}

impl Answer {
    pub(super) fn own(bytes: Bytes) -> Self {
        Self::Own(Some(bytes))
    }

    pub(super) fn passing(inner: Incoming, of: &Arc<Appliance>) -> Self {
        let of = Arc::clone(of);
        let lost = Box::pin(async move { of.lost().await });
        Self::Passing(Box::new(Passing { inner, lost, deadline: Box::pin(sleep(SILENCE)), over: false }))
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Passing(passing) => passing.poll(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(bytes) => bytes.is_none(),
            Self::Passing(passing) => passing.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Passing(passing) => passing.inner.size_hint(),
        }
    }
}

impl Passing {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.over {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.deadline.as_mut().reset(Instant::now() + SILENCE);
                return Poll::Ready(Some(Ok(frame)));
            }
            Poll::Ready(Some(Err(cause))) => {
                self.over = true;
                return Poll::Ready(Some(Err(io::Error::other(cause))));
            }
            Poll::Ready(None) => {
                self.over = true;
                return Poll::Ready(None);
            }
            Poll::Pending => {}
        }
        if self.lost.as_mut().poll(cx).is_ready() || self.deadline.as_mut().poll(cx).is_ready() {
            self.over = true;
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
        }
        Poll::Pending
    }
}
