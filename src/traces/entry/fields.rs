//! The facts of a sealed entry as the CBOR map of its leaf: one key for each fact, the same in every kind.

use minicbor::{Decode, Encode};

use super::EntryError;
use super::event::*;
use super::evidence::Evidence;
use super::identity::{Ciphertext, SealedPatient};
use super::kind::Kind;
use super::link::Link;
use super::outcome::Outcome;
use super::word::Word;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// The event of a sealed entry.
pub type SealedEvent = Event<Ciphertext, SealedPatient>;

/// The map. Keys are frozen: a new fact takes a new key and, if a reader must know it, a new version.
#[derive(Debug, Default, Encode, Decode)]
#[cbor(map)]
pub(super) struct Fields {
    #[n(1)]
    application: Option<Word>,
    #[n(2)]
    pub(super) link: Option<Link>,
    #[n(3)]
    practitioner: Option<Ciphertext>,
    #[n(4)]
    service: Option<Word>,
    #[n(5)]
    structure: Option<Word>,
    #[n(6)]
    channel: Option<Word>,
    #[n(7)]
    profile: Option<Word>,
    #[n(8)]
    method: Option<Word>,
    #[n(9)]
    evidence: Option<Evidence>,
    #[n(10)]
    login_ms: Option<u64>,
    #[n(11)]
    initial_login_ms: Option<u64>,
    #[n(12)]
    session: Option<u64>,
    #[n(13)]
    nonce: Option<Digest>,
    #[n(14)]
    transaction: Option<Word>,
    #[n(15)]
    purpose: Option<Word>,
    #[n(16)]
    patient: Option<SealedPatient>,
    #[n(17)]
    assertion_id: Option<Word>,
    #[n(18)]
    assertion: Option<Digest>,
    #[n(19)]
    certificate: Option<Digest>,
    #[n(20)]
    expires_ms: Option<u64>,
    #[n(21)]
    configuration: Option<Digest>,
    #[n(22)]
    convention: Option<Digest>,
    #[n(23)]
    reason: Option<Word>,
    #[n(24)]
    count: Option<u64>,
    #[n(25)]
    since_ms: Option<u64>,
    #[n(26)]
    verb: Option<Word>,
    #[n(27)]
    actors: Option<Vec<Word>>,
    #[n(28)]
    order: Option<Digest>,
    #[n(29)]
    register: Option<Word>,
    #[n(30)]
    content: Option<Digest>,
    #[n(31)]
    software: Option<Word>,
    #[n(32)]
    of: Option<u64>,
    #[n(33)]
    outcome: Option<u8>,
}

/// Milliseconds as a leaf has them; an instant is never before 1970.
pub(super) fn to_ms(at: Instant) -> u64 {
    u64::try_from(at.ms()).unwrap_or_default()
}

