//! National identifiers of practitioners, structures and patients, as types that cannot be wrong (vihf.md §1, §3, §7).

mod ascii;
mod error;
mod luhn;
mod oid;
mod organisation;
mod patient;
mod practitioner;
mod structure;
#[cfg(test)]
mod tests;

pub use error::{Identifier, IdentityError};
pub use oid::InsOid;
pub use organisation::{Finess, Form, Siren, Siret};
pub use patient::Ins;
pub use practitioner::{Adeli, PsIdNat, Rpps};
pub use structure::{StructIdNat, StructKind};
