//! How an assertion gets from here to the browser: the one place to change once TD0.10's delivery is known.

use hyper::Response;

use super::form_post::FormPostStandIn;
use crate::config::{self, WebPs};
use crate::relay::answer::AnswerBody;
use crate::relay::fault::Fault;
use crate::relay::ledger::Spent;

/// A way of delivery.
///
/// It gets an assertion that is spent already, for this one answer, and makes the answer to a browser's navigation. It trusts
/// the configuration's target and nothing of the browser; its answer must not be kept by anybody on the way.
pub(super) trait Delivery {
    /// The answer that hands `assertion` over, to be taken to `place` and nowhere else.
    ///
    /// # Errors
    /// The place cannot be written; nothing is handed over.
    fn hand_over(&self, place: &WebPs, assertion: &str, spent: Spent) -> Result<Response<AnswerBody>, Fault>;
}

/// The delivery of that name.
pub(super) fn of(named: config::Delivery) -> &'static dyn Delivery {
    match named {
        config::Delivery::FormPostStandIn => &FormPostStandIn,
    }
}
