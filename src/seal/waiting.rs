//! Who waits for a connection: a queue for each application, served in turn, so that a flood of one does not starve another.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::pool::Taken;

/// The queues, in the order of their next turn.
#[derive(Debug, Default)]
pub(super) struct Waiting(VecDeque<(u32, VecDeque<oneshot::Sender<Taken>>)>);

impl Waiting {
    pub(super) fn push(&mut self, uid: u32, waiter: oneshot::Sender<Taken>) {
        match self.0.iter_mut().find(|(user, _)| *user == uid) {
            Some((_, queue)) => queue.push_back(waiter),
            None => self.0.push_back((uid, VecDeque::from([waiter]))),
        }
    }

    pub(super) fn pop(&mut self) -> Option<oneshot::Sender<Taken>> {
        let (uid, mut queue) = self.0.pop_front()?;
        let waiter = queue.pop_front();
        if !queue.is_empty() {
            self.0.push_back((uid, queue));
        }
        waiter
    }
}
