//! One varlink call out of one frame, and replies into frames.

use serde::Serialize;

use super::json::{Json, JsonFault, parse};
use super::members::{MemberError, Members};

/// Longest method name in bytes: the longest that is served has 43.
const METHOD_LEN_MAX: usize = 128;

/// A method call.
#[derive(Debug)]
pub struct Call {
    /// Qualified method, such as `fr.sceau.Token.Issue`.
    pub method: String,
    /// Its parameters.
    pub parameters: Members,
    /// Whether the caller takes several replies (varlink.org, "Method Call").
    pub more: bool,
}

impl Call {
    /// Reads a frame without its NUL.
    ///
    /// `oneway` and `upgrade` are refused (contract); `more` is taken; most methods answer once all the same.
    ///
    /// # Errors
    /// `Malformed` with the field, empty when the frame is no JSON object; `Invalid` for a method that is no string.
    pub fn parse(frame: &[u8]) -> Result<Self, MemberError> {
        let malformed = |field: &str, message: &str| MemberError::Malformed {
            field: field.strip_prefix("parameters.").unwrap_or(field).to_owned(),
            message: message.to_owned(),
        };
        let call = parse(frame).map_err(|error| match error.fault {
            JsonFault::Syntax => malformed(
                "",
                "la trame n'est pas un objet JSON correct ; vérifiez son encodage (UTF-8) et sa syntaxe",
            ),
            JsonFault::Duplicate => malformed(&error.path, "ce membre est donné deux fois ; ne le donnez qu'une"),
            JsonFault::Surrogate => malformed(
                &error.path,
                "cette chaîne contient une moitié de paire de substitution Unicode ; corrigez son encodage",
            ),
        })?;
        let Json::Object(members) = call else {
            return Err(malformed("", "la trame n'est pas un objet JSON ; envoyez un appel varlink"));
        };
        let mut call = Members::new("", members);
        let method = call.text("method")?;
        if method.len() > METHOD_LEN_MAX {
            return Err(call.malformed("method", "ce nom de méthode est trop long"));
        }
        let parameters = call.optional_object("parameters")?;
        let more = call.flag("more")?;
        for refused in ["oneway", "upgrade"] {
            if call.flag(refused)? {
                return Err(call
                    .malformed(refused, "ce mode d'appel n'est pas servi ; attendez la réponse de chaque appel"));
            }
        }
        call.finish()?;
        let parameters = match parameters {
            // Paths begin at the parameters: `patient.ins`, not `parameters.patient.ins`.
            Some(parameters) => parameters.rooted(),
            None => Members::new("", std::collections::BTreeMap::new()),
        };
        Ok(Self { method: method.to_string(), parameters, more })
    }
}

#[derive(Serialize)]
struct Reply<'a, T: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    parameters: T,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
}

/// Appends a reply's frame with its NUL.
pub fn reply(out: &mut Vec<u8>, parameters: impl Serialize) {
    write(out, &Reply { error: None, parameters, continues: false });
}

/// Appends a reply's frame with its NUL, after which more follow.
pub fn reply_and_continue(out: &mut Vec<u8>, parameters: impl Serialize) {
    write(out, &Reply { error: None, parameters, continues: true });
}

/// Appends an error's frame with its NUL; `error` is qualified.
pub fn error(out: &mut Vec<u8>, error: &str, parameters: impl Serialize) {
    write(out, &Reply { error: Some(error), parameters, continues: false });
}

fn write(out: &mut Vec<u8>, reply: &Reply<'_, impl Serialize>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, reply).is_err() {
        // Only a map with keys that are no strings fails, and no answer has one; a peer must never wait in vain.
        out.truncate(start);
        out.extend_from_slice(
            b"{\"error\":\"org.varlink.service.MethodNotImplemented\",\"parameters\":{\"method\":\"\"}}",
        );
    }
    out.push(0);
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
