//! From a frame to what is asked, every value of its type, by somebody who may ask it.

use super::Admitted;
use super::answer::{INTERFACE, No};
use crate::varlink::ATTEST_INTERFACE;
use crate::varlink::call::Call;
use crate::varlink::members::Members;
use crate::varlink::service;

/// What is asked.
#[derive(Debug)]
pub(super) enum Request {
    /// What the counter says.
    Counter,
    /// Raise it.
    Increment,
}

impl Request {
    /// Reads a frame of the Unix user `uid`; None: it was a standard call, and is answered in `out`.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub(super) fn read(
        frame: &[u8],
        uid: u32,
        admitted: Admitted,
        out: &mut Vec<u8>,
    ) -> Result<Option<Self>, No> {
        let Some(call) = service::serve(Call::parse(frame)?, (INTERFACE, ATTEST_INTERFACE), out)? else {
            return Ok(None);
        };
        let Call { method, parameters, .. } = call;
        let name = method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.'));
        let request = match name {
            Some("Counter") => Self::bare(parameters, Self::Counter)?,
            Some("Increment") => Self::bare(parameters, Self::Increment)?,
            _ => return Err(No::Method(method)),
        };
        request.may_be_asked(uid, admitted)?;
        Ok(Some(request))
    }

    fn bare(parameters: Members, request: Self) -> Result<Self, No> {
        parameters.finish()?;
        Ok(request)
    }

    /// Whether that user may ask it.
    fn may_be_asked(&self, uid: u32, admitted: Admitted) -> Result<(), No> {
        let may = match self {
            // A number that others raise is a ledger that halts.
            Self::Counter | Self::Increment => uid == admitted.ledger,
        };
        if may {
            return Ok(());
        }
        let message = "cet utilisateur n'a pas ce droit : le compteur est à sceaud seul (sockets.signer_client)";
        Err(No::Denied("caller-not-admitted", message.to_owned()))
    }
}