/// The instant of a leaf's milliseconds. One outside the years of an [`Instant`] is held within them, and then the leaf is
/// not what its entry encodes to.
pub(super) fn from_ms(ms: u64) -> Instant {
    Instant::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn need<T>(field: &mut Option<T>, name: &'static str) -> Result<T, EntryError> {
    field.take().ok_or(EntryError::Missing(name))
}

impl Fields {
    /// The facts of an event.
    pub(super) fn of(event: &SealedEvent, link: Option<Link>) -> Self {
        let mut f = Self { link, ..Self::default() };
        match event {
            Event::Issued(issued) => {
                f.put_setting(&issued.setting);
                f.session = Some(issued.session);
                f.nonce = Some(issued.nonce);
                f.transaction = Some(issued.transaction.clone());
                f.purpose = Some(issued.purpose.clone());
                f.patient = issued.patient.clone();
                f.assertion_id = Some(issued.assertion_id.clone());
                f.assertion = Some(issued.assertion);
                f.certificate = Some(issued.certificate);
                f.expires_ms = Some(to_ms(issued.expires));
            }
            Event::Refused(refused) => f.put_refused(refused),
            Event::SessionOpened(opened) => {
                f.put_setting(&opened.setting);
                f.expires_ms = Some(to_ms(opened.expires));
            }
            Event::SessionClosed(closed) => {
                f.application = Some(closed.application.clone());
                f.session = Some(closed.session);
            }
            Event::Order(order) => {
                f.verb = Some(order.verb.clone());
                f.actors = Some(order.actors.clone());
                f.order = Some(order.order);
                f.reason = order.refused.clone();
            }
            Event::Configuration(configuration) => {
                f.configuration = Some(configuration.configuration);
                f.convention = Some(configuration.convention);
                f.put_mandate(configuration.mandate.as_ref());
            }
            Event::Register(register) => {
                f.register = Some(register.register.clone());
                f.content = Some(register.content);
                f.put_mandate(register.mandate.as_ref());
            }
            Event::Start(start) => {
                f.software = Some(start.software.clone());
                f.configuration = Some(start.configuration);
                f.convention = Some(start.convention);
            }
            Event::Stop => {}
            Event::Outcome(outcome) => {
                f.of = Some(outcome.of);
                f.outcome = Some(outcome.outcome.number());
            }
        }
        f
    }

    fn put_setting(&mut self, setting: &Setting<Ciphertext>) {
        self.application = Some(setting.application.clone());
        self.practitioner = Some(setting.practitioner.clone());
        self.service = Some(setting.service.clone());
        self.structure = Some(setting.structure.clone());
        self.channel = Some(setting.channel.clone());
        self.profile = Some(setting.profile.clone());
        self.method = setting.method.clone();
        self.evidence = Some(setting.evidence);
        self.login_ms = setting.login.map(to_ms);
        self.initial_login_ms = setting.initial_login.map(to_ms);
        self.configuration = Some(setting.configuration);
        self.convention = Some(setting.convention);
    }

    fn put_refused(&mut self, refused: &Refused<Ciphertext, SealedPatient>) {
        let refused = refused.clone();
        self.application = Some(refused.application);
        self.reason = Some(refused.reason);
        self.count = Some(refused.count);
        self.since_ms = refused.since.map(to_ms);
        self.practitioner = refused.practitioner;
        self.service = refused.service;
        self.structure = refused.structure;
        self.channel = refused.channel;
        self.profile = refused.profile;
        self.method = refused.method;
        self.evidence = refused.evidence;
        self.login_ms = refused.login.map(to_ms);
        self.initial_login_ms = refused.initial_login.map(to_ms);
        self.session = refused.session;
        self.nonce = refused.nonce;
        self.transaction = refused.transaction;
        self.purpose = refused.purpose;
        self.patient = refused.patient;
        self.configuration = Some(refused.configuration);
        self.convention = Some(refused.convention);
    }

    fn put_mandate(&mut self, mandate: Option<&Mandate>) {
        self.actors = mandate.map(|mandate| vec![mandate.actor.clone()]);
        self.order = mandate.map(|mandate| mandate.order);
    }

    /// The event of a kind: every fact that it needs. Facts that are not the kind's own are left, and then the leaf is
    /// not what its entry encodes to.
    pub(super) fn event(mut self, kind: Kind) -> Result<SealedEvent, EntryError> {
        let f = &mut self;
        Ok(match kind {
            Kind::Issued => Event::Issued(Box::new(Issued {
                setting: f.setting()?,
                session: need(&mut f.session, "session")?,
                nonce: need(&mut f.nonce, "nonce")?,
                transaction: need(&mut f.transaction, "transaction")?,
                purpose: need(&mut f.purpose, "purpose")?,
                patient: f.patient.take(),
                assertion_id: need(&mut f.assertion_id, "assertion id")?,
                assertion: need(&mut f.assertion, "assertion digest")?,
                certificate: need(&mut f.certificate, "certificate")?,
                expires: need(&mut f.expires_ms, "expires").map(from_ms)?,
            })),
            Kind::Refused => Event::Refused(Box::new(f.refused()?)),
            Kind::SessionOpened => Event::SessionOpened(Box::new(SessionOpened {
                setting: f.setting()?,
                expires: need(&mut f.expires_ms, "expires").map(from_ms)?,
            })),
            Kind::SessionClosed => Event::SessionClosed(SessionClosed {
                application: need(&mut f.application, "application")?,
                session: need(&mut f.session, "session")?,
            }),
            Kind::Order => Event::Order(Order {
                verb: need(&mut f.verb, "verb")?,
                actors: need(&mut f.actors, "actors")?,
                order: need(&mut f.order, "order")?,
                refused: f.reason.take(),
            }),
            Kind::Configuration => Event::Configuration(Configuration {
                configuration: need(&mut f.configuration, "configuration")?,
                convention: need(&mut f.convention, "convention")?,
                mandate: f.mandate(),
            }),
            Kind::Register => Event::Register(Register {
                register: need(&mut f.register, "register")?,
                content: need(&mut f.content, "content")?,
                mandate: f.mandate(),
            }),
            Kind::Start => Event::Start(Start {
                software: need(&mut f.software, "software")?,
                configuration: need(&mut f.configuration, "configuration")?,
                convention: need(&mut f.convention, "convention")?,
            }),
            Kind::Stop => Event::Stop,
            Kind::Outcome => {
                let number = need(&mut f.outcome, "outcome")?;
                let outcome = Outcome::from_number(number).ok_or(EntryError::Outcome(number))?;
                Event::Outcome(OutcomeOf { of: need(&mut f.of, "of")?, outcome })
            }
        })
    }

    fn setting(&mut self) -> Result<Setting<Ciphertext>, EntryError> {
        Ok(Setting {
            application: need(&mut self.application, "application")?,
            practitioner: need(&mut self.practitioner, "practitioner")?,
            service: need(&mut self.service, "service")?,
            structure: need(&mut self.structure, "structure")?,
            channel: need(&mut self.channel, "channel")?,
            profile: need(&mut self.profile, "profile")?,
            method: self.method.take(),
            evidence: need(&mut self.evidence, "evidence")?,
            login: self.login_ms.map(from_ms),
            initial_login: self.initial_login_ms.map(from_ms),
            configuration: need(&mut self.configuration, "configuration")?,
            convention: need(&mut self.convention, "convention")?,
        })
    }

    fn refused(&mut self) -> Result<Refused<Ciphertext, SealedPatient>, EntryError> {
        Ok(Refused {
            application: need(&mut self.application, "application")?,
            reason: need(&mut self.reason, "reason")?,
            count: need(&mut self.count, "count")?,
            since: self.since_ms.map(from_ms),
            practitioner: self.practitioner.take(),
            service: self.service.take(),
            structure: self.structure.take(),
            channel: self.channel.take(),
            profile: self.profile.take(),
            method: self.method.take(),
            evidence: self.evidence,
            login: self.login_ms.map(from_ms),
            initial_login: self.initial_login_ms.map(from_ms),
            session: self.session,
            nonce: self.nonce,
            transaction: self.transaction.take(),
            purpose: self.purpose.take(),
            patient: self.patient.take(),
            configuration: need(&mut self.configuration, "configuration")?,
            convention: need(&mut self.convention, "convention")?,
        })
    }

    fn mandate(&mut self) -> Option<Mandate> {
        let actor = self.actors.take()?.pop()?;
        Some(Mandate { actor, order: self.order? })
    }
}
