//! From an event to its facts.

use super::{Fields, SealedEvent, to_ms};
use crate::traces::entry::event::*;
use crate::traces::entry::identity::{Ciphertext, SealedPatient};
use crate::traces::entry::link::Link;

impl Fields {
    /// The facts of an event.
    pub(in crate::traces::entry) fn of(event: &SealedEvent, link: Option<Link>) -> Self {
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
}
