//! One connection of `admin.sock`: frames in, answers out, one after the other, each with its deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroize as _;

use super::super::Daemon;
use super::answer::No;
use super::attachment::Attachment;
use super::delivery::deliver;
use super::dispatch::answer;
use super::submit::Obeyed;
use crate::policy::denial::Malformed;
use crate::sys::frames::{End, Frames};
use crate::sys::places::Place;
use crate::varlink::FRAME_LEN_MAX;

/// Serves a connection of the Unix user `uid` until it ends or `stop` says so. `_place` is free again afterwards.
pub(in super::super) async fn serve(
    daemon: Arc<Daemon>,
    mut stream: UnixStream,
    uid: u32,
    _place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let limits = daemon.config.limits;
    let (mut frames, mut attachment) = (Frames::default(), Attachment::default());
    loop {
        let mut out = Vec::new();
        let mut goes_on = true;
        match frames.next(&mut stream, limits.patience(), &mut stop).await {
            Ok(len) => {
                let obeyed = answer(&daemon, uid, frames.frame(len), &mut attachment, &mut out).await;
                frames.forget(len);
                if let Some(Obeyed { entry, document: Some(document), .. }) = obeyed {
                    let Some(last) = deliver(&mut stream, entry, document).await else { return };
                    out = last;
                }
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                No::Malformed(Malformed::new("", message)).write(&mut out);
                goes_on = false;
            }
            Err(End::Peer | End::Stop) => return,
        }
        let written = timeout(Duration::from_millis(limits.answer_write_ms), stream.write_all(&out)).await;
        // It may have an invitation's code.
        out.zeroize();
        if !goes_on || !matches!(written, Ok(Ok(()))) {
            return;
        }
    }
}

/// Tells a peer that has too many connections, without waiting for it.
pub(in super::super) fn hang_up(stream: &UnixStream) {
    let mut busy = Vec::new();
    No::Busy.write(&mut busy);
    let _ = stream.try_write(&busy);
}
