//! Parameters of each method into types that cannot be wrong: parsed once, at the door.

use zeroize::Zeroizing;

use crate::policy::opening::{Authentication, Opening};
use crate::policy::rights::Transaction;
use crate::replay::Nonce;
use crate::varlink::members::{MemberError, Members};
use crate::vihf::codes::Purpose;
use crate::vihf::identity::{Form, Ins, InsOid, PsIdNat, StructIdNat};
use crate::vihf::instant::Instant;
use crate::vihf::method::Method;
use crate::vihf::profile::Channel;
use crate::vihf::signature::is_assertion_id;

/// Longest name of a service or profile in bytes.
const NAME_LEN_MAX: usize = 64;

/// A request of the interface, every value of its type.
#[derive(Debug)]
pub enum Request {
    /// `Issue`.
    Issue(Issue),
    /// `OpenSession`.
    OpenSession(Opening),
    /// `CloseSession` of that session.
    CloseSession(Zeroizing<String>),
    /// `Report` of that assertion.
    Report(String, Outcome),
    /// `Status`.
    Status,
}

impl Request {
    /// Reads the parameters of the method of that name; None: there is no such method.
    ///
    /// # Errors
    /// The member that is missing, wrong or unknown.
    pub(super) fn read(method: &str, parameters: Members) -> Result<Option<Self>, MemberError> {
        Ok(Some(match method {
            "Issue" => Self::Issue(issue(parameters)?),
            "OpenSession" => Self::OpenSession(open_session(parameters)?),
            "CloseSession" => Self::CloseSession(close_session(parameters)?),
            "Report" => {
                let (id, outcome) = report(parameters)?;
                Self::Report(id, outcome)
            }
            "Status" => {
                parameters.finish()?;
                Self::Status
            }
            _ => return Ok(None),
        }))
    }
}

/// Parameters of `Issue`.
#[derive(Debug)]
pub struct Issue {
    pub(super) session: Zeroizing<String>,
    pub(super) nonce: Nonce,
    pub(super) transaction: Transaction,
    pub(super) purpose: Purpose,
    pub(super) patient: Option<PatientNamed>,
    pub(super) invisible_to_guardians: bool,
    pub(super) receipt: bool,
}

/// A patient as the application names one; the profile fills in the identifier system.
#[derive(Debug)]
pub struct PatientNamed {
    pub(super) ins: Ins,
    pub(super) oid: Option<InsOid>,
}

/// What became of an assertion, as `Report` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The DMP took it.
    Accepted,
    /// The DMP refused it.
    Refused,
    /// It was never sent.
    Unused,
}

/// Reads the parameters of `OpenSession`.
///
/// # Errors
/// The member that is missing, wrong or unknown.
fn open_session(mut members: Members) -> Result<Opening, MemberError> {
    let practitioner = members.text("practitioner")?;
    let practitioner =
        PsIdNat::parse(&practitioner).map_err(|e| members.malformed("practitioner", e.to_string()))?;
    let authentication = members.optional_object("authentication")?.map(authentication).transpose()?;
    let structure = match members.optional_text("structure")? {
        None => None,
        Some(id) => {
            Some(StructIdNat::parse(&id, Form::Test).map_err(|e| members.malformed("structure", e.to_string()))?)
        }
    };
    let service = name(&mut members, "service")?;
    let channel = match members.optional_text("channel")? {
        None => None,
        Some(channel) => Some(
            Channel::parse(&channel).ok_or_else(|| members.malformed("channel", "le canal est LPS ou WEB_PS"))?,
        ),
    };
    let profile = name(&mut members, "profile")?;
    members.finish()?;
    Ok(Opening { practitioner, authentication, structure, service, channel, profile })
}

