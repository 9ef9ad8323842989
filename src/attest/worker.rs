//! The one thread that speaks to the TPM, its queue, and whether it still moves.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::{Answer, No};
use super::task::{Request, Tasks};

/// Tasks that may wait. Reason: sceaud's one, and some operators'; whoever comes after them is told to come back.
const WAITING_MAX: usize = 8;
/// Longest task that is believed to move. Reason: a slow TPM takes most of a minute to make a key of two thousand bits.
const TASK_MAX: Duration = Duration::from_secs(120);

struct Job {
    request: Request,
    reply: oneshot::Sender<Result<Answer, No>>,
}

/// Gives tasks to the thread.
#[derive(Debug)]
pub(super) struct Worker {
    jobs: SyncSender<Job>,
    began: Arc<Mutex<Option<Instant>>>,
}

impl Worker {
    /// Starts the thread; it ends when the worker is dropped and what waits is done.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(tasks: Tasks) -> io::Result<(Self, JoinHandle<()>)> {
        let (jobs, queue) = sync_channel(WAITING_MAX);
        let began = Arc::new(Mutex::new(None));
        let theirs = Arc::clone(&began);
        let thread = thread::Builder::new().name("tpm".to_owned()).spawn(move || work(tasks, &queue, &theirs))?;
        Ok((Self { jobs, began }, thread))
    }

    /// Has it done, after what waits already.
    ///
    /// # Errors
    /// The refusal to answer with; `Busy` at once if too many wait.
    pub(super) async fn done(&self, request: Request) -> Result<Answer, No> {
        let (reply, answer) = oneshot::channel();
        match self.jobs.try_send(Job { request, reply }) {
            Ok(()) => answer.await.unwrap_or(Err(No::Busy)),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => Err(No::Busy),
        }
    }

    /// Whether the task under way, if there is one, began not too long ago.
    pub(super) fn moves(&self) -> bool {
        let began = *self.began.lock().unwrap_or_else(PoisonError::into_inner);
        began.is_none_or(|began| began.elapsed() < TASK_MAX)
    }
}

fn work(mut tasks: Tasks, queue: &Receiver<Job>, began: &Mutex<Option<Instant>>) {
    let note = |at: Option<Instant>| *began.lock().unwrap_or_else(PoisonError::into_inner) = at;
    while let Ok(Job { request, reply }) = queue.recv() {
        // Who has hung up while he waited is not served: but a counter once asked for would be raised for nobody.
        if reply.is_closed() {
            continue;
        }
        note(Some(Instant::now()));
        let answer = tasks.perform(request);
        note(None);
        let _ = reply.send(answer);
    }
}
