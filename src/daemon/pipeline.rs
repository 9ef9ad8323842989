//! One request, from its words to its answer, as one function each; the order of checks is the contract's.

use std::sync::Arc;
use std::time::Instant as Moment;

use super::Daemon;
use super::answer::{Answer, No, Replayed, Unavailable};
use super::checkpointing::NoReceipt;
use super::convention::Ruling;
use super::halt::Halt;
use super::refusals::Due;
use super::registers::InForce;
use super::request::{self, Issue, PatientNamed};
use super::sessions::{Secret, Traced};
use super::trace::Asked;
use crate::ledger::{Line, NotRecorded, Written};
use crate::policy::application::{Application, unknown_application};
use crate::policy::denial::{Decision, Denial, Malformed, Reason};
use crate::policy::issuing::{self, Asking};
use crate::policy::load::Load;
use crate::policy::memory::Memory;
use crate::policy::opening::{self, Opening};
use crate::replay::{Claim, NotClaimed, PROOFS};
use crate::seal::audit::Audit;
use crate::seal::seals::{NotPlaced, SealError};
use crate::seal::waiting::Caller;
use crate::traces::entry::evidence::Evidence;
use crate::traces::entry::outcome::Outcome;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::InsOid;
use crate::vihf::instant::Instant;
use crate::vihf::profile::Profile;

impl Daemon {
    /// `Issue`: session, nonce, policy, volumes, load, clock, ledger, token.
    ///
    /// What a crash leaves: before the trace is on the disk, nothing was issued and the nonce is free; after it, the nonce
    /// is spent and the trace without outcome, which the next start tells as `expired` once the assertion's life is over,
    /// whether it was handed over or not.
    pub(super) async fn issue(&self, uid: u32, request: Issue) -> Result<Answer, No> {
        self.in_order()?;
        let in_force = self.registers.in_force();
        let application = &self.application(&in_force, uid)?;
        let now = self.clock.now();
        // To the end of this request, whatever is taken meanwhile.
        let ruling = self.conventions.current();
        let traced = self.session(application, &request.session, (&ruling, &in_force), now)?;
        let session = &traced.session;
        let patient = request.patient.map(|named| self.patient(session.profile(), named)).transpose()?;
        let asked = Asked {
            session: Some(&traced),
            convention: Some(ruling.digest),
            transaction: Some(request.transaction.key()),
            purpose: Some(request.purpose.code()),
            ..Asked::default()
        };
        let asking = Asking {
            transaction: request.transaction,
            purpose: request.purpose,
            patient,
            invisible_to_guardians: request.invisible_to_guardians,
        };
        let load = Load::from(request.purpose);
        let claim =
            self.nonces.claim(uid, &request.nonce, load, Moment::now()).map_err(
                |not_claimed| match not_claimed {
                    NotClaimed::Seen => self.hold_refusal(application, No::Replayed(Replayed::Nonce), asked),
                    NotClaimed::Full => No::Busy,
                },
            )?;
        let providers = self.providers.now();
        let known = self.known(&ruling, &in_force, &providers, now);
        let approved = ruling
            .permits(now)
            .and_then(|()| self.not_suspended(application, traced.chain))
            .and_then(|()| approved_by(issuing::decide(&known, application, session, asking)))
            .and_then(|approved| still_admitted(&traced, &ruling).map(|()| approved));
        let approved = match approved {
            Ok(approved) => approved,
            Err(no) => return Err(self.spend(claim, application, asked, no).await),
        };
        // Given back wherever nothing is issued.
        let counted = match self.within_budgets(application, &traced, approved.asking()).await {
            Ok(counted) => counted,
            Err(no) => return Err(self.spend(claim, application, asked, no).await),
        };
        let in_flight_max = self.config.limits.requests_in_flight_per_application_max;
        let Some(_seat) = self.requests.take_for(load, uid, in_flight_max) else {
            claim.free();
            return Err(No::Busy);
        };
        let caller = Caller { uid, load };
        let placed = match self.seals.place(session.structure().as_str(), caller, &ruling.convention, now).await {
            Ok(place) => Ok(place),
            Err(NotPlaced::Seal(error)) => Err(error),
            Err(NotPlaced::Busy) => {
                claim.free();
                return Err(No::Busy);
            }
        };
        if let Err(no) = self.clock_is_fit() {
            return Err(self.spend(claim, application, asked, no).await);
        }
        let place = match placed {
            Ok(place) => place,
            Err(error) => {
                let no = self.note(error);
                return Err(self.spend(claim, application, asked, no).await);
            }
        };
        if request.receipt && !self.audit.as_ref().is_some_and(Audit::is_ready) {
            let no = No::Unavailable(Unavailable::Ledger);
            return Err(self.spend(claim, application, asked, no).await);
        }
        if let Err(no) = self.may_begin() {
            // Counted, not written one by one: what room is left is for what is under way.
            drop(claim);
            return Err(self.hold_refusal(application, no, asked));
        }
        // The wait for a place is not part of the assertion's life.
        let forged = self.seals.forge(&place, approved, self.clock.now()).map_err(|error| self.note(error))?;
        let line = self.issued(&forged, ruling.digest, traced.entry, claim.spend());
        let recorded = self.ledger.record(line, forged).await.map_err(|cause| self.unrecorded(cause))?;
        counted.keep();
        self.exceptional.issued(uid, request.purpose);
        let written = recorded.written();
        // Before the seal: who gets no receipt gets no assertion either.
        let receipt = match self.receipt(request.receipt, written).await {
            Ok(receipt) => receipt,
            Err(no) => {
                self.outcome(written, Outcome::Failed);
                return Err(no);
            }
        };
        let signed = match self.seals.seal(place, recorded).await {
            Ok(signed) if self.clock.now() < signed.expires_at() => signed,
            not_sealed => {
                self.outcome(written, Outcome::Failed);
                return Err(match not_sealed {
                    Ok(_) => No::Unavailable(Unavailable::TokenUnreachable),
                    Err(error) => self.note(error),
                });
            }
        };
        let asked = (asked.transaction.unwrap_or_default(), signed.expires_at());
        self.outcomes.issued(uid, signed.id(), written, asked);
        self.outcome(written, Outcome::Released);
        Ok(Answer::Issued(Box::new(signed), receipt))
    }

