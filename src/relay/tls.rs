//! How a server of the DMP is believed: pinned authorities, fresh revocation lists, stapled answers; read again as files change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::identity::Identities;
use super::stapling::Stapled;
use crate::certificate::RevocationList;
use crate::config::{Config, Fault, Relay};
use crate::sys::clock;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// What a handshake needs, as the files had it at one moment.
#[derive(Debug)]
pub(super) struct Tls {
    /// For rustls.
    pub(super) client: Arc<ClientConfig>,
    identities: Arc<Identities>,
    /// `thisUpdate` of the oldest list.
    oldest_list: Option<Instant>,
    /// The first `nextUpdate` of a list: kept and resumed connections are not judged by the lists again.
    lists_end: Option<Instant>,
    /// A list that the relay fetches itself has never come.
    list_missing: bool,
    list_age_max_ms: u64,
    /// Of all files: another one is another state.
    pub(super) digest: Digest,
}

/// Why no handshake may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    /// A revocation list is older than may be, past its `nextUpdate`, or has not come yet.
    List,
    /// No client certificate is valid.
    Certificate,
}

impl Tls {
    /// Reads authorities, lists and client certificates; `before`: the state that this one is to follow.
    ///
    /// After `Ok` every file was readable and of its kind; age is judged at each use.
    ///
    /// # Errors
    /// What is wrong with the first file that is wrong.
    pub(super) fn read(config: &Config, relay: &Relay, before: Option<&Self>) -> Result<Self, Fault> {
        let provider = Arc::new(default_provider());
        let mut read = Vec::new();
        let anchors = authorities(&relay.anchors, &mut read)?;
        let mut roots = RootCertStore::empty();
        for (anchor, path) in &anchors {
            roots.add(anchor.clone()).map_err(|_| no_certificate(path))?;
        }
        let anchors = anchors.into_iter().map(|(anchor, _)| anchor).collect();
        let mut lists = Vec::new();
        for path in &relay.crls {
            let file = bytes(path, &mut read)?;
            lists.extend(RevocationList::read(&file).ok_or_else(|| {
                Fault::of(
                    "bad-value",
                    path,
                    "ce n'est pas une liste de révocation (CRL), PEM ou DER ; donnez celle de l'autorité",
                )
            })?);
        }
        let mut list_missing = false;
        for (_, path) in relay.fetched() {
            // Our own file: what is not there or not whole comes with the next fetch, and until then nothing is sent.
            let file = std::fs::read(&path).unwrap_or_default();
            match RevocationList::read(&file) {
                Some(fetched) => lists.extend(fetched),
                None => list_missing = true,
            }
            read.push(file);
        }
        let oldest_list = lists.iter().map(RevocationList::this_update).min();
        let lists_end = lists.iter().filter_map(RevocationList::next_update).min();
        let lists: Vec<_> = lists.iter().map(|list| list.der().clone()).collect();
        for key in &config.authentications {
            bytes(&key.certificate, &mut read)?;
        }
        let unusable = |cause: &dyn std::fmt::Display| {
            let cause = format!(
                "ces listes de révocation ne peuvent pas servir ({cause}) ; donnez celles des autorités du DMP"
            );
            Fault::of("bad-value", relay.crls.first().map_or(config.path.as_path(), |path| path), cause)
        };
        let mut verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        if !lists.is_empty() {
            // Unknown status is a refusal, for each certificate of the chain; so is a list past its nextUpdate.
            verifier = verifier.with_crls(lists).enforce_revocation_expiration();
        }
        let verifier = verifier.build().map_err(|cause| unusable(&cause))?;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Stapled::new(verifier, anchors, relay.stapling));
        let identities = Arc::new(Identities::read(config, before.map(|before| &*before.identities))?);
        read.push(identities.ready());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| unusable(&cause))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::clone(&identities) as _);
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let digest = Digest::of(&read.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let list_age_max_ms = relay.crl_age_max_ms;
        Ok(Self {
            client: Arc::new(client),
            identities,
            oldest_list,
            lists_end,
            list_missing,
            list_age_max_ms,
            digest,
        })
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    /// [`Stale`].
    pub(super) fn fresh(&self) -> Result<(), Stale> {
        if !self.identities.is_valid() {
            return Err(Stale::Certificate);
        }
        let age_max_ms = i64::try_from(self.list_age_max_ms).unwrap_or(i64::MAX);
        let is_old = self.list_age_ms().is_some_and(|age_ms| age_ms > age_max_ms);
        let is_over = self.lists_end.is_some_and(|end| end <= clock::now());
        if is_old || is_over || self.list_missing { Err(Stale::List) } else { Ok(()) }
    }

    /// Age of the oldest list in milliseconds, if it is past half of what may be; a missing one has the age of all time.
    pub(super) fn ageing_list_ms(&self) -> Option<i64> {
        if self.list_missing {
            return Some(i64::MAX);
        }
        let half_ms = i64::try_from(self.list_age_max_ms / 2).unwrap_or(i64::MAX);
        self.list_age_ms().filter(|age_ms| *age_ms > half_ms)
    }

    fn list_age_ms(&self) -> Option<i64> {
        self.oldest_list.map(|oldest| clock::now().ms_since(oldest))
    }

    /// Whole days until the last client certificate ends.
    pub(super) fn days_left(&self) -> Option<i64> {
        self.identities.days_left()
    }
}

/// Reads a file and keeps a copy for the digest.
fn bytes(path: &Path, read: &mut Vec<Vec<u8>>) -> Result<Vec<u8>, Fault> {
    let bytes = std::fs::read(path).map_err(|cause| Fault::unread(path, &cause))?;
    read.push(bytes.clone());
    Ok(bytes)
}

/// The certificates of those files, each with its file.
pub(super) fn authorities<'p>(
    paths: &'p [PathBuf],
    read: &mut Vec<Vec<u8>>,
) -> Result<Vec<(CertificateDer<'static>, &'p Path)>, Fault> {
    let mut found = Vec::new();
    for path in paths {
        let pem = bytes(path, read)?;
        let all: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| no_certificate(path))?;
        if all.is_empty() {
            return Err(no_certificate(path));
        }
        found.extend(all.into_iter().map(|certificate| (certificate, path.as_path())));
    }
    Ok(found)
}

fn no_certificate(path: &Path) -> Fault {
    Fault::of("certificate-unreadable", path, "ce n'est pas un certificat PEM ; donnez celui de l'autorité")
}
