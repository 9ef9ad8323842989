//! Connections to the servers of the DMP: made with mutual TLS, kept for the next call, not sought where nobody answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::breaker::Breaker;
use super::call_body::CallBody;
use super::fault::Fault;
use super::tls::{Stale, Tls};
use crate::config::{Destination, Relay};
use crate::traces::digest::Digest;

/// Most headers of an answer: the DMP's have some twenty.
const HEADERS_MAX: usize = 100;
/// Longest head of an answer in bytes; also the read buffer of each connection.
const HEAD_LEN_MAX: usize = 64 * 1024;
/// Connections to one server kept while nothing is sent.
const IDLE_MAX: usize = 64;

/// The fault of a key that does not sign.
const SIGNER_UNREACHABLE: &str = "signer-unreachable";

/// All servers of the configuration.
#[derive(Debug)]
pub(super) struct Servers {
    tls: RwLock<Arc<Tls>>,
    by_address: HashMap<(String, u16), Arc<Server>>,
    connect: Duration,
    idle: Duration,
    /// Told when a key did not sign.
    keyless: Notify,
}

#[derive(Debug)]
pub(super) struct Server {
    idle: Mutex<Vec<Idle>>,
    pub(super) breaker: Breaker,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<CallBody>,
    since: Instant,
    made_with: Digest,
}

/// A connection for one call.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) sender: SendRequest<CallBody>,
    server: Arc<Server>,
    made_with: Digest,
}

impl Link {
    /// Its server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// Keeps the connection for another call once the answer has been read; a broken one goes.
    pub(super) fn keep(self) {
        let Self { mut sender, server, made_with } = self;
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                let mut idle = server.idle.lock().unwrap_or_else(PoisonError::into_inner);
                if idle.len() < IDLE_MAX {
                    idle.push(Idle { sender, since: Instant::now(), made_with });
                }
            }
        });
    }
}

impl Servers {
    /// The servers of these calls; nothing is connected yet.
    pub(super) fn new(destinations: &[Destination], limits: &Relay, tls: Tls) -> Self {
        let server = || {
            let breaker = Breaker::new(limits.breaker_failures, Duration::from_millis(limits.breaker_ms));
            Arc::new(Server { idle: Mutex::default(), breaker })
        };
        let by_address = destinations.iter().map(|call| ((call.host.clone(), call.port), server())).collect();
        Self {
            tls: RwLock::new(Arc::new(tls)),
            by_address,
            connect: Duration::from_millis(limits.connect_ms),
            idle: Duration::from_millis(limits.idle_ms),
            keyless: Notify::new(),
        }
    }

    /// What handshakes are made with now.
    pub(super) fn tls(&self) -> Arc<Tls> {
        Arc::clone(&self.tls.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until a key has not signed since this was last asked: another one may.
    pub(super) async fn keyless(&self) {
        self.keyless.notified().await;
    }

    /// Changes what handshakes are made with: calls under way go on, kept connections are not used again.
    pub(super) fn change(&self, tls: Tls) {
        *self.tls.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tls);
    }

    /// Closes what was kept for too long or made with what was changed since.
    pub(super) fn prune(&self) {
        let now = self.tls().digest;
        for server in self.by_address.values() {
            let mut idle = server.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|kept| {
                kept.made_with == now && kept.since.elapsed() < self.idle && !kept.sender.is_closed()
            });
        }
    }

    /// A connection for a call: a kept one, or a new one with its handshake done.
    ///
    /// # Errors
    /// The fault to answer with; nothing of the call was sent.
    pub(super) async fn take(&self, call: &Destination, kept: bool) -> Result<Link, Fault> {
        let tls = self.tls();
        tls.fresh().map_err(stale)?;
        let server = self.by_address.get(&(call.host.clone(), call.port)).ok_or_else(left_alone)?;
        while let Some(idle) = kept.then(|| self.pop(server)).flatten() {
            if idle.made_with == tls.digest && idle.since.elapsed() < self.idle && idle.sender.is_ready() {
                let (sender, made_with) = (idle.sender, idle.made_with);
                return Ok(Link { sender, server: Arc::clone(server), made_with });
            }
        }
        if !server.breaker.admits(Instant::now()) {
            return Err(left_alone());
        }
        match timeout(self.connect, connect(call, &tls)).await {
            Ok(Ok(sender)) => Ok(Link { sender, server: Arc::clone(server), made_with: tls.digest }),
            failed => {
                let cause = failed.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).err();
                let fault = cause.map_or_else(left_alone, |cause| unreachable_server(&cause));
                // A key that does not sign is not the server's failure.
                if fault.code == SIGNER_UNREACHABLE {
                    self.keyless.notify_one();
                } else {
                    server.breaker.failed(Instant::now());
                }
                tracing::warn!(server = %call.authority(), reason = %fault.code, "no connection to the server");
                Err(fault)
            }
        }
    }

    fn pop(&self, server: &Server) -> Option<Idle> {
        server.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

async fn connect(call: &Destination, tls: &Tls) -> std::io::Result<SendRequest<CallBody>> {
    let name = ServerName::try_from(call.host.clone()).map_err(std::io::Error::other)?;
    let tcp = TcpStream::connect((call.host.as_str(), call.port)).await?;
    tcp.set_nodelay(true)?;
    let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, tcp).await?;
    let (sender, connection) = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_LEN_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(std::io::Error::other)?;
    tokio::spawn(async move {
        if let Err(cause) = connection.await {
            tracing::debug!(%cause, "a connection to the DMP ended");
        }
    });
    Ok(sender)
}

