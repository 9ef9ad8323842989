//! The stand-in for TD0.10's delivery: a page whose form posts the assertion to the configured place.
//!
//! A stand-in: the field's name and its base64 are borrowed from SAML's HTTP POST binding, not from the DMP.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, PRAGMA, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use zeroize::Zeroizing;

use super::delivery::Delivery;
use crate::config::WebPs;
use crate::relay::answer::AnswerBody;
use crate::relay::fault::{Fault, escaped};
use crate::relay::ledger::Spent;

/// All that the page runs; named in its policy by its digest.
const SCRIPT: &str = "document.forms[0].submit()";

/// The stand-in.
#[derive(Debug)]
pub(super) struct FormPostStandIn;

impl Delivery for FormPostStandIn {
    fn hand_over(&self, place: &WebPs, assertion: &str, _spent: Spent) -> Result<Response<AnswerBody>, Fault> {
        let unfit =
            || Fault::sender("header", "l'adresse de [[web_ps]] ne peut pas être écrite en HTTP ; corrigez-la");
        let policy = HeaderValue::from_str(&policy(&place.origin().ok_or_else(unfit)?)).map_err(|_| unfit())?;
        let page = page(&place.target, assertion);
        let mut response = Response::new(AnswerBody::Own(Some(Bytes::from(page))));
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        for (name, value) in [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (PRAGMA, "no-cache"),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Ok(response)
    }
}

/// Nothing is loaded, one script runs, the form goes to one origin, no page frames this one, and none of the application's
/// own origin can look into it (`sandbox` without `allow-same-origin`).
fn policy(origin: &str) -> String {
    let script = STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()));
    format!(
        "default-src 'none'; script-src 'sha256-{script}'; form-action {origin}; base-uri 'none'; \
         frame-ancestors 'none'; sandbox allow-forms allow-scripts"
    )
}

fn page(target: &str, assertion: &str) -> String {
    let encoded = Zeroizing::new(STANDARD.encode(assertion));
    format!(
        "<!DOCTYPE html>\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>Accès au DMP (remise de substitution)</title></head>\n\
         <body><p>Remise de substitution : la remise réelle de TD0.10 n'est pas publique.</p>\n\
         <form method=\"post\" action=\"{}\" autocomplete=\"off\"><input type=\"hidden\" name=\"vihf\" value=\"{}\">\
         <button>Ouvrir le DMP</button></form>\n<script>{SCRIPT}</script></body></html>\n",
        escaped(target),
        escaped(&encoded)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_holds_what_it_must_and_nothing_ends_its_quotes() {
        let page = page("https://a.fr/x?a=1&b=2", "<saml:Assertion ID=\"_1\">\"'></saml:Assertion>");
        assert!(page.contains("action=\"https://a.fr/x?a=1&amp;b=2\""), "{page}");
        assert!(!page.contains("saml:Assertion") && page.matches("<script>").count() == 1, "{page}");
        // As `printf 'document.forms[0].submit()' | openssl dgst -sha256 -binary | base64` has it.
        let policy = policy("https://a.fr");
        assert!(
            policy.contains("'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='")
                && policy.contains("form-action https://a.fr;"),
            "{policy}"
        );
    }
}
