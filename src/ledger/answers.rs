//! The answers of a commit, handed over together: to wake another thread's runtime costs as much as to write an entry.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

use super::NotRecorded;
use super::line::Written;

/// Who waits for a line.
pub(super) type Reply = oneshot::Sender<Result<Written, NotRecorded>>;

/// One answer, and who waits for it.
pub(super) type Answer = (Reply, Result<Written, NotRecorded>);

/// The way of the answers out of the writer's thread; one by one until somebody hands them on.
#[derive(Debug, Default)]
pub(super) struct Answers(Option<UnboundedSender<Vec<Answer>>>);

impl Answers {
    /// A way, and who hands on what comes through it.
    pub(super) fn together() -> (Self, Handing) {
        let (sender, receiver) = unbounded_channel();
        (Self(Some(sender)), Handing(receiver))
    }

    /// Gives the answers of one commit.
    pub(super) fn give(&self, answers: Vec<Answer>) {
        match &self.0 {
            // Nobody hands them on any more: each is woken from here.
            Some(sender) => sender.send(answers).unwrap_or_else(|unsent| tell(unsent.0)),
            None => tell(answers),
        }
    }
}

/// Hands answers to who waits for them, within the runtime of those who wait.
#[derive(Debug)]
pub(super) struct Handing(UnboundedReceiver<Vec<Answer>>);

impl Handing {
    /// Ends with the ledger. Dropped before, the writer's thread tells each by itself.
    pub(super) async fn run(mut self) {
        while let Some(answers) = self.0.recv().await {
            tell(answers);
        }
    }
}

impl Drop for Handing {
    /// What was handed over before the end is told: nobody waits for ever.
    fn drop(&mut self) {
        self.0.close();
        while let Ok(answers) = self.0.try_recv() {
            tell(answers);
        }
    }
}

fn tell(answers: Vec<Answer>) {
    for (reply, written) in answers {
        // Who no longer waits has been told otherwise; the entry stands.
        let _ = reply.send(written);
    }
}
