//! `fr.sceau.Gate`: who speaks for applications of other machines, and the certificates that they propose.
//!
//! Invitations and proposals are in memory alone: a restart ends them, and nothing of a secret is ever on a disk. What an order
//! makes of a proposal is in the ledger's register of applications.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::policy::fingerprint::Fingerprint;
use crate::policy::invitation::Secret;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant as Day;

pub(super) mod calls;

/// The interface.
pub(super) const INTERFACE: &str = "fr.sceau.Gate";
/// Connections of the gate that introduce nobody, or have not yet: a question a second, and handshakes of one moment.
pub(super) const UNINTRODUCED_MAX: usize = 64;
/// Invitations at once: more servers than are set up in a day.
const INVITATIONS_MAX: usize = 64;

/// The gate, from our side.
#[derive(Debug)]
pub(super) struct Gate {
    user: Option<u32>,
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// SHA-256 of the gate's own public key, once it told it.
    key: Option<Digest>,
    /// By application, as the register names it.
    invitations: BTreeMap<String, Invitation>,
}

/// One application server may propose one certificate.
#[derive(Debug)]
pub(super) struct Invitation {
    secret: Secret,
    gate: Digest,
    ends: Instant,
    wrong: u32,
    proposal: Option<Proposal>,
}

#[derive(Debug)]
struct Proposal {
    certificate: Fingerprint,
    address: String,
    since: Day,
}

/// What an order changes here, once it is recorded.
#[derive(Debug)]
pub(super) enum Change {
    /// The application may propose a certificate.
    Invite(String, Box<Invitation>),
    /// Its certificate is confirmed.
    Confirmed(String, Fingerprint),
}

/// A proposal, as operators are told of it.
#[derive(Debug, Serialize)]
pub(super) struct EnrolmentRow {
    application: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    wrong_proofs: u32,
    left_ms: u64,
}

impl Gate {
    /// The gate of that Unix user, if there is one; its invitations live that long.
    pub(super) fn new(user: Option<u32>, lifetime_ms: u64) -> Self {
        Self { user, lifetime: Duration::from_millis(lifetime_ms), state: Mutex::default() }
    }

    /// Whether that Unix user is the gate.
    pub(super) fn is(&self, uid: u32) -> bool {
        self.user == Some(uid)
    }

    /// A new invitation by that secret, and the hash of the gate's key that its code has. None: no gate has told its key.
    pub(super) fn invitation(&self, secret: Secret) -> Option<(Invitation, Digest)> {
        let gate = self.state().key?;
        let ends = Instant::now() + self.lifetime;
        Some((Invitation { secret, gate, ends, wrong: 0, proposal: None }, gate))
    }

    /// Whether another invitation has its place; one of the same application gives it up.
    pub(super) fn has_room(&self, application: &str) -> bool {
        let state = self.state();
        state.invitations.len() < INVITATIONS_MAX || state.invitations.contains_key(application)
    }

    /// Takes what a recorded order changed.
    pub(super) fn take(&self, change: Change) {
        let mut state = self.state();
        match change {
            Change::Invite(application, invitation) => drop(state.invitations.insert(application, *invitation)),
            Change::Confirmed(application, certificate) => {
                let is_it = |known: &Invitation| {
                    known.proposal.as_ref().is_some_and(|proposal| proposal.certificate == certificate)
                };
                if state.invitations.get(&application).is_some_and(is_it) {
                    state.invitations.remove(&application);
                }
            }
        }
    }

    /// What is proposed, and who is still awaited.
    pub(super) fn enrolments(&self) -> Vec<EnrolmentRow> {
        let now = Instant::now();
        let state = self.state();
        let rows = state.invitations.iter().map(|(application, invitation)| {
            let proposal = invitation.proposal.as_ref();
            EnrolmentRow {
                application: application.clone(),
                state: if proposal.is_some() { "pending" } else { "invited" },
                certificate: proposal.map(|proposal| proposal.certificate.to_string()),
                short: proposal.map(|proposal| proposal.certificate.short()),
                address: proposal.map(|proposal| proposal.address.clone()),
                since: proposal.map(|proposal| proposal.since.to_string()),
                wrong_proofs: invitation.wrong,
                left_ms: u64::try_from(invitation.ends.saturating_duration_since(now).as_millis())
                    .unwrap_or(u64::MAX),
            }
        });
        rows.collect()
    }