fn stale(cause: Stale) -> Fault {
    let (code, message) = match cause {
        Stale::List => (
            "revocation-list-old",
            "une liste de révocation des serveurs du DMP est trop ancienne (crl_age_max_ms), échue (nextUpdate) ou n'est pas encore venue : rien n'est envoyé ; mettez-la à jour",
        ),
        Stale::Certificate => (
            "client-certificate-expired",
            "le certificat d'authentification est échu ou pas encore valide ; installez le certificat renouvelé",
        ),
    };
    Fault::receiver(StatusCode::SERVICE_UNAVAILABLE, code, message)
}

fn left_alone() -> Fault {
    Fault::receiver(
        StatusCode::SERVICE_UNAVAILABLE,
        "server-left-alone",
        "le serveur du DMP ne répond plus et n'est pas sollicité pour l'instant ; réessayez dans quelques secondes",
    )
}

/// Why a connection failed, in the words of whoever must act.
fn unreachable_server(cause: &std::io::Error) -> Fault {
    let gateway = |code, message: &'static str| Fault::receiver(StatusCode::BAD_GATEWAY, code, message);
    if cause.kind() == std::io::ErrorKind::TimedOut {
        return Fault::receiver(
            StatusCode::GATEWAY_TIMEOUT,
            "server-late",
            "le serveur du DMP ne répond pas à temps à l'ouverture de la connexion ; vérifiez le réseau, puis réessayez",
        );
    }
    match cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Revoked => gateway(
                "server-certificate-revoked",
                "le certificat du serveur du DMP est révoqué : rien n'est envoyé ; prévenez le support du DMP",
            ),
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => gateway(
                "server-certificate-expired",
                "le certificat du serveur du DMP n'est pas valide à cette date : rien n'est envoyé ; vérifiez l'horloge, puis prévenez le support du DMP",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => gateway(
                "server-certificate-name",
                "le certificat du serveur n'est pas au nom de l'hôte de [[dmp]] : rien n'est envoyé ; vérifiez l'hôte et le réseau",
            ),
            CertificateError::UnknownRevocationStatus
            | CertificateError::ExpiredRevocationList
            | CertificateError::ExpiredRevocationListContext { .. } => gateway(
                "server-certificate-status",
                "l'état de révocation du certificat du serveur n'est pas connu : rien n'est envoyé ; mettez les listes (crls) à jour",
            ),
            _ => gateway(
                "server-certificate-unknown",
                "le certificat du serveur ne vient pas des autorités de [relay] anchors : rien n'est envoyé ; vérifiez les autorités et le réseau",
            ),
        },
        Some(rustls::Error::General(_)) => Fault::receiver(
            StatusCode::SERVICE_UNAVAILABLE,
            SIGNER_UNREACHABLE,
            "la clé d'authentification ne signe pas ; vérifiez le token et sceau-signer, le service reprend seul",
        ),
        Some(rustls::Error::AlertReceived(_)) => gateway(
            "handshake-refused",
            "le serveur du DMP refuse l'ouverture de la connexion ; vérifiez le certificat d'authentification",
        ),
        Some(_) => gateway(
            "handshake-failed",
            "l'ouverture TLS avec le serveur du DMP a échoué ; vérifiez l'hôte, le port et le réseau",
        ),
        None => gateway(
            "server-unreachable",
            "le serveur du DMP n'est pas joignable ; vérifiez l'hôte, le port et le réseau, puis réessayez",
        ),
    }
}
