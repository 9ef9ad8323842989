//! From a frame to what is asked, every value of its type, by somebody who may ask it.

use super::Admitted;
use super::answer::{INTERFACE, No};
use crate::evidence::document::Document as _;
use crate::evidence::enrolment::Challenge;
use crate::evidence::nonce::Nonce;
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
    /// Make keys and counter, and a request for the officer; `anew`: whatever TPM it was before.
    Enrol { anew: bool },
    /// Answer the officer's challenge.
    Activate { challenge: Box<Challenge> },
    /// Prove the machine's state; the checkpoint is asked of sceaud on the way.
    Evidence { nonce: Nonce, checkpoint: Option<String> },
}

impl Request {
    /// Reads a frame of the Unix user `uid`; None: it was a standard call, and is answered in `out`.
    ///
    /// # Errors
    /// The refusal to answer with.
    pub(super) fn read(frame: &[u8], uid: u32, admitted: Admitted, out: &mut Vec<u8>) -> Result<Option<Self>, No> {
        let Some(call) = service::serve(Call::parse(frame)?, (INTERFACE, ATTEST_INTERFACE), out)? else {
            return Ok(None);
        };
        let Call { method, parameters, .. } = call;
        let name = method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.'));
        let request = match name {
            Some("Counter") => Self::bare(parameters, Self::Counter)?,
            Some("Increment") => Self::bare(parameters, Self::Increment)?,
            Some("Enrol") => Self::enrol(parameters)?,
            Some("Activate") => Self::activate(parameters)?,
            Some("Evidence") => Self::evidence(parameters)?,
            _ => return Err(No::Method(method)),
        };
        request.may_be_asked(uid, admitted)?;
        Ok(Some(request))
    }

    fn bare(parameters: Members, request: Self) -> Result<Self, No> {
        parameters.finish()?;
        Ok(request)
    }

    fn enrol(mut parameters: Members) -> Result<Self, No> {
        let anew = parameters.flag("anew")?;
        parameters.finish()?;
        Ok(Self::Enrol { anew })
    }

    fn activate(mut parameters: Members) -> Result<Self, No> {
        let text = parameters.text("challenge")?;
        let challenge = Challenge::read(text.as_bytes())
            .map_err(|cause| parameters.malformed("challenge", cause.to_string()))?;
        parameters.finish()?;
        Ok(Self::Activate { challenge: Box::new(challenge) })
    }

    fn evidence(mut parameters: Members) -> Result<Self, No> {
        let text = parameters.text("nonce")?;
        let nonce = Nonce::parse(&text)
            .ok_or_else(|| parameters.malformed("nonce", "donnez les 64 chiffres hexadécimaux du vérificateur"))?;
        parameters.finish()?;
        Ok(Self::Evidence { nonce, checkpoint: None })
    }

    /// Whether that user may ask it.
    fn may_be_asked(&self, uid: u32, admitted: Admitted) -> Result<(), No> {
        let may = match self {
            // A number that others raise is a ledger that halts.
            Self::Counter | Self::Increment => uid == admitted.ledger,
            // Nothing of it is secret or does harm: the rights of the socket's file are enough.
            Self::Enrol { .. } | Self::Activate { .. } | Self::Evidence { .. } => true,
        };
        if may {
            return Ok(());
        }
        let message = "cet utilisateur n'a pas ce droit : le compteur est à sceaud seul (sockets.signer_client)";
        Err(No::Denied("caller-not-admitted", message.to_owned()))
    }
}
