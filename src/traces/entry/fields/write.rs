//! From an event to its facts.

use super::{Facts, SealedEvent, to_ms};
use crate::traces::entry::event::*;
use crate::traces::entry::identity::{Ciphertext, SealedPatient};
use crate::traces::entry::link::Link;

impl<'e> Facts<'e> {
    /// The facts of an event.
    pub(in crate::traces::entry) fn of(event: &'e SealedEvent, link: Option<Link>) -> Self {
        let mut f = Self { link, ..Self::default() };
        match event {
            Event::Issued(issued) => {
                f.put_setting(&issued.setting);
                f.session = Some(issued.session);
                f.nonce = Some(issued.nonce);
                f.transaction = Some(&issued.transaction);
                f.purpose = Some(&issued.purpose);
                f.patient = issued.patient.as_ref();
                f.invisible_to_guardians = issued.invisible_to_guardians.then_some(true);
                f.assertion_id = Some(&issued.assertion_id);
                f.assertion = Some(issued.assertion);
                f.certificate = Some(issued.certificate);
                f.keyring = issued.keyring.as_ref();
                f.expires_ms = Some(to_ms(issued.expires));
            }
            Event::Refused(refused) => f.put_refused(refused),
            Event::SessionOpened(opened) => {
                f.put_setting(&opened.setting);
                f.expires_ms = Some(to_ms(opened.expires));
            }
            Event::SessionClosed(closed) => {
                f.application = Some(&closed.application);
                f.session = Some(closed.session);
            }
            Event::Order(order) => {
                f.verb = Some(&order.verb);
                f.actors = Some(&order.actors);
                f.order = Some(order.order);
                f.reason = order.refused.as_ref();
            }
            Event::Configuration(configuration) => {
                f.configuration = Some(configuration.configuration);
                f.convention = Some(configuration.convention);
                f.put_mandate(configuration.mandate.as_ref());
            }
            Event::Register(register) => {
                f.register = Some(&register.register);
                f.content = Some(register.content);
                f.put_mandate(register.mandate.as_ref());
            }
            Event::Start(start) => {
                f.software = Some(&start.software);
                f.configuration = Some(start.configuration);
                f.convention = Some(start.convention);
            }
            Event::Alarm(alarm) => {
                f.application = alarm.application.as_ref();
                f.subject = Some(&alarm.subject);
                f.measure = Some(&alarm.measure);
            }
            Event::Stop => {}
            Event::Outcome(outcome) => {
                f.of = Some(outcome.of);
                f.outcome = Some(outcome.outcome.number());
            }
        }
        f
    }

    fn put_setting(&mut self, setting: &'e Setting<Ciphertext>) {
        self.application = Some(&setting.application);
        self.practitioner = Some(&setting.practitioner);
        self.service = Some(&setting.service);
        self.structure = Some(&setting.structure);
        self.channel = Some(&setting.channel);
        self.profile = Some(&setting.profile);
        self.method = setting.method.as_ref();
        self.evidence = Some(setting.evidence);
        self.login_ms = setting.login.map(to_ms);
        self.initial_login_ms = setting.initial_login.map(to_ms);
        self.configuration = Some(setting.configuration);
        self.convention = Some(setting.convention);
    }

    fn put_refused(&mut self, refused: &'e Refused<Ciphertext, SealedPatient>) {
        self.application = Some(&refused.application);
        self.reason = Some(&refused.reason);
        self.count = Some(refused.count);
        self.since_ms = refused.since.map(to_ms);
        self.practitioner = refused.practitioner.as_ref();
        self.service = refused.service.as_ref();
        self.structure = refused.structure.as_ref();
        self.channel = refused.channel.as_ref();
        self.profile = refused.profile.as_ref();
        self.method = refused.method.as_ref();
        self.evidence = refused.evidence;
        self.login_ms = refused.login.map(to_ms);
        self.initial_login_ms = refused.initial_login.map(to_ms);
        self.session = refused.session;
        self.nonce = refused.nonce;
        self.transaction = refused.transaction.as_ref();
        self.purpose = refused.purpose.as_ref();
        self.patient = refused.patient.as_ref();
        self.configuration = Some(refused.configuration);
        self.convention = Some(refused.convention);
    }

    fn put_mandate(&mut self, mandate: Option<&'e Mandate>) {
        self.actors = mandate.map(|mandate| std::slice::from_ref(&mandate.actor));
        self.order = mandate.map(|mandate| mandate.order);
    }
}
