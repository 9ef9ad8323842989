//! How a server of the DMP is believed: pinned authorities, fresh revocation lists, stapled answers; read again as files change.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use rustls::{ClientConfig, RootCertStore};
use x509_parser::prelude::FromDer as _;

use super::identity::Identities;
use super::stapling::Stapled;
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
    list_age_max_ms: u64,
    /// Of all files: another one is another state.
    pub(super) digest: Digest,
}

/// Why no handshake may be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stale {
    /// A revocation list is older than may be.
    List,
    /// No client certificate is valid.
    Certificate,
}

impl Tls {
    /// Reads authorities, lists and client certificates.
    ///
    /// After `Ok` every file was readable and of its kind; age is judged at each use.
    ///
    /// # Errors
    /// What is wrong with the first file that is wrong.
    pub(super) fn read(config: &Config, relay: &Relay) -> Result<Self, Fault> {
        let provider = Arc::new(default_provider());
        let mut read = Vec::new();
        let mut anchors = Vec::new();
        let mut roots = RootCertStore::empty();
        for path in &relay.anchors {
            let refuse = |_| {
                Fault::of(
                    "certificate-unreadable",
                    path,
                    "ce n'est pas un certificat PEM ; donnez celui de l'autorité",
                )
            };
            let pem = bytes(path, &mut read)?;
            let all: Vec<CertificateDer<'static>> =
                CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| refuse(()))?;
            if all.is_empty() {
                return Err(refuse(()));
            }
            for anchor in all {
                roots.add(anchor.clone()).map_err(|_| refuse(()))?;
                anchors.push(anchor);
            }
        }
        let mut lists = Vec::new();
        let mut oldest_list: Option<Instant> = None;
        for path in &relay.crls {
            let file = bytes(path, &mut read)?;
            for (list, this_update) in revocations(&file).ok_or_else(|| {
                Fault::of(
                    "bad-value",
                    path,
                    "ce n'est pas une liste de révocation (CRL), PEM ou DER ; donnez celle de l'autorité",
                )
            })? {
                oldest_list = Some(oldest_list.map_or(this_update, |oldest| oldest.min(this_update)));
                lists.push(list);
            }
        }
        for key in &config.authentications {
            bytes(&key.certificate, &mut read)?;
        }
        let unusable = |cause: &dyn std::fmt::Display| {
            let cause = format!(
                "ces listes de révocation ne peuvent pas servir ({cause}) ; donnez celles des autorités du DMP"
            );
            Fault::of("bad-value", relay.crls.first().map_or(Path::new(""), |path| path), cause)
        };
        let mut verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        if !lists.is_empty() {
            // Unknown status is a refusal, for each certificate of the chain; so is a list past its nextUpdate.
            verifier = verifier.with_crls(lists).enforce_revocation_expiration();
        }
        let verifier = verifier.build().map_err(|cause| unusable(&cause))?;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::new(Stapled::new(verifier, anchors, relay.stapling));
        let identities = Arc::new(Identities::read(config)?);
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|cause| unusable(&cause))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::clone(&identities) as _);
        client.alpn_protocols = vec![b"http/1.1".to_vec()];
        let digest = Digest::of(&read.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let list_age_max_ms = relay.crl_age_max_ms;
        Ok(Self { client: Arc::new(client), identities, oldest_list, list_age_max_ms, digest })
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
        match self.oldest_list {
            Some(oldest) if clock::now().ms_since(oldest) > age_max_ms => Err(Stale::List),
            _ => Ok(()),
        }
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

/// The lists of a file with their `thisUpdate`.
fn revocations(file: &[u8]) -> Option<Vec<(CertificateRevocationListDer<'static>, Instant)>> {
    let pem: Vec<_> = CertificateRevocationListDer::pem_slice_iter(file).collect::<Result<_, _>>().ok()?;
    let lists = if pem.is_empty() { vec![CertificateRevocationListDer::from(file.to_vec())] } else { pem };
    lists
        .into_iter()
        .map(|list| {
            let (_, parsed) = x509_parser::revocation_list::CertificateRevocationList::from_der(&list).ok()?;
            let this_update = Instant::from_ms(parsed.last_update().timestamp().saturating_mul(1000));
            Some((list.clone(), this_update))
        })
        .collect()
}
