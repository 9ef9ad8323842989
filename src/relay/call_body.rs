//! The body that goes to the DMP: the envelope with its assertion, then the parts as they come, watched.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};

use super::parts::Parts;
use super::stream::Limited;

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
    /// These pieces, then the stream; `len` is that of all of it, where it is known.
    pub(super) fn new(pieces: [Vec<u8>; 3], stream: Limited, parts: Option<Parts>, len: Option<u64>) -> Self {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).map(Bytes::from).collect();
        Self { pieces, stream, parts, len, progress: Arc::default() }
    }

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
