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
use super::gate;
use super::gate::calls::{self, Introduced};
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
                let step = match introduced {
                    None if may_introduce => introduce(&daemon, frame, first, &mut out),
                    Some(client) if !daemon.speaks_for(client) => {
                        Answer::No(unknown_application().into()).write(&mut out, served.interface());
                        daemon.refusals.count(uid, "certificate-revoked");
                        Step::Refused
                    }
                    _ => Step::Asked,
                };
                match step {
                    Step::Asked => answer(&daemon, served, uid, frame, &mut out).await,
                    Step::Answered => {}
                    Step::Introduced(client, taken) => {
                        (place, uid, introduced) = (taken, client.uid, Some(client));
                    }
                    Step::Refused => goes_on = false,
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

/// What a frame is to a connection.
enum Step {
    /// A question of whom it speaks for, to be answered.
    Asked,
    /// The gate's own; answered.
    Answered,
    /// From here on it speaks for this client, in this place.
    Introduced(Introduced, Place),
    /// Answered, and it ends.
    Refused,
}

/// Takes a frame of the gate on a connection that speaks for nobody yet.
fn introduce(daemon: &Daemon, frame: &[u8], first: bool, out: &mut Vec<u8>) -> Step {
    match calls::answer(daemon, frame, first, out) {
        Err(()) => Step::Asked,
        Ok(None) => Step::Answered,
        Ok(Some(client)) => {
            let most = daemon.config.limits.connections_per_application_max;
            if let Some(place) = daemon.connections.take(client.uid, most) {
                return Step::Introduced(client, place);
            }
            out.clear();
            Answer::No(No::Busy).write(out, gate::INTERFACE);
            daemon.refusals.count(client.uid, "too-many-connections");
            Step::Refused
        }
    }
}

impl Daemon {
    /// Whether a client's certificate is still its application's.
    fn speaks_for(&self, client: Introduced) -> bool {
        let applications = self.registers.applications();
        applications.of_certificate(&client.certificate).is_some_and(|application| application.uid == client.uid)
    }
}
