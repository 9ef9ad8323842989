//! Addresses of the configuration: `http://…` of what is fetched, `https://…` of where a browser is sent.

use hyper::Uri;
use rustls_pki_types::ServerName;

/// Longest address in bytes.
const ADDRESS_LEN_MAX: usize = 1024;

/// An `http://` address in the parts that a request is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAddress {
    /// Server's name or number.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// `Host`.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

impl HttpAddress {
    /// Reads an address; None: not `http`, with a user, or with what a request cannot hold.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let uri = absolute(text, "http")?;
        let authority = uri.authority()?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = uri.path_and_query()?.as_str().to_owned();
        Some(Self { host, port: authority.port_u16().unwrap_or(80), authority: authority.to_string(), target })
    }
}

/// The origin (`https://host[:port]`) of an `https://` address that a browser may be sent to.
#[must_use]
pub(super) fn https_origin(text: &str) -> Option<String> {
    let uri = absolute(text, "https")?;
    let host = uri.authority()?;
    // What ends up in a Content-Security-Policy must not be able to end it.
    ServerName::try_from(host.host()).ok()?;
    Some(format!("https://{host}"))
}

fn absolute(text: &str, scheme: &str) -> Option<Uri> {
    let plain =
        text.len() <= ADDRESS_LEN_MAX && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>;,\\#".contains(&b));
    let uri: Uri = plain.then(|| text.parse().ok()).flatten()?;
    let authority = uri.authority()?;
    (uri.scheme_str() == Some(scheme) && !authority.as_str().contains('@') && !authority.host().is_empty())
        .then_some(uri)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_address_is_whole_and_of_its_kind() {
        let read = HttpAddress::parse("http://crl.exemple.fr:8080/ac/racine.crl?v=1").unwrap();
        assert_eq!(
            (read.host.as_str(), read.port, read.target.as_str()),
            ("crl.exemple.fr", 8080, "/ac/racine.crl?v=1")
        );
        assert_eq!(
            HttpAddress::parse("http://crl.exemple.fr/a").map(|a| (a.port, a.authority)),
            Some((80, "crl.exemple.fr".into()))
        );
        for wrong in
            ["", "/a", "https://a/b", "ldap://a/b", "http://", "http://u@a/b", "http://a/b c", "http://a/\r\nX: y"]
        {
            assert_eq!(HttpAddress::parse(wrong), None, "{wrong}");
        }
        assert_eq!(
            https_origin("https://webps.exemple.fr:8443/td0.10?x").as_deref(),
            Some("https://webps.exemple.fr:8443")
        );
        for wrong in
            ["http://a/b", "https://a;b/c", "https://a/'b", "https://u@a/", "javascript:alert(1)", "https://*/x"]
        {
            assert_eq!(https_origin(wrong), None, "{wrong}");
        }
    }
}
