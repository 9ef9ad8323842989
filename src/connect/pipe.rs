//! The named pipe: varlink for the accounts that the configuration names.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use interprocess::os::windows::named_pipe::tokio::{DuplexPipeStream, PipeListener};
use interprocess::os::windows::named_pipe::{PipeListenerOptions, PipeMode, pipe_mode};
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use tokio::sync::watch;
use tokio::task::JoinSet;
use widestring::U16CString;

use super::carry::carry;
use super::pair::Pair;
use super::settings::PipeDoor;
use crate::sys::places::Places;

/// The system and the administrators may do everything with it; nothing is inherited.
const ACCESS: &str = "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;OW)";
/// Pause when no connection can be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Whom places are counted for: the access list has judged already.
const NOBODY: u32 = 0;

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
            // Reading and writing, as .NET and Java open a pipe.
            access.push_str(&format!("(A;;GRGW;;;{user})"));
        }
        let access = U16CString::from_str(&access).map_err(|_| io::ErrorKind::InvalidInput)?;
        let options = PipeListenerOptions::new()
            .path(Path::new(&settings.name))
            .mode(PipeMode::Bytes)
            .accept_remote(false)
            .security_descriptor(Some(SecurityDescriptor::deserialize(&access)?));
        Ok(Self(options.create_tokio_duplex()?))
    }

    /// Accepts until `stop` says so, then waits for the exchanges under way; whoever calls bounds that.
    pub(super) async fn accept(
        self,
        pair: Arc<Pair>,
        places: Arc<Places>,
        max: usize,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                biased;
                _ = stop.wait_for(|stop| *stop) => break,
                accepted = self.0.accept() => accepted,
            };
            match accepted {
                Ok(stream) => match places.take(NOBODY, max) {
                    Some(place) => {
                        let (pair, stop) = (Arc::clone(&pair), stop.clone());
                        connections.spawn(async move {
                            let _place = place;
                            let stream: DuplexPipeStream<pipe_mode::Bytes> = stream;
                            carry(&pair, stream, stop).await;
                        });
                    }
                    None => tracing::warn!("every place is taken"),
                },
                Err(error) => {
                    tracing::warn!(%error, "no connection could be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while connections.join_next().await.is_some() {}
    }
}
