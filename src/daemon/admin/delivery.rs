//! Documents that leave in chunks: made on a thread of their own, at the pace at which the operator takes them.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::answer::{self, No, Unavailable};

/// Bytes of a chunk: in base64 some 64 kB, as the frames of the socket.
const CHUNK_LEN: usize = 48 * 1024;
/// Chunks made and not yet taken: what a document holds of memory.
const CHUNKS_WAITING: usize = 4;
/// How long the operator may keep a document waiting.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For a chunk: a slow disk or a hand on the pager, not a day.
    chunk: Duration,
    /// For all of them: while a document is made the ledger's log file grows, so nobody holds it for hours a chunk at a time. What
    /// making it takes is not counted.
    whole: Duration,
}

const PATIENCE: Patience = Patience { chunk: Duration::from_secs(60), whole: Duration::from_secs(600) };

type Work = Box<dyn FnOnce(&mut Sink) -> io::Result<Value> + Send>;

/// A document to be made: runs on a blocking thread, writes into a [`Sink`], gives what the last answer says.
pub(in super::super) struct Document(Work);

impl Document {
    /// A document that `work` makes. Its error is logged; the operator learns that the document broke off.
    pub(in super::super) fn new(work: impl FnOnce(&mut Sink) -> io::Result<Value> + Send + 'static) -> Self {
        Self(Box::new(work))
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document(…)")
    }
}

/// Where a document is written to. Fails once nobody takes it any more: the work ends with that.
pub(in super::super) struct Sink {
    chunks: mpsc::Sender<Vec<u8>>,
    chunk: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(CHUNK_LEN - self.chunk.len());
        self.chunk.extend_from_slice(bytes.get(..len).unwrap_or_default());
        if self.chunk.len() == CHUNK_LEN {
            self.flush()?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::take(&mut self.chunk);
        self.chunks.blocking_send(chunk).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Makes the document of the order of entry `entry` and hands it over; gives the last answer's frame. None: the peer is gone.
pub(super) async fn deliver(stream: &mut UnixStream, entry: u64, document: Document) -> Option<Vec<u8>> {
    deliver_within(PATIENCE, stream, entry, document).await
}

async fn deliver_within(
    patience: Patience,
    stream: &mut UnixStream,
    entry: u64,
    document: Document,
) -> Option<Vec<u8>> {
    let (chunks, mut ready) = mpsc::channel::<Vec<u8>>(CHUNKS_WAITING);
    let Document(work) = document;
    let made = tokio::task::spawn_blocking(move || {
        let mut sink = Sink { chunks, chunk: Vec::new() };
        let done = work(&mut sink)?;
        sink.flush()?;
        Ok::<_, io::Error>(done)
    });
    let (mut out, mut left) = (Vec::new(), patience.whole);
    while let Some(chunk) = ready.recv().await {
        out.clear();
        answer::chunk(&mut out, entry, &STANDARD.encode(chunk));
        let began = Instant::now();
        if !matches!(timeout(patience.chunk.min(left), stream.write_all(&out)).await, Ok(Ok(()))) {
            tracing::warn!(entry, "nobody takes the document any more, or not in its time");
            return None;
        }
        left = left.saturating_sub(began.elapsed());
    }
    out.clear();
    match made.await {
        Ok(Ok(done)) => answer::done(&mut out, entry, &done),
        Ok(Err(cause)) => {
            tracing::error!(entry, %cause, "a document broke off");
            No::Unavailable(Unavailable::Interrupted).write(&mut out);
        }
        Err(cause) => {
            tracing::error!(entry, %cause, "a document broke off");
            No::Unavailable(Unavailable::Interrupted).write(&mut out);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// More than the socket and the chunks that wait can hold.
    const LEN: usize = 2_000_000;

    fn document() -> Document {
        Document::new(|sink| {
            let bytes: Vec<u8> = (0..LEN).map(|n| u8::try_from(n % 251).unwrap_or_default()).collect();
            // In pieces that are no chunks.
            bytes.chunks(7_001).try_for_each(|piece| sink.write_all(piece))?;
            Ok(json!({ "bytes": LEN }))
        })
    }

    async fn taken(len_max: usize) -> (Vec<u8>, Option<Vec<u8>>) {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let take = async move {
            let mut frames = Vec::new();
            while frames.len() < len_max && theirs.read_buf(&mut frames).await.unwrap() > 0 {}
            frames
        };
        let give = async move { deliver(&mut ours, 7, document()).await };
        tokio::join!(take, give)
    }

    #[tokio::test]
    async fn a_document_is_delivered_whole_in_its_order() {
        let (frames, last) = taken(usize::MAX).await;
        let mut got = Vec::new();
        for frame in frames.split(|byte| *byte == 0).filter(|frame| !frame.is_empty()) {
            let frame: Value = serde_json::from_slice(frame).unwrap();
            assert_eq!((&frame["continues"], &frame["parameters"]["entry"]), (&json!(true), &json!(7)));
            got.extend(STANDARD.decode(frame["parameters"]["chunk"].as_str().unwrap()).unwrap());
        }
        assert_eq!(got.len(), LEN);
        assert!(got.iter().enumerate().all(|(n, byte)| usize::from(*byte) == n % 251));
        let last: Value = serde_json::from_slice(last.unwrap().strip_suffix(b"\0").unwrap()).unwrap();
        assert_eq!(last, json!({ "parameters": { "entry": 7, "done": { "bytes": LEN } } }));
    }

    /// Each chunk in its time, and the whole in nobody's.
    #[tokio::test]
    async fn who_takes_a_chunk_now_and_then_does_not_hold_it_for_ever() {
        // Pauses of the taker add up to far more than he is given; one who does not pause is given whatever he needs.
        let patience = |whole| Patience { whole, ..PATIENCE };
        let taken = async |patience: Patience, pause: Duration| {
            let (mut ours, mut theirs) = UnixStream::pair().unwrap();
            let take = async move {
                let mut bytes = vec![0; 64 * 1024];
                let mut taken = 0;
                while let Ok(len @ 1..) = theirs.read(&mut bytes).await {
                    taken += len;
                    tokio::time::sleep(pause).await;
                }
                taken
            };
            let give = async move { deliver_within(patience, &mut ours, 7, document()).await };
            tokio::join!(give, take)
        };
        let (last, whole) = taken(PATIENCE, Duration::ZERO).await;
        assert!(last.is_some() && whole > LEN);
        let (last, part) = taken(patience(Duration::from_millis(100)), Duration::from_millis(20)).await;
        assert!(last.is_none() && part > 0 && part < whole, "{part}");
    }

    #[tokio::test]
    async fn the_work_ends_when_nobody_takes_it() {
        let (_, last) = taken(100_000).await;
        assert!(last.is_none());
    }
}
