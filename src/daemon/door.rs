//! One connection of `token.sock`: frames in, answers out, one after the other, each with its deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroize as _;

use super::Daemon;
use super::dispatch::{Served, answer};
use crate::policy::denial::Malformed;
use crate::sys::frames::{End, Frames};
use crate::sys::places::Place;
use crate::varlink::FRAME_LEN_MAX;

/// Bytes of an answer's room kept between requests: an assertion's answer has about 7 kB.
const ANSWER_ROOM_LEN: usize = 16 * 1024;

/// Serves a connection of the Unix user `uid` until it ends or `stop` says so.
///
/// The peer's slowness costs this task alone. `_place` is free again afterwards.
pub(super) async fn serve(
    daemon: Arc<Daemon>,
    mut stream: UnixStream,
    (served, uid): (Served, u32),
    _place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let limits = daemon.config.limits;
    let mut frames = Frames::default();
    let mut out = Vec::with_capacity(ANSWER_ROOM_LEN);
    loop {
        out.clear();
        match frames.next(&mut stream, limits.patience(), &mut stop).await {
            Ok(len) => {
                answer(&daemon, served, uid, frames.frame(len), &mut out).await;
                frames.forget(len);
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                super::answer::Answer::No(super::answer::No::Malformed(Malformed::new("", message)))
                    .write(&mut out, served.interface());
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
