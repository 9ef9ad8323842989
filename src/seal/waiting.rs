//! Who waits for a place: a queue for each application, served in turn, so that a flood of one does not starve another;
//! emergencies before the others, and the others never forgotten.

use std::collections::VecDeque;

use tokio::sync::oneshot;

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
#[derive(Debug)]
pub(super) struct Waiting<T> {
    emergencies: Queues<T>,
    usual: Queues<T>,
    /// Emergencies that were served since one of the others was.
    in_a_row: usize,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { emergencies: Queues(VecDeque::new()), usual: Queues(VecDeque::new()), in_a_row: 0 }
    }
}

impl<T> Waiting<T> {
    pub(super) fn push(&mut self, caller: Caller, waiter: oneshot::Sender<T>) {
        match caller.load {
            Load::Emergency => self.emergencies.push(caller.uid, waiter),
            Load::Usual => self.usual.push(caller.uid, waiter),
        }
    }

    /// How many are served before `caller`, if nobody else comes.
    pub(super) fn ahead_of(&self, caller: Caller) -> usize {
        match caller.load {
            Load::Emergency => self.emergencies.ahead_of(caller.uid),
            Load::Usual => self.emergencies.len() + self.usual.ahead_of(caller.uid),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.emergencies.len() + self.usual.len() == 0
    }

    pub(super) fn pop(&mut self) -> Option<oneshot::Sender<T>> {
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
#[derive(Debug)]
struct Queues<T>(VecDeque<(u32, VecDeque<oneshot::Sender<T>>)>);

impl<T> Queues<T> {
    fn push(&mut self, uid: u32, waiter: oneshot::Sender<T>) {
        match self.0.iter_mut().find(|(user, _)| *user == uid) {
            Some((_, queue)) => queue.push_back(waiter),
            None => self.0.push_back((uid, VecDeque::from([waiter]))),
        }
    }

    fn len(&self) -> usize {
        self.0.iter().map(|(_, queue)| queue.len()).sum()
    }

    /// Of each application as many as it has waiting itself, and one more.
    fn ahead_of(&self, uid: u32) -> usize {
        let own = self.0.iter().find(|(user, _)| *user == uid).map_or(0, |(_, queue)| queue.len());
        let others = self.0.iter().filter(|(user, _)| *user != uid);
        own + others.map(|(_, queue)| queue.len().min(own + 1)).sum::<usize>()
    }

    fn pop(&mut self) -> Option<oneshot::Sender<T>> {
        let (uid, mut queue) = self.0.pop_front()?;
        let waiter = queue.pop_front();
        if !queue.is_empty() {
            self.0.push_back((uid, queue));
        }
        waiter
    }
}
