//! The head of a local HTTP call: whether it is an application's, and what of it goes on to the gate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, ORIGIN, PROXY_AUTHORIZATION,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, PathAndQuery, Uri};
use hyper::{Method, Version};
use zeroize::Zeroizing;

use super::fault::Fault;

/// Where a caller puts his secret.
const SECRET: HeaderName = HeaderName::from_static("sceau-secret");
/// The gate's own word to the relay: nobody else's.
const GATE: HeaderName = HeaderName::from_static("sceau-gate-certificate");
/// A path whose first segment begins so holds the secret: for callers of whom an address is all that can be set.
const SECRET_PATH: &str = "/~";
/// Calls of the relay: their `Host` may name the DMP.
const RELAY: &str = "/relay/";
/// What is between two neighbours (RFC 9110 §7.6.1), and what is between a caller and us.
const OURS: [HeaderName; 10] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    UPGRADE,
    EXPECT,
    SECRET,
    GATE,
];

/// Whether a call is the relay's, with or without a secret before its path.
pub(super) fn is_relay(uri: &Uri) -> bool {
    uri.authority().is_some() || split(uri.path()).1.starts_with(RELAY)
}

/// The secret of a path, and what follows it.
fn split(path: &str) -> (Option<&str>, &str) {
    match path.strip_prefix(SECRET_PATH).and_then(|rest| rest.find('/').map(|end| rest.split_at(end))) {
        Some((secret, rest)) => (Some(secret), rest),
        None => (None, path),
    }
}

/// Judges a head and makes it the gate's; the secret that it held.
///
/// After `Ok` the head has one length, an origin-form target, no header of ours.
///
/// # Errors
/// It is not an application's: a browser's, another host's, or one that two readers would read differently.
pub(super) fn take(parts: &mut Parts, port: u16) -> Result<Option<Zeroizing<String>>, Fault> {
    let headers = &mut parts.headers;
    let framed_twice = headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH);
    let one_host = headers.get_all(HOST).iter().count() == 1;
    // A browser names the page that makes it call; software of a server does not.
    let browser = headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site");
    let plain = parts.version == Version::HTTP_11 && parts.method != Method::CONNECT;
    if framed_twice || !one_host || browser || !plain {
        return Err(Fault::Head);
    }
    let target = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str).to_owned();
    let target = Zeroizing::new(target);
    if let Some(authority) = parts.uri.authority() {
        let authority = authority.clone();
        return proxied(headers, &mut parts.uri, authority, &target);
    }
    let (in_path, rest) = split(&target);
    // A name of the outside that leads to the loopback is a page's way in (DNS rebinding); a call of the relay may
    // name the DMP, as its path does.
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["127.0.0.1", "localhost", "[::1]"];
    let local = own.iter().any(|name| host == *name || host == format!("{name}:{port}"));
    let named = rest.strip_prefix(RELAY).and_then(|rest| rest.split('/').next());
    if !local && named.is_none_or(|named| !host.eq_ignore_ascii_case(named)) {
        return Err(Fault::Head);
    }
    let secret = match in_path {
        Some(secret) => Some(Zeroizing::new(secret.to_owned())),
        None => given(headers),
    };
    parts.uri = rest.parse::<Uri>().map_err(|_| Fault::Head)?;
    if secret.is_some() && in_path.is_none() {
        headers.remove(AUTHORIZATION);
    }
    strip(headers);
    Ok(secret)
}

/// A call of software that was told of us as its HTTP proxy: `POST http://DMP/x` is the relay's call of that host; the secret is
/// the password of the proxy.
fn proxied(
    headers: &mut HeaderMap,
    uri: &mut Uri,
    authority: Authority,
    target: &str,
) -> Result<Option<Zeroizing<String>>, Fault> {
    let same = headers.get(HOST).is_some_and(|host| host.as_bytes() == authority.as_str().as_bytes());
    if uri.scheme_str() != Some("http") || authority.as_str().contains('@') || !same {
        return Err(Fault::Head);
    }
    *uri = format!("/relay/{authority}{target}").parse().map_err(|_| Fault::Head)?;
    let password = headers.get(PROXY_AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
        let decoded = STANDARD.decode(value.strip_prefix("Basic ")?).ok().map(Zeroizing::new)?;
        let (_, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        (!password.is_empty()).then(|| Zeroizing::new(password.to_owned()))
    });
    strip(headers);
    Ok(password)
}

