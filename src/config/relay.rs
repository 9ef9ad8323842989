//! `[relay]` of the configuration: whom the relay believes, and what it bears.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::address::HttpAddress;
use crate::policy::breach::Breach;
use crate::traces::digest::Digest;

/// Longest envelope that may be set, in bytes: it is judged as a tree in memory, some thirty times its size.
const ENVELOPE_LEN_MAX: u64 = 4 * 1024 * 1024;
/// Longest body that may be set, in bytes; it streams.
const BODY_LEN_MAX: u64 = 16 * 1024 * 1024 * 1024;
/// Longest time that may be set, in milliseconds.
const TIME_MAX_MS: u64 = 3_600_000;
/// Oldest list of revocations that may be admitted, in milliseconds: a month.
const CRL_AGE_MAX_MS: u64 = 31 * 86_400_000;
/// Most calls or connections that may be set.
const COUNT_MAX: u64 = 100_000;
/// Most addresses of lists: a chain has two or three authorities.
const LISTS_MAX: usize = 16;
/// Longest list that may be set, in bytes: those of national authorities have a few megabytes.
const CRL_LEN_MAX: u64 = 64 * 1024 * 1024;

/// Whether a stapled answer on the server certificate's state (RFC 6066 §8) is demanded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stapling {
    /// Judged where the server sends one; the lists decide otherwise.
    #[default]
    Optional,
    /// A server without one is refused.
    Required,
}

/// `[relay]`: files and limits, all but the authorities with defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Relay {
    /// PEM files of the authorities that the servers' certificates must chain to; no others are trusted.
    pub anchors: Vec<PathBuf>,
    /// PEM files of authorities between those and the servers: they sign lists, and are trusted as far as an anchor is.
    pub intermediates: Vec<PathBuf>,
    /// Files of certificate revocation lists, PEM or DER, one for each authority of the chain; somebody else renews them.
    pub crls: Vec<PathBuf>,
    /// Addresses (`http`, as RFC 5280 §4.2.1.13 has them) of lists that the relay renews itself.
    pub crl_urls: Vec<String>,
    /// Where it keeps these.
    pub crl_folder: PathBuf,
    /// How often it asks for them.
    pub crl_fetch_ms: u64,
    /// Longest list in bytes that is taken.
    pub crl_len_max: u64,
    /// Oldest `thisUpdate` of a list; beyond, nothing is sent.
    pub crl_age_max_ms: u64,
    /// Stapled answers.
    pub stapling: Stapling,
    /// How often certificates and lists are read again.
    pub reload_ms: u64,
    /// From the connection to the end of its handshake.
    pub connect_ms: u64,
    /// From the application's first byte to its whole envelope.
    pub envelope_ms: u64,
    /// From the call's last byte to the answer's head.
    pub answer_ms: u64,
    /// Silence in the middle of a body.
    pub silence_ms: u64,
    /// Silence after which a connection to a server is closed; also of an application's.
    pub idle_ms: u64,
    /// Longest envelope in bytes: it is judged whole before anything is sent.
    pub envelope_len_max: u64,
    /// Longest body of a call in bytes.
    pub call_len_max: u64,
    /// Longest body of an answer in bytes.
    pub answer_len_max: u64,
    /// Calls under way, all applications together.
    pub calls_max: usize,
    /// Calls under way of one application.
    pub calls_per_application_max: usize,
    /// Failures one after the other at which a server is left alone.
    pub breaker_failures: u64,
    /// How long it is left alone.
    pub breaker_ms: u64,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            anchors: Vec::new(),
            intermediates: Vec::new(),
            crls: Vec::new(),
            crl_urls: Vec::new(),
            crl_folder: "/var/lib/sceau-relay".into(),
            crl_fetch_ms: 3_600_000,
            crl_len_max: 16 * 1024 * 1024,
            // IGC-Santé publishes daily; two missed days are a fault to be mended, not borne.
            crl_age_max_ms: 3 * 86_400_000,
            stapling: Stapling::Optional,
            reload_ms: 60_000,
            connect_ms: 10_000,
            envelope_ms: 10_000,
            answer_ms: 60_000,
            silence_ms: 30_000,
            idle_ms: 60_000,
            envelope_len_max: 512 * 1024,
            call_len_max: 256 * 1024 * 1024,
            answer_len_max: 1024 * 1024 * 1024,
            calls_max: 256,
            calls_per_application_max: 128,
            breaker_failures: 5,
            breaker_ms: 10_000,
        }
    }
}

