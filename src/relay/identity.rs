//! The client certificates of mutual TLS with the keys behind them: which one is shown now.

use std::sync::Arc;
use std::time::Duration;

use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::{CertifiedKey, SigningKey as _};

use super::key::TokenKey;
use super::signers::Signers;
use crate::certificate::{KeyUse, Requirements, SealCertificate, Trust, appraise_for};
use crate::config::{Config, ConfigError, Fault, SealKey};
use crate::sys::clock;
use crate::vihf::signature::SignatureAlgorithm;

/// One certificate, its chain and its key.
#[derive(Debug)]
struct Identity {
    certificate: SealCertificate,
    certified: Arc<CertifiedKey>,
    signers: Arc<Signers>,
    /// A signer answered for its key when it was read; not asked where there is no other certificate to show.
    ready: bool,
}

/// All client certificates; two while a renewal overlaps.
#[derive(Debug)]
pub(super) struct Identities(Vec<Identity>);

impl Identities {
    /// Reads every certificate of `[[authentication]]`; signers that are the same as `before` keep their connections, of which
    /// a signer bears few.
    ///
    /// After `Ok` each is for TLS clients and of a key kind that TLS takes; whether the signers hold that key is asked at
    /// each connection to one.
    ///
    /// # Errors
    /// What is wrong with the first file.
    pub(super) fn read(config: &Config, before: Option<&Self>) -> Result<Self, Fault> {
        let trust = config.load_trust().map_err(|error| first(config, &error))?;
        let before = before.map(|before| before.0.as_slice()).unwrap_or_default();
        let read = config.authentications.iter().map(|key| Identity::read(config, key, &trust, before));
        read.collect::<Result<_, _>>().map(Self)
    }

    /// Whole days until the last certificate ends; negative afterwards.
    pub(super) fn days_left(&self) -> Option<i64> {
        let now = clock::now();
        self.0.iter().map(|identity| identity.certificate.days_left(now)).max()
    }

    /// The valid certificate that began last, of those whose key can sign: the newer one while two overlap, once its signer runs.
    fn now(&self) -> Option<&Identity> {
        let now = clock::now();
        let valid = self.0.iter().filter(|identity| identity.certificate.is_valid_at(now));
        valid.max_by_key(|identity| (identity.ready, identity.certificate.not_before()))
    }

    /// Which ones a signer answered for: another state of the world than when it did not.
    pub(super) fn ready(&self) -> Vec<u8> {
        self.0.iter().map(|identity| u8::from(identity.ready)).collect()
    }

    /// Whether there is one to show.
    pub(super) fn is_valid(&self) -> bool {
        self.now().is_some()
    }
}

/// The first fault of `[trust]`.
fn first(config: &Config, error: &ConfigError) -> Fault {
    error
        .faults()
        .first()
        .cloned()
        .unwrap_or_else(|| Fault::of("bad-value", &config.path, "[trust] ne peut pas être lu"))
}

impl Identity {
    fn read(config: &Config, key: &SealKey, trust: &Trust, before: &[Self]) -> Result<Self, Fault> {
        let path = &key.certificate;
        let refuse = |rule, cause: String| Fault::of(rule, path, format!("clé {} : {cause}", key.key));
        let pem = std::fs::read(path).map_err(|cause| Fault::unread(path, &cause))?;
        let certificate =
            SealCertificate::parse(&pem).map_err(|cause| refuse("certificate-unreadable", cause.to_string()))?;
        let chain: Result<Vec<CertificateDer<'static>>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let chain =
            chain.map_err(|_| refuse("certificate-unreadable", "sa chaîne n'est pas lisible".to_owned()))?;
        let needs =
            Requirements { structure: &key.structure, trust, policy_oid: "", production: !config.is_test() };
        // What time alone refuses is judged at each handshake: the other certificate may stand in.
        let refusals = appraise_for(KeyUse::Authentication, &certificate, &needs, clock::now());
        if let Some(refusal) = refusals.iter().find(|refusal| !refusal.is_of_time()) {
            return Err(refuse(refusal.rule(), refusal.to_string()));
        }
        let is_rsa = match certificate.algorithm() {
            SignatureAlgorithm::RsaSha256 => true,
            SignatureAlgorithm::EcdsaSha256 => false,
            SignatureAlgorithm::EcdsaSha384 => {
                let cause = "le relais signe avec une clé RSA ou P-256 ; générez-en une";
                return Err(refuse("bad-value", cause.to_owned()));
            }
        };
        let signer = key.signer();
        let folder = config.signers_of(&key.purpose);
        let sockets: Vec<_> = (0..key.sessions)
            .flat_map(|_| (1..=key.processes).map(|process| signer.socket(folder, process)))
            .collect();
        let deadline = Duration::from_millis(config.limits.signature_ms);
        let spki = certificate.spki().to_vec();
        let same = before.iter().map(|identity| &identity.signers);
        let same = same.filter(|signers| signers.are(&sockets, &spki, deadline)).map(Arc::clone).next();
        let signers = same.unwrap_or_else(|| Arc::new(Signers::new(sockets, spki.clone(), deadline)));
        let ready = config.authentications.len() < 2 || signers.answer();
        let signing = TokenKey::new(Arc::clone(&signers), spki, is_rsa);
        debug_assert!(signing.public_key().is_some());
        let certified = CertifiedKey::new(chain, Arc::new(signing));
        certified
            .keys_match()
            .map_err(|_| refuse("certificate-other-key", "la clé n'est pas celle du certificat".to_owned()))?;
        Ok(Self { certificate, certified: Arc::new(certified), signers, ready })
    }
}

impl ResolvesClientCert for Identities {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Which authorities the server names is its affair: there is one certificate to show, or none.
        let identity = self.now()?;
        identity.certified.key.choose_scheme(schemes)?;
        Some(Arc::clone(&identity.certified))
    }

    fn has_certs(&self) -> bool {
        !self.0.is_empty()
    }
}
