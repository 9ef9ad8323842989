//! A local varlink connection, its frames carried one by one to the appliance that serves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::appliance::Appliance;
use super::far::Far;
use super::fault::Fault;
use super::pair::Pair;
use crate::sys::frames::{End, Frames, Patience};

/// How long a local caller is waited for: an application keeps its connection over a shift, a frame takes no time.
const PATIENCE: Patience = Patience { idle: Duration::from_secs(12 * 3600), frame: Duration::from_secs(10) };
/// Longest wait for an answer of an appliance that otherwise answers: well above every limit of `sceaud`.
const ANSWER_WAIT: Duration = Duration::from_secs(60);
/// Longest wait for a caller that does not take its answer.
const TAKE_WAIT: Duration = Duration::from_secs(30);
/// Connections tried for one frame: one for each appliance.
const DIALS_MAX: usize = 2;

/// A connection, and whose it is.
type Line = Option<(Arc<Appliance>, Far)>;

/// Carries frames until the caller leaves, or `stop` says so: one frame, one answer, in order, bytes unchanged.
pub(super) async fn carry(
    pair: &Pair,
    mut near: impl AsyncRead + AsyncWrite + Unpin,
    mut stop: watch::Receiver<bool>,
) {
    let mut frames = Frames::default();
    let mut line: Line = None;
    loop {
        let next = tokio::select! {
            next = frames.next(&mut near, PATIENCE, &mut stop) => next,
            () = ended(&mut line) => {
                line = None;
                continue;
            }
        };
        let len = match next {
            Ok(len) => len,
            Err(End::TooLong) => {
                let mut answer = Vec::new();
                Fault::TooLong.frame(&mut answer);
                let _ = give(&mut near, &answer).await;
                return;
            }
            Err(End::Peer | End::Stop) => return,
        };
        let answer = ask(pair, &mut line, frames.frame(len)).await;
        frames.forget(len);
        if give(&mut near, &answer).await.is_err() {
            return;
        }
    }
}

/// The answer to one frame: the appliance's, or ours that there is none.
async fn ask(pair: &Pair, line: &mut Line, frame: &[u8]) -> Zeroizing<Vec<u8>> {
    match sent(pair, line, frame).await {
        Ok(answer) => answer,
        Err(fault) => {
            *line = None;
            let mut answer = Zeroizing::new(Vec::new());
            fault.frame(&mut answer);
            answer
        }
    }
}

async fn sent(pair: &Pair, line: &mut Line, frame: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    for _ in 0..DIALS_MAX {
        let serving = pair.serving().await.ok_or(Fault::NobodyAnswers)?;
        if line.as_ref().is_some_and(|(of, _)| !Arc::ptr_eq(of, &serving)) {
            *line = None;
        }
        if line.is_none() {
            // Nothing was sent: the other one may be asked.
            let Ok(far) = serving.frames().await else { continue };
            *line = Some((Arc::clone(&serving), far));
        }
        let Some((_, far)) = line.as_mut() else { continue };
        // From here on the frame may arrive. It is not sent again, to nobody: a second answer would be a second assertion.
        return tokio::select! {
            biased;
            answer = timeout(ANSWER_WAIT, far.exchange(frame)) => match answer {
                Ok(Ok(answer)) => Ok(answer),
                _ => Err(Fault::AnswerLost),
            },
            () = serving.lost() => Err(Fault::AnswerLost),
        };
    }
    Err(Fault::NobodyAnswers)
}

/// Returns once a connection that stands idle is of no more use, so that no frame is lost on it.
async fn ended(line: &mut Line) {
    match line {
        Some((serving, far)) => {
            tokio::select! {
                _ = far.ended() => {}
                () = serving.lost() => {}
            }
        }
        None => std::future::pending().await,
    }
}

async fn give(near: &mut (impl AsyncWrite + Unpin), answer: &[u8]) -> io::Result<()> {
    let given = timeout(TAKE_WAIT, async {
        near.write_all(answer).await?;
        near.flush().await
    });
    given.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}
