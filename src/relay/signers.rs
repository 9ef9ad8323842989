//! Connections to the signers of the authentication key, for handshakes: blocking, as rustls asks for signatures.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::seal::handshake::Scheme;
use crate::seal::wire::{self, Answer, HEADER_LEN, Request};

/// Why no signature was made.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSigned {
    /// No signer answers in time, or its token does not.
    #[error("no signer of the authentication key answers: {0}")]
    Unreachable(String),
    /// The signer holds another key than the certificate's.
    #[error("the signer's key is not the certificate's")]
    OtherKey,
}

/// One place for a connection to one signer process.
#[derive(Debug)]
struct Place {
    socket: PathBuf,
    stream: Option<UnixStream>,
}

/// All signers of one key.
#[derive(Debug)]
pub(super) struct Signers {
    idle: Mutex<Vec<Place>>,
    returned: Condvar,
    /// One for each place.
    sockets: Vec<PathBuf>,
    deadline: Duration,
    /// The certificate's key, which every signer must hold.
    spki: Vec<u8>,
}

impl Signers {
    /// Signers at these sockets, of the key `spki`; connects when asked to sign.
    pub(super) fn new(sockets: Vec<PathBuf>, spki: Vec<u8>, deadline: Duration) -> Self {
        let idle = sockets.iter().map(|socket| Place { socket: socket.clone(), stream: None }).collect();
        Self { idle: Mutex::new(idle), returned: Condvar::new(), sockets, deadline, spki }
    }

    /// Whether these are the signers at those sockets, of that key.
    pub(super) fn are(&self, sockets: &[PathBuf], spki: &[u8], deadline: Duration) -> bool {
        self.sockets == sockets && self.spki == spki && self.deadline == deadline
    }

    /// A raw signature over the content of a CertificateVerify; not verified here. Blocks for as long as the deadline.
    pub(super) fn sign(&self, scheme: Scheme, content: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let mut last = NotSigned::Unreachable("none is configured".to_owned());
        // Each signer may have left a dead connection behind, and the next one may be the one that lives.
        for _ in 0..self.sockets.len() {
            let Some(mut place) = self.take() else { break };
            let signed = self.ask(&mut place, scheme, content);
            if signed.is_err() {
                place.stream = None;
            }
            self.give_back(place);
            match signed {
                Ok(signature) => return Ok(signature),
                Err(cause) => last = cause,
            }
        }
        Err(last)
    }

    fn take(&self) -> Option<Place> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.returned.wait_timeout_while(idle, self.deadline, |idle| idle.is_empty());
        let (mut idle, _) = waited.unwrap_or_else(PoisonError::into_inner);
        // In turn: what was given back last is taken last, so that a second try meets another process.
        (!idle.is_empty()).then(|| idle.remove(0))
    }

    fn give_back(&self, place: Place) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        self.returned.notify_one();
    }

    fn ask(&self, place: &mut Place, scheme: Scheme, content: &[u8]) -> Result<Vec<u8>, NotSigned> {
        let unreachable = |cause: &dyn std::fmt::Display| NotSigned::Unreachable(cause.to_string());
        let request = Request::SignHandshake(scheme, content);
        // A signer that was started again has left a dead connection: one try on it, one on a fresh one.
        if let Some(stream) = &mut place.stream
            && let Ok(Answer::Signature(signature)) = exchange(stream, &request)
        {
            return Ok(signature);
        }
        place.stream = None;
        let mut stream = self.greet(&place.socket)?;
        match exchange(&mut stream, &request).map_err(|cause| unreachable(&cause))? {
            Answer::Signature(signature) => {
                place.stream = Some(stream);
                Ok(signature)
            }
            Answer::Failure(failure) => Err(unreachable(&failure.as_str())),
            _ => Err(unreachable(&"an answer to another question")),
        }
    }

    /// Whether one of the signers is there with the certificate's key. Blocks for as long as the deadline, for each that hangs.
    pub(super) fn answer(&self) -> bool {
        // In the places first: to a signer that is in use the question must not be a connection too many.
        let heard = (0..self.sockets.len()).any(|_| {
            let Some(mut place) = self.take() else { return false };
            let heard = self.hears(&mut place);
            self.give_back(place);
            heard
        });
        // Calls may have taken the place of the one that lives.
        heard || self.sockets.iter().any(|socket| self.greet(socket).is_ok())
    }

    fn hears(&self, place: &mut Place) -> bool {
        let is_ours = |answer| matches!(answer, Ok(Answer::Key(key)) if key.spki == self.spki);
        let kept = place.stream.as_mut().is_some_and(|stream| is_ours(exchange(stream, &Request::Hello)));
        if !kept {
            // The dead one is closed before another is opened.
            place.stream = None;
            place.stream = self.greet(&place.socket).ok();
        }
        place.stream.is_some()
    }

    /// A new connection to a signer that holds the key.
    fn greet(&self, socket: &PathBuf) -> Result<UnixStream, NotSigned> {
        let unreachable = |cause: &dyn std::fmt::Display| NotSigned::Unreachable(cause.to_string());
        let mut stream = self.open(socket).map_err(|cause| unreachable(&cause))?;
        match exchange(&mut stream, &Request::Hello).map_err(|cause| unreachable(&cause))? {
            Answer::Key(key) if key.spki == self.spki => Ok(stream),
            Answer::Key(_) => Err(NotSigned::OtherKey),
            Answer::Failure(failure) => Err(unreachable(&failure.as_str())),
            _ => Err(unreachable(&"an answer to another question")),
        }
    }

    fn open(&self, socket: &PathBuf) -> io::Result<UnixStream> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(self.deadline))?;
        stream.set_write_timeout(Some(self.deadline))?;
        Ok(stream)
    }
}

fn exchange(stream: &mut UnixStream, request: &Request<'_>) -> io::Result<Answer> {
    let invalid = |error: wire::WireError| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut frame = Vec::new();
    wire::encode(request, &mut frame).map_err(invalid)?;
    stream.write_all(&frame)?;
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header)?;
    let mut answer = vec![0; wire::header(&header).map_err(invalid)?];
    stream.read_exact(&mut answer)?;
    wire::decode_answer(&answer).map_err(invalid)
}
