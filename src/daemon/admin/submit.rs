//! One order, from its words to its answer, as one function: read, judge, prepare, record, act.

use serde_json::{Value, json};

use super::super::Daemon;
use super::super::halt::Halt;
use super::Orders;
use super::answer::{No, Unavailable};
use super::delivery::Document;
use super::dispatch::Submission;
use super::obey::{Effect, NotObeyed, obey};
use crate::ledger::{Decided, Destroyed, Line, NotPurged, NotRecorded, Written};
use crate::policy::denial::Malformed;
use crate::policy::operators::BOOTSTRAP_MAX;
use crate::policy::order::{Known, Order, Refusal, decide};
use crate::sys::{clock, peer};
use crate::traces::entry::event::{Event, Order as Trace};
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;

/// What came of an order.
pub(super) struct Obeyed {
    /// Its trace.
    pub(super) entry: u64,
    /// What was done.
    pub(super) done: Value,
    /// What is still to be delivered; its own result then takes the place of `done`.
    pub(super) document: Option<Document>,
}

impl Daemon {
    /// Judges and obeys an order of the Unix user `uid`.
    ///
    /// What a crash leaves: before the trace is on the disk, nothing was done and the order may be submitted again; after it,
    /// the order is used up, and what it changes in the ledger is there, being in the same commit. A document whose
    /// delivery broke off needs a new order: the trace says that it left, for some of it did.
    pub(super) async fn submit(&self, uid: u32, submission: Submission) -> Result<Obeyed, No> {
        let order = Order::parse(submission.order.as_bytes()).map_err(No::Malformed)?;
        if submission.signatures.len() > BOOTSTRAP_MAX {
            let message = "un ordre porte cinq signatures au plus ; retirez celles qui sont de trop";
            return Err(No::Malformed(Malformed::new("signatures", message)));
        }
        if order.verb().delivers() && !submission.more {
            return Err(No::ExpectedMore);
        }
        // Held until the trace is there: two orders of one id cannot both be the first.
        let mut orders = self.admin.orders.lock().await;
        if !orders.has_room(uid) {
            return Err(No::Busy);
        }
        let instance = self.ledger.instance();
        let decided = decide(
            order,
            &submission.signatures,
            &Known {
                ledger: &instance.id,
                operators: &orders.operators,
                is_used: &|mark| orders.used.contains(mark),
                now: clock::now(),
                is_local_root: uid == 0 || uid == peer::own_uid(),
                production: !self.config.is_test(),
            },
        );
        let ordered = match decided {
            Ok(ordered) => ordered,
            Err(refused) => {
                // Its id stays free: who submitted one signature of two may submit both.
                let line = Line::plain(trace(&refused.order, &refused.signers, Some(refused.refusal)));
                return Err(self.refuse(&mut orders, uid, line, refused.refusal).await);
            }
        };
        let (order, mark) = (ordered.order(), ordered.order().mark());
        let Effect {
            then,
            mut done,
            change,
            register,
            ended,
            connectors,
            gate,
            purges,
            document,
            waiting,
            suspension,
        } = match obey(self, &orders.operators, &ordered, submission.document).await {
            Ok(effect) => effect,
            Err(NotObeyed::No(no)) => return Err(no),
            Err(NotObeyed::Refused(refusal)) => {
                let line = Line::ordered(trace(order, ordered.signers(), Some(refusal)), mark, Vec::new());
                let no = self.refuse(&mut orders, uid, line, refusal).await;
                // Used up only once that is on the disk: what was not recorded may be submitted again.
                if matches!(no, No::Denied { .. }) {
                    orders.used.insert(mark);
                }
                return Err(no);
            }
        };
        let line = Line::ordered(trace(order, ordered.signers(), None), mark, then);
        let (written, decided) = if purges {
            let decided = self.purge(line).await?;
            (decided.destroyed.written, Some(decided))
        } else {
            if let Some(waiting) = waiting {
                self.begin(waiting)?;
            }
            let recorded = self.record(line).await;
            if let Some(waiting) = waiting {
                self.settle(waiting, recorded.is_ok());
            }
            if let Some(changing) = suspension {
                self.settle_suspension(changing, recorded.is_ok());
            }
            (recorded?, None)
        };
        orders.used.insert(mark);
        if let Some(operators) = change {
            orders.operators = operators;
        }
        if let Some(new) = register {
            self.registers.take(new);
        }
        if let Some(next) = connectors {
            self.admin.take_connectors(next);
            self.connectors_changed();
        }
        if let Some(change) = gate {
            self.gate.take(change);
        }
        for (uid, session) in ended {
            self.sessions.end(uid, session);
        }
        tracing::info!(
            uid,
            verb = order.verb().name(),
            signers = ordered.signers().join(" "),
            entry = written.index,
            "order obeyed"
        );
        drop(orders);
        if let Some(decided) = decided {
            let Destroyed { counts, epoch, .. } = decided.destroyed;
            let ended = tokio::task::spawn_blocking(|| decided.wait()).await;
            let (patients, practitioners) = (counts.patients, counts.practitioners);
            let complete = ended.unwrap_or(false);
            done = json!({ "patients": patients, "practitioners": practitioners, "epoch": epoch, "complete": complete });
        }
        Ok(Obeyed { entry: written.index, done, document })
    }

    /// Decides a purge with its order's trace, aside from the way of tokens.
    async fn purge(&self, line: Line) -> Result<Decided, No> {
        let (purger, retention, now) = (self.ledger.purger()?, self.config.ledger.retention, clock::now());
        let decided = tokio::task::spawn_blocking(move || purger.decide(&retention, now, line)).await;
        decided.map_err(|_| No::Unavailable(Unavailable::Ledger))?.map_err(|cause| match cause {
            NotPurged::UnderWay => No::Unavailable(Unavailable::DestructionUnderWay),
            NotPurged::NotRecorded(cause) => self.unrecorded_order(cause),
            NotPurged::Read(cause) => {
                tracing::error!(%cause, "the ledger was not read for a purge");
                No::Unavailable(Unavailable::Ledger)
            }
        })
    }

    fn unrecorded_order(&self, cause: NotRecorded) -> No {
        if cause == NotRecorded::Broken {
            self.halt(Halt::Ledger);
        }
        cause.into()
    }

    /// Records a refusal; gives the answer.
    pub(super) async fn refuse(&self, orders: &mut Orders, uid: u32, line: Line, refusal: Refusal) -> No {
        orders.refused(uid);
        match self.record(line).await {
            Ok(written) => No::Denied { refusal, entry: written.index },
            Err(no) => no,
        }
    }

    /// Writes a line of the operators.
    ///
    /// # Errors
    /// It is not in the ledger.
    pub(super) async fn record(&self, line: Line) -> Result<Written, No> {
        self.ledger.write(line).await.map_err(|cause| self.unrecorded_order(cause))
    }
}

/// The trace of an order.
fn trace(order: &Order, signers: &[String], refused: Option<Refusal>) -> Event<PsIdNat, Patient> {
    let mut actors: Vec<Word> = signers.iter().filter_map(|name| Word::parse(name)).collect();
    if actors.is_empty() {
        actors.push(Word::unknown());
    }
    let word = |text: &str| Word::parse(text).unwrap_or_else(Word::unknown);
    let verb = word(order.verb().name());
    let refused = refused.map(|refusal| word(refusal.code()));
    Event::Order(Trace { verb, actors, order: order.digest, refused })
}