/// Takes out what is between two neighbours, and what is ours.
fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| *name != CONTENT_LENGTH && *name != HOST)
        .collect();
    for name in OURS.iter().chain(&named) {
        headers.remove(name);
    }
}

/// The secret of `Sceau-Secret`, or of `Authorization: Bearer`.
fn given(headers: &HeaderMap) -> Option<Zeroizing<String>> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || text(&AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    text(&SECRET).or_else(bearer).map(|secret| Zeroizing::new(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hyper::Request;

    use super::*;

    fn read(target: &str, headers: &[(&str, &str)]) -> Result<(Option<String>, String, Vec<String>), Fault> {
        let mut request = Request::post(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let secret = take(&mut parts, 8480)?.map(|secret| secret.to_string());
        let names = parts.headers.keys().map(ToString::to_string).collect();
        Ok((secret, parts.uri.to_string(), names))
    }

    #[test]
    fn what_is_ours_stays_here() {
        let host = ("host", "127.0.0.1:8480");
        let (secret, target, names) =
            read("/~abc/relay/dmp/x?y", &[host, ("sceau-gate-certificate", "sha256:0")]).unwrap();
        assert_eq!((secret.as_deref(), target.as_str()), (Some("abc"), "/relay/dmp/x?y"));
        assert_eq!(names, ["host"]);
        let headers =
            [host, ("sceau-secret", "s"), ("connection", "close, x-mine"), ("x-mine", "1"), ("accept", "*/*")];
        let (secret, _, names) = read("/v1/status", &headers).unwrap();
        assert_eq!((secret.as_deref(), names), (Some("s"), vec!["host".to_owned(), "accept".to_owned()]));
        let (secret, _, names) = read("/v1/status", &[host, ("authorization", "Bearer s")]).unwrap();
        assert_eq!((secret.as_deref(), names.len()), (Some("s"), 1));
        // Where the path has the secret, Authorization is the caller's own.
        let (_, _, names) = read("/~s/relay/dmp/x", &[host, ("authorization", "Basic x")]).unwrap();
        assert!(names.contains(&"authorization".to_owned()));
    }

    #[test]
    fn a_call_through_a_proxy_is_the_relays() {
        // What curl sends for -x http://dpi:s3cret@127.0.0.1:8480.
        let headers = [("host", "dmp.fr:8443"), ("proxy-authorization", "Basic ZHBpOnMzY3JldA==")];
        let (secret, target, names) = read("http://dmp.fr:8443/x?y", &headers).unwrap();
        assert_eq!((secret.as_deref(), target.as_str()), (Some("s3cret"), "/relay/dmp.fr:8443/x?y"));
        assert_eq!(names, ["host"]);
    }

    #[test]
    fn a_browser_or_an_ambiguous_head_is_refused() {
        let host = ("host", "127.0.0.1:8480");
        for headers in [
            &[host, ("origin", "https://evil.example")][..],
            &[host, ("sec-fetch-site", "cross-site")],
            &[("host", "evil.example:8480")],
            &[("host", "127.0.0.1:8481")],
            &[host, ("content-length", "3"), ("transfer-encoding", "chunked")],
            &[host, host],
            &[],
        ] {
            assert_eq!(read("/v1/status", headers), Err(Fault::Head), "{headers:?}");
        }
        for wrong in ["https://dmp.fr/x", "http://other/x", "http://a@dmp.fr/x"] {
            assert_eq!(read(wrong, &[("host", "dmp.fr")]), Err(Fault::Head), "{wrong}");
        }
        assert!(read("/relay/dmp.fr/x", &[("host", "dmp.fr")]).is_ok());
        assert!(read("/~s/relay/dmp.fr:8443/x", &[("host", "DMP.fr:8443")]).is_ok());
        // The name of a page of elsewhere that leads here is no way in for calls of the relay either.
        for host in ["evil.example:8480", "dmp.fr:8443", ""] {
            assert_eq!(read("/relay/dmp.fr/x", &[("host", host)]), Err(Fault::Head), "{host}");
        }
    }
}
