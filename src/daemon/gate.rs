//! `fr.sceau.Gate`: who speaks for applications of other machines, and the certificates that they propose.
//!
//! Invitations and proposals are in memory alone: a restart ends them, and nothing of a secret is ever on a disk. What an order
//! makes of a proposal is in the ledger's register of applications.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Daemon;
use super::answer::No;
use crate::policy::application::{remote, unknown_application};
use crate::policy::denial::Malformed;
use crate::policy::fingerprint::Fingerprint;
use crate::policy::invitation::Secret;
use crate::traces::digest::Digest;
use crate::varlink::call::{Call, error, reply};
use crate::varlink::members::{MemberError, Members};
use crate::vihf::instant::Instant as Day;

/// The interface.
pub(super) const INTERFACE: &str = "fr.sceau.Gate";
/// Connections of the gate that introduce nobody, or have not yet: a question a second, and handshakes of one moment.
pub(super) const UNINTRODUCED_MAX: usize = 64;
/// Invitations at once: more servers than are set up in a day.
const INVITATIONS_MAX: usize = 64;
/// Wrong proofs that end an invitation.
const WRONG_MAX: u32 = 5;
/// Longest public key in bytes: RSA with 8,192 bits has 1,062.
const KEY_LEN_MAX: usize = 2_048;
/// Longest address that the gate tells.
const ADDRESS_LEN_MAX: usize = 64;

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

/// Whom a connection of the gate speaks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Introduced {
    pub(super) uid: u32,
    pub(super) certificate: Fingerprint,
}

/// A request of the gate.
enum Request {
    Introduce(Fingerprint, String),
    Clients(Digest, Option<String>),
    Propose { application: String, key: Vec<u8>, proof: Option<Digest>, address: String },
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
            // A proposal that stands is not ended by who guesses.
            invitation.wrong = invitation.wrong.saturating_add(1);
            if invitation.wrong >= WRONG_MAX && invitation.proposal.is_none() {
                state.invitations.remove(application);
                return Err("invitation-closed");
            }
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

/// Answers one frame of the gate on a connection that speaks for nobody, if it is of this interface; gives whom the connection
/// speaks for from now on. `first`: no frame came before it, which an introduction must be.
///
/// `Ok(None)`: the answer is in `out`. `Err(())`: it is of another interface, or no call at all; nothing was written.
pub(super) fn answer(
    daemon: &Daemon,
    frame: &[u8],
    first: bool,
    out: &mut Vec<u8>,
) -> Result<Option<Introduced>, ()> {
    let Ok(Call { method, parameters, .. }) = Call::parse(frame) else { return Err(()) };
    let Some(name) = method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.')) else {
        return Err(());
    };
    let answered = match Request::read(name, parameters) {
        Ok(Some(request)) => obey(daemon, request, first, out),
        Ok(None) => {
            crate::varlink::service::not_found(out, &method, INTERFACE);
            Ok(None)
        }
        Err(wrong) => Err(wrong.into()),
    };
    Ok(answered.unwrap_or_else(|no| {
        super::answer::Answer::No(no).write(out, INTERFACE);
        None
    }))
}

