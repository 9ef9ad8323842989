//! The gate's own key and certificate: given, or made once where there is none. Clients know the key by its hash, so that no
//! authority is needed.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use super::admission::Shown;
use crate::config::{Fault, GateFile};
use crate::policy::fingerprint::Fingerprint;
use crate::sys::durable;

/// How long a certificate that is made here is valid: clients look at its key alone.
const VALID_DAYS: i64 = 3_650;
/// Set against a client whose clock is late.
const BACKDATED_DAYS: i64 = 1;
/// Bits of a key file's mode that others may have: none.
const OTHERS: u32 = 0o077;

/// The key with its certificates.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    /// What invitations name.
    pub(super) fingerprint: Fingerprint,
}

impl Own {
    /// Reads both, or makes both where neither is there.
    ///
    /// A crash while they are made leaves the key without its certificate: the next start says so, and whoever removes it loses
    /// nothing that anybody trusts yet.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub(super) fn read(config: &GateFile) -> Result<Self, Fault> {
        let missing = |path: &Path| fs::metadata(path).is_err_and(|cause| cause.kind() == io::ErrorKind::NotFound);
        if missing(&config.key) && missing(&config.certificate) {
            make(config)?;
        }
        let unread = |path| move |cause| Fault::unread(path, &cause);
        let mode = fs::metadata(&config.key).map_err(unread(&config.key))?.permissions().mode();
        if mode & OTHERS != 0 {
            let cause = "cette clé est lisible par d'autres ; chmod 600";
            return Err(Fault::of("key-exposed", &config.key, cause));
        }
        let text = Zeroizing::new(fs::read(&config.key).map_err(unread(&config.key))?);
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(|_| {
            Fault::of("bad-value", &config.key, "ce n'est pas une clé privée PEM ; donnez celle du certificat")
        })?;
        let text = fs::read(&config.certificate).map_err(unread(&config.certificate))?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
        let shown = chain.first().and_then(|first| Shown::read(first));
        let shown = shown.ok_or_else(|| {
            Fault::of("bad-value", &config.certificate, "ce n'est pas un certificat PEM ; donnez celui du portail")
        })?;
        Ok(Self { chain, key, fingerprint: shown.fingerprint })
    }
}

fn make(config: &GateFile) -> Result<(), Fault> {
    let unmade = |_: rcgen::Error| {
        let cause =
            "names : un certificat ne peut pas porter ces noms ; donnez des noms d'hôte ou des adresses IP";
        Fault::of("bad-value", &config.certificate, cause)
    };
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unmade)?;
    let mut params = CertificateParams::new(config.names.clone()).map_err(unmade)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, config.names.first().map_or("sceau-gate", String::as_str));
    params.distinguished_name = name;
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(BACKDATED_DAYS);
    params.not_after = now + Duration::days(VALID_DAYS);
    let certificate = params.self_signed(&key).map_err(unmade)?;
    let pem = Zeroizing::new(key.serialize_pem());
    durable::create(&config.key, pem.as_bytes(), 0o600).map_err(|cause| Fault::unread(&config.key, &cause))?;
    durable::create(&config.certificate, certificate.pem().as_bytes(), 0o644)
        .map_err(|cause| Fault::unread(&config.certificate, &cause))?;
    tracing::info!(key = %config.key.display(), "the gate's key was made; invitations name it");
    Ok(())
}
