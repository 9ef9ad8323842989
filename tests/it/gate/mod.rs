//! The gate: applications of other machines get what those of this one get, and strangers get nothing.

mod attacks;
mod clients;
mod description;
mod doors;
mod enrolment;
mod passing;
pub(crate) mod rig;
mod strangers;
pub(crate) mod wire;