    /// Takes what the gate tells of its own key.
    fn has_key(&self, key: Digest) {
        self.state().key = Some(key);
    }

    /// Whether somebody may propose a certificate.
    fn awaits(&self) -> bool {
        self.state().invitations.values().any(|invitation| invitation.proposal.is_none())
    }

    /// Takes a proposal. The first that is proved closes the invitation to all others; said again, it is taken again.
    ///
    /// # Errors
    /// No invitation, another proposal before it, or no proof: told by one word in the log alone.
    fn propose(
        &self,
        application: &str,
        key: &[u8],
        proof: Option<Digest>,
        address: String,
        at: Day,
    ) -> Result<(), &'static str> {
        let mut state = self.state();
        let invitation = state.invitations.get_mut(application).ok_or("no-invitation")?;
        if !proof.is_some_and(|proof| invitation.secret.is_proved(key, &invitation.gate, &proof)) {
            // Nobody guesses 128 bits: it is counted for operators, and who guesses takes nobody's invitation away.
            invitation.wrong = invitation.wrong.saturating_add(1);
            return Err("wrong-proof");
        }
        let certificate = Fingerprint::of(key);
        match &invitation.proposal {
            Some(known) if known.certificate == certificate => Ok(()),
            Some(_) => Err("second-proposal"),
            None => {
                invitation.proposal = Some(Proposal { certificate, address, since: at });
                Ok(())
            }
        }
    }

    /// The state without what has ended.
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics but for memory.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        state.invitations.retain(|_, invitation| now < invitation.ends);
        state
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GATE: Digest = Digest::new([9; Digest::LEN]);

    fn gate() -> (Gate, Secret) {
        let gate = Gate::new(Some(1), 60_000);
        assert!(gate.invitation(Secret::new([1; 16])).is_none(), "no gate has told its key");
        gate.has_key(GATE);
        let secret = Secret::new([1; 16]);
        let (invitation, _) = gate.invitation(secret.clone()).unwrap();
        gate.take(Change::Invite("gate:dpi".to_owned(), Box::new(invitation)));
        (gate, secret)
    }

    fn propose(gate: &Gate, key: &[u8], proof: Digest) -> Result<(), &'static str> {
        gate.propose("gate:dpi", key, Some(proof), "192.0.2.1".to_owned(), Day::from_ms(0))
    }

    #[test]
    fn the_first_proved_proposal_is_the_only_one() {
        let (gate, secret) = gate();
        assert!(gate.awaits());
        let proof = secret.prove(b"key", &GATE);
        assert_eq!(propose(&gate, b"other", proof), Err("wrong-proof"));
        assert_eq!(propose(&gate, b"key", proof), Ok(()));
        assert!(!gate.awaits());
        assert_eq!(propose(&gate, b"key", proof), Ok(()), "a lost answer is asked for again");
        assert_eq!(propose(&gate, b"other", secret.prove(b"other", &GATE)), Err("second-proposal"));
        gate.take(Change::Confirmed("gate:dpi".to_owned(), Fingerprint::of(b"other")));
        assert_eq!(gate.enrolments().len(), 1, "another certificate confirms nothing");
        gate.take(Change::Confirmed("gate:dpi".to_owned(), Fingerprint::of(b"key")));
        assert_eq!(propose(&gate, b"key", proof), Err("no-invitation"));
    }

    #[test]
    fn wrong_proofs_are_counted_and_end_nothing() {
        let (gate, secret) = gate();
        for _ in 0..100 {
            assert_eq!(propose(&gate, b"key", Digest::default()), Err("wrong-proof"));
        }
        assert_eq!(gate.enrolments()[0].wrong_proofs, 100);
        assert_eq!(propose(&gate, b"key", secret.prove(b"key", &GATE)), Ok(()));
    }

    #[test]
    fn an_invitation_ends() {
        let (mut gate, secret) = gate();
        gate.lifetime = Duration::ZERO;
        let (invitation, _) = gate.invitation(secret.clone()).unwrap();
        gate.take(Change::Invite("gate:dpi".to_owned(), Box::new(invitation)));
        assert_eq!(propose(&gate, b"key", secret.prove(b"key", &GATE)), Err("no-invitation"));
        assert!(!gate.awaits() && gate.enrolments().is_empty());
    }
}
