//! One connection of `token.sock`: frames in, answers out, one after the other, each with its deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroize as _;

use super::Daemon;
use super::dispatch::answer;
use super::load::Place;
use crate::policy::denial::Malformed;
use crate::varlink::FRAME_LEN_MAX;

/// Bytes read at once: a request and its successor.
const READ_LEN: usize = 8 * 1024;

/// Bytes of an answer's room kept between requests: an assertion's answer has about 7 kB.
const ANSWER_ROOM_LEN: usize = 16 * 1024;

/// Why a connection ends.
enum End {
    /// The peer closed, was too slow, or went away.
    Peer,
    /// A frame over the limit: answered, then closed (contract).
    TooLong,
    /// The program stops.
    Stop,
}

/// Serves a connection of the Unix user `uid` until it ends or `stop` says so.
///
/// The peer's slowness costs this task alone. `_place` is free again afterwards.
pub(super) async fn serve(
    daemon: Arc<Daemon>,
    mut stream: UnixStream,
    uid: u32,
    _place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let limits = daemon.config.limits;
    let mut frames = Frames { buffer: Vec::new(), scanned: 0 };
    let mut out = Vec::with_capacity(ANSWER_ROOM_LEN);
    loop {
        let next = frames.next(
            &mut stream,
            Duration::from_millis(limits.idle_ms),
            Duration::from_millis(limits.frame_read_ms),
        );
        let frame = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(End::Stop),
            frame = next => frame,
        };
        out.clear();
        match frame {
            Ok(len) => {
                answer(&daemon, uid, frames.frame(len), &mut out).await;
                frames.forget(len);
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                super::answer::Answer::No(super::answer::No::Malformed(Malformed::new("", message)))
                    .write(&mut out);
                let _ = timeout(Duration::from_millis(limits.answer_write_ms), stream.write_all(&out)).await;
                return;
            }
            Err(End::Peer | End::Stop) => return,
        }
        let written = timeout(Duration::from_millis(limits.answer_write_ms), stream.write_all(&out)).await;
        // What was written, not the whole room: erasing is byte by byte.
        out.as_mut_slice().zeroize();
        out.clear();
        out.shrink_to(ANSWER_ROOM_LEN);
        if !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// Bytes received and not yet answered; erased once they are.
struct Frames {
    buffer: Vec<u8>,
    /// Bytes known to hold no NUL.
    scanned: usize,
}

impl Frames {
    /// Waits for a whole frame and gives its length.
    async fn next(&mut self, stream: &mut UnixStream, idle: Duration, frame: Duration) -> Result<usize, End> {
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

    fn frame(&self, len: usize) -> &[u8] {
        self.buffer.get(..len).unwrap_or_default()
    }

    /// Erases a frame and its NUL; what follows moves to the front.
    fn forget(&mut self, len: usize) {
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
