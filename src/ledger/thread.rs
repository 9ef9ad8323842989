//! The thread that commits: whatever has gathered while the disk was busy goes into the next commit.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant as Moment};

use tokio::sync::oneshot;

use super::answers::{Answers, Reply};
use super::copying::Copying;
use super::fold::FOLD_ENTRIES;
use super::guards::Guards;
use super::line::Line;
use super::notes::Notes;
use super::purge_task::Task;
use super::reserve::Reserve;
use super::writer::Writer;
use super::{NotRecorded, Snapshot};
use crate::traces::entry::event::Event;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::instant::Instant;

/// Most lines of one commit that somebody waits for: bounds the wait of the first.
const BATCH_MAX: usize = 256;
/// How long a note may wait for a commit that somebody else needs: nobody waits for it, and a crash costs no more than
/// the knowledge whether the assertion left.
const NOTE_WAIT_MAX: Duration = Duration::from_millis(200);
/// How long a commit waits for company at most: a commit costs as much as the rows of several entries.
const GATHER_MAX: Duration = Duration::from_millis(12);
/// Assertions behind the ledger, recorded and not yet sealed, from which a commit waits for company: with fewer the wait would
/// leave the signers idle, and whoever waits would wait for nothing.
const BUSY_MIN: usize = 16;
/// How often expired assertions and passed windows are looked for, and views are folded at least.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// After its end an assertion counts as expired: what was known of it has long been noted by then.
const EXPIRY_GRACE_MS: i64 = 2_000;

/// What the thread is asked.
pub(super) enum Job {
    /// A line and who waits for it.
    Line(Line, Reply),
    /// Answers go this way from now on.
    Answers(Answers),
    /// One step of the preparation of a destruction, or its decision.
    Purge(Task),
    /// There are notes.
    Notes,
    /// Notes are to be written now.
    Settle(oneshot::Sender<()>),
    /// The note of a checkpoint of so many entries, to be kept.
    Checkpoint(u64, String, oneshot::Sender<Result<(), NotRecorded>>),
    /// The ledger is dropped; whoever may still ask gets no answer.
    Stop,
    /// What the ledger is.
    Snapshot(oneshot::Sender<Snapshot>),
    /// Up to when proofs may have been spent in what was lost.
    LostUntil(Instant, oneshot::Sender<Result<(), NotRecorded>>),
    /// What the counter is to reach.
    Intend(u64, oneshot::Sender<Result<(), NotRecorded>>),
}

/// The thread's own state.
pub(super) struct Thread {
    pub(super) writer: Writer,
    notes: Arc<Notes>,
    lines: Vec<Line>,
    replies: Vec<Reply>,
    answers: Answers,
    /// When notes are written at the latest.
    notes_at: Option<Moment>,
    guards: Guards,
    reserve: Reserve,
    copying: Copying,
    /// When the last commit began, and how long the signers then took for one assertion.
    served: Moment,
    sealing: Duration,
}

impl Thread {
    pub(super) fn new(
        writer: Writer,
        notes: Arc<Notes>,
        guards: Guards,
        reserve: Reserve,
        copying: Copying,
    ) -> Self {
        let (lines, replies, answers) = (Vec::new(), Vec::new(), Answers::default());
        let (served, sealing) = (Moment::now(), Duration::ZERO);
        Self { writer, notes, reserve, copying, lines, replies, answers, notes_at: None, guards, served, sealing }
    }

    /// Commits until the ledger is dropped; then writes the entry of the stop.
    pub(super) fn run(mut self, queue: &Receiver<Job>) {
        let (mut sweep_at, mut open) = (Moment::now(), true);
        while open {
            let until = self.notes_at.unwrap_or(sweep_at).min(sweep_at);
            // A destruction goes on whenever nobody is to be served.
            let until = if self.writer.purge_goes_on() { Moment::now() } else { until };
            match queue.recv_timeout(until.saturating_duration_since(Moment::now())) {
                Ok(Job::Stop) => open = false,
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => open = false,
            }
            if !self.lines.is_empty() {
                // Asleep, not woken for each that comes.
                std::thread::sleep(self.gather());
                while self.lines.len() < BATCH_MAX
                    && let Ok(job) = queue.try_recv()
                {
                    if matches!(job, Job::Stop) {
                        open = false;
                        break;
                    }
                    self.take(job);
                }
            }
            let now = Moment::now();
            if !self.lines.is_empty() || !open || self.notes_at.is_some_and(|at| at <= now) {
                self.serve();
            }
            if self.writer.views.tail.len() >= FOLD_ENTRIES {
                self.writer.fold(self.guards.now());
                self.copying.wake();
            }
            if self.copying.has_copied() {
                self.writer.finish_log();
            }
            if self.writer.purge_goes_on() {
                self.writer.purge_step();
            }
            if Moment::now() >= sweep_at {
                self.sweep();
                sweep_at = Moment::now() + SWEEP_EVERY;
            }
        }
        if self.writer.trouble().is_none() {
            let _ = self.writer.write(vec![Line::plain(Event::Stop)], self.guards.now());
            self.writer.fold(self.guards.now());
        }
    }

