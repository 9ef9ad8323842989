//! Keeping one slot of a pool filled: connect, ask which key, prove it by a verified self-test, again whenever it breaks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::connection::{Connection, SignerError};
use super::key::KeyDescription;
use super::lane::Lane;
use super::pool::Pool;
use super::verifier::Verifier;
use super::wire::{Failure, NONCE_LEN, self_test_message};
use crate::policy::keyring::Keyring;
use tokio::sync::mpsc;

/// First pause before a slot is tried again, in milliseconds; doubled up to the last.
const PAUSE_FIRST_MS: u64 = 50;
/// Last pause in milliseconds: a token that returns signs again within two seconds.
const PAUSE_LAST_MS: u64 = 1_000;
/// Pause of a slot that the token has no session for, in milliseconds.
const PAUSE_SURPLUS_MS: u64 = 60_000;
/// Idle time after which a connection must prove itself again: `ready` is never older than this and a deadline.
const PROVE_EVERY: Duration = Duration::from_secs(1);

/// What a keeper needs to judge its signer.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    pub(super) pool: Arc<Pool>,
    pub(super) slot: usize,
    /// Which session of its process the slot is, from 0.
    pub(super) session: u16,
    pub(super) socket: PathBuf,
    pub(super) deadline: Duration,
    pub(super) verifier: Arc<Verifier>,
    /// What to tell of a key that is not the verifier's: cause and remedy in French.
    pub(super) other_key: String,
    pub(super) production: bool,
    /// Where the configuration says that the key is kept.
    pub(super) keyring: Keyring,
    /// Told when the key must not be used, whatever else is well: cause and remedy in French.
    pub(super) refused: mpsc::UnboundedSender<String>,
}

enum NotKept {
    Signer(SignerError),
    Refused(String),
    /// The signer's token gave it fewer sessions than the configuration asks for.
    Surplus(u16),
}

impl From<SignerError> for NotKept {
    fn from(error: SignerError) -> Self {
        Self::Signer(error)
    }
}

impl Keeper {
    /// Keeps the slot filled until the task is aborted.
    pub(super) async fn run(self) {
        let mut pause_ms = PAUSE_FIRST_MS;
        // What was told last: a state that lasts is told once.
        let mut told = String::new();
        loop {
            let socket = self.socket.display();
            match self.connect().await {
                Ok(lane) => {
                    tracing::info!(%socket, "signer ready");
                    told.clear();
                    pause_ms = PAUSE_FIRST_MS;
                    self.pool.install(self.slot, lane.clone());
                    self.watch(&lane).await;
                }
                Err(NotKept::Refused(cause)) => {
                    self.pool.note(self.slot, Failure::TokenUnreachable);
                    if told != cause {
                        tracing::error!(%socket, cause, "key refused");
                        let _ = self.refused.send(cause.clone());
                        told = cause;
                    }
                    pause_ms = PAUSE_LAST_MS;
                }
                Err(NotKept::Surplus(sessions)) => {
                    self.pool.note(self.slot, Failure::Busy);
                    tracing::warn!(%socket, sessions, "the token gives fewer sessions than configured");
                    pause_ms = PAUSE_SURPLUS_MS;
                }
                Err(NotKept::Signer(error)) => {
                    self.pool.note(self.slot, failure(&error));
                    let text = error.to_string();
                    if told != text {
                        tracing::warn!(%socket, %error, "signer not ready");
                        told = text;
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_LAST_MS);
        }
    }

    async fn connect(&self) -> Result<Lane, NotKept> {
        let mut connection = Connection::open(&self.socket, self.deadline).await?;
        let key = connection.hello().await?;
        self.judge(&key).map_err(NotKept::Refused)?;
        if self.session >= key.sessions {
            return Err(NotKept::Surplus(key.sessions));
        }
        let lane = connection.into_lane();
        self.prove(&lane).await?;
        Ok(lane)
    }

    fn judge(&self, key: &KeyDescription) -> Result<(), String> {
        if !self.verifier.is_key(key) {
            return Err(format!("{} (clé {})", self.other_key, key.key));
        }
        if key.keyring != self.keyring {
            return Err(format!(
                "la clé n'est pas gardée où la configuration le dit ({}) : relancez son signataire (clé {})",
                self.keyring.name(),
                key.key
            ));
        }
        match key.requirements() {
            Err(refusal) if self.production => Err(format!("{refusal} (clé {})", key.key)),
            _ => Ok(()),
        }
    }

    /// A self-test signature over fresh random bytes, verified.
    async fn prove(&self, lane: &Lane) -> Result<(), SignerError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SignerError::Unexpected)?;
        let signature = lane.self_test(nonce).await?;
        if self.verifier.verifies(&self_test_message(&nonce), &signature) {
            Ok(())
        } else {
            tracing::error!(socket = %self.socket.display(), "a self-test signature does not verify");
            Err(SignerError::Unexpected)
        }
    }

    /// Returns once the slot's lane has broken; proves it while it is idle.
    async fn watch(&self, lane: &Lane) {
        loop {
            tokio::select! {
                // A break that was told is taken first: it must not be left for the next lane.
                biased;
                () = self.pool.broken(self.slot) => return,
                () = lane.ended() => return self.pool.note(self.slot, Failure::TokenUnreachable),
                () = tokio::time::sleep(PROVE_EVERY) => {}
            }
            if let Some(mut taken) = self.pool.take_idle(self.slot, PROVE_EVERY)
                && let Err(error) = taken.ask(async |lane| self.prove(lane).await).await
            {
                tracing::warn!(socket = %self.socket.display(), %error, "idle signer failed");
            }
        }
    }
}

fn failure(error: &SignerError) -> Failure {
    match error {
        SignerError::Failed(failure) => *failure,
        _ => Failure::TokenUnreachable,
    }
}
