//! Checkpoints: signed when entries or time have gathered, for whoever asks for a receipt, and before a stop.
//!
//! Nothing here is on the way of a token without receipt: an audit key that is away leaves the ledger unsigned for that long,
//! and is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Daemon;
use super::halt::Halt;
use crate::ledger::{NotRecorded, Reader, StoreError};
use crate::seal::audit::{Audit, NotSigned};
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};

/// How often it is looked whether a checkpoint is due.
const TICK: Duration = Duration::from_millis(100);

/// Why there is no receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoReceipt {
    /// The audit key cannot sign now.
    Audit,
    /// The counter does not say that this ledger is the newest: signed, an older copy would be a fork.
    Counter,
    /// The ledger cannot be read or written.
    Ledger(NotRecorded),
}

/// Somebody who waits for a checkpoint that covers an entry.
#[derive(Debug)]
pub(super) struct Ask {
    index: u64,
    reply: Reply,
}

/// What he is given.
#[derive(Debug)]
enum Reply {
    /// The entry's receipt.
    Receipt(oneshot::Sender<Result<String, NoReceipt>>),
    /// The checkpoint itself: an officer's, so it is kept too.
    Checkpoint(oneshot::Sender<Result<String, NoReceipt>>),
}

impl Ask {
    fn answer(self, answer: Result<String, NoReceipt>) {
        let (Reply::Receipt(reply) | Reply::Checkpoint(reply)) = self.reply;
        // Who no longer waits has been told otherwise.
        let _ = reply.send(answer);
    }
}

/// Where receipts are asked for, and the newest checkpoint is found.
#[derive(Debug)]
pub(super) struct Checkpoints {
    asks: mpsc::UnboundedSender<Ask>,
    newest: Mutex<Option<Arc<SignedCheckpoint>>>,
}

impl Checkpoints {
    /// Nothing signed yet in this life; what is asked comes out of the receiver.
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Ask>) {
        // Bounded by the issues that may be under way.
        let (asks, asked) = mpsc::unbounded_channel();
        (Self { asks, newest: Mutex::default() }, asked)
    }

    /// Who asks for receipts from elsewhere.
    pub(super) fn asker(&self) -> Asker {
        Asker(self.asks.clone())
    }

    /// The newest checkpoint of this life.
    pub(super) fn newest(&self) -> Option<Arc<SignedCheckpoint>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The receipt of an entry that is on the disk; those who ask meanwhile share a signature.
    pub(super) async fn receipt(&self, index: u64) -> Result<String, NoReceipt> {
        self.asker().ask(index, Reply::Receipt).await
    }

    /// The note of a checkpoint that covers an entry that is on the disk.
    pub(super) async fn covering(&self, index: u64) -> Result<String, NoReceipt> {
        self.asker().covering(index).await
    }
}

/// Asks for receipts and checkpoints.
#[derive(Clone, Debug)]
pub(super) struct Asker(mpsc::UnboundedSender<Ask>);

impl Asker {
    /// As [`Checkpoints::covering`].
    pub(super) async fn covering(&self, index: u64) -> Result<String, NoReceipt> {
        self.ask(index, Reply::Checkpoint).await
    }

    async fn ask(
        &self,
        index: u64,
        reply: impl FnOnce(oneshot::Sender<Result<String, NoReceipt>>) -> Reply,
    ) -> Result<String, NoReceipt> {
        let (sender, answer) = oneshot::channel();
        self.0.send(Ask { index, reply: reply(sender) }).map_err(|_| NoReceipt::Audit)?;
        answer.await.unwrap_or(Err(NoReceipt::Audit))
    }
}

/// Signs and keeps checkpoints until `stop`; then one last one, which covers everything but the entry of the stop.
pub(super) async fn run(
    daemon: Arc<Daemon>,
    mut asked: mpsc::UnboundedReceiver<Ask>,
    mut stop: watch::Receiver<bool>,
) {
    let Some(audit) = &daemon.audit else { return };
    let limits = daemon.config.limits;
    let every = Duration::from_millis(limits.checkpoint_ms_max);
    let mut tick = interval(TICK.min(every));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // A start is worth a checkpoint: nothing is kept yet in this life.
    let mut kept: Option<(u64, Instant)> = None;
    // The keepers tell of signers that are not there yet.
    let mut signs = false;
    loop {
        let mut waiting = Vec::new();
        let stopping = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => true,
            ask = asked.recv() => { waiting.extend(ask); false }
            _ = tick.tick() => false,
        };
        while let Ok(ask) = asked.try_recv() {
            waiting.push(ask);
        }
        if stopping {
            daemon.ledger.settle().await;
        }
        let size = daemon.ledger.size();
        let officer = waiting.iter().any(|ask| matches!(ask.reply, Reply::Checkpoint(_)));
        let due = officer
            || kept.is_none_or(|(covered, at)| {
                let behind = size.saturating_sub(covered);
                behind >= limits.checkpoint_entries_max || behind > 0 && (stopping || at.elapsed() >= every)
            });
        if !waiting.is_empty() || due && (audit.is_ready() || stopping) {
            match checkpoint(&daemon, audit, &waiting, due).await {
                Ok(signed) => {
                    if due && keep(&daemon, &signed).await {
                        kept = Some((signed.checkpoint().size, Instant::now()));
                    }
                    tokio::spawn(receipts(Arc::clone(&daemon), signed, waiting));
                }
                Err(no) => waiting.into_iter().for_each(|ask| ask.answer(Err(no))),
            }
        }
        if signs != audit.is_ready() {
            signs = audit.is_ready();
            match signs {
                true => tracing::info!(key = %audit.key(), "the audit key signs"),
                false => tracing::error!(
                    key = %audit.key(), cause = %audit.cause(),
                    "the audit key cannot sign: no checkpoint, no receipt; tokens go on"
                ),
            }
        }
        if stopping {
            return;
        }
    }
}

