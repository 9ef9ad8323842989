//! What the daemon knows of an entry, before identities are sealed.

use thiserror::Error;

use super::event::{Event, Issued, Refused, SessionOpened, Setting};
use super::identity::{Ciphertext, Field, IdentityError, Iv, Place, SealedPatient};
use super::key::{DataKey, LookupKey};
use super::{Entry, Link, SealedEvent};
use crate::traces::digest::Digest;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;
use crate::vihf::instant::Instant;

/// An entry with its people in clear; it never leaves memory.
#[derive(Clone, Debug)]
pub struct Clear {
    /// When.
    pub time: Instant,
    /// Boot generation.
    pub boot: u64,
    /// What happened.
    pub event: Event<PsIdNat, Patient>,
}

/// The keyed hashes of the people of one entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Who acts.
    pub practitioner: Option<Digest>,
    /// Whose record.
    pub patient: Option<Digest>,
}

/// The keys for one entry. A data key that the event does not need may be absent.
#[derive(Debug, Default)]
pub struct DataKeys<'k> {
    /// The practitioner's, and fresh random bits.
    pub practitioner: Option<(&'k DataKey, Iv)>,
    /// The patient's, and fresh random bits.
    pub patient: Option<(&'k DataKey, Iv)>,
}

/// Why an entry was not sealed: each but the first is a defect of the caller.
#[derive(Debug, Error)]
pub enum SealError {
    /// Encryption failed.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The event names somebody for whom no key was given.
    #[error("no data key for an identity of the entry")]
    NoKey,
    /// The link is another practitioner's.
    #[error("the link is not of the practitioner that the entry names")]
    LinkOfAnother,
}

impl Clear {
    /// What the people of the event are looked up by, to find head and data keys.
    #[must_use]
    pub fn lookups(&self, lookup: &LookupKey) -> Lookups {
        Lookups {
            practitioner: self.event.practitioner().map(|id| lookup.practitioner(id)),
            patient: self.event.patient().map(|patient| lookup.patient(patient)),
        }
    }

    /// Seals the entry for `index`, with the link that the practitioner's head gives ([`Link::after`]).
    ///
    /// Trusts `lookups` to be this entry's own ([`Clear::lookups`]). After `Ok` the entry holds no identity in clear and
    /// opens with the given data keys alone.
    ///
    /// # Errors
    /// [`SealError`]; nothing was made. What no reader would accept is refused by [`Entry::encode`].
    pub fn seal(
        self,
        index: u64,
        link: Option<Link>,
        lookups: Lookups,
        keys: DataKeys<'_>,
    ) -> Result<Entry, SealError> {
        let named = lookups.practitioner;
        if named.is_some() && named != link.map(|link| link.practitioner) {
            return Err(SealError::LinkOfAnother);
        }
        let (practitioner, patient) = (keys.practitioner, keys.patient);
        let event = sealed(
            self.event,
            |id| {
                let ((key, iv), lookup) = practitioner.zip(named).ok_or(SealError::NoKey)?;
                let place = Place { index, field: Field::Practitioner, lookup };
                Ok(Ciphertext::of_practitioner(&id, &place, key, iv)?)
            },
            |clear| {
                let ((key, iv), lookup) = patient.zip(lookups.patient).ok_or(SealError::NoKey)?;
                let place = Place { index, field: Field::Patient, lookup };
                let identity = Ciphertext::of_patient(&clear, &place, key, iv)?;
                Ok(SealedPatient { lookup, identity })
            },
        )?;
        Ok(Entry { index, time: self.time, boot: self.boot, link, event })
    }
}

/// The same event with its people sealed.
fn sealed(
    event: Event<PsIdNat, Patient>,
    practitioner: impl FnOnce(PsIdNat) -> Result<Ciphertext, SealError>,
    patient: impl FnOnce(Patient) -> Result<SealedPatient, SealError>,
) -> Result<SealedEvent, SealError> {
    Ok(match event {
        Event::Issued(issued) => {
            let Issued { setting, session, nonce, transaction, purpose, assertion_id, .. } = *issued;
            Event::Issued(Box::new(Issued {
                setting: sealed_setting(setting, practitioner)?,
                session,
                nonce,
                transaction,
                purpose,
                patient: issued.patient.map(patient).transpose()?,
                invisible_to_guardians: issued.invisible_to_guardians,
                assertion_id,
                assertion: issued.assertion,
                certificate: issued.certificate,
                keyring: issued.keyring,
                expires: issued.expires,
            }))
        }
        Event::Refused(refused) => {
            let refused = *refused;
            Event::Refused(Box::new(Refused {
                practitioner: refused.practitioner.map(practitioner).transpose()?,
                patient: refused.patient.map(patient).transpose()?,
                application: refused.application,
                reason: refused.reason,
                count: refused.count,
                since: refused.since,
                service: refused.service,
                structure: refused.structure,
                channel: refused.channel,
                profile: refused.profile,
                method: refused.method,
                evidence: refused.evidence,
                login: refused.login,
                initial_login: refused.initial_login,
                session: refused.session,
                nonce: refused.nonce,
                transaction: refused.transaction,
                purpose: refused.purpose,
                configuration: refused.configuration,
                convention: refused.convention,
            }))
        }
        Event::SessionOpened(opened) => Event::SessionOpened(Box::new(SessionOpened {
            setting: sealed_setting(opened.setting, practitioner)?,
            expires: opened.expires,
        })),
        Event::SessionClosed(closed) => Event::SessionClosed(closed),
        Event::Order(order) => Event::Order(order),
        Event::Configuration(configuration) => Event::Configuration(configuration),
        Event::Register(register) => Event::Register(register),
        Event::Start(start) => Event::Start(start),
        Event::Stop => Event::Stop,
        Event::Outcome(outcome) => Event::Outcome(outcome),
        Event::Alarm(alarm) => Event::Alarm(alarm),
    })
}

fn sealed_setting(
    setting: Setting<PsIdNat>,
    practitioner: impl FnOnce(PsIdNat) -> Result<Ciphertext, SealError>,
) -> Result<Setting<Ciphertext>, SealError> {
    Ok(Setting {
        practitioner: practitioner(setting.practitioner)?,
        application: setting.application,
        service: setting.service,
        structure: setting.structure,
        channel: setting.channel,
        profile: setting.profile,
        method: setting.method,
        evidence: setting.evidence,
        login: setting.login,
        initial_login: setting.initial_login,
        configuration: setting.configuration,
        convention: setting.convention,
    })
}
