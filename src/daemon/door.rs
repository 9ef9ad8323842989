//! One connection of `token.sock`: frames in, answers out, one after the other, each with its deadline.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroize as _;

use super::Daemon;
use super::answer::{Answer, No};
use super::dispatch::{Served, answer};
use super::gate::{self, Introduced};
use crate::policy::application::unknown_application;
use crate::policy::denial::Malformed;
use crate::sys::frames::{End, Frames};
use crate::sys::places::Place;
use crate::varlink::FRAME_LEN_MAX;

/// Bytes of an answer's room kept between requests: an assertion's answer has about 7 kB.
const ANSWER_ROOM_LEN: usize = 16 * 1024;

/// Serves a connection of the Unix user `uid` until it ends or `stop` says so.
///
/// The peer's slowness costs this task alone. `place` is free again afterwards. A connection of the gate is an application's from
/// its first frame on, with the place of one, as long as its certificate is that application's.
pub(super) async fn serve(
    daemon: Arc<Daemon>,
    mut stream: UnixStream,
    (served, mut uid): (Served, u32),
    mut place: Place,
    mut stop: watch::Receiver<bool>,
) {
    let limits = daemon.config.limits;
    let mut frames = Frames::default();
    let mut out = Vec::with_capacity(ANSWER_ROOM_LEN);
    let may_introduce = served == Served::Token && daemon.gate.is(uid);
    let (mut introduced, mut first) = (None, true);
    loop {
        out.clear();
        let mut goes_on = true;
        match frames.next(&mut stream, limits.patience(), &mut stop).await {
            Ok(len) => {
                let frame = frames.frame(len);
                match introduced {
                    None if may_introduce => match gate::answer(&daemon, frame, first, &mut out) {
                        Ok(None) => {}
                        Ok(Some(client)) => match enter(&daemon, client) {
                            Some(taken) => {
                                place = taken;
                                uid = client.uid;
                                introduced = Some(client);
                            }
                            None => {
                                out.clear();
                                Answer::No(No::Busy).write(&mut out, gate::INTERFACE);
                                daemon.refusals.count(client.uid, "too-many-connections");
                                goes_on = false;
                            }
                        },
                        Err(()) => answer(&daemon, served, uid, frame, &mut out).await,
                    },
                    Some(client) if !daemon.speaks_for(client) => {
                        Answer::No(unknown_application().into()).write(&mut out, served.interface());
                        daemon.refusals.count(uid, "certificate-revoked");
                        goes_on = false;
                    }
                    _ => answer(&daemon, served, uid, frame, &mut out).await,
                }
                first = false;
                frames.forget(len);
            }
            Err(End::TooLong) => {
                let message = format!("la trame dépasse {FRAME_LEN_MAX} octets");
                Answer::No(No::Malformed(Malformed::new("", message))).write(&mut out, served.interface());
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
        if !goes_on || !matches!(written, Ok(Ok(()))) {
            break;
        }
    }
    drop(place);
}

/// A place of the application that a connection is introduced for; none: it has too many.
fn enter(daemon: &Daemon, client: Introduced) -> Option<Place> {
    daemon.connections.take(client.uid, daemon.config.limits.connections_per_application_max)
}

impl Daemon {
    /// Whether a client's certificate is still its application's.
    fn speaks_for(&self, client: Introduced) -> bool {
        let applications = self.registers.applications();
        applications.of_certificate(&client.certificate).is_some_and(|application| application.uid == client.uid)
    }
}