    /// How long the next commit waits for company: half of the time that the signers still have work for, so that they never
    /// wait for the ledger. An assertion is being sealed until its disposition is noted.
    fn gather(&self) -> Duration {
        let sealed_next = self.writer.views.pending.len().saturating_sub(self.notes.len());
        match u32::try_from(sealed_next / 2) {
            Ok(half) if sealed_next >= BUSY_MIN => self.sealing.saturating_mul(half).min(GATHER_MAX),
            _ => Duration::ZERO,
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Line(line, reply) => {
                self.lines.push(line);
                self.replies.push(reply);
            }
            Job::Answers(answers) => self.answers = answers,
            // The loop ends on it.
            Job::Stop => {}
            Job::Purge(task) => self.writer.obey(task, self.guards.now()),
            Job::Notes => self.notes_at = self.notes_at.or(Some(Moment::now() + NOTE_WAIT_MAX)),
            Job::Settle(reply) => {
                self.serve();
                let _ = reply.send(());
            }
            Job::Checkpoint(size, note, reply) => {
                let _ = reply.send(self.writer.keep_checkpoint(size, &note));
            }
            Job::Snapshot(reply) => {
                // Who no longer waits needs none.
                let _ = reply.send(self.writer.snapshot());
            }
            Job::LostUntil(at, reply) => {
                let _ = reply.send(self.writer.lost_until(at));
            }
            Job::Intend(intent, reply) => {
                // Who no longer waits finds it at the next comparison.
                let _ = reply.send(self.writer.intend(intent));
            }
        }
    }

    /// One commit for all lines, notes first: they are older. Gives the answers; notes that were not written are kept.
    pub(super) fn serve(&mut self) {
        if self.reserve.room().is_short() {
            self.turn_away();
        }
        let notes = self.notes.take();
        self.notes_at = None;
        let kept = notes.clone();
        let noted = notes.len();
        let mut lines = notes;
        lines.append(&mut self.lines);
        if lines.is_empty() {
            return;
        }
        if let Some(sealed) = u32::try_from(noted).ok().filter(|sealed| *sealed > 0) {
            self.sealing = self.served.elapsed() / sealed;
        }
        self.served = Moment::now();
        match self.writer.write(lines, self.guards.now()) {
            Ok(written) => {
                let written = written.into_iter().skip(noted).map(Ok);
                self.answers.give(self.replies.drain(..).zip(written).collect());
            }
            Err(cause) => {
                if cause == NotRecorded::Space && self.reserve.release() && !kept.is_empty() {
                    // There is room for them now; who waits asks again.
                    self.notes_at = Some(Moment::now());
                }
                if cause != NotRecorded::Broken && !kept.is_empty() {
                    // Tried again with the next commit, or by the next sweep.
                    self.notes.give_back(kept);
                }
                self.answers.give(self.replies.drain(..).map(|reply| (reply, Err(cause))).collect());
            }
        }
    }

    /// Nothing new begins on what is left of the reserve.
    fn turn_away(&mut self) {
        let asked = std::mem::take(&mut self.lines).into_iter().zip(std::mem::take(&mut self.replies));
        for (line, reply) in asked {
            if line.is_new() {
                let _ = reply.send(Err(NotRecorded::Space));
            } else {
                self.lines.push(line);
                self.replies.push(reply);
            }
        }
    }

    /// Tells what became of assertions that nobody told about, and folds.
    pub(super) fn sweep(&mut self) {
        // What is known goes first: who was told of is not expired.
        self.serve();
        self.reserve.look();
        let now = self.guards.now();
        if self.writer.trouble().is_some() {
            // A disk that had no room is asked again: an empty commit writes the edge.
            let _ = self.writer.write(Vec::new(), now);
        } else {
            let over = Instant::from_ms(now.ms().saturating_sub(EXPIRY_GRACE_MS));
            let expired = self.writer.expired(over).into_iter();
            self.lines.extend(expired.map(|(of, chain)| Line::outcome(of, Outcome::Expired, chain)));
            self.serve();
        }
        self.writer.fold(now);
        self.copying.wake();
    }
}
