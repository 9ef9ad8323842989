//! The last look before an assertion is sealed: do its facts still obey their profile?
//!
//! Types and policy have made sure of it already; a failure here is a fault of ours, and the caller halts.

use super::assertion::Facts;
use super::identity::{Form, StructIdNat};
use super::signature::is_assertion_id;

/// A rule of the profile that the facts break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Not `_` and a UUID.
    #[error("the id is not an underscore and a UUID")]
    Id,
    /// Empty, backward, or longer than the profile's cap.
    #[error("the lifetime is not within the profile's cap")]
    Lifetime,
    /// Class and declaration are no pair of the profile.
    #[error("class and declaration are no pair of the profile")]
    Method,
    /// Specialty or section does not fit the profession in this profile.
    #[error("the role does not fit the profile")]
    Role,
    /// A test structure under a profile that is not for tests.
    #[error("the structure is not of a real form")]
    Structure,
    /// An identifier system that the profile does not take.
    #[error("the patient's identifier system is not of the profile")]
    Patient,
    /// Secret connection without an element for it.
    #[error("the profile has no element for invisibility to guardians")]
    Guardians,
}

/// Holds facts against their profile.
///
/// # Errors
/// The first [`Breach`].
pub fn check(facts: &Facts<'_>) -> Result<(), Breach> {
    let profile = facts.profile;
    let lifetime_ms = facts.expires_at.ms_since(facts.issued_at);
    let rules = [
        (is_assertion_id(facts.id), Breach::Id),
        (u64::try_from(lifetime_ms).is_ok_and(|ms| (1..=profile.lifetime_max_ms).contains(&ms)), Breach::Lifetime),
        (profile.has_login(&facts.authn.class, &facts.authn.decl), Breach::Method),
        (facts.role.fits(&profile.physician_specialties), Breach::Role),
        (profile.test || StructIdNat::parse(facts.structure.as_str(), Form::Strict).is_ok(), Breach::Structure),
        (
            facts.patient.is_none_or(|patient| profile.ins_oids.iter().any(|oid| oid == patient.oid.as_str())),
            Breach::Patient,
        ),
        (!facts.invisible_to_guardians || !profile.guardians_element.is_empty(), Breach::Guardians),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        None => Ok(()),
        Some((_, breach)) => Err(breach),
    }
}
