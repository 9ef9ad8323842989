//! The audit key from the side of `sceaud`: checkpoints of the ledger, signed and verified.

use std::convert::Infallible;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::pool::Unready;
use super::signers::{Expected, Signers};
use super::verifier::Verifier;
use super::waiting::Caller;
use crate::config::{self, Config, KeyName};
use crate::policy::load::Load;
use crate::traces::audit::{AuditPublicKey, Generation, generation_name};
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::traces::digest::Digest;

/// Whose turn it is at the audit key's signers: nobody else's is.
const OWN_TURN: Caller = Caller { uid: 0, load: Load::Usual };

/// Why a checkpoint was not signed; the ledger is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// No signer of the key can sign now.
    #[error("{0}")]
    Unready(Unready),
    /// The signature verifies as a token's and not as a note's: our own invariant is broken.
    #[error("the signed checkpoint does not verify")]
    False,
}

/// The audit key with its signers.
#[derive(Debug)]
pub struct Audit {
    public: AuditPublicKey,
    signers: Signers,
    /// Dropping it ends its keepers.
    _keepers: JoinSet<()>,
}

impl Audit {
    /// Begins to connect to every signer of the audit key; a key that is not the one of `AUDIT.pub` is told on `refused`.
    ///
    /// Must run on a tokio runtime. None, and told, if the public key is no key.
    #[must_use]
    pub fn connect(
        config: &Config,
        loaded: &config::Audit,
        refused: &mpsc::UnboundedSender<String>,
    ) -> Option<Self> {
        let config::Audit { key, public } = loaded;
        let file = key.public_key.display();
        let Some(verifier) = Verifier::of_audit(public) else {
            let _ = refused.send(format!("la clé publique d'audit {file} n'est pas une clé ; remettez AUDIT.pub"));
            return None;
        };
        let other_key = format!(
            "la clé d'audit du token n'est pas celle de {file} ; corrigez [audit] uri, ou remettez l'AUDIT.pub de cette clé"
        );
        let mut keepers = JoinSet::new();
        let expected = Expected { verifier, other_key, refused: refused.clone() };
        let signers = Signers::connect(config, &key.signer, expected, &mut keepers);
        Some(Self { public: public.clone(), signers, _keepers: keepers })
    }

    /// Name of the key.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        self.signers.key()
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> &AuditPublicKey {
        &self.public
    }

    /// Whether some signer made a verified signature and has not failed since.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.signers.is_ready()
    }

    /// Why nothing can be signed while it is not ready.
    #[must_use]
    pub fn cause(&self) -> Unready {
        self.signers.cause()
    }

    /// Signs what the ledger of a generation is at one size.
    ///
    /// After `Ok` the note verifies with the public key of that generation.
    ///
    /// # Errors
    /// [`NotSigned`].
    pub async fn sign(
        &self,
        generation: Generation,
        size: u64,
        root: Digest,
        map: Digest,
    ) -> Result<SignedCheckpoint, NotSigned> {
        let name = generation_name(self.public.origin(), generation);
        let checkpoint = Checkpoint::new(&name, size, root, map).ok_or(NotSigned::False)?;
        let text = checkpoint.to_string();
        let signature = self.signers.sign(OWN_TURN, &text).await.map_err(NotSigned::Unready)?;
        let key = self.public.of_generation(generation);
        checkpoint.sign(&key, |_| Ok::<_, Infallible>(signature)).map_err(|_| NotSigned::False)
    }
}
