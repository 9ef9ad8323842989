//! One appliance: how it is reached, and whether it answers.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::far::{Far, Unreached, dial};
use super::identity::Identity;
use super::known::Entry;
use super::tls::{Language, config};

/// Pause between two questions about its health.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Longest wait for such an answer: with the pause, an appliance that fell silent is known within a second and a half.
const ANSWER_WAIT: Duration = Duration::from_millis(1000);
/// The question.
const STATUS: &[u8] = br#"{"method":"fr.sceau.Token.Status"}"#;

/// What is known of an appliance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// It was not asked yet.
    Unknown,
    /// It cannot be asked.
    Away(Unreached),
    /// It answers and makes no assertions now.
    NotReady,
    /// It answers and makes them.
    Ready,
}

impl Health {
    /// Whether it can be asked.
    pub(super) fn answers(self) -> bool {
        self >= Self::NotReady
    }

    /// In a person's words: cause and remedy.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Unknown => "pas encore interrogée",
            Self::Away(Unreached::Silent) => {
                "ne répond pas ; vérifiez l'adresse, le réseau et que sceau-gate fonctionne"
            }
            Self::Away(Unreached::NotTheGate) => {
                "a une autre clé que celle de l'invitation ; si le portail a été refait, demandez une nouvelle invitation, \
                 sinon prévenez l'exploitant : quelqu'un d'autre répond à cette adresse"
            }
            Self::Away(Unreached::NotAdmitted) => {
                "n'admet pas (ou plus) le certificat de ce serveur ; l'exploitant le confirme ou dit pourquoi : \
                 sceau applications enrolments"
            }
            Self::NotReady => {
                "répond, et ne délivre pas d'assertion en ce moment ; voir « sceau status » sur l'appliance"
            }
            Self::Ready => "prête",
        }
    }
}

/// One appliance.
#[derive(Debug)]
pub(super) struct Appliance {
    /// `HOST:PORT`, as people wrote it.
    pub(super) address: String,
    host: String,
    port: u16,
    varlink: Arc<ClientConfig>,
    http: Arc<ClientConfig>,
    health: watch::Sender<Health>,
}

/// What `Status` says of readiness.
#[derive(Deserialize)]
struct Reply {
    parameters: Status,
}

#[derive(Deserialize)]
struct Status {
    ready: bool,
}

impl Appliance {
    /// The appliance of that entry; none where the entry or the key is no use (both were checked when read).
    pub(super) fn of(entry: &Entry, identity: &Identity) -> Option<Arc<Self>> {
        let (host, port) = entry.place()?;
        let gate = entry.gate()?;
        Some(Arc::new(Self {
            address: entry.address.clone(),
            host: host.to_owned(),
            port,
            varlink: config(gate, Some(identity), Language::Varlink).ok()?,
            http: config(gate, Some(identity), Language::Http).ok()?,
            health: watch::Sender::new(Health::Unknown),
        }))
    }

    /// Its health now.
    pub(super) fn health(&self) -> Health {
        *self.health.borrow()
    }

    /// Changes of its health.
    pub(super) fn changes(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Returns once it cannot be asked any more.
    pub(super) async fn lost(&self) {
        // The sender is ours: it outlives the wait.
        let _ = self.health.subscribe().wait_for(|health| !health.answers()).await;
    }

    /// A new connection for frames.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn frames(&self) -> Result<Far, Unreached> {
        dial(&self.host, self.port, &self.varlink).await.map(Far::over)
    }

    /// A new connection for HTTP.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn http(&self) -> Result<TlsStream<TcpStream>, Unreached> {
        dial(&self.host, self.port, &self.http).await
    }

    /// Asks once, on a connection of its own; the answer's text where there is one.
    pub(super) async fn ask_once(&self) -> (Health, Option<serde_json::Value>) {
        let mut far = match self.frames().await {
            Ok(far) => far,
            Err(why) => return (Health::Away(why), None),
        };
        match status(&mut far).await {
            (Health::Away(_), _) => (Health::Away(self.why().await), None),
            told => told,
        }
    }

    /// Why a new connection is not answered. Nothing is written: a gate that refuses a certificate says so after the handshake,
    /// and what was written meanwhile would have the system throw its word away.
    async fn why(&self) -> Unreached {
        match self.frames().await {
            Ok(mut far) => timeout(ANSWER_WAIT, far.ended()).await.unwrap_or(Unreached::Silent),
            Err(why) => why,
        }
    }

    /// Asks for its health over and over; never returns.
    pub(super) async fn watch(&self) {
        loop {
            match self.frames().await {
                Ok(far) => self.watch_over(far).await,
                Err(why) => self.is(Health::Away(why)),
            }
            sleep(ASK_EVERY).await;
        }
    }

    /// The same while one connection serves.
    async fn watch_over(&self, mut far: Far) {
        loop {
            let (health, _) = status(&mut far).await;
            self.is(health);
            if !health.answers() {
                // Away it is already; the reason is for people.
                return self.is(Health::Away(self.why().await));
            }
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                why = far.ended() => {
                    // A process that ends says so at once; whether another took its place is asked at once too.
                    match self.frames().await {
                        Ok(again) => {
                            far = again;
                            // A gate that closes what it just opened is not asked without a pause.
                            sleep(ASK_EVERY).await;
                        }
                        Err(_) => return self.is(Health::Away(why)),
                    }
                }
            }
        }
    }

    fn is(&self, health: Health) {
        let before = self.health.send_replace(health);
        if before != health {
            let (appliance, health) = (&self.address, format!("{health:?}"));
            tracing::info!(appliance, health, "an appliance's health changed");
        }
    }
}

async fn status(far: &mut Far) -> (Health, Option<serde_json::Value>) {
    let answer = match timeout(ANSWER_WAIT, far.exchange(STATUS)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(cause)) => return (Health::Away(Unreached::of(&cause)), None),
        Err(_) => return (Health::Away(Unreached::Silent), None),
    };
    let frame = answer.strip_suffix(b"\0").unwrap_or_default();
    let ready = serde_json::from_slice::<Reply>(frame).is_ok_and(|reply| reply.parameters.ready);
    (if ready { Health::Ready } else { Health::NotReady }, serde_json::from_slice(frame).ok())
}