/// A signed checkpoint that covers who waits; a new one if it is due.
async fn checkpoint(
    daemon: &Daemon,
    audit: &Audit,
    waiting: &[Ask],
    due: bool,
) -> Result<Arc<SignedCheckpoint>, NoReceipt> {
    let newest = daemon.checkpoints.newest();
    let covers = |signed: &Checkpoint| waiting.iter().all(|ask| ask.index < signed.size);
    if let Some(newest) = &newest
        && !due
        && covers(newest.checkpoint())
    {
        return Ok(Arc::clone(newest));
    }
    let now = daemon.ledger.snapshot().await.map_err(NoReceipt::Ledger)?;
    // What was signed once is what is: else the ledger in memory is not the one that was signed.
    let agrees = |before: &Checkpoint| {
        before.size < now.size || (before.size, before.root, before.map) == (now.size, now.root, now.map)
    };
    if let Some(newest) = newest.as_ref().filter(|newest| newest.checkpoint().size == now.size)
        && agrees(newest.checkpoint())
    {
        return Ok(Arc::clone(newest));
    }
    if !newest.is_none_or(|newest| agrees(newest.checkpoint())) {
        daemon.halt(Halt::Checkpoint);
        return Err(NoReceipt::Ledger(NotRecorded::Broken));
    }
    // An older copy of the ledger that is signed is a fork under our own key: not before the counter has spoken.
    if daemon.is_newest().is_err() || daemon.halted.cause().is_some_and(Halt::is_of_counter) {
        return Err(NoReceipt::Counter);
    }
    let signed =
        audit.sign(daemon.ledger.instance().generation, now.size, now.root, now.map).await.map_err(|cause| {
            // The world's trouble is told when readiness changes.
            if cause == NotSigned::False {
                tracing::error!(%cause, key = %audit.key(), "no checkpoint");
            }
            NoReceipt::Audit
        })?;
    let signed = Arc::new(signed);
    *daemon.checkpoints.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&signed));
    Ok(signed)
}

/// Keeps a checkpoint beside the entries; what the disk refuses is tried again with the next one.
async fn keep(daemon: &Daemon, signed: &SignedCheckpoint) -> bool {
    let size = signed.checkpoint().size;
    match daemon.ledger.keep_checkpoint(size, signed.note().to_string()).await {
        Ok(()) => true,
        Err(cause) => {
            tracing::warn!(%cause, size, "a checkpoint was not kept");
            false
        }
    }
}

/// Makes and sends the receipts of who waits, off the way of everybody else.
async fn receipts(daemon: Arc<Daemon>, signed: Arc<SignedCheckpoint>, waiting: Vec<Ask>) {
    let (officers, waiting): (Vec<_>, Vec<_>) =
        waiting.into_iter().partition(|ask| matches!(ask.reply, Reply::Checkpoint(_)));
    officers.into_iter().for_each(|ask| ask.answer(Ok(signed.note().to_string())));
    if waiting.is_empty() {
        return;
    }
    let indices: Vec<u64> = waiting.iter().map(|ask| ask.index).collect();
    let folder = daemon.config.ledger.folder.clone();
    let made = tokio::task::spawn_blocking(move || {
        Reader::open(&folder).and_then(|reader| reader.receipts(&indices, &signed)).map_err(|error| {
            tracing::error!(%error, "no receipt");
            match error {
                // Receipts need no key: a destruction that ends beside is no doubt of the ledger.
                StoreError::KeyMissing | StoreError::KeyErased => NotRecorded::Unavailable,
                error => error.class(),
            }
        })
    });
    let made = made.await.unwrap_or(Err(NotRecorded::Unavailable));
    match made {
        Ok(receipts) => {
            waiting.into_iter().zip(receipts).for_each(|(ask, receipt)| ask.answer(Ok(receipt.to_string())));
        }
        Err(cause) => waiting.into_iter().for_each(|ask| ask.answer(Err(NoReceipt::Ledger(cause)))),
    }
}
