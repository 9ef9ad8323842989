//! The server's side of TLS: who is admitted is asked at every handshake, nothing is resumed.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;
use tokio::time::timeout;

use super::admission::Admission;
use super::clients::Clients;
use super::key::Own;
use crate::certificate::RevocationList;
use crate::config::{Fault, GateFile};
use crate::policy::fingerprint::Fingerprint;
use crate::varlink;

/// What everybody speaks.
const HTTP: &[u8] = b"http/1.1";

/// How often a connection is judged again: an authority's list ends, and clocks are set.
const JUDGE_EVERY: Duration = Duration::from_secs(60);

/// What handshakes are made with; read again when the program is told to.
#[derive(Debug)]
pub(super) struct Tls {
    now: watch::Sender<Read>,
    key: Fingerprint,
}

/// What was read last.
#[derive(Clone, Debug)]
struct Read {
    server: Arc<ServerConfig>,
    admission: Arc<Admission>,
}

impl Tls {
    /// Reads the files; gives the hash of our own key with it.
    ///
    /// # Errors
    /// What is wrong with a file.
    pub(super) fn read(config: &GateFile, clients: &Clients) -> Result<(Self, Fingerprint), Fault> {
        let (now, key) = server(config, clients)?;
        Ok((Self { now: watch::Sender::new(now), key }, key))
    }

    /// Reads the files again; what was read stays where one is wrong, or the key is another one, which invitations that are
    /// open do not name: that takes a restart.
    ///
    /// # Errors
    /// What is wrong with a file, or that the key is another one.
    pub(super) fn reread(&self, config: &GateFile, clients: &Clients) -> Result<(), Fault> {
        let (new, key) = server(config, clients)?;
        if key != self.key {
            let cause = "la clé est une autre que celle du démarrage, que les codes d'invitation nomment ; redémarrez le portail pour la prendre";
            return Err(Fault::of("key-changed", &config.key, cause));
        }
        // Whoever is in is judged by it at once.
        self.now.send_replace(new);
        Ok(())
    }

    /// What a handshake is made with now.
    pub(super) fn now(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.now.borrow().server)
    }

    /// Returns once a client that showed these certificates would not be let in again: its authority's list names it or has ended,
    /// or the clock says that it is over.
    pub(super) async fn refused(&self, chain: &[CertificateDer<'static>]) {
        let mut now = self.now.subscribe();
        // What was read anew while hands were shaken counts too.
        now.mark_changed();
        loop {
            // What is read anew is judged by at once; an error of the channel does not happen while we are.
            let _ = timeout(JUDGE_EVERY, now.changed()).await;
            let admission = Arc::clone(&now.borrow_and_update().admission);
            let judged = chain.split_first().is_some_and(|(first, others)| {
                admission.verify_client_cert(first, others, UnixTime::now()).is_ok()
            });
            if !judged {
                return;
            }
        }
    }
}

fn server(config: &GateFile, clients: &Clients) -> Result<(Read, Fingerprint), Fault> {
    let provider = Arc::new(default_provider());
    let authorities = authorities(config)?;
    let admission = Arc::new(Admission::new(clients.clone(), authorities, Arc::clone(&provider)));
    let own = Own::read(config)?;
    let versions: &[_] = if config.tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let unusable = |_| {
        let cause = "la clé n'est pas celle du certificat, ou d'un genre que TLS n'emploie pas ; donnez les deux d'un même portail";
        Fault::of("contradiction", &config.certificate, cause)
    };
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .map_err(unusable)?
        .with_client_cert_verifier(Arc::clone(&admission) as _)
        .with_single_cert(own.chain, own.key)
        .map_err(unusable)?;
    server.alpn_protocols = vec![varlink::ALPN.to_vec(), HTTP.to_vec()];
    // A resumed session would be judged by the certificate of a former one: a revocation would come too late.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    Ok((Read { server: Arc::new(server), admission }, own.fingerprint))
}

/// Who must have issued client certificates, beside their being registered; none where no authority is given.
fn authorities(config: &GateFile) -> Result<Option<Arc<dyn ClientCertVerifier>>, Fault> {
    if config.client_authorities.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for path in &config.client_authorities {
        let wrong =
            || Fault::of("bad-value", path, "ce n'est pas un certificat PEM d'autorité ; donnez celui qui émet");
        let text = std::fs::read(path).map_err(|cause| Fault::unread(path, &cause))?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(&text) {
            roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
            found = true;
        }
        if !found {
            return Err(wrong());
        }
    }
    let mut lists = Vec::new();
    for path in &config.client_lists {
        let wrong = "ce n'est pas une liste de révocation (CRL), PEM ou DER ; donnez celle de l'autorité";
        let text = std::fs::read(path).map_err(|cause| Fault::unread(path, &cause))?;
        let read = RevocationList::read(&text).ok_or_else(|| Fault::of("bad-value", path, wrong))?;
        lists.extend(read.iter().map(|list| list.der().clone()));
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let builder =
        if lists.is_empty() { builder } else { builder.with_crls(lists).enforce_revocation_expiration() };
    let built = builder.build().map_err(|_| {
        let path = config.client_authorities.first().cloned().unwrap_or_default();
        Fault::of("bad-value", &path, "ces autorités et ces listes ne vont pas ensemble ; vérifiez les fichiers")
    })?;
    Ok(Some(built))
}
