//! The gate: applications of other machines get what those of this one get, and strangers get nothing.

mod attacks;
mod clients;
mod connector;
mod crowd;
mod description;
mod doors;
mod enrolment;
mod passing;
pub(crate) mod rig;
mod strangers;
mod tls_fuzz;
pub(crate) mod wire;
