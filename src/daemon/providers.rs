//! The identity providers in force: they rotate their keys, so each one's file is read again as it changes.
//!
//! Each change is an entry before any session of the new keys: noted first, in force next.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use super::Daemon;
use super::status::document::Trouble;
use super::trace::word;
use crate::config::{Config, IdentityProvider, Reread, Rereading};
use crate::ledger::{Ledger, Line, RegisterFile};
use crate::proof::{KeySet, Providers};
use crate::traces::entry::word::Word;

/// The providers of now. Nobody waits: a session is opened with the keys that it began with, the next one with the new.
#[derive(Debug)]
pub(super) struct ProvidersInForce {
    in_force: RwLock<Arc<Providers>>,
    /// The key file of each provider of the configuration, in its order.
    files: Mutex<Vec<Rereading>>,
}

impl ProvidersInForce {
    /// Those that the start has read.
    pub(super) fn new(config: &Config, providers: Providers) -> Self {
        let keys = config.identity_providers.iter().map(|provider| providers.keys(&provider.terms.name));
        let files = keys.map(|keys| Rereading::of(keys.map(KeySet::digest).unwrap_or_default()));
        Self { files: Mutex::new(files.collect()), in_force: RwLock::new(Arc::new(providers)) }
    }

    /// The providers of now.
    pub(super) fn now(&self) -> Arc<Providers> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is amiss with the files: the provider's name alone, as Status is for everybody.
    pub(super) fn troubles(&self, config: &Config) -> Vec<Trouble> {
        let files = self.files();
        let of = config.identity_providers.iter().zip(files.iter()).filter(|(_, file)| file.fault().is_some());
        let trouble = |(provider, _): (&IdentityProvider, _)| {
            Trouble {
            reason: "jwks-unusable",
            message: format!(
                "les clés du fournisseur d'identité {} ne peuvent pas être relues et les précédentes restent en vigueur ; sceau check dit pourquoi",
                provider.terms.name
            )
            .into(),
        }
        };
        of.map(trouble).collect()
    }

    /// Reads every file again, and takes those that have changed and can serve; one that cannot holds up no other.
    ///
    /// Waits for the disk. What a crash loses of the entries, the next start tells.
    pub(super) fn reread(&self, config: &Config, ledger: &Ledger) {
        for (at, provider) in config.identity_providers.iter().enumerate() {
            let name = &provider.terms.name;
            // Before the lock: Status takes it on the thread of all requests, which waits for no disk.
            let read = config.reread_keys(provider).map(|keys| {
                let digest = keys.digest();
                (keys, digest)
            });
            let judged = self.files().get_mut(at).map_or(Reread::Same, |file| file.judge(read));
            match judged {
                Reread::Same => {}
                Reread::Mended => {
                    tracing::info!(provider = name, "the keys can be read again; they have not changed");
                }
                Reread::Changed(keys) => {
                    let digest = keys.digest();
                    ledger.note(Line::file(register(name), digest));
                    let providers = Arc::new(self.now().with_keys(name, &keys));
                    *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = providers;
                    tracing::info!(provider = name, %digest, "the provider's keys have changed; proofs are held to the new ones");
                }
                Reread::Refused(fault) => tracing::error!(
                    provider = name, cause = %fault,
                    "jwks-unusable: the provider's keys cannot be read again; the last ones stay in force"
                ),
            }
        }
    }

    fn files(&self) -> MutexGuard<'_, Vec<Rereading>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a start tells of the key files that it read.
pub(super) fn files(config: &Config, providers: &Providers) -> Vec<RegisterFile> {
    let keys = config.identity_providers.iter().filter_map(|provider| {
        let name = &provider.terms.name;
        Some((name, providers.keys(name)?))
    });
    let file = |(name, keys): (&String, &KeySet)| RegisterFile {
        name: register(name),
        content: keys.digest(),
        names_people: false,
    };
    keys.map(file).collect()
}

/// What changes of that provider's keys are told under.
fn register(provider: &str) -> Word {
    word(&format!("jwks:{provider}"))
}

/// Looks at the key files again and again; never returns.
pub(super) async fn keep_keys(daemon: &Arc<Daemon>) {
    let every = Duration::from_millis(daemon.config.limits.jwks_reload_ms);
    while !daemon.config.identity_providers.is_empty() {
        tokio::time::sleep(every).await;
        let daemon = Arc::clone(daemon);
        if let Err(error) =
            tokio::task::spawn_blocking(move || daemon.providers.reread(&daemon.config, &daemon.ledger)).await
        {
            tracing::error!(%error, "the providers' keys were not looked at");
        }
    }
    std::future::pending().await
}
