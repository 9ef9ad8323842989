//! From a frame to what is asked, every value of its type, by somebody who may ask it.

use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::Admitted;
use super::answer::{INTERFACE, No};
use super::approvals;
use super::certified;
use super::evidence::Heard;
use super::sealing::Order;
use crate::config::KeyName;
use crate::evidence::document::{Document as _, KeyRole};
use crate::evidence::enrolment::Challenge;
use crate::evidence::nonce::Nonce;
use crate::tpm::policy::Value;
use crate::traces::digest::Digest;
use crate::varlink::ATTEST_INTERFACE;
use crate::varlink::call::Call;
use crate::varlink::members::Members;
use crate::varlink::service;

/// Persistent handles (TPM 2.0 Part 2 §7.4).
const PERSISTENT: RangeInclusive<u32> = 0x8100_0000..=0x81ff_ffff;

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
    /// Prove the machine's state; sceaud is asked for its part on the way.
    Evidence { nonce: Nonce, heard: Heard },
    /// Say how the TPM is.
    Status,
    /// Show a key of ours in each evidence.
    Certify(Box<certified::Order>),
    /// Seal a PIN.
    Seal(Box<Order>),
    /// Give it back.
    Unseal { name: KeyName, boot_pin: Zeroizing<String> },
    /// Admit approvals of other states.
    Approve { name: KeyName, signatures: String },
    /// Say whether it would be given back, with these values.
    Foresee { name: KeyName, expected: Vec<Value> },
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
            Some("Status") => Self::bare(parameters, Self::Status)?,
            Some("Enrol") => Self::enrol(parameters)?,
            Some("Activate") => Self::activate(parameters)?,
            Some("Evidence") => Self::evidence(parameters)?,
            Some("Certify") => Self::certify(parameters)?,
            Some("Seal") => Self::seal(parameters)?,
            Some("Unseal") => Self::unseal(parameters)?,
            Some("Approve") => Self::approve(parameters)?,
            Some("Foresee") => Self::foresee(parameters)?,
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
        Ok(Self::Evidence { nonce, heard: Heard::default() })
    }

    fn certify(mut parameters: Members) -> Result<Self, No> {
        let role = match parameters.text("role")?.as_str() {
            "audit" => KeyRole::Audit,
            "seal" => KeyRole::Seal,
            "authentication" => KeyRole::Authentication,
            _ => return Err(parameters.malformed("role", "donnez audit, seal ou authentication").into()),
        };
        let key = parameters.text("key")?;
        let key = KeyName::parse(&key).map_err(|cause| parameters.malformed("key", cause))?;
        let (public, private) = (bytes(&mut parameters, "public")?, bytes(&mut parameters, "private")?);
        let parent = parameters.text("parent")?;
        let parent = parent.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let parent = parent.filter(|parent| PERSISTENT.contains(parent));
        let parent =
            parent.ok_or_else(|| parameters.malformed("parent", "donnez une adresse persistante, 0x81……"))?;
        let auth = parameters.text("auth")?;
        parameters.finish()?;
        Ok(Self::Certify(Box::new(certified::Order { role, key, public, private, parent, auth })))
    }

    fn seal(mut parameters: Members) -> Result<Self, No> {
        let name = name(&mut parameters)?;
        let (secret, boot_pin) = (parameters.text("secret")?, parameters.text("boot_pin")?);
        let (approver, signatures) = (parameters.text("approver")?, parameters.text("signatures")?);
        let pcrs = parameters.text("pcrs")?;
        let pcrs = approvals::choice(&pcrs).ok_or_else(|| {
            parameters.malformed("pcrs", "donnez des numéros de 0 à 23, croissants, comme 7,11,12")
        })?;
        let replace = parameters.flag("replace")?;
        parameters.finish()?;
        let (approver, signatures) = (approver.to_string(), signatures.to_string());
        Ok(Self::Seal(Box::new(Order { name, secret, boot_pin, approver, pcrs, signatures, replace })))
    }

    fn unseal(mut parameters: Members) -> Result<Self, No> {
        let (name, boot_pin) = (name(&mut parameters)?, parameters.text("boot_pin")?);
        parameters.finish()?;
        Ok(Self::Unseal { name, boot_pin })
    }

    fn approve(mut parameters: Members) -> Result<Self, No> {
        let (name, signatures) = (name(&mut parameters)?, parameters.text("signatures")?.to_string());
        parameters.finish()?;
        Ok(Self::Approve { name, signatures })
    }

    fn foresee(mut parameters: Members) -> Result<Self, No> {
        let name = name(&mut parameters)?;
        let mut expected = Vec::new();
        for text in parameters.texts("expected")? {
            let value =
                text.split_once('=').and_then(|(pcr, value)| Some((pcr.parse().ok()?, Digest::from_hex(value)?)));
            expected.push(
                value
                    .ok_or_else(|| parameters.malformed("expected", "donnez PCR=VALEUR, comme 11=64 chiffres"))?,
            );
        }
        parameters.finish()?;
        Ok(Self::Foresee { name, expected })
    }

    /// Whether that user may ask it.
    fn may_be_asked(&self, uid: u32, admitted: Admitted) -> Result<(), No> {
        let (may, message) = match self {
            // A number that others raise is a ledger that halts.
            Self::Counter | Self::Increment => (
                uid == admitted.ledger,
                "cet utilisateur n'a pas ce droit : le compteur est à sceaud seul (sockets.signer_client)",
            ),
            // A PIN is the token's; and a try at it may be one of the last.
            Self::Seal(_) | Self::Unseal { .. } | Self::Approve { .. } | Self::Certify(_) => (
                uid == admitted.sealing,
                "cet utilisateur n'a pas ce droit : PIN scellés et clés du TPM sont à root seul",
            ),
            // Which TPM is believed is decided here; and a slow one makes an endorsement key for most of a minute, in which sceaud
            // waits in vain for its counter: asked again and again, that would be for ever.
            Self::Enrol { .. } | Self::Activate { .. } => (
                uid == admitted.sealing,
                "cet utilisateur n'a pas ce droit : l'enrôlement est à root seul ; refaites la commande avec sudo",
            ),
            // Nothing of it is secret or does harm: the rights of the socket's file are enough.
            Self::Status | Self::Evidence { .. } | Self::Foresee { .. } => (true, ""),
        };
        if may {
            return Ok(());
        }
        Err(No::Denied("caller-not-admitted", message.to_owned()))
    }
}

/// A TPM structure, base64.
fn bytes(parameters: &mut Members, member: &str) -> Result<Vec<u8>, No> {
    let text = parameters.text(member)?;
    let decoded = STANDARD.decode(text.as_bytes());
    Ok(decoded.map_err(|_| parameters.malformed(member, "ce n'est pas du base64"))?)
}

/// The name of a sealed PIN, which becomes part of a file's name.
fn name(parameters: &mut Members) -> Result<KeyName, No> {
    let text = parameters.text("name")?;
    Ok(KeyName::parse(&text).map_err(|cause| parameters.malformed("name", cause))?)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