fn authentication(mut members: Members) -> Result<Authentication, MemberError> {
    let method = members.text("method")?;
    let method = Method::try_from(method.to_string()).map_err(|e| members.malformed("method", e))?;
    let instant = members.text("instant")?;
    let instant = self::instant(&members, "instant", &instant)?;
    let initial_instant = match members.optional_text("initial_instant")? {
        None => None,
        Some(text) => Some(self::instant(&members, "initial_instant", &text)?),
    };
    let proof = members.optional_text("proof")?;
    members.finish()?;
    Ok(Authentication { method, instant, initial_instant, proof })
}

fn instant(members: &Members, name: &str, text: &str) -> Result<Instant, MemberError> {
    let message = "un instant s'écrit en UTC selon RFC 3339, par exemple 2026-01-15T09:30:00.000Z";
    Instant::parse(text).ok_or_else(|| members.malformed(name, message))
}

fn name(members: &mut Members, name: &str) -> Result<Option<String>, MemberError> {
    match members.optional_text(name)? {
        None => Ok(None),
        Some(text) if text.is_empty() || text.len() > NAME_LEN_MAX || text.chars().any(char::is_control) => {
            Err(members.malformed(name, format!("ce nom a 1 à {NAME_LEN_MAX} octets, sans caractère de contrôle")))
        }
        Some(text) => Ok(Some(text.to_string())),
    }
}

/// Reads the parameters of `Issue`.
///
/// # Errors
/// The member that is missing, wrong or unknown.
pub(super) fn issue(mut members: Members) -> Result<Issue, MemberError> {
    let session = members.text("session")?;
    let nonce = members.text("nonce")?;
    let nonce = Nonce::parse(&nonce)
        .ok_or_else(|| members.malformed("nonce", "un nonce a 16 à 64 caractères parmi A-Z a-z 0-9 - _"))?;
    let transaction = members.text("transaction")?;
    let transaction = Transaction::parse(&transaction).ok_or_else(|| {
        let known: Vec<_> = Transaction::known().collect();
        members.malformed(
            "transaction",
            format!("cette transaction est inconnue ; choisissez parmi {}", known.join(", ")),
        )
    })?;
    let purpose = members.text("purpose")?;
    let purpose = Purpose::parse(&purpose)
        .map_err(|_| members.malformed("purpose", "le mode d'accès est normal, bris_de_glace ou centre_15"))?;
    let patient = members.optional_object("patient")?.map(patient).transpose()?;
    let invisible_to_guardians = members.flag("invisible_to_guardians")?;
    let receipt = members.flag("receipt")?;
    members.finish()?;
    Ok(Issue { session, nonce, transaction, purpose, patient, invisible_to_guardians, receipt })
}

fn patient(mut members: Members) -> Result<PatientNamed, MemberError> {
    let ins = members.text("ins")?;
    let ins = Ins::parse(&ins).map_err(|e| members.malformed("ins", e.to_string()))?;
    let oid = match members.optional_text("oid")? {
        None => None,
        Some(oid) => Some(InsOid::parse(&oid).map_err(|e| members.malformed("oid", e.to_string()))?),
    };
    members.finish()?;
    Ok(PatientNamed { ins, oid })
}

/// Reads the parameters of `Report`.
///
/// # Errors
/// The member that is missing, wrong or unknown.
pub(super) fn report(mut members: Members) -> Result<(String, Outcome), MemberError> {
    let id = members.text("id")?;
    if !is_assertion_id(&id) {
        return Err(members.malformed("id", "donnez l'id qui accompagnait l'assertion, par exemple _1b4e28ba-…"));
    }
    let outcome = members.text("outcome")?;
    let outcome = match outcome.as_str() {
        "accepted" => Outcome::Accepted,
        "refused" => Outcome::Refused,
        "unused" => Outcome::Unused,
        _ => return Err(members.malformed("outcome", "l'issue est accepted, refused ou unused")),
    };
    members.finish()?;
    Ok((id.to_string(), outcome))
}

/// Reads the parameters of `CloseSession`.
///
/// # Errors
/// The member that is missing, wrong or unknown.
fn close_session(mut members: Members) -> Result<Zeroizing<String>, MemberError> {
    let session = members.text("session")?;
    members.finish()?;
    Ok(session)
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
