//! A call's body: the envelope read and held, everything after it streamed, within limits of length and of time.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep, timeout};

use super::fault::Fault;
use super::part::{Root, Span, Wrong};
use super::parts::Parts;
use crate::config::Relay;

/// A body whose envelope has been read.
#[derive(Debug)]
pub(super) struct Message {
    read: Vec<u8>,
    span: Span,
    /// What has not been read; none if nothing is left.
    rest: Option<Incoming>,
    /// Length of the whole, where the application gave it.
    declared: Option<u64>,
}

impl Message {
    /// Reads a body up to the end of its envelope.
    ///
    /// After `Ok` the envelope is within `envelope_len_max` and all that was read beyond it within one piece of the network.
    ///
    /// # Errors
    /// The fault to answer with.
    pub(super) async fn read(body: Incoming, root: &Root, limits: &Relay) -> Result<Self, Fault> {
        let declared = body.size_hint().exact();
        if declared.is_some_and(|len| len > limits.call_len_max) {
            return Err(too_long());
        }
        let reading = Self::read_envelope(body, root, limits, declared);
        let late = || {
            Fault::sender_with(
                StatusCode::REQUEST_TIMEOUT,
                "envelope-late",
                "l'enveloppe n'est pas arrivée à temps ; envoyez l'appel d'un trait",
            )
        };
        timeout(Duration::from_millis(limits.envelope_ms), reading).await.map_err(|_| late())?
    }

    async fn read_envelope(
        mut body: Incoming,
        root: &Root,
        limits: &Relay,
        declared: Option<u64>,
    ) -> Result<Self, Fault> {
        let max = usize::try_from(limits.envelope_len_max).unwrap_or(usize::MAX);
        let (mut read, mut scanned) = (Vec::new(), 0);
        // A chunked body does not know beforehand that it has ended.
        let mut ended = body.is_end_stream();
        loop {
            match root.find(&read, ended, &mut scanned) {
                Ok(Some(span)) if span.to - span.from <= max => {
                    let rest = (!ended).then_some(body);
                    return Ok(Self { read, span, rest, declared });
                }
                Ok(None) if !ended && read.len() <= max => {}
                Ok(_) => {
                    return Err(Fault::sender_with(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "envelope-too-long",
                        format!(
                            "l'enveloppe dépasse {max} octets (envelope_len_max) ; envoyez les documents en pièces MTOM"
                        ),
                    ));
                }
                Err(Wrong::Type | Wrong::Parts) => return Err(wrong_parts()),
            }
            match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        read.extend_from_slice(&data);
                    }
                    ended = body.is_end_stream();
                }
                Some(Err(_)) => {
                    return Err(Fault::sender("call-truncated", "l'appel s'est interrompu ; renvoyez-le"));
                }
                None => ended = true,
            }
        }
    }

    /// The envelope.
    pub(super) fn envelope(&self) -> &[u8] {
        self.read.get(self.span.from..self.span.to).unwrap_or_default()
    }

    /// The body to send, with `envelope` in the place of the one that was read.
    ///
    /// # Errors
    /// What was read behind the envelope could pass for another one.
    pub(super) fn with_envelope(self, envelope: Vec<u8>, root: &Root, limits: &Relay) -> Result<CallBody, Fault> {
        let old = self.span.to - self.span.from;
        let (before, after) = (self.read.get(..self.span.from), self.read.get(self.span.to..));
        let (before, after) = (before.unwrap_or_default().to_vec(), after.unwrap_or_default().to_vec());
        let mut parts = Parts::of(root);
        if let Some(parts) = &mut parts {
            parts.see(&after).map_err(|_| wrong_parts())?;
            if self.rest.is_none() && !parts.is_ended() {
                return Err(wrong_parts());
            }
        }
        let grown = |len: u64| len.saturating_sub(old as u64).saturating_add(envelope.len() as u64);
        let known = match &self.rest {
            None => Some(self.read.len() as u64),
            Some(_) => self.declared,
        };
        let len = known.map(grown);
        let pieces = [before, envelope, after];
        let pieces: VecDeque<Bytes> = pieces.into_iter().filter(|p| !p.is_empty()).map(Bytes::from).collect();
        let stream = Limited::new(self.rest, limits.call_len_max, limits.silence_ms);
        Ok(CallBody { pieces, stream, parts, len, progress: Arc::default() })
    }
}

fn too_long() -> Fault {
    Fault::sender_with(
        StatusCode::PAYLOAD_TOO_LARGE,
        "call-too-long",
        "l'appel dépasse la longueur admise (call_len_max) ; envoyez moins de documents à la fois",
    )
}

/// Neither SOAP 1.2 nor MTOM, or parts that cannot be told apart.
pub(super) fn wrong_parts() -> Fault {
    Fault::sender_with(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "content-type",
        "le corps doit être du SOAP 1.2 en UTF-8 (application/soap+xml), seul ou en première partie MTOM \
         (multipart/related, type application/xop+xml) sans encodage ; corrigez Content-Type",
    )
}

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
    fn stop(&mut self) {
        self.inner = None;
    }

    pub(super) fn is_ended(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The body that goes to the DMP.
#[derive(Debug)]
pub(super) struct CallBody {
    pieces: VecDeque<Bytes>,
    stream: Limited,
    /// What watches the stream's parts.
    parts: Option<Parts>,
    len: Option<u64>,
    progress: Arc<Progress>,
}

/// How far a body has gone, for whoever waits for the answer.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes taken by the connection.
    pub(super) bytes: AtomicU64,
    /// All of them.
    pub(super) ended: AtomicBool,
}

impl CallBody {
    /// Its progress, which can be looked at while it is sent.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    fn passed(&mut self, piece: &Bytes) {
        let len = piece.len() as u64;
        self.len = self.len.map(|left| left.saturating_sub(len));
        self.progress.bytes.fetch_add(len, Ordering::AcqRel);
    }
}

impl Drop for CallBody {
    fn drop(&mut self) {
        self.progress.ended.store(true, Ordering::Release);
    }
}

impl Body for CallBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(piece) = self.pieces.pop_front() {
            self.passed(&piece);
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let next = self.stream.poll(cx);
        if let (Poll::Ready(next), Some(parts)) = (&next, &mut self.parts) {
            let sound = match next {
                Some(Ok(piece)) => parts.see(piece).is_ok() && (parts.is_ended() || !self.stream.is_ended()),
                Some(Err(_)) => true,
                None => parts.is_ended(),
            };
            if !sound {
                // The call ends without its proper end, so that the DMP does not take it for whole.
                self.stream.stop();
                return Poll::Ready(Some(Err(io::ErrorKind::InvalidData.into())));
            }
        }
        if let Poll::Ready(Some(Ok(piece))) = &next {
            self.passed(piece);
        }
        next.map(|next| next.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty() && self.stream.is_ended()
    }

    fn size_hint(&self) -> SizeHint {
        self.len.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
