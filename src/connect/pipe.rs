//! The named pipe: varlink for the accounts that the configuration names.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interprocess::os::windows::named_pipe::tokio::{DuplexPipeStream, PipeListener};
use interprocess::os::windows::named_pipe::{PipeListenerOptions, PipeMode, pipe_mode};
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use tokio::sync::watch;
use widestring::U16CString;

use super::carry::carry;
use super::pair::Pair;
use super::refusals::{NOBODY, Refusals};
use super::settings::PipeDoor;
use crate::sys::accepting::{self, Listener};
use crate::sys::places::{Place, Places};

/// The system and the administrators may do everything with it; nothing is inherited.
const ACCESS: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)";
/// Reading and writing for those who are named: `FILE_GENERIC_READ | FILE_GENERIC_WRITE` without `FILE_APPEND_DATA`, which on a pipe is
/// the right to open further ends of it and to answer in our place (Windows, "Named Pipe Security and Access Rights").
const CALLER: &str = "0x12019b";

/// The open pipe.
pub(super) struct Door(PipeListener<pipe_mode::Bytes, pipe_mode::Bytes>);

impl Door {
    /// Makes the pipe; one of that name that somebody else has made is refused, as he would hear what is said to us.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn open(settings: &PipeDoor) -> io::Result<Self> {
        let mut access = ACCESS.to_owned();
        for user in &settings.users {
            access.push_str(&format!("(A;;{CALLER};;;{user})"));
        }
        let access = U16CString::from_str(&access).map_err(|_| io::ErrorKind::InvalidInput)?;
        let options = PipeListenerOptions::new()
            .path(Path::new(&settings.name))
            .mode(PipeMode::Bytes)
            .accept_remote(false)
            .security_descriptor(Some(SecurityDescriptor::deserialize(&access)?));
        Ok(Self(options.create_tokio_duplex()?))
    }

    /// Accepts until `stop` says so, then waits for the exchanges under way, at most `finish`.
    pub(super) async fn accept(
        self,
        pair: Arc<Pair>,
        (places, max): (Arc<Places>, usize),
        stop: watch::Receiver<bool>,
        finish: Duration,
    ) {
        let stopped = stop.clone();
        let refusals = Refusals::default();
        accepting::accept(self, stop, finish, move |stream, connections| match places.take(NOBODY, max) {
            Some(place) => {
                connections.spawn(serve(Arc::clone(&pair), stream, place, stopped.clone()));
            }
            None => {
                if let Some(times) = refusals.count(NOBODY, Instant::now()) {
                    tracing::warn!(times, "every place is taken");
                }
            }
        })
        .await;
    }
}

impl Listener for Door {
    type Stream = DuplexPipeStream<pipe_mode::Bytes>;

    async fn next(&self) -> io::Result<Self::Stream> {
        self.0.accept().await
    }
}

async fn serve(
    pair: Arc<Pair>,
    stream: DuplexPipeStream<pipe_mode::Bytes>,
    _place: Place,
    stop: watch::Receiver<bool>,
) {
    carry(&pair, stream, stop).await;
}
