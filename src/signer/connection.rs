//! One connection: frames in, answers out in their order; those of a moment go together.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};

use super::keeper::Keeper;
use crate::config::Limits;
use crate::seal::wire::{
    Answer, FRAME_LEN_MAX, Failure, HEADER_LEN, Request, Stats, WireError, decode_request, encode_answer, header,
};
use crate::sys::peer::readable;
use crate::token::Meter;

/// How long an answer waits for the next one while requests are there: each that goes alone costs `sceaud` a wake-up. A token
/// that takes longer for one signature waits for none.
const TOGETHER_MAX: Duration = Duration::from_millis(1);

/// What every connection shares.
#[derive(Debug)]
pub(super) struct Service {
    keeper: Arc<Keeper>,
    meter: Arc<Meter>,
    pub(super) limits: Limits,
    open: Mutex<Open>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Open {
    streams: HashMap<u64, UnixStream>,
    next: u64,
    finishing: bool,
}

/// An admitted connection; leaves the register when dropped.
#[derive(Debug)]
pub(super) struct Connection {
    service: Arc<Service>,
    stream: UnixStream,
    number: u64,
    buffer: Vec<u8>,
    filled: usize,
}

impl Service {
    pub(super) fn new(keeper: Arc<Keeper>, meter: Arc<Meter>, limits: Limits) -> Self {
        Self { keeper, meter, limits, open: Mutex::default(), closed: Condvar::new() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; without one it is told so and closed.
    pub(super) fn admit(self: &Arc<Self>, stream: UnixStream, max: usize) -> Option<Connection> {
        let timeout = Duration::from_millis(self.limits.answer_write_ms);
        let (Ok(()), Ok(clone)) = (stream.set_write_timeout(Some(timeout)), stream.try_clone()) else {
            return None;
        };
        let mut open = self.open();
        if open.finishing || open.streams.len() >= max {
            drop(open);
            warn!(max, "one connection too many");
            let mut busy = Vec::new();
            if encode_answer(&Answer::Failure(Failure::Busy), &mut busy).is_ok() {
                let _ = send(&stream, &mut busy);
            }
            return None;
        }
        let number = open.next;
        open.next += 1;
        open.streams.insert(number, clone);
        let buffer = vec![0; HEADER_LEN + FRAME_LEN_MAX];
        Some(Connection { service: Arc::clone(self), stream, number, buffer, filled: 0 })
    }

    /// Hears nobody any more and waits for the answers under way; false if some are not out in time.
    pub(super) fn finish(&self, deadline: Duration) -> bool {
        let mut open = self.open();
        open.finishing = true;
        for stream in open.streams.values() {
            let _ = stream.shutdown(Shutdown::Read);
        }
        let waited = self.closed.wait_timeout_while(open, deadline, |open| !open.streams.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.streams.is_empty()
    }

    /// One request as one function.
    fn answer(&self, request: &Request<'_>) -> Answer {
        if let Request::Stats = request {
            return Answer::Stats(Stats {
                signatures: self.meter.signatures(),
                sign_cpu_ns: self.meter.sign_cpu_ns(),
                recoveries: self.keeper.recoveries(),
            });
        }
        let generation = match self.keeper.current() {
            Ok(generation) => generation,
            Err(failure) => return Answer::Failure(failure),
        };
        let key = generation.keyring();
        let signed = match request {
            Request::Hello | Request::Stats => return Answer::Key(Box::new(key.description().clone())),
            Request::Sign(text) => key.sign_text(text),
            Request::SignHandshake(scheme, content) => key.sign_handshake(*scheme, content),
            Request::SelfTest(nonce) => Some(key.self_test(nonce)),
        };
        match signed {
            None => Answer::Failure(Failure::ShapeRefused),
            Some(Ok(signature)) => Answer::Signature(signature),
            Some(Err(error)) => {
                let failure = error.failure();
                if failure != Failure::Busy {
                    self.keeper.spent(&generation, &error);
                }
                Answer::Failure(failure)
            }
        }
    }
}

impl Connection {
    /// Serves until the peer leaves, breaks the protocol or the process finishes.
    pub(super) fn serve(mut self) {
        if let Err(cause) = self.frames() {
            warn!(%cause, "connection dropped");
        }
    }

    fn frames(&mut self) -> io::Result<()> {
        let (mut out, mut unsent) = (Vec::new(), None);
        while let Some(len) = self.read()? {
            let since = *unsent.get_or_insert_with(Instant::now);
            let frame = self.buffer.get(HEADER_LEN..HEADER_LEN + len).unwrap_or_default();
            let answer = self.service.answer(&decode_request(frame).map_err(invalid)?);
            encode_answer(&answer, &mut out).map_err(invalid)?;
            self.buffer.copy_within(HEADER_LEN + len..self.filled, 0);
            self.filled -= HEADER_LEN + len;
            if since.elapsed() >= TOGETHER_MAX || self.whole()?.is_none() {
                send(&self.stream, &mut out)?;
                unsent = None;
            }
        }
        debug!("disconnected");
        Ok(())
    }

    /// Length of the frame at the buffer's beginning, if it is whole.
    fn whole(&self) -> io::Result<Option<usize>> {
        let Some(length) = self.buffer.first_chunk().filter(|_| self.filled >= HEADER_LEN) else {
            return Ok(None);
        };
        let len = header(length).map_err(invalid)?;
        Ok(Some(len).filter(|len| self.filled >= HEADER_LEN + len))
    }

    /// Reads until a whole frame stands at the buffer's beginning and gives its length; `None`: the peer has left.
    ///
    /// Between frames it waits for ever; a frame once begun must end in `frame_read_ms`, or the place is freed.
    fn read(&mut self) -> io::Result<Option<usize>> {
        let mut until = None;
        loop {
            if let Some(len) = self.whole()? {
                return Ok(Some(len));
            }
            if self.filled > 0 && until.is_none() {
                until = Some(Instant::now() + Duration::from_millis(self.service.limits.frame_read_ms));
            }
            // Not a blocking read: the kernel wakes a thread that sleeps in recv(2) whenever the peer takes what was
            // sent, for nothing; poll(2) sleeps until there is something to read.
            if !readable(&self.stream, until)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.stream.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(0) if self.filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.filled += n,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.service.open().streams.remove(&self.number);
        self.service.closed.notify_all();
    }
}

fn send(mut stream: &UnixStream, out: &mut Vec<u8>) -> io::Result<()> {
    stream.write_all(out)?;
    out.clear();
    Ok(())
}

fn invalid(error: WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
