//! From an order and its signatures to the proof that it is to be obeyed.

use super::NAMESPACE;
use super::command::Command;
use super::document::{ISSUED_AHEAD_MAX_MS, LIFETIME_MAX_MS, Order};
use super::refusal::Refusal;
use super::verb::Slot;
use crate::policy::operator::Operator;
use crate::policy::operators::{BOOTSTRAP_MAX, Operators};
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// What an order is judged with.
pub struct Known<'a> {
    /// This ledger's name.
    pub ledger: &'a str,
    /// Who may sign.
    pub operators: &'a Operators,
    /// Whether an order of that mark ([`Order::mark`]) was obeyed before.
    pub is_used: &'a dyn Fn(&Digest) -> bool,
    /// The machine's clock.
    pub now: Instant,
    /// The caller is root, or the daemon's own user.
    pub is_local_root: bool,
    /// Test material is not admitted.
    pub production: bool,
}

/// Proof that an order is to be obeyed: of this ledger, in its time, never obeyed before, signed by enough distinct persons of
/// the right roles. Made by [`decide`] alone.
#[derive(Debug)]
#[must_use]
pub struct Ordered {
    order: Order,
    signers: Vec<String>,
    at: Instant,
}

impl Ordered {
    /// The order.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// What is ordered.
    #[must_use]
    pub fn command(&self) -> &Command {
        &self.order.command
    }

    /// Names of those who signed, at least one, each once.
    #[must_use]
    pub fn signers(&self) -> &[String] {
        &self.signers
    }

    /// When it was judged.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }
}

/// An order that is not obeyed.
#[derive(Debug)]
pub struct Refused {
    /// The order.
    pub order: Order,
    /// Operators whose signatures were right.
    pub signers: Vec<String>,
    /// Why not.
    pub refusal: Refusal,
}

/// Judges an order.
///
/// Trusts `known` alone; every word of the order and every signature is judged. The operators' names in a refusal are of
/// right signatures, so that the trace of a refusal accuses nobody else.
///
/// # Errors
/// [`Refused`] with the first reason: ledger, time, use, bootstrap, signatures, roles.
pub fn decide(order: Order, signatures: &[impl AsRef<str>], known: &Known<'_>) -> Result<Ordered, Box<Refused>> {
    // Each of those whom a bootstrap names shows that he has his key.
    let named = match &order.command {
        Command::OperatorsBootstrap(bootstrap) => {
            Some(Operators::first(&bootstrap.operators, known.now, known.production))
        }
        _ => None,
    };
    let operators = match &named {
        Some(Ok(named)) if known.operators.is_empty() => named,
        _ => known.operators,
    };
    let (signers, flaw) = signers(&order, signatures, operators);
    let checks = in_its_place(&order, known)
        .and_then(|()| match (&named, known.operators.is_empty()) {
            (Some(_), false) => Err(Refusal::BootstrapDone),
            (Some(_), true) if !known.is_local_root => Err(Refusal::BootstrapNotRoot),
            (Some(Err(refusal)), true) => Err(*refusal),
            (None, true) => Err(Refusal::BootstrapRequired),
            _ => flaw.map_or(Ok(()), Err),
        })
        .and_then(|()| match &named {
            Some(_) if signers.len() < operators.all().len() => Err(Refusal::SignersMissing),
            Some(_) => Ok(()),
            None => {
                let slots = order.verb().signers(needs_two(&order.command, operators));
                enough(&signers, slots)
            }
        });
    let signers = signers.into_iter().map(|signer| signer.name.clone()).collect();
    match checks {
        Ok(()) => Ok(Ordered { order, signers, at: known.now }),
        Err(refusal) => Err(Box::new(Refused { order, signers, refusal })),
    }
}

/// This ledger's, in its time, not used.
fn in_its_place(order: &Order, known: &Known<'_>) -> Result<(), Refusal> {
    if order.ledger != known.ledger {
        return Err(Refusal::OtherLedger);
    }
    let lifetime_ms = order.expires.ms_since(order.issued);
    if lifetime_ms <= 0 || lifetime_ms > LIFETIME_MAX_MS {
        return Err(Refusal::LifetimeTooLong);
    }
    if order.issued.ms_since(known.now) > ISSUED_AHEAD_MAX_MS {
        return Err(Refusal::NotYetValid);
    }
    if known.now >= order.expires {
        return Err(Refusal::Expired);
    }
    if (known.is_used)(&order.mark()) { Err(Refusal::AlreadyUsed) } else { Ok(()) }
}

/// Operators whose signatures are right, and the first flaw of the others.
fn signers<'o>(
    order: &Order,
    signatures: &[impl AsRef<str>],
    operators: &'o Operators,
) -> (Vec<&'o Operator>, Option<Refusal>) {
    let mut right: Vec<&Operator> = Vec::new();
    let mut flaw = None;
    if signatures.is_empty() {
        flaw = Some(Refusal::SignersMissing);
    }
    for armour in signatures.iter().take(BOOTSTRAP_MAX) {
        match operators.signer(armour.as_ref(), NAMESPACE, &order.text) {
            Ok(signer) if right.iter().any(|known| known.name == signer.name) => {
                flaw = flaw.or(Some(Refusal::SignerTwice));
            }
            Ok(signer) => right.push(signer),
            Err(refusal) => flaw = flaw.or(Some(refusal)),
        }
    }
    (right, flaw)
}

/// Whether the order touches those who decide, or makes somebody who may read every trace, while two of those who decide could
/// decide it. Where there is one alone, two cannot be asked: what he may do is what recovery needs. A way out of the machine is no
/// recovery: for it there are always two.
fn needs_two(command: &Command, operators: &Operators) -> bool {
    let touches = match command {
        Command::ConnectorAttach(attach) => return attach.reaches_out(),
        Command::OperatorAdd(_) => true,
        Command::OperatorRevoke(revoke) => operators.named(&revoke.name).is_some_and(Operator::decides),
        _ => false,
    };
    touches && operators.deciders() >= 2
}

/// Each slot has a person of its own.
fn enough(signers: &[&Operator], slots: &[Slot]) -> Result<(), Refusal> {
    if signers.len() < slots.len() {
        return Err(Refusal::SignersMissing);
    }
    if fills(signers, slots) { Ok(()) } else { Err(Refusal::RoleMissing) }
}

/// Tries every way to give the slots to the signers: there are two slots and five signers at most.
fn fills(signers: &[&Operator], slots: &[Slot]) -> bool {
    let Some((slot, rest)) = slots.split_first() else { return true };
    (0..signers.len()).any(|at| {
        let mut others = signers.to_vec();
        let signer = others.remove(at);
        signer.has_any(slot) && fills(&others, rest)
    })
}
