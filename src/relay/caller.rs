//! Whom a call is for: the Unix user that the kernel named, or the certificate that the gate named.

use std::fmt;

use hyper::HeaderMap;
use hyper::header::HeaderName;

use super::fault::Fault;
use crate::policy::fingerprint::Fingerprint;

/// How the gate says whose call it passes on. From anybody else it is a header that is unknown, and refused as such.
const CERTIFICATE: HeaderName = HeaderName::from_static("sceau-gate-certificate");

/// An application, as `sceaud` will find it in its register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Caller {
    /// Of this machine.
    User(u32),
    /// Of another one, through the gate.
    Certificate(Fingerprint),
}

impl Caller {
    /// Who calls over a connection of that Unix user; the gate's header is taken out.
    ///
    /// # Errors
    /// The gate's header is given twice, or is no certificate.
    pub(super) fn read(uid: u32, gate: Option<u32>, headers: &mut HeaderMap) -> Result<Self, Fault> {
        if gate != Some(uid) || !headers.contains_key(&CERTIFICATE) {
            return Ok(Self::User(uid));
        }
        let mut values = headers.get_all(&CERTIFICATE).iter();
        let one = match (values.next(), values.next()) {
            (Some(one), None) => one.to_str().ok().and_then(Fingerprint::parse),
            _ => None,
        };
        headers.remove(&CERTIFICATE);
        let wrong =
            "Sceau-Gate-Certificate n'est pas une empreinte donnée une fois ; vérifiez la version de sceau-gate";
        one.map(Self::Certificate).ok_or_else(|| Fault::sender("header", wrong))
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(uid) => uid.fmt(f),
            Self::Certificate(certificate) => certificate.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::relay::claim::Claim;

    #[test]
    fn the_gate_alone_names_another() {
        let certificate = Fingerprint::of(b"key");
        let mut headers = HeaderMap::new();
        assert_eq!(Caller::read(7, Some(7), &mut headers).unwrap(), Caller::User(7));
        headers.insert(CERTIFICATE, certificate.to_string().parse().unwrap());
        let (mut of_other, mut twice) = (headers.clone(), headers.clone());
        assert_eq!(Caller::read(7, Some(7), &mut headers).unwrap(), Caller::Certificate(certificate));
        assert!(headers.is_empty());
        assert_eq!(Caller::read(8, Some(7), &mut of_other).unwrap(), Caller::User(8));
        assert_eq!(Claim::read(&of_other).unwrap_err().code, "sealed-header");
        twice.append(CERTIFICATE, certificate.to_string().parse().unwrap());
        assert_eq!(Caller::read(7, Some(7), &mut twice).unwrap_err().code, "header");
    }
}