    /// `OpenSession`: policy (which verifies a proof, once for the session's life), room, proof or budget, ledger.
    ///
    /// A crash after the trace leaves a session that nobody has the secret of, and its proof is spent; before it, neither.
    pub(super) async fn open_session(&self, uid: u32, request: &Opening) -> Result<Answer, No> {
        self.in_order()?;
        let in_force = self.registers.in_force();
        let application = &self.application(&in_force, uid)?;
        let now = self.clock.now();
        let ruling = self.conventions.current();
        let asked = Asked { opening: Some(request), convention: Some(ruling.digest), ..Asked::default() };
        // Before policy, unlike an issue: the login's age, and the session's end, are told by this clock.
        self.clock_is_fit()
            .and_then(|()| ruling.permits(now))
            .map_err(|no| self.hold_refusal(application, no, asked))?;
        let practitioner = self.suspending.lookup().practitioner(&request.practitioner);
        let providers = self.providers.now();
        let known = self.known(&ruling, &in_force, &providers, now);
        let session = self
            .not_suspended(application, practitioner)
            .and_then(|()| approved_by(opening::decide(&known, application, request)))
            .map_err(|no| self.hold_refusal(application, no, asked))?;
        if !self.sessions.has_room(uid) {
            return Err(No::Busy);
        }
        self.may_begin().map_err(|no| self.hold_refusal(application, no, asked))?;
        let evidence = session.evidence();
        let declared_max = ruling.convention.declarations.limits.sessions_per_hour_max;
        let claim = self.show(uid, evidence, declared_max).map_err(|no| {
            let asked = Asked { evidence: Some(evidence), ..asked };
            self.hold_refusal(application, no, asked)
        })?;
        let session = Arc::new(session);
        let Some(secret) = Secret::draw() else { return Err(self.halt(Halt::Random)) };
        let expires_at = session.expires_at().to_string();
        let line = self.opened(application, &session, ruling.digest, secret.hash);
        let written = match self.ledger.write(line).await {
            Ok(written) => written,
            Err(cause) => {
                // Nothing was opened: the proof may be shown again.
                claim.into_iter().for_each(Claim::free);
                return Err(self.unrecorded(cause));
            }
        };
        let chain = written.chain.unwrap_or_default();
        let traced = Traced { session, entry: written.index, chain, convention: ruling.digest };
        self.sessions.keep(secret.hash, traced, now);
        Ok(Answer::Opened { session: secret.text, expires_at })
    }

