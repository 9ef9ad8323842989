//! Coded values of a VIHF: who acts, where, and why (vihf.md §3).

mod error;
mod profession;
mod purpose;
mod qualification;
mod role;
mod sector;
mod table;

pub use error::{CodeError, ValueSet};
pub use profession::{PHARMACIST, PHYSICIAN, Profession};
pub use purpose::Purpose;
pub use qualification::{Qualification, Section, Specialty};
pub use role::Role;
pub use sector::Sector;

/// Version of the table that gives professions, specialties and sections.
pub fn subject_role_version() -> &'static str {
    table::SUBJECT_ROLE.version()
}

/// Version of the table that gives sectors.
pub fn sectors_version() -> &'static str {
    table::SECTORS.version()
}
