//! The signer processes of one key, from the side of `sceaud`: kept connected, asked in turn, every signature verified.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::admission::{Admission, Begun, NotBegun};
use super::connection::SignerError;
use super::keeper::Keeper;
use super::pool::{Pool, Unready};
use super::trial::{self, Chosen, Numbers};
use super::verifier::Verifier;
use super::waiting::Caller;
use super::wire::Failure;
use crate::config::{Config, KeyName, SignerKey};

/// Attempts at one signature while signers fail under it, hang-ups aside: signing the same bytes again is harmless.
const ATTEMPTS_MAX: usize = 3;

/// One key behind its signer processes.
#[derive(Debug)]
pub struct Signers {
    key: KeyName,
    verifier: Arc<Verifier>,
    pool: Arc<Pool>,
    admission: Arc<Admission>,
    /// Longest wait for a signature: its turn, a signer that hangs, and another one in its place.
    patience: Duration,
}

/// Who a key must be, and whom to tell if it is another.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) verifier: Verifier,
    /// Cause and remedy in French.
    pub(super) other_key: String,
    pub(super) refused: mpsc::UnboundedSender<String>,
}

impl Signers {
    /// Begins to connect to every signer of `key`; the tasks that keep them connected go to `keepers`.
    pub(super) fn connect(
        config: &Config,
        key: &SignerKey,
        expected: Expected,
        keepers: &mut JoinSet<()>,
    ) -> Self {
        let Expected { verifier, other_key, refused } = expected;
        let verifier = Arc::new(verifier);
        let deadline = Duration::from_millis(config.limits.signature_ms);
        let most = Numbers { processes: key.processes, sessions: key.sessions };
        let pool = Pool::new(most);
        for (slot, (session, process)) in
            (0..key.sessions).flat_map(|session| (1..=key.processes).map(move |p| (session, p))).enumerate()
        {
            let keeper = Keeper {
                pool: Arc::clone(&pool),
                slot,
                session,
                socket: key.socket(&config.sockets.signers, process),
                deadline,
                verifier: Arc::clone(&verifier),
                other_key: other_key.clone(),
                production: !config.is_test(),
                keyring: key.keyring(),
                refused: refused.clone(),
            };
            keepers.spawn(keeper.run());
        }
        let limit = Duration::from_millis(config.limits.trial_ms);
        if limit.is_zero() || most == (Numbers { processes: 1, sessions: 1 }) {
            pool.settle(Chosen { numbers: most, per_second: None });
        } else {
            keepers.spawn(trial::run(Arc::clone(&pool), most, Arc::clone(&verifier), limit));
        }
        let queue = Duration::from_millis(config.limits.queue_ms);
        let admission = Admission::to(Arc::clone(&pool), queue);
        Self { key: key.key.clone(), verifier, pool, admission, patience: queue + 2 * deadline }
    }

    /// Name of the key.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Whether some signer made a verified signature and has not failed since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.pool.is_ready()
    }

    /// How many sign at once, and how many there are at most; none while that is being tried.
    #[must_use]
    pub fn chosen(&self) -> Option<(Chosen, Numbers)> {
        self.pool.chosen()
    }

    /// Why nothing can be signed while it is not ready.
    #[must_use]
    pub fn cause(&self) -> Unready {
        self.pool.cause()
    }

    /// Begins an assertion for `caller`, waiting while enough are begun.
    ///
    /// # Errors
    /// [`NotBegun`].
    pub(super) async fn begin(&self, caller: Caller) -> Result<Begun, NotBegun> {
        self.admission.begin(caller).await
    }

    /// A verified signature over `text`, by another signer if the first one fails.
    ///
    /// # Errors
    /// Nobody signed in time; nothing of it is known outside.
    pub(super) async fn sign(&self, caller: Caller, text: &str) -> Result<Vec<u8>, Unready> {
        timeout(self.patience, self.attempts(caller, text)).await.unwrap_or(Err(Unready::TokenUnreachable))
    }

    async fn attempts(&self, caller: Caller, text: &str) -> Result<Vec<u8>, Unready> {
        let mut unready = Unready::TokenUnreachable;
        let (mut attempts, mut failed_at) = (0, None);
        while attempts < ATTEMPTS_MAX {
            attempts += 1;
            let mut taken = self.pool.take(caller, failed_at).await?;
            failed_at = Some(taken.slot());
            match taken.ask(async |lane| lane.sign(text).await).await {
                Ok(signature) if self.verifier.verifies(text.as_bytes(), &signature) => return Ok(signature),
                Ok(_) => {
                    tracing::error!(key = %self.key, "a signature does not verify; it was discarded");
                    taken.lose(Failure::TokenUnreachable);
                }
                Err(SignerError::Failed(Failure::ShapeRefused)) => {
                    // Not halted: a signer that lies must not stop the structures of the others.
                    tracing::error!(key = %self.key, "a signer does not recognise what its key is for");
                }
                // A dead process leaves as many dead connections as it had sessions. Each is out of the pool once met, and
                // our patience bounds them all.
                Err(SignerError::Io(_)) => attempts -= 1,
                Err(error) => {
                    tracing::warn!(key = %self.key, %error, "a signer failed under a request");
                    if let SignerError::Failed(Failure::PinRefused) = error {
                        unready = Unready::PinRefused;
                    }
                }
            }
        }
        Err(unready)
    }
}
