//! A body that streams on within limits of length and of silence, either way.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// A body that streams on within limits: a length, and silence.
#[derive(Debug)]
pub(super) struct Limited {
    inner: Option<Incoming>,
    left: u64,
    silence: Duration,
    deadline: Pin<Box<Sleep>>,
}

impl Limited {
    pub(super) fn new(inner: Option<Incoming>, len_max: u64, silence_ms: u64) -> Self {
        let silence = Duration::from_millis(silence_ms);
        Self { inner, left: len_max, silence, deadline: Box::pin(sleep(silence)) }
    }

    /// The next piece; an error ends the stream without its proper end, so that the reader knows.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        loop {
            match Pin::new(&mut *inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.deadline.as_mut().reset(Instant::now() + self.silence);
                    // Trailers are dropped: nobody of ours reads them.
                    let Ok(data) = frame.into_data() else { continue };
                    let Some(left) = self.left.checked_sub(data.len() as u64) else {
                        self.inner = None;
                        return Poll::Ready(Some(Err(io::ErrorKind::FileTooLarge.into())));
                    };
                    self.left = left;
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(cause))) => {
                    self.inner = None;
                    return Poll::Ready(Some(Err(io::Error::other(cause))));
                }
                Poll::Ready(None) => {
                    self.inner = None;
                    return Poll::Ready(None);
                }
                Poll::Pending => break,
            }
        }
        match self.deadline.as_mut().poll(cx) {
            Poll::Ready(()) => {
                self.inner = None;
                Poll::Ready(Some(Err(io::ErrorKind::TimedOut.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Nothing more comes.
    pub(super) fn stop(&mut self) {
        self.inner = None;
    }

    pub(super) fn is_ended(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
