//! `attest.sock`: connections within their number, frames in, answers out, each with its deadline.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use zeroize::Zeroize as _;

use super::Attester;
use super::answer::No;
use super::evidence::Heard;
use super::request::Request;
use crate::sys::accepting;
use crate::sys::frames::{End, Frames};
use crate::sys::places::Place;
use crate::sys::socket::Listening;
use crate::varlink::FRAME_LEN_MAX;
use crate::varlink::members::MemberError;

/// Who may ask is told by the file's group and by the kernel's word for the caller.
const SOCKET_MODE: u32 = 0o660;
/// How long after our start evidence waits for sceaud's checkpoint. Reason: longer than a slow token takes to open, shorter than who
/// asks waits (180 s).
const STARTING: Duration = Duration::from_secs(90);
/// How often sceaud is asked meanwhile.
const ASKED_EVERY: Duration = Duration::from_secs(1);
/// Bytes of an answer's room.
const ANSWER_ROOM_LEN: usize = 4 * 1024;

/// The open door.
#[derive(Debug)]
pub(super) struct Door(Listening);

impl Door {
    /// Takes the socket that systemd hands over, or makes one at `path`; a stale socket is replaced, a living one is not.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(match ListenFd::from_env().take_unix_listener(0)? {
            Some(listener) => Listening::handed(listener)?,
            None => Listening::bind(path, SOCKET_MODE)?,
        }))
    }
}

/// Accepts until `stop` says so, then waits for the answers under way, at most `shutdown_ms`.
pub(super) async fn accept(attester: Arc<Attester>, door: Door, stop: watch::Receiver<bool>) {
    let finish = Duration::from_millis(attester.config.limits.shutdown_ms);
    let stopped = stop.clone();
    let admit = move |stream, connections: &mut _| admit(&attester, stream, &stopped, connections);
    accepting::accept(door.0, stop, finish, admit).await;
}

fn admit(
    attester: &Arc<Attester>,
    stream: UnixStream,
    stop: &watch::Receiver<bool>,
    connections: &mut JoinSet<()>,
) {
    let Ok(peer) = stream.peer_cred() else { return };
    let uid = peer.uid();
    match attester.admission.take(uid) {
        Some(place) => drop(connections.spawn(serve(Arc::clone(attester), stream, uid, place, stop.clone()))),
        None => {
            // Told without waiting: a peer that takes no answer must not hold the door.
            let mut busy = Vec::new();
            No::Busy.write(&mut busy);
            let _ = stream.try_write(&busy);
        }
    }
}

async fn serve(
    attester: Arc<Attester>,
    mut stream: UnixStream,
    uid: u32,
    _place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let limits = attester.config.limits;
    let mut frames = Frames::default();
    // Room for a PIN's answer from the start: what grows leaves copies behind.
    let mut out = Vec::with_capacity(ANSWER_ROOM_LEN);
    loop {
        let mut goes_on = true;
        match frames.next(&mut stream, limits.patience(), &mut stop).await {
            Ok(len) => {
                let asked = Request::read(frames.frame(len), uid, attester.admitted, &mut out);
                frames.forget(len);
                let answered = match asked {
                    Ok(None) => Ok(None),
                    Ok(Some(request)) => {
                        let request = completed(&attester, request).await;
                        attester.worker.done(request).await.map(Some)
                    }
                    Err(no) => Err(no),
                };
                match answered {
                    Ok(answer) => answer.into_iter().for_each(|answer| answer.write(&mut out)),
                    Err(no) => no.write(&mut out),
                }
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                No::Words(MemberError::Malformed { field: String::new(), message }).write(&mut out);
                goes_on = false;
            }
            Err(End::Peer | End::Stop) => return,
        }
        let written = timeout(Duration::from_millis(limits.answer_write_ms), stream.write_all(&out)).await;
        out.as_mut_slice().zeroize();
        out = Vec::with_capacity(ANSWER_ROOM_LEN);
        if !goes_on || !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// Asks sceaud what a request needs of it, aside from the TPM's thread: sceaud may be waiting for that one. A machine that has just
/// started is given the time to have all of it: an officer would read evidence without a ledger as a bad one.
async fn completed(attester: &Attester, request: Request) -> Request {
    let Request::Evidence { nonce, .. } = request else { return request };
    loop {
        let config = attester.config.clone();
        let heard = tokio::task::spawn_blocking(move || Heard::of(&config)).await.unwrap_or_default();
        if !heard.is_early || attester.started.elapsed() > STARTING {
            return Request::Evidence { nonce, heard };
        }
        tracing::info!("evidence waits for the ledger's checkpoint: the machine is starting");
        sleep(ASKED_EVERY).await;
    }
}