impl Relay {
    /// The same with paths made absolute.
    pub(super) fn based(mut self, base: &Path) -> Self {
        for path in self.anchors.iter_mut().chain(&mut self.intermediates).chain(&mut self.crls) {
            *path = base.join(&path);
        }
        self.crl_folder = base.join(&self.crl_folder);
        self
    }

    /// Each address of a list with the file that the relay keeps it in.
    pub fn fetched(&self) -> impl Iterator<Item = (&str, PathBuf)> {
        // An address may hold anything: its digest is a name.
        let file = |url: &String| self.crl_folder.join(format!("{}.crl", Digest::of(&[url.as_bytes()])));
        self.crl_urls.iter().map(move |url| (url.as_str(), file(url)))
    }

    pub(super) fn check(&self, production: bool) -> Vec<Breach> {
        let mut breaches = Vec::new();
        if self.anchors.is_empty() {
            let cause = "[relay] anchors est vide ; donnez le certificat racine des serveurs du DMP";
            breaches.push(Breach::of("missing-key", "relay", "anchors", cause));
        }
        for url in &self.crl_urls {
            if HttpAddress::parse(url).is_none() {
                let cause = format!(
                    "[relay] crl_urls : {} n'est pas une adresse http://… ; donnez celle du point de distribution (une CRL \
                     est signée, https ou ldap ne servent pas)",
                    url.escape_debug()
                );
                breaches.push(Breach::of("bad-value", "relay", "crl_urls", cause));
            }
        }
        if self.crl_urls.len() > LISTS_MAX {
            let cause = format!("[relay] crl_urls : {} adresses, le maximum est {LISTS_MAX}", self.crl_urls.len());
            breaches.push(Breach::of("bad-value", "relay", "crl_urls", cause));
        }
        if production && self.crls.is_empty() && self.crl_urls.is_empty() {
            let cause = "[relay] crls et crl_urls sont vides ; donnez les listes de révocation des autorités du DMP (seul le mode test s'en passe)";
            breaches.push(Breach::of("missing-key", "relay", "crls", cause));
        }
        let ranges = [
            ("crl_age_max_ms", self.crl_age_max_ms, CRL_AGE_MAX_MS),
            ("crl_fetch_ms", self.crl_fetch_ms, CRL_AGE_MAX_MS),
            ("crl_len_max", self.crl_len_max, CRL_LEN_MAX),
            ("reload_ms", self.reload_ms, TIME_MAX_MS),
            ("connect_ms", self.connect_ms, TIME_MAX_MS),
            ("envelope_ms", self.envelope_ms, TIME_MAX_MS),
            ("answer_ms", self.answer_ms, TIME_MAX_MS),
            ("silence_ms", self.silence_ms, TIME_MAX_MS),
            ("idle_ms", self.idle_ms, TIME_MAX_MS),
            ("envelope_len_max", self.envelope_len_max, ENVELOPE_LEN_MAX),
            ("call_len_max", self.call_len_max, BODY_LEN_MAX),
            ("answer_len_max", self.answer_len_max, BODY_LEN_MAX),
            ("calls_max", self.calls_max as u64, COUNT_MAX),
            ("calls_per_application_max", self.calls_per_application_max as u64, COUNT_MAX),
            ("breaker_failures", self.breaker_failures, COUNT_MAX),
            ("breaker_ms", self.breaker_ms, TIME_MAX_MS),
        ];
        for (field, value, max) in ranges {
            if !(1..=max).contains(&value) {
                let cause = format!("[relay] {field} = {value} ; donnez un nombre de 1 à {max}");
                breaches.push(Breach::of("bad-value", "relay", field, cause));
            }
        }
        breaches
    }
}
