//! Keeping one slot of a pool filled: connect, ask which key, prove it by a verified self-test, again whenever it breaks.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::connection::{Connection, SignerError};
use super::key::{KeyDescription, requirements};
use super::pool::Pool;
use super::verifier::Verifier;
use super::wire::{Failure, NONCE_LEN, self_test_message};
use crate::certificate::SealCertificate;

/// First pause before a slot is tried again, in milliseconds; doubled up to the last.
const PAUSE_FIRST_MS: u64 = 50;
/// Last pause in milliseconds: a token that returns signs again within two seconds.
const PAUSE_LAST_MS: u64 = 1_000;
/// Idle time after which a connection must prove itself again: `ready` is never older than this and a deadline.
const PROVE_EVERY: Duration = Duration::from_secs(1);

/// A key that must not be used, whatever else is well; cause and remedy in French.
pub type KeyRefused = String;

/// What a keeper needs to judge its signer.
#[derive(Clone, Debug)]
pub(super) struct Keeper {
    pub(super) pool: Arc<Pool>,
    pub(super) slot: usize,
    pub(super) socket: PathBuf,
    pub(super) deadline: Duration,
    pub(super) certificate: Arc<SealCertificate>,
    pub(super) verifier: Arc<Verifier>,
    pub(super) production: bool,
    pub(super) refused: mpsc::UnboundedSender<KeyRefused>,
}

enum NotKept {
    Signer(SignerError),
    Refused(KeyRefused),
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
        loop {
            match self.connect().await {
                Ok(connection) => {
                    tracing::info!(socket = %self.socket.display(), "signer ready");
                    pause_ms = PAUSE_FIRST_MS;
                    self.pool.install(self.slot, connection);
                    self.watch().await;
                }
                Err(NotKept::Refused(cause)) => {
                    tracing::error!(socket = %self.socket.display(), cause, "key refused");
                    let _ = self.refused.send(cause);
                    pause_ms = PAUSE_LAST_MS;
                }
                Err(NotKept::Signer(error)) => {
                    tracing::debug!(socket = %self.socket.display(), %error, "signer not ready");
                    self.pool.note(match error {
                        SignerError::Failed(failure) => failure,
                        _ => Failure::TokenUnreachable,
                    });
                }
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_LAST_MS);
        }
    }

    async fn connect(&self) -> Result<Connection, NotKept> {
        let mut connection = Connection::open(&self.socket, self.deadline).await?;
        let key = connection.hello().await?;
        self.judge(&key).map_err(NotKept::Refused)?;
        self.prove(&mut connection).await?;
        Ok(connection)
    }

    fn judge(&self, key: &KeyDescription) -> Result<(), KeyRefused> {
        if key.spki != self.certificate.spki() || key.algorithm != self.certificate.algorithm() {
            return Err(format!("{} (clé {})", crate::certificate::Refusal::OtherKey, key.key));
        }
        match requirements(&key.attributes) {
            Err(refusal) if self.production => Err(format!("{refusal} (clé {})", key.key)),
            _ => Ok(()),
        }
    }

    /// A self-test signature over fresh random bytes, verified.
    async fn prove(&self, connection: &mut Connection) -> Result<(), SignerError> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| SignerError::Unexpected)?;
        let signature = connection.self_test(nonce).await?;
        if self.verifier.verifies(&self_test_message(&nonce), &signature) {
            Ok(())
        } else {
            tracing::error!(socket = %self.socket.display(), "a self-test signature does not verify");
            Err(SignerError::Unexpected)
        }
    }

    /// Returns once the slot's connection has broken; proves it while it is idle.
    async fn watch(&self) {
        loop {
            tokio::select! {
                () = self.pool.broken(self.slot) => return,
                () = tokio::time::sleep(PROVE_EVERY) => {}
            }
            if let Some(mut idle) = self.pool.take_idle(self.slot, PROVE_EVERY) {
                match self.prove(&mut idle.connection).await {
                    Ok(()) => self.pool.put_idle(idle),
                    Err(error) => {
                        tracing::warn!(socket = %self.socket.display(), %error, "idle signer failed");
                        if let SignerError::Failed(failure) = error {
                            self.pool.note(failure);
                        }
                        self.pool.lose(self.slot);
                    }
                }
            }
        }
    }
}