    /// `Report`.
    pub(super) async fn report(&self, uid: u32, id: &str, outcome: request::Outcome) -> Result<Answer, No> {
        let application = &self.application(&self.registers.in_force(), uid)?;
        let written = self
            .outcomes
            .find(uid, id, self.clock.now())
            .map_err(|denial| self.hold_refusal(application, denial.into(), Asked::default()))?;
        let outcome = match outcome {
            request::Outcome::Accepted => Outcome::Accepted,
            request::Outcome::Refused => Outcome::Refused,
            request::Outcome::Unused => Outcome::Unused,
        };
        let line = Line::outcome(written.index, outcome, written.chain.unwrap_or_default());
        self.ledger.write(line).await.map_err(|cause| self.unrecorded(cause))?;
        Ok(Answer::Done)
    }

    /// `CloseSession`.
    pub(super) async fn close_session(&self, uid: u32, session: &str) -> Result<Answer, No> {
        let application = &self.application(&self.registers.in_force(), uid)?;
        let (secret, traced) = self
            .sessions
            .close(uid, session)
            .map_err(|denial| self.hold_refusal(application, denial.into(), Asked::default()))?;
        let line = Self::closed(application, &traced, secret);
        self.ledger.write(line).await.map_err(|cause| self.unrecorded(cause))?;
        Ok(Answer::Done)
    }

    /// The application's open session, made again if it was opened under another convention: what is declared otherwise is so
    /// from here on. One that this convention would not have stays as it was, for policy to say why.
    ///
    /// # Errors
    /// Unknown or expired; the reason is held for the ledger.
    fn session(
        &self,
        application: &Application,
        secret: &str,
        (ruling, in_force): (&Ruling, &InForce),
        now: Instant,
    ) -> Result<Arc<Traced>, No> {
        let uid = application.uid;
        let asked = Asked { convention: Some(ruling.digest), ..Asked::default() };
        let traced = self.sessions.find(uid, secret, now).map_err(|denial| {
            // Without a convention no session was restored: that is the cause, and what heals.
            let no = ruling.permits(now).err().unwrap_or_else(|| denial.into());
            self.hold_refusal(application, no, asked)
        })?;
        if traced.convention == ruling.digest || !ruling.holds_at(now) {
            return Ok(traced);
        }
        let providers = self.providers.now();
        let known = self.known(ruling, in_force, &providers, now);
        let renewed = Memory::of(&traced.session).session(&known, application).filter(|s| now < s.expires_at());
        let Some(session) = renewed else { return Ok(traced) };
        let Traced { entry, chain, .. } = *traced;
        let traced = Arc::new(Traced { session: Arc::new(session), entry, chain, convention: ruling.digest });
        self.sessions.renew(uid, secret, Arc::clone(&traced), now);
        Ok(traced)
    }

    /// Makes the nonce of a refused request durable with the refusal; gives the answer.
    async fn spend(&self, claim: Claim<'_>, application: &Application, asked: Asked<'_>, no: No) -> No {
        if !self.ledger.admits() {
            // Counted, as in `issue`: what room is left is for what is under way.
            drop(claim);
            return self.hold_refusal(application, no, asked);
        }
        let nonce = claim.spend();
        let line = self.refused(application, no.code(), asked, Some(nonce));
        match self.ledger.write(line).await {
            Ok(_) => no,
            Err(cause) => self.unrecorded(cause),
        }
    }

    /// Whether something new may begin in the ledger: it is the newest, and there is room.
    fn may_begin(&self) -> Result<(), No> {
        self.is_newest()?;
        if self.ledger.admits() { Ok(()) } else { Err(No::Unavailable(Unavailable::Space)) }
    }

    /// Holds the trace of a refusal that leaves no entry of its own; what the caller's words are to blame for leaves none.
    fn hold_refusal(&self, application: &Application, no: No, asked: Asked<'_>) -> No {
        if matches!(no, No::Denied(_) | No::Replayed(_) | No::Unavailable(_)) {
            let line = || self.refused(application, no.code(), asked, None);
            self.refusals.hold(application.uid, no.code(), self.clock.now(), line);
        }
        no
    }

    /// Writes the refusals that are due: one entry a second for each application and reason, with a count; `all` that are
    /// held, at the end. A crash leaves those of the last second uncounted.
    pub(super) async fn record_refusals(&self, all: bool) {
        for due in self.refusals.due(all) {
            let line = match &due {
                Due::First(_, line, _) => Line::clone(line),
                Due::Counted(kind, count, since) => self.refused_alike(*kind, *count, *since),
            };
            if self.ledger.write(line).await.is_err() {
                self.refusals.give_back(due);
            }
        }
    }

