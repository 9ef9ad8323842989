//! The system: clock, users, log.

pub mod clock;
pub mod log;
pub mod users;
