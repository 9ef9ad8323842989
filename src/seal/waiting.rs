//! Who waits for a connection: a queue for each application, served in turn, so that a flood of one does not starve another;
//! emergencies before the others, and the others never forgotten.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::pool::Taken;
use crate::policy::load::Load;

/// Emergencies in a row while others wait: three signatures of four are theirs if they want them, so that a flood of them does
/// not end all care.
const EMERGENCIES_IN_A_ROW: usize = 3;

/// Who asks for a signature, and how it counts under load.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// Unix user of the application.
    pub uid: u32,
    /// Emergencies are served first.
    pub load: Load,
}

/// Who waits, of both kinds.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    emergencies: Queues,
    usual: Queues,
    /// Emergencies that were served since one of the others was.
    in_a_row: usize,
}

impl Waiting {
    pub(super) fn push(&mut self, caller: Caller, waiter: oneshot::Sender<Taken>) {
        match caller.load {
            Load::Emergency => self.emergencies.push(caller.uid, waiter),
            Load::Usual => self.usual.push(caller.uid, waiter),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.emergencies.0.is_empty() && self.usual.0.is_empty()
    }

    pub(super) fn pop(&mut self) -> Option<oneshot::Sender<Taken>> {
        if self.in_a_row < EMERGENCIES_IN_A_ROW
            && let Some(waiter) = self.emergencies.pop()
        {
            self.in_a_row += 1;
            return Some(waiter);
        }
        self.in_a_row = 0;
        self.usual.pop().or_else(|| self.emergencies.pop())
    }
}

/// The queues of one kind, in the order of their next turn.
#[derive(Debug, Default)]
struct Queues(VecDeque<(u32, VecDeque<oneshot::Sender<Taken>>)>);

impl Queues {
    fn push(&mut self, uid: u32, waiter: oneshot::Sender<Taken>) {
        match self.0.iter_mut().find(|(user, _)| *user == uid) {
            Some((_, queue)) => queue.push_back(waiter),
            None => self.0.push_back((uid, VecDeque::from([waiter]))),
        }
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Taken>> {
        let (uid, mut queue) = self.0.pop_front()?;
        let waiter = queue.pop_front();
        if !queue.is_empty() {
            self.0.push_back((uid, queue));
        }
        waiter
    }
}
