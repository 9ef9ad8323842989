//! What the relay reads again while it runs: certificates, lists and the configuration that names them; alarms on their age.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::Relay;
use super::seals::Seals;
use super::tls::Tls;
use crate::certificate::SealCertificate;
use crate::config::{self, Config, ConfigError, Fault, Reread, Rereading};
use crate::traces::digest::Digest;

/// Days before a client certificate's end at which an alarm is raised (vihf.md §6).
const RENEWAL_ALARM_DAYS: i64 = 60;
/// Between two alarms of one kind.
const ALARM_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Between two readings because a key did not sign: calls that fail one after the other must not have files read for each.
const RETAKE_PAUSE: Duration = Duration::from_secs(1);
const HOUR_MS: i64 = 3_600_000;

/// Why the files are not usable.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    File(Fault),
    #[error(
        "la configuration n'a pas de [relay] ; ajoutez-le, avec [[authentication]] et [[dmp]], ou n'activez pas le relais"
    )]
    NoRelay,
}

impl Unusable {
    /// The first fault, with its file.
    fn fault(&self, path: &Path) -> Fault {
        let first = match self {
            Self::Config(error) => error.faults().first().cloned(),
            Self::File(fault) => Some(fault.clone()),
            Self::NoRelay => None,
        };
        first.unwrap_or_else(|| Fault::of("missing-key", path, self.to_string()))
    }
}

/// The files of one moment.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) config: Config,
    pub(super) relay: config::Relay,
    pub(super) tls: Tls,
    pub(super) seals: Vec<SealCertificate>,
}

impl Files {
    /// Reads the configuration at `path` and what it names for the relay; all but the names of files is as it was at
    /// the start of what is `running`, if that is: a list that nobody fetches yet must not stop what goes on.
    ///
    /// # Errors
    /// [`Unusable`]; nothing was changed.
    pub(super) fn read(path: &Path, running: Option<(&config::Relay, &Tls)>) -> Result<Self, Unusable> {
        let config = Config::load(path)?;
        let mut relay = config.relay.clone().ok_or(Unusable::NoRelay)?;
        if let Some((started, _)) = running {
            let config::Relay { anchors, intermediates, crls, .. } = relay;
            relay = config::Relay { anchors, intermediates, crls, ..started.clone() };
        }
        let writable = if config.is_test() { Vec::new() } else { config.writable() };
        if !writable.is_empty() {
            return Err(ConfigError::from(writable).into());
        }
        let tls = Tls::read(&config, &relay, running.map(|(_, tls)| tls)).map_err(Unusable::File)?;
        let seals = Seals::read(&config).map_err(Unusable::File)?;
        Ok(Self { config, relay, tls, seals })
    }

    /// Of all that is taken up when it changes.
    pub(super) fn digest(&self) -> Digest {
        let seals = self.seals.iter().map(SealCertificate::der);
        Digest::of(&std::iter::once(self.tls.digest.as_bytes().as_slice()).chain(seals).collect::<Vec<_>>())
    }
}

/// Reads again when `reload_ms` is over, a list was fetched or a key did not sign, another one being shown then if it can;
/// what cannot be read leaves the last good state, which ages.
///
/// Of the configuration, `[[authentication]]`, `[[seal]]` and the files that `[relay]` names are taken up; calls and limits
/// are those of the start, whose digest is `started`.
pub(super) async fn watch(path: PathBuf, started: Digest, relay: Arc<Relay>, fetched: Arc<Notify>) {
    let every = Duration::from_millis(relay.limits.reload_ms);
    let mut files = Rereading::of(started);
    let mut read_at = Instant::now();
    let (mut renewal, mut ageing) = (Alarm::default(), Alarm::default());
    loop {
        let tls = relay.servers.tls();
        if let Some(days_left) = tls.days_left().filter(|days| *days <= RENEWAL_ALARM_DAYS)
            && renewal.is_due()
        {
            tracing::warn!(days_left, "renewal alarm: the client certificate ends soon");
        }
        if let Some(age_ms) = tls.ageing_list_ms()
            && ageing.is_due()
        {
            tracing::warn!(
                hours = age_ms / HOUR_MS,
                missing = age_ms == i64::MAX,
                "revocation alarm: a list has not been renewed for long; when it is too old nothing is sent"
            );
        }
        tokio::select! {
            () = sleep(every) => {}
            () = fetched.notified() => {}
            () = async {
                relay.servers.keyless().await;
                sleep_until(read_at + RETAKE_PAUSE).await;
            } => {}
        }
        read_at = Instant::now();
        // Files are read and signers are asked meanwhile: the worker's calls go on elsewhere.
        let read = tokio::task::block_in_place(|| Files::read(&path, Some((&relay.limits, &tls))))
            .map_err(|cause| cause.fault(&path));
        let read = read.map(|read| {
            let digest = read.digest();
            (read, digest)
        });
        match files.judge(read) {
            Reread::Same => {}
            Reread::Mended => tracing::info!("certificates and lists can be read again; they have not changed"),
            Reread::Changed(read) => {
                if read.tls.digest != tls.digest {
                    tracing::info!("certificates or lists have changed; new connections use them");
                    relay.servers.change(read.tls);
                }
                if relay.seals.change(read.seals) {
                    tracing::info!("seal certificates have changed; carried assertions are judged by them");
                }
            }
            Reread::Refused(fault) => tracing::error!(
                cause = %fault,
                "certificates or lists cannot be read again; the last ones stay"
            ),
        }
        relay.servers.prune();
        relay.tickets.forget();
        relay.counts.tell();
    }
}

/// An alarm that is told once a day while its cause lasts.
#[derive(Debug, Default)]
struct Alarm {
    told: Option<Instant>,
}

impl Alarm {
    fn is_due(&mut self) -> bool {
        let due = self.told.is_none_or(|told| told.elapsed() >= ALARM_EVERY);
        if due {
            self.told = Some(Instant::now());
        }
        due
    }
}
