//! One connection to one signer process: one request at a time, each with a deadline.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::key::KeyDescription;
use super::lane::Lane;
use super::wire::{self, Answer, Failure, HEADER_LEN, Request, WireError};

/// Why a signer did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// It answered that it cannot.
    #[error("the signer answered {}", .0.as_str())]
    Failed(Failure),
    /// Nobody listens, or it hung up: worth another connection at once.
    #[error("the signer's socket failed: {0}")]
    Io(#[from] std::io::Error),
    /// No answer in time: the connection is of no more use.
    #[error("the signer did not answer in time")]
    Late,
    /// It does not speak our protocol.
    #[error("the signer's answer is not of the protocol: {0}")]
    Wire(#[from] WireError),
    /// An answer to another question.
    #[error("the signer's answer is not the question's")]
    Unexpected,
}

/// An open connection; after any error but [`SignerError::Failed`] it must be dropped.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    buffer: Vec<u8>,
    deadline: Duration,
}

impl Connection {
    /// Connects to the socket of a signer; every later request has `deadline`.
    ///
    /// # Errors
    /// Nobody listens there, or not in time.
    pub async fn open(socket: &Path, deadline: Duration) -> Result<Self, SignerError> {
        let stream = timeout(deadline, UnixStream::connect(socket)).await.map_err(|_| SignerError::Late)??;
        Ok(Self { stream, buffer: Vec::with_capacity(2048), deadline })
    }

    /// Which key is behind the signer.
    ///
    /// # Errors
    /// [`SignerError`].
    pub async fn hello(&mut self) -> Result<KeyDescription, SignerError> {
        match self.ask(&Request::Hello).await? {
            Answer::Key(key) => Ok(*key),
            _ => Err(SignerError::Unexpected),
        }
    }

    /// A raw signature over the self-test message of `nonce`; not verified here.
    ///
    /// # Errors
    /// [`SignerError`].
    pub async fn self_test(&mut self, nonce: [u8; wire::NONCE_LEN]) -> Result<Vec<u8>, SignerError> {
        self.signature(&Request::SelfTest(nonce)).await
    }

    /// The same connection for several requests at once.
    pub(super) fn into_lane(self) -> Lane {
        Lane::of(self.stream, self.deadline)
    }

    async fn signature(&mut self, request: &Request<'_>) -> Result<Vec<u8>, SignerError> {
        match self.ask(request).await? {
            Answer::Signature(signature) => Ok(signature),
            _ => Err(SignerError::Unexpected),
        }
    }

    async fn ask(&mut self, request: &Request<'_>) -> Result<Answer, SignerError> {
        let deadline = self.deadline;
        match timeout(deadline, self.exchange(request)).await {
            Err(_) => Err(SignerError::Late),
            Ok(Err(error)) => Err(error),
            Ok(Ok(Answer::Failure(failure))) => Err(SignerError::Failed(failure)),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    async fn exchange(&mut self, request: &Request<'_>) -> Result<Answer, SignerError> {
        self.buffer.clear();
        wire::encode(request, &mut self.buffer)?;
        self.stream.write_all(&self.buffer).await?;
        self.buffer.clear();
        // Most often one read brings the whole answer.
        let mut wanted = HEADER_LEN;
        loop {
            if let Some(head) = self.buffer.first_chunk::<HEADER_LEN>() {
                wanted = HEADER_LEN + wire::header(head)?;
            }
            if self.buffer.len() >= wanted && wanted > HEADER_LEN {
                break;
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(SignerError::Io(std::io::ErrorKind::UnexpectedEof.into()));
            }
        }
        if self.buffer.len() != wanted {
            return Err(SignerError::Unexpected);
        }
        Ok(wire::decode_answer(self.buffer.get(HEADER_LEN..).unwrap_or_default())?)
    }
}
