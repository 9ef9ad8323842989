//! The one thread that speaks to the TPM, its queues, and whether it still moves.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::answer::{Answer, No};
use super::task::{Request, Tasks};

/// Questions of the ledger's counter that may wait. Reason: sceaud asks one after the other; a killed one may have left one.
const COUNTING_MAX: usize = 4;
/// Tasks of PINs that may wait. Reason: a boot opens some, each typed by a person.
const SEALING_MAX: usize = 8;
/// Other tasks that may wait: some operators'; whoever comes after them is told to come back.
const OTHERS_MAX: usize = 8;
/// Longest task that is believed to move. Reason: a slow TPM takes most of a minute to make a key of two thousand bits.
const TASK_MAX: Duration = Duration::from_secs(120);

#[derive(Debug)]
struct Job {
    request: Request,
    reply: oneshot::Sender<Result<Answer, No>>,
}

/// What waits: the counter's questions go first, then root's PINs, so that no flood of others keeps sceaud or its signers from
/// their start.
#[derive(Debug, Default)]
struct Waiting {
    counting: VecDeque<Job>,
    sealing: VecDeque<Job>,
    others: VecDeque<Job>,
    ended: bool,
    began: Option<Instant>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    news: Condvar,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next task; none once the worker is dropped and nothing waits.
    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            waiting.began = None;
            let Waiting { counting, sealing, others, .. } = &mut *waiting;
            let job = [counting, sealing, others].into_iter().find_map(VecDeque::pop_front);
            match job {
                // Who has hung up is not served: he asks again if he still wants it.
                Some(job) if job.reply.is_closed() => {}
                Some(job) => {
                    waiting.began = Some(Instant::now());
                    return Some(job);
                }
                None if waiting.ended => return None,
                None => waiting = self.news.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Gives tasks to the thread.
#[derive(Debug)]
pub(super) struct Worker(Arc<Shared>);

impl Worker {
    /// Starts the thread; it ends when the worker is dropped and what waits is done.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(super) fn start(mut tasks: Tasks) -> io::Result<(Self, JoinHandle<()>)> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name("tpm".to_owned()).spawn(move || {
            while let Some(Job { request, reply }) = theirs.next() {
                let _ = reply.send(tasks.perform(request));
            }
        })?;
        Ok((Self(shared), thread))
    }

    /// Has it done, after what waits already.
    ///
    /// # Errors
    /// The refusal to answer with; `Busy` at once if too many wait.
    pub(super) async fn done(&self, request: Request) -> Result<Answer, No> {
        let answer = {
            let mut waiting = self.0.waiting();
            let (queue, max) = match request {
                Request::Counter | Request::Increment => (&mut waiting.counting, COUNTING_MAX),
                Request::Seal(_) | Request::Unseal { .. } | Request::Approve { .. } => {
                    (&mut waiting.sealing, SEALING_MAX)
                }
                _ => (&mut waiting.others, OTHERS_MAX),
            };
            if queue.len() >= max {
                return Err(No::Busy);
            }
            let (reply, answer) = oneshot::channel();
            queue.push_back(Job { request, reply });
            answer
        };
        self.0.news.notify_one();
        answer.await.unwrap_or(Err(No::Busy))
    }

    /// Whether the task under way, if there is one, began not too long ago.
    pub(super) fn moves(&self) -> bool {
        self.0.waiting().began.is_none_or(|began| began.elapsed() < TASK_MAX)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.0.waiting().ended = true;
        self.0.news.notify_all();
    }
}
