//! One session of a signer process as a lane: several requests under way, written together, answered in their order.
//!
//! With one request at a time the signer waits for `sceaud` between two signatures, and each signature costs both sides a
//! wake-up. What is under way waits where turns are no longer given, so it is bounded by time: [`QUEUE_MAX`] of signatures.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep_until, timeout};

use super::connection::SignerError;
use super::wire::{self, Answer, HEADER_LEN, NONCE_LEN, Request};

/// Fewest requests under way that a session never waits for: one is signed, the next is there.
const DEPTH_MIN: usize = 2;
/// Most: beyond, a wake-up shared by one more saves nothing that can be measured.
const DEPTH_MAX: usize = 8;
/// How long what is under way may take the signer: who comes next, an emergency or another application, waits for it.
const QUEUE_MAX: Duration = Duration::from_millis(4);
/// One part in so many of the mean is the newest signature.
const MEAN_PART: u64 = 8;
/// No signature takes less: the mean can always grow again.
const SIGNATURE_MIN_NS: u64 = 1_000;
/// A signature counts for at most so many times the mean: a slow one alone changes little.
const MEAN_TIMES_MAX: u64 = 4;

/// A handle on the lane; the connection ends with the last one.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    asks: mpsc::UnboundedSender<Ask>,
    /// How long the signer takes for one, in nanoseconds, in the mean; 0: nothing was signed yet.
    mean_ns: Arc<AtomicU64>,
}

/// A request as it is written, and who waits for its answer.
#[derive(Debug)]
struct Ask {
    frame: Vec<u8>,
    reply: oneshot::Sender<Answer>,
}

impl Lane {
    /// Takes over a connection on which nothing is under way; must run on a tokio runtime. A signer that owes an answer for
    /// longer than `deadline` is hung up on.
    pub(super) fn of(stream: UnixStream, deadline: Duration) -> Self {
        let (asks, asked) = mpsc::unbounded_channel();
        let mean_ns = Arc::new(AtomicU64::new(0));
        let ends = Ends { stream, deadline, mean_ns: Arc::clone(&mean_ns), pending: VecDeque::new() };
        tokio::spawn(ends.run(asked));
        Self { asks, mean_ns }
    }

    /// How many requests may be under way at once.
    pub(super) fn depth(&self) -> usize {
        self.signed_within(QUEUE_MAX).unwrap_or(DEPTH_MIN).clamp(DEPTH_MIN, DEPTH_MAX)
    }

    /// How many signatures it gives in `time`, by what it gave of late; none: it has given none.
    pub(super) fn signed_within(&self, time: Duration) -> Option<usize> {
        let count = time.as_nanos().checked_div(self.mean_ns.load(Ordering::Relaxed).into())?;
        Some(usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Whether both are handles on one connection.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.asks.same_channel(&other.asks)
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(&self) {
        self.asks.closed().await;
    }

    /// A raw signature over a canonical `SignedInfo`, or over a checkpoint; not verified here.
    ///
    /// # Errors
    /// [`SignerError`]; after any but [`SignerError::Failed`] the lane is of no more use.
    pub(super) async fn sign(&self, text: &str) -> Result<Vec<u8>, SignerError> {
        self.signature(&Request::Sign(text.as_bytes())).await
    }

    /// A raw signature over the self-test message of `nonce`; not verified here.
    ///
    /// # Errors
    /// As [`Lane::sign`].
    pub(super) async fn self_test(&self, nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>, SignerError> {
        self.signature(&Request::SelfTest(nonce)).await
    }

    async fn signature(&self, request: &Request<'_>) -> Result<Vec<u8>, SignerError> {
        let (reply, answer) = oneshot::channel();
        let mut frame = Vec::new();
        wire::encode(request, &mut frame)?;
        let gone = || SignerError::Io(std::io::ErrorKind::BrokenPipe.into());
        self.asks.send(Ask { frame, reply }).map_err(|_| gone())?;
        match answer.await.map_err(|_| gone())? {
            Answer::Signature(signature) => Ok(signature),
            Answer::Failure(failure) => Err(SignerError::Failed(failure)),
            _ => Err(SignerError::Unexpected),
        }
    }
}

/// The lane's own side.
struct Ends {
    stream: UnixStream,
    deadline: Duration,
    /// As in [`Lane`].
    mean_ns: Arc<AtomicU64>,
    /// Who waits, since when, in the order of the answers.
    pending: VecDeque<(Instant, oneshot::Sender<Answer>)>,
}

impl Ends {
    /// Until the last handle is gone, the signer hangs up, is late or says what is no answer; who then waits is told.
    async fn run(mut self, mut asked: mpsc::UnboundedReceiver<Ask>) {
        let (mut asks, mut out, mut input) = (Vec::with_capacity(DEPTH_MAX), Vec::new(), Vec::with_capacity(4096));
        let mut answered = Instant::now();
        loop {
            let owed = self.pending.front().map_or_else(Instant::now, |(since, _)| *since) + self.deadline;
            tokio::select! {
                biased;
                read = self.stream.read_buf(&mut input) => match read {
                    Ok(1..) if self.answers(&mut input, &mut answered).is_some() => {}
                    _ => return,
                },
                taken = asked.recv_many(&mut asks, DEPTH_MAX) => {
                    if taken == 0 {
                        return;
                    }
                    let now = Instant::now();
                    out.clear();
                    for Ask { frame, reply } in asks.drain(..) {
                        out.extend_from_slice(&frame);
                        self.pending.push_back((now, reply));
                    }
                    if !matches!(timeout(self.deadline, self.stream.write_all(&out)).await, Ok(Ok(()))) {
                        return;
                    }
                }
                () = sleep_until(owed.into()), if !self.pending.is_empty() => return,
            }
        }
    }

    /// Hands over every whole answer at the beginning of `input`; none, and nothing was handed over: one of them is not of the
    /// protocol, or nobody asked.
    fn answers(&mut self, input: &mut Vec<u8>, answered: &mut Instant) -> Option<()> {
        let (mut at, mut answers) = (0, Vec::with_capacity(DEPTH_MAX));
        while let Some(head) = input.get(at..).and_then(<[u8]>::first_chunk::<HEADER_LEN>) {
            let end = at + HEADER_LEN + wire::header(head).ok()?;
            let Some(frame) = input.get(at + HEADER_LEN..end) else { break };
            answers.push(wire::decode_answer(frame).ok()?);
            at = end;
        }
        input.drain(..at);
        let Some(busy_since) = self.pending.front().map(|(since, _)| (*since).max(*answered)) else {
            return answers.is_empty().then_some(());
        };
        let count = answers.len();
        if count > self.pending.len() {
            return None;
        }
        for (answer, (_, reply)) in answers.into_iter().zip(self.pending.drain(..count)) {
            // Who no longer waits has been told otherwise.
            let _ = reply.send(answer);
        }
        if let Ok(count @ 1..) = u32::try_from(count) {
            *answered = Instant::now();
            self.learn(answered.saturating_duration_since(busy_since) / count);
        }
        Some(())
    }

    /// Takes the time of one signature into the mean.
    fn learn(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(SIGNATURE_MIN_NS);
        // Nobody else writes it.
        let mean = match self.mean_ns.load(Ordering::Relaxed) {
            0 => took,
            mean => mean - mean / MEAN_PART + took.min(mean.saturating_mul(MEAN_TIMES_MAX)) / MEAN_PART,
        };
        self.mean_ns.store(mean, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
