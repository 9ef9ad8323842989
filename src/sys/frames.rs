//! Varlink frames out of a connection: bounded, each with its deadline, erased once answered.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroize as _;

use crate::varlink::FRAME_LEN_MAX;

/// Bytes read at once: a request and its successor.
const READ_LEN: usize = 8 * 1024;

/// How long a peer is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Between two frames.
    pub idle: Duration,
    /// From a frame's first byte to its NUL.
    pub frame: Duration,
}

/// Why a connection ends.
#[derive(Debug)]
pub enum End {
    /// The peer closed, was too slow, or went away.
    Peer,
    /// A frame over the limit: answered, then closed (contract).
    TooLong,
    /// The program stops.
    Stop,
}

/// Bytes received and not yet answered; erased once they are.
#[derive(Debug, Default)]
pub struct Frames {
    buffer: Vec<u8>,
    /// Bytes known to hold no NUL.
    scanned: usize,
}

impl Frames {
    /// Waits for a whole frame and gives its length, unless `stop` says so first.
    ///
    /// # Errors
    /// Why there is none and the connection ends.
    pub async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        patience: Patience,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<usize, End> {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(End::Stop),
            frame = self.read(stream, patience) => frame,
        }
    }

    async fn read(&mut self, stream: &mut (impl AsyncRead + Unpin), patience: Patience) -> Result<usize, End> {
        let Patience { idle, frame } = patience;
        let mut deadline = Instant::now() + if self.buffer.is_empty() { idle } else { frame };
        loop {
            let unscanned = self.buffer.get(self.scanned..).unwrap_or_default();
            if let Some(at) = memchr::memchr(0, unscanned) {
                let len = self.scanned + at;
                return if len > FRAME_LEN_MAX { Err(End::TooLong) } else { Ok(len) };
            }
            self.scanned = self.buffer.len();
            if self.scanned > FRAME_LEN_MAX {
                return Err(End::TooLong);
            }
            let was_empty = self.buffer.is_empty();
            self.buffer.reserve(READ_LEN);
            match timeout_at(deadline, stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(read)) if read > 0 => {}
                _ => return Err(End::Peer),
            }
            if was_empty {
                deadline = Instant::now() + frame;
            }
        }
    }

    /// The frame of that length.
    #[must_use]
    pub fn frame(&self, len: usize) -> &[u8] {
        self.buffer.get(..len).unwrap_or_default()
    }

    /// The frame of that length with its NUL, as it came.
    #[must_use]
    pub fn with_end(&self, len: usize) -> &[u8] {
        self.buffer.get(..=len).unwrap_or_default()
    }

    /// Erases a frame and its NUL; what follows moves to the front.
    pub fn forget(&mut self, len: usize) {
        if self.buffer.len() == len + 1 {
            self.buffer.as_mut_slice().zeroize();
            self.buffer.clear();
            // A large frame once must not hold its room for the life of the connection.
            self.buffer.shrink_to(READ_LEN);
        } else {
            let rest = self.buffer.len() - (len + 1);
            self.buffer.copy_within(len + 1.., 0);
            if let Some(tail) = self.buffer.get_mut(rest..) {
                tail.zeroize();
            }
            self.buffer.truncate(rest);
        }
        self.scanned = 0;
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.buffer.zeroize();
    }
}
