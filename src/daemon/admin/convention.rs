//! The convention before the operators: taken when it is presented and right, told to whoever may ask.

use serde::Serialize;

use super::super::Daemon;
use super::super::convention::{self, Ruling};
use super::super::trace::word;
use super::Orders;
use super::answer::{No, Unavailable};
use crate::config::Presented;
use crate::ledger::Line;
use crate::policy::convention::{Known, NotTaken, TAKE, judge};
use crate::policy::order::Refusal;
use crate::sys::peer;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{ACTORS_MAX, Configuration, Event, Mandate, Order, Register};
use crate::traces::entry::word::Word;

/// What is told of the convention.
#[derive(Debug, Serialize)]
pub(in super::super) struct Told {
    source: &'static str,
    in_force: bool,
    hash: String,
    approvers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// What came of a convention that was presented.
#[derive(Debug, Serialize)]
pub(in super::super) struct Taken {
    hash: String,
    /// The trace of its taking; none: it was in force already.
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
}

impl Daemon {
    /// The convention of now.
    pub(super) fn told_convention(&self) -> Told {
        let (in_force, refused) = (self.conventions.current(), self.conventions.refused());
        Told {
            source: if self.config.convention_file().is_some() { "file" } else { "configuration" },
            in_force: in_force.holds_at(self.clock.now()),
            hash: in_force.digest.to_string(),
            approvers: in_force.approvers.clone(),
            text: Some(in_force.text.clone()).filter(|text| !text.is_empty()),
            refused: refused.map(NotTaken::code),
            message: refused.map(NotTaken::message),
        }
    }

    /// Reads the convention's file anew, judges it, records it and puts it in force; `uid` is whoever asked, who needs no
    /// right to it: those who signed have.
    ///
    /// Requests that are under way keep the one that they began with. What a crash leaves: before the trace is on the disk,
    /// the old one is in force, and the next start presents the file again; after it, the new one is, for the ledger has its
    /// text in the same commit.
    ///
    /// # Errors
    /// Refused or not recorded: the one before it stays in force.
    pub(super) async fn take_convention(&self, uid: u32) -> Result<Taken, No> {
        // Held until it is in force: two takings cannot overtake each other, and operators stay who they are.
        let mut orders = self.admin.orders.lock().await;
        if !orders.has_room(uid) {
            return Err(No::Busy);
        }
        let Some(path) = self.config.convention_file().map(ToOwned::to_owned) else {
            return Err(self.refuse_convention(&mut orders, uid, NotTaken::NotConfigured, Digest::of(&[])).await);
        };
        let test = self.config.is_test();
        let read = tokio::task::spawn_blocking(move || Presented::read(&path, test)).await;
        let presented = match read.map_err(|_| No::Unavailable(Unavailable::Ledger))? {
            Ok(presented) => presented,
            Err(faults) => {
                for fault in &faults {
                    tracing::warn!(%fault, "the convention's file is not right");
                }
                return Err(self.refuse_convention(&mut orders, uid, NotTaken::Unreadable, Digest::of(&[])).await);
            }
        };
        let current = self.conventions.current();
        let number = current.convention.title.as_ref().map(|title| title.number);
        let known = Known {
            operators: &orders.operators,
            production: !test,
            now: self.clock.now(),
            previous: number.map(|number| (number, current.digest)),
        };
        let judged = judge(&presented.convention, presented.text.as_bytes(), &presented.armours(), &known);
        // What the ledger has was signed when it was taken: approvers who left since do not undo it.
        if presented.digest == current.digest && current.exists() && current.holds_at(known.now) {
            let approvers = judged.unwrap_or_else(|_| current.approvers.clone());
            self.conventions.take(Ruling::of(presented, approvers));
            return Ok(Taken { hash: current.digest.to_string(), entry: None });
        }
        let approvers = match judged {
            Ok(approvers) => approvers,
            Err(why) => return Err(self.refuse_convention(&mut orders, uid, why, presented.digest).await),
        };
        let (order, name) = (presented.digest, convention::register(&self.config));
        let mark = mark(name, order);
        if orders.used.contains(&mark) {
            // Taken once, and not the one in force: a later one took its place, whether this version reads that or not.
            return Err(self.refuse_convention(&mut orders, uid, NotTaken::Older, order).await);
        }
        let actor = approvers.first().map_or_else(Word::unknown, |name| word(name));
        let register = Register { register: word(name), content: order, mandate: Some(Mandate { actor, order }) };
        let content = presented.text.clone().into_bytes();
        // Whoever verifies the ledger finds every entry's convention told before it.
        let mandate = register.mandate.clone();
        let told = Configuration { configuration: self.config.digest, convention: order, mandate };
        let then = vec![Line::register(Event::Register(register), name, content), Line::configuration(told)];
        let line = Line::ordered(trace(&approvers, order, None), mark, then);
        let written = self.record(line).await?;
        orders.used.insert(mark);
        let budgets = presented.convention.guard;
        let number = presented.convention.title.as_ref().map(|title| title.number);
        tracing::info!(uid, number, approvers = approvers.join(" "), entry = written.index, "convention taken");
        self.volumes.take(budgets);
        self.conventions.take(Ruling::of(presented, approvers));
        Ok(Taken { hash: order.to_string(), entry: Some(written.index) })
    }

    /// Presents the file for the service itself: at its start, and when it is told to reload.
    pub(in super::super) async fn present_convention(&self) {
        if let Err(no) = self.take_convention(peer::own_uid()).await {
            tracing::warn!(reason = no.code(), "the convention that was presented is not taken");
        }
    }

    /// Records why a convention is not taken; gives the answer.
    async fn refuse_convention(&self, orders: &mut Orders, uid: u32, why: NotTaken, text: Digest) -> No {
        // Where no file is named none was presented: systemctl reload is no trouble of the terms in sceau.toml.
        if why != NotTaken::NotConfigured {
            self.conventions.told(Some(why));
        }
        tracing::warn!(
            reason = why.code(),
            "a convention is refused; the one before it, if there is one, stays in force"
        );
        self.refuse(orders, uid, Line::plain(trace(&[], text, Some(why))), Refusal::Convention(why)).await
    }
}

/// The trace of a convention that was presented: an order of its approvers, whose text is the file.
fn trace(approvers: &[String], order: Digest, refused: Option<NotTaken>) -> super::super::trace::Clear {
    // More may sign than an entry names: two are enough.
    let mut actors: Vec<Word> = approvers.iter().take(ACTORS_MAX).map(|name| word(name)).collect();
    if actors.is_empty() {
        actors.push(Word::unknown());
    }
    Event::Order(Order { verb: word(TAKE), actors, order, refused: refused.map(|why| word(why.code())) })
}

/// What a taking is used up by: apart from the marks of orders, which have ids.
fn mark(register: &str, text: Digest) -> Digest {
    Digest::of(&[b"sceau-", register.as_bytes(), text.as_bytes()])
}
