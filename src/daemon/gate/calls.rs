//! The calls of `fr.sceau.Gate`: whom a connection speaks for, which certificates are known, which one is proposed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::INTERFACE;
use crate::daemon::Daemon;
use crate::daemon::answer::{Answer, No};
use crate::policy::application::{remote, unknown_application};
use crate::policy::denial::Malformed;
use crate::policy::fingerprint::Fingerprint;
use crate::policy::invitation::{REFUSED, REFUSED_REASON};
use crate::traces::digest::Digest;
use crate::varlink::call::{Call, error, reply};
use crate::varlink::members::{MemberError, Members};

/// Longest public key in bytes: RSA with 8,192 bits has 1,062.
const KEY_LEN_MAX: usize = 2_048;
/// Longest address that the gate tells.
const ADDRESS_LEN_MAX: usize = 64;

/// Whom a connection of the gate speaks for.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Introduced {
    pub(in super::super) uid: u32,
    pub(in super::super) certificate: Fingerprint,
}

/// A request of the gate.
enum Request {
    Introduce(Fingerprint, String),
    Clients(Digest, Option<String>),
    Propose { application: String, key: Vec<u8>, proof: Option<Digest>, address: String },
}

/// Answers one frame of the gate on a connection that speaks for nobody, if it is of this interface; gives whom the connection
/// speaks for from now on. `first`: no frame came before it, which an introduction must be.
///
/// `Ok(None)`: the answer is in `out`. `Err(())`: it is of another interface, or no call at all; nothing was written.
pub(in super::super) fn answer(
    daemon: &Daemon,
    frame: &[u8],
    first: bool,
    out: &mut Vec<u8>,
) -> Result<Option<Introduced>, ()> {
    let Ok(Call { method, parameters, .. }) = Call::parse(frame) else { return Err(()) };
    let Some(name) = method.strip_prefix(INTERFACE).and_then(|rest| rest.strip_prefix('.')) else {
        return Err(());
    };
    let answered = match Request::read(name, parameters) {
        Ok(Some(request)) => obey(daemon, request, first, out),
        Ok(None) => {
            crate::varlink::service::not_found(out, &method, INTERFACE);
            Ok(None)
        }
        Err(wrong) => Err(wrong.into()),
    };
    Ok(answered.unwrap_or_else(|no| {
        Answer::No(no).write(out, INTERFACE);
        None
    }))
}

fn obey(daemon: &Daemon, request: Request, first: bool, out: &mut Vec<u8>) -> Result<Option<Introduced>, No> {
    match request {
        Request::Introduce(certificate, address) => {
            if !first {
                let message = "une connexion est à une application dès sa première trame ; ouvrez-en une autre";
                return Err(No::Malformed(Malformed::new("", message)));
            }
            let applications = daemon.registers.applications();
            let application = applications.of_certificate(&certificate).ok_or_else(unknown_application)?;
            tracing::debug!(application = application.user, address, "a client of the gate is introduced");
            #[derive(Serialize)]
            struct Reply<'a> {
                application: &'a str,
            }
            reply(out, Reply { application: &application.user });
            Ok(Some(Introduced { uid: application.uid, certificate }))
        }
        Request::Clients(key, after) => {
            daemon.gate.has_key(key);
            let kept = daemon.registers.in_force().applications;
            // A register of a file is the same until the next start, and then the gate asks anew.
            let revision = kept.document.map_or_else(|| "file".to_owned(), |digest| digest.to_string());
            let is_new = after.as_deref() != Some(revision.as_str());
            #[derive(Serialize)]
            struct Reply {
                revision: String,
                enrolment: bool,
                #[serde(skip_serializing_if = "Option::is_none")]
                certificates: Option<Vec<String>>,
            }
            let certificates = is_new.then(|| kept.register.certificates().map(Fingerprint::to_string).collect());
            reply(out, Reply { revision, enrolment: daemon.gate.awaits(), certificates });
            Ok(None)
        }
        Request::Propose { application, key, proof, address } => {
            let user = format!("gate:{application}");
            match daemon.gate.propose(&user, &key, proof, address.clone(), daemon.clock.now()) {
                Ok(()) => {
                    let code = Fingerprint::of(&key).short();
                    tracing::info!(
                        application = user,
                        code,
                        address,
                        "a certificate is proposed; an operator decides"
                    );
                    #[derive(Serialize)]
                    struct Nothing {}
                    reply(out, Nothing {});
                    Ok(None)
                }
                Err(cause) => {
                    // The name is a stranger's word: it is no line of the log.
                    tracing::warn!(cause, address, "a proposed certificate is refused");
                    refused(out);
                    Ok(None)
                }
            }
        }
    }
}

/// The one answer to every proposal that is not taken: who asks learns of no invitation.
fn refused(out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct Refused {
        reason: &'static str,
        message: &'static str,
    }
    error(out, &format!("{INTERFACE}.Denied"), Refused { reason: REFUSED_REASON, message: REFUSED });
}

impl Request {
    fn read(method: &str, mut members: Members) -> Result<Option<Self>, MemberError> {
        let request = match method {
            "Introduce" => {
                let certificate = members.text("certificate")?;
                let certificate = Fingerprint::parse(&certificate)
                    .ok_or_else(|| members.malformed("certificate", "une empreinte s'écrit sha256:HEX"))?;
                Self::Introduce(certificate, address(&mut members)?)
            }
            "Clients" => {
                let key = members.text("key")?;
                let key = Fingerprint::parse(&key)
                    .ok_or_else(|| members.malformed("key", "une empreinte s'écrit sha256:HEX"))?;
                Self::Clients(*key.digest(), members.optional_text("after")?.map(|after| after.to_string()))
            }
            "Propose" => {
                let application = members.text("application")?;
                if !remote::is_formed(&application) {
                    return Err(members.malformed("application", "ce n'est pas un nom d'application distante"));
                }
                let key = members.text("key")?;
                let key = STANDARD
                    .decode(key.as_bytes())
                    .ok()
                    .filter(|key| (1..=KEY_LEN_MAX).contains(&key.len()))
                    .ok_or_else(|| members.malformed("key", "ce n'est pas une clé publique en base64"))?;
                let proof = Digest::from_base64(&members.text("proof")?);
                Self::Propose { application: application.to_string(), key, proof, address: address(&mut members)? }
            }
            _ => return Ok(None),
        };
        members.finish()?;
        Ok(Some(request))
    }
}

fn address(members: &mut Members) -> Result<String, MemberError> {
    let text = members.text("address")?;
    if text.len() > ADDRESS_LEN_MAX || text.chars().any(char::is_control) {
        return Err(members.malformed("address", "ce n'est pas une adresse"));
    }
    Ok(text.to_string())
}
