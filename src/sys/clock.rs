//! The system's clock in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::vihf::instant::Instant;

/// The present instant by the system's clock; 1970 if the clock stands before that.
#[must_use]
pub fn now() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Instant::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
