//! What the application says of its call in `Sceau-…` headers: an assertion to be made for it, or one that it carries.

use hyper::HeaderMap;
use zeroize::Zeroizing;

use super::fault::Fault;
use crate::policy::rights::Transaction;
use crate::replay::Nonce;
use crate::vihf::codes::Purpose;
use crate::vihf::identity::{Ins, InsOid};

/// Beginning of the headers' names; none of them leaves the machine.
const PREFIX: &str = "sceau-";

/// The two kinds of call.
#[derive(Debug)]
pub(super) enum Claim {
    /// The relay has an assertion made and places it.
    Sealed(Box<Sealed>),
    /// The assertion is in the envelope.
    Carried,
}

/// What a sealed call's assertion is asked with; formed, and judged by `sceaud` alone.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) session: Zeroizing<String>,
    pub(super) nonce: String,
    pub(super) transaction: &'static str,
    pub(super) purpose: &'static str,
    pub(super) patient: Option<Ins>,
    pub(super) system: Option<String>,
    pub(super) invisible: bool,
}

impl Claim {
    /// Reads the headers.
    ///
    /// # Errors
    /// A header is unknown, given twice, missing or wrong.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        let names: Vec<&str> = headers.keys().filter_map(|name| name.as_str().strip_prefix(PREFIX)).collect();
        if names.is_empty() {
            return Ok(Self::Carried);
        }
        let known = ["session", "nonce", "transaction", "purpose", "patient", "patient-system", "invisible"];
        if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
            return Err(wrong(&format!("Sceau-{unknown}"), "cet en-tête est inconnu ; corrigez son nom"));
        }
        let nonce = required(headers, "nonce")?;
        if Nonce::parse(&nonce).is_none() {
            return Err(wrong("Sceau-Nonce", "un nonce a 16 à 64 caractères parmi A-Z a-z 0-9 - _"));
        }
        let transaction = Transaction::parse(&required(headers, "transaction")?).ok_or_else(|| {
            wrong("Sceau-Transaction", "cette transaction est inconnue ; donnez sa clé, comme 3.1")
        })?;
        let purpose = Purpose::parse(&required(headers, "purpose")?)
            .map_err(|_| wrong("Sceau-Purpose", "le mode d'accès est normal, bris_de_glace ou centre_15"))?;
        let patient = match optional(headers, "patient")? {
            None => None,
            Some(ins) => Some(Ins::parse(&ins).map_err(|cause| wrong("Sceau-Patient", &cause.to_string()))?),
        };
        let system = optional(headers, "patient-system")?;
        if let Some(system) = &system
            && InsOid::parse(system).is_err()
        {
            return Err(wrong("Sceau-Patient-System", "ce n'est pas un système d'identifiants de l'INS"));
        }
        let invisible = match optional(headers, "invisible")?.as_deref().map(String::as_str) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(wrong("Sceau-Invisible", "donnez true ou false")),
        };
        Ok(Self::Sealed(Box::new(Sealed {
            session: required(headers, "session")?,
            nonce: nonce.to_string(),
            transaction: transaction.key(),
            purpose: purpose.code(),
            patient,
            system: system.map(|system| system.to_string()),
            invisible,
        })))
    }
}

fn optional(headers: &HeaderMap, name: &str) -> Result<Option<Zeroizing<String>>, Fault> {
    let mut values = headers.get_all(format!("{PREFIX}{name}")).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(one), None) => match one.to_str() {
            Ok(text) => Ok(Some(Zeroizing::new(text.trim().to_owned()))),
            Err(_) => Err(wrong(&format!("Sceau-{name}"), "sa valeur n'est pas du texte ASCII")),
        },
        (Some(_), Some(_)) => Err(wrong(&format!("Sceau-{name}"), "cet en-tête est donné deux fois")),
    }
}

fn required(headers: &HeaderMap, name: &str) -> Result<Zeroizing<String>, Fault> {
    optional(headers, name)?.ok_or_else(|| {
        wrong(
            &format!("Sceau-{name}"),
            "cet en-tête manque ; un appel scellé donne session, nonce, transaction et mode d'accès",
        )
    })
}

fn wrong(name: &str, cause: &str) -> Fault {
    Fault::sender("sealed-header", format!("{name} : {cause}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(changes: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let right = [
            ("sceau-session", "secret"),
            ("sceau-nonce", "n-0123456789abcdef"),
            ("sceau-transaction", "3.1"),
            ("sceau-purpose", "normal"),
        ];
        for (name, value) in right.iter().chain(changes) {
            let name: HeaderName = name.parse().unwrap();
            match *value {
                "" => drop(headers.remove(&name)),
                value => drop(headers.append(name, HeaderValue::from_str(value).unwrap())),
            }
        }
        headers
    }

    #[test]
    fn a_call_is_sealed_or_carried_and_never_half() {
        assert!(matches!(Claim::read(&HeaderMap::new()), Ok(Claim::Carried)));
        let Ok(Claim::Sealed(sealed)) = Claim::read(&headers(&[])) else { panic!("not sealed") };
        assert_eq!((sealed.transaction, sealed.purpose, sealed.invisible), ("3.1", "normal", false));
        for wrong in [
            ("sceau-session", ""),
            ("sceau-nonce", "short"),
            ("sceau-nonce", "n-1123456789abcdef"),
            ("sceau-transaction", ""),
            ("sceau-purpose", "x"),
            ("sceau-patient", "1"),
            ("sceau-patient-system", "1.2.3"),
            ("sceau-invisible", "yes"),
            ("sceau-other", "x"),
        ] {
            assert_eq!(Claim::read(&headers(&[wrong])).unwrap_err().code, "sealed-header", "{wrong:?}");
        }
    }
}
