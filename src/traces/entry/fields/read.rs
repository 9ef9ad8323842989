//! From facts to the event of a kind.

use super::{Fields, SealedEvent, from_ms};
use crate::traces::entry::EntryError;
use crate::traces::entry::event::*;
use crate::traces::entry::identity::{Ciphertext, SealedPatient};
use crate::traces::entry::kind::Kind;
use crate::traces::entry::outcome::Outcome;

fn need<T>(field: &mut Option<T>, name: &'static str) -> Result<T, EntryError> {
    field.take().ok_or(EntryError::Missing(name))
}
impl Fields {
    /// The event of a kind: every fact that it needs. Facts that are not the kind's own are left, and then the leaf is
    /// not what its entry encodes to.
    pub(in crate::traces::entry) fn event(mut self, kind: Kind) -> Result<SealedEvent, EntryError> {
        let f = &mut self;
        Ok(match kind {
            Kind::Issued => Event::Issued(Box::new(Issued {
                setting: f.setting()?,
                session: need(&mut f.session, "session")?,
                nonce: need(&mut f.nonce, "nonce")?,
                transaction: need(&mut f.transaction, "transaction")?,
                purpose: need(&mut f.purpose, "purpose")?,
                patient: f.patient.take(),
                invisible_to_guardians: f.invisible_to_guardians.unwrap_or_default(),
                assertion_id: need(&mut f.assertion_id, "assertion id")?,
                assertion: need(&mut f.assertion, "assertion digest")?,
                certificate: need(&mut f.certificate, "certificate")?,
                keyring: f.keyring.take(),
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
            Kind::Alarm => Event::Alarm(Alarm {
                subject: need(&mut f.subject, "subject")?,
                measure: need(&mut f.measure, "measure")?,
                application: f.application.take(),
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