fn obey(daemon: &Daemon, request: Request, first: bool, out: &mut Vec<u8>) -> Result<Option<Introduced>, No> {
    match request {
        Request::Introduce(certificate, address) => {
            if !first {
                let message = "une connexion est à une application dès sa première trame ; ouvrez-en une autre";
                return Err(No::Malformed(Malformed::new("", message)));
            }
            let applications = daemon.registers.applications();
            let application = applications.of_certificate(&certificate).ok_or_else(unknown_application)?;
            tracing::debug!(application = application.user, address, "a client of the gate is introduced");
            #[derive(Serialize)]
            struct Reply<'a> {
                application: &'a str,
            }
            reply(out, Reply { application: &application.user });
            Ok(Some(Introduced { uid: application.uid, certificate }))
        }
        Request::Clients(key, after) => {
            daemon.gate.state().key = Some(key);
            let kept = daemon.registers.in_force().applications;
            // A register of a file is the same until the next start, and then the gate asks anew.
            let revision = kept.document.map_or_else(|| "file".to_owned(), |digest| digest.to_string());
            let is_new = after.as_deref() != Some(revision.as_str());
            #[derive(Serialize)]
            struct Reply {
                revision: String,
                enrolment: bool,
                #[serde(skip_serializing_if = "Option::is_none")]
                certificates: Option<Vec<String>>,
            }
            let certificates = is_new.then(|| kept.register.certificates().map(Fingerprint::to_string).collect());
            reply(out, Reply { revision, enrolment: daemon.gate.awaits(), certificates });
            Ok(None)
        }
        Request::Propose { application, key, proof, address } => {
            let user = format!("gate:{application}");
            match daemon.gate.propose(&user, &key, proof, address.clone(), daemon.clock.now()) {
                Ok(()) => {
                    let code = Fingerprint::of(&key).short();
                    tracing::info!(
                        application = user,
                        code,
                        address,
                        "a certificate is proposed; an operator decides"
                    );
                    #[derive(Serialize)]
                    struct Nothing {}
                    reply(out, Nothing {});
                    Ok(None)
                }
                Err(cause) => {
                    // The name is a stranger's word: it is no line of the log.
                    tracing::warn!(cause, address, "a proposed certificate is refused");
                    refused(out);
                    Ok(None)
                }
            }
        }
    }
}

/// The one answer to every proposal that is not taken: who asks learns of no invitation.
fn refused(out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Refused {
        reason: &'static str,
        message: &'static str,
    }
    let message =
        "l'inscription est refusée : vérifiez le nom et le code, ou demandez un nouveau code à l'exploitant";
    error(out, &format!("{INTERFACE}.Denied"), Refused { reason: "enrolment-refused", message });
}

impl Request {
    fn read(method: &str, mut members: Members) -> Result<Option<Self>, MemberError> {
        let request = match method {
            "Introduce" => {
                let certificate = members.text("certificate")?;
                let certificate = Fingerprint::parse(&certificate)
                    .ok_or_else(|| members.malformed("certificate", "une empreinte s'écrit sha256:HEX"))?;
                Self::Introduce(certificate, address(&mut members)?)
            }
            "Clients" => {
                let key = members.text("key")?;
                let key = Fingerprint::parse(&key)
                    .ok_or_else(|| members.malformed("key", "une empreinte s'écrit sha256:HEX"))?;
                Self::Clients(*key.digest(), members.optional_text("after")?.map(|after| after.to_string()))
            }
            "Propose" => {
                let application = members.text("application")?;
                if !remote::is_formed(&application) {
                    return Err(members.malformed("application", "ce n'est pas un nom d'application distante"));
                }
                let key = members.text("key")?;
                let key = STANDARD
                    .decode(key.as_bytes())
                    .ok()
                    .filter(|key| (1..=KEY_LEN_MAX).contains(&key.len()))
                    .ok_or_else(|| members.malformed("key", "ce n'est pas une clé publique en base64"))?;
                let proof = Digest::from_base64(&members.text("proof")?);
                Self::Propose { application: application.to_string(), key, proof, address: address(&mut members)? }
            }
            _ => return Ok(None),
        };
        members.finish()?;
        Ok(Some(request))
    }
}

fn address(members: &mut Members) -> Result<String, MemberError> {
    let text = members.text("address")?;
    if text.len() > ADDRESS_LEN_MAX || text.chars().any(char::is_control) {
        return Err(members.malformed("address", "ce n'est pas une adresse"));
    }
    Ok(text.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GATE: Digest = Digest::new([9; Digest::LEN]);

    fn gate() -> (Gate, Secret) {
        let gate = Gate::new(Some(1), 60_000);
        assert!(gate.invitation(Secret::new([1; 16])).is_none(), "no gate has told its key");
        gate.state().key = Some(GATE);
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
    fn five_wrong_proofs_end_an_invitation() {
        let (gate, secret) = gate();
        for last in [false, false, false, false, true] {
            let told = propose(&gate, b"key", Digest::default());
            assert_eq!(told, Err(if last { "invitation-closed" } else { "wrong-proof" }));
        }
        assert_eq!(propose(&gate, b"key", secret.prove(b"key", &GATE)), Err("no-invitation"));
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
