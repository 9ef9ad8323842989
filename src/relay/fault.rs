//! Faults of the relay's own: SOAP 1.2, French, with cause and remedy. Those of the DMP pass unchanged and are not made here.

use std::borrow::Cow;

use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

/// Seconds after which a caller may come again when load was shed or a server is left alone.
const RETRY_AFTER_S: &str = "1";

/// Whose fault it is (SOAP 1.2 part 1 §5.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// The application's call.
    Sender,
    /// Ours or the DMP's.
    Receiver,
}

/// A call that was not made, or whose answer did not come.
#[derive(Clone, Debug)]
#[must_use]
pub struct Fault {
    side: Side,
    /// Subcode, kebab-case: a closed, documented list.
    pub code: Cow<'static, str>,
    status: StatusCode,
    message: Cow<'static, str>,
}

impl Fault {
    /// The application's call is wrong; nothing was sent.
    pub(super) fn sender(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { side: Side::Sender, code: code.into(), status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// The same with a status of its own.
    pub(super) fn sender_with(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, ..Self::sender(code, message) }
    }

    /// The call is right and could not be made, or not to its end.
    pub(super) fn receiver(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { side: Side::Receiver, code: code.into(), status, message: message.into() }
    }

    /// A refusal of `sceaud`, in its own words.
    pub(super) fn refused(code: String, message: String) -> Self {
        let status = StatusCode::FORBIDDEN;
        Self { side: Side::Sender, code: code.into(), status, message: message.into() }
    }

    /// The answer to the application; `body` makes its body of the text.
    pub(super) fn response<B>(&self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let side = match self.side {
            Side::Sender => "Sender",
            Side::Receiver => "Receiver",
        };
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<env:Envelope xmlns:env=\"http://www.w3.org/2003/05/soap-envelope\">\
             <env:Body><env:Fault><env:Code><env:Value>env:{side}</env:Value><env:Subcode>\
             <env:Value xmlns:sceau=\"urn:fr.sceau:relay\">sceau:{}</env:Value></env:Subcode></env:Code>\
             <env:Reason><env:Text xml:lang=\"fr\">{}</env:Text></env:Reason></env:Fault></env:Body></env:Envelope>",
            escaped(&self.code),
            escaped(&self.message)
        );
        let mut response = Response::new(body(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/soap+xml; charset=utf-8"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }

    /// The answer to whoever does not speak SOAP.
    pub(super) fn plain<B>(&self, body: impl FnOnce(Bytes) -> B) -> Response<B> {
        let mut response = Response::new(body(Bytes::from(format!("{}\n", self.message))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Ok(code) = HeaderValue::from_str(&self.code) {
            headers.insert(FAULT, code);
        }
        response
    }
}

/// The subcode, where there is no envelope to hold it.
const FAULT: HeaderName = HeaderName::from_static("sceau-fault");

/// Text that stands in XML or HTML, in quotes too.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // What XML 1.0 cannot hold.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xmldsig::Document;

    #[test]
    fn a_fault_is_soap_whatever_the_message_holds() {
        let fault = Fault::sender("x", "a < b & c\u{1}");
        let response = fault.response(|bytes| bytes);
        assert_eq!(response.status(), 400);
        let document = Document::parse(response.body()).unwrap();
        let reason = document.elements().find(|element| element.local() == "Text").unwrap();
        assert_eq!(reason.text(), "a < b & c\u{fffd}");
    }
}