    /// What was shown for a login is spent: the proof, or one of the sessions without proof of this hour.
    ///
    /// After `Ok` a proof is `Replayed` unless the claim is freed; after `Err` nothing was spent.
    fn show(&self, uid: u32, evidence: Evidence, declared_max: usize) -> Result<Option<Claim<'_>>, No> {
        match evidence {
            Evidence::Proof(mark) => match self.proofs.claim_mark(PROOFS, mark, Load::Usual, Moment::now()) {
                Ok(claim) => Ok(Some(claim)),
                Err(NotClaimed::Seen) => Err(No::Replayed(Replayed::Proof)),
                Err(NotClaimed::Full) => Err(No::Busy),
            },
            Evidence::Declared | Evidence::None if self.declared.count(uid, declared_max, Moment::now()) => {
                Ok(None)
            }
            Evidence::Declared | Evidence::None => {
                let message = "cette application a ouvert trop de sessions sans preuve depuis une heure ; attendez, ou \
                               prouvez les connexions";
                Err(Denial::new(Reason::QuotaExceeded, message).into())
            }
        }
    }

    /// The receipt of an entry, if one was asked for.
    async fn receipt(&self, asked: bool, written: Written) -> Result<Option<String>, No> {
        if !asked {
            return Ok(None);
        }
        self.checkpoints.receipt(written.index).await.map(Some).map_err(|cause| match cause {
            NoReceipt::Audit | NoReceipt::Counter => No::Unavailable(Unavailable::Ledger),
            NoReceipt::Ledger(cause) => self.unrecorded(cause),
        })
    }

    /// Queues the outcome of an assertion for the next commit.
    fn outcome(&self, written: Written, outcome: Outcome) {
        self.ledger.note(Line::outcome(written.index, outcome, written.chain.unwrap_or_default()));
    }

    pub(super) fn unrecorded(&self, cause: NotRecorded) -> No {
        if cause == NotRecorded::Broken { self.halt(Halt::Ledger) } else { cause.into() }
    }

    /// The application of that Unix user.
    pub(super) fn application(&self, in_force: &InForce, uid: u32) -> Result<Arc<Application>, No> {
        // The gate speaks for others, never for itself; where it shares a user with an application, this is a test.
        let known =
            in_force.applications.register.get(uid).filter(|_| !self.gate.is(uid) || self.config.is_test());
        known.cloned().ok_or_else(|| {
            let no = No::from(unknown_application());
            let line = |uid| self.refused_stranger(uid, no.code());
            self.refusals.hold_stranger(uid, no.code(), self.clock.now(), line);
            no
        })
    }

    /// The patient, whose identifier system is the profile's unless the application names one.
    fn patient(&self, profile: &Profile, named: PatientNamed) -> Result<Patient, No> {
        let malformed = |message: &str| Err(No::Malformed(Malformed::new("patient.oid", message)));
        let oid = match named.oid {
            Some(oid) => oid,
            None => match InsOid::parse(&profile.ins_oid) {
                Ok(oid) => oid,
                Err(_) => {
                    return malformed("le profil ne donne pas de système d'identifiants ; donnez patient.oid");
                }
            },
        };
        if !profile.ins_oids.iter().any(|known| known == oid.as_str()) {
            return malformed("ce système d'identifiants n'est pas prévu par le profil");
        }
        if matches!(oid, InsOid::Test | InsOid::Demo) && !self.config.is_test() && !profile.test {
            return malformed(
                "ce système d'identifiants est celui de patients d'essai ; la production ne l'admet pas",
            );
        }
        Ok(Patient { ins: named.ins, oid })
    }

    /// A broken invariant of ours halts; the world's troubles heal.
    fn note(&self, error: SealError) -> No {
        match error {
            SealError::Breach(breach) => {
                tracing::error!(%breach, "an approved assertion does not obey its profile");
                self.halt(Halt::Profile)
            }
            SealError::Random => self.halt(Halt::Random),
            _ => error.into(),
        }
    }
}

/// What policy found nothing against and the convention of now would not have opened all the same: by its age, its delay, its
/// structure.
fn still_admitted(traced: &Traced, ruling: &Ruling) -> Result<(), No> {
    if traced.convention == ruling.digest {
        return Ok(());
    }
    let message = "la convention de l'établissement a changé et n'admet plus cette session telle quelle ; ouvrez-en une autre";
    Err(Denial::new(Reason::SessionExpired, message).into())
}

fn approved_by<T>(decision: Decision<T>) -> Result<T, No> {
    match decision {
        Decision::Approved(approved) => Ok(approved),
        Decision::Denied(denial) => Err(No::Denied(denial)),
        Decision::Malformed(malformed) => Err(No::Malformed(malformed)),
    }
}
