//! Keeps one device open: opens it, drops it whole when it is spent, opens the next.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use tracing::{error, info, warn};

use super::keyring::{KeyError, Keyring};
use super::{Event, notify};
use crate::config::SignerKey;
use crate::seal::wire::Failure;
use crate::sealed::SealedError;
use crate::token::{Meter, PinGuard, PinRefusal, TokenError};

/// First pause between openings: a token that was only reset is back before anybody notices.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause between openings, so that the first signature comes within 2 s of the token's return.
const PAUSE_MAX: Duration = Duration::from_millis(1_000);
/// Between looks at the PIN's file and the memory after a refusal; neither library nor token is asked.
const PIN_PAUSE: Duration = Duration::from_millis(250);
/// Between looks at a token that is locked or near it, or took no PIN and may have been replaced by another; the token is
/// asked for its name and flags only.
const LOCKED_PAUSE: Duration = Duration::from_millis(30_000);
/// Idle time after which every session signs a self-test: firewalls forget connections after a minute at the earliest.
const KEEP_ALIVE: Duration = Duration::from_millis(10_000);
/// A device that lived shorter does not reset the pause: one that is lost at every use must not spin.
const LIFE_MIN: Duration = Duration::from_millis(1_000);

/// The device now, if there is one, and what is said when there is none.
#[derive(Debug)]
pub(super) struct Keeper {
    key: SignerKey,
    guard: PinGuard,
    meter: Arc<Meter>,
    production: bool,
    state: Mutex<State>,
    changed: Condvar,
    recoveries: AtomicU64,
}

#[derive(Debug)]
enum State {
    Open(Arc<Generation>),
    Closed(Failure),
    Stopped,
}

/// A device and the sign that it still exists: fields are dropped in this order, so who sees the sign go knows that the
/// library is finalised.
#[derive(Debug)]
pub(super) struct Generation {
    keyring: Keyring,
    _alive: Sender<()>,
}

impl Generation {
    pub(super) fn keyring(&self) -> &Keyring {
        &self.keyring
    }
}

impl Keeper {
    pub(super) fn new(key: SignerKey, guard: PinGuard, meter: Arc<Meter>, production: bool) -> Self {
        Self {
            key,
            guard,
            meter,
            production,
            state: Mutex::new(State::Closed(Failure::TokenUnreachable)),
            changed: Condvar::new(),
            recoveries: AtomicU64::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The device, or why there is none; never waits for the library.
    pub(super) fn current(&self) -> Result<Arc<Generation>, Failure> {
        match &*self.state() {
            State::Open(generation) => Ok(Arc::clone(generation)),
            State::Closed(failure) => Err(*failure),
            State::Stopped => Err(Failure::TokenUnreachable),
        }
    }

    /// Takes a spent device out of use; it is closed when its last user lets go of it, then another is opened.
    pub(super) fn spent(&self, generation: &Arc<Generation>, cause: &KeyError) {
        let mut state = self.state();
        if matches!(&*state, State::Open(current) if Arc::ptr_eq(current, generation)) {
            warn!(%cause, "token lost, closing");
            *state = State::Closed(cause.failure());
            self.changed.notify_all();
        }
    }

    /// Openings with success after the first.
    pub(super) fn recoveries(&self) -> u64 {
        self.recoveries.load(Ordering::Relaxed)
    }

    /// Lets go of the device and ends [`Keeper::keep`].
    pub(super) fn stop(&self) {
        // Dropped after the lock: closing a device may take its time.
        let last = std::mem::replace(&mut *self.state(), State::Stopped);
        self.changed.notify_all();
        drop(last);
    }

    /// Opens, waits for the loss, opens again, until [`Keeper::stop`] or, before the first success, until only the
    /// configuration can help.
    pub(super) fn keep(&self, events: &Sender<Event>) {
        let (mut pause, mut opened_before, mut said) = (PAUSE_MIN, false, String::new());
        loop {
            match self.open() {
                Ok((generation, gone)) => {
                    let began = Instant::now();
                    if opened_before {
                        self.recoveries.fetch_add(1, Ordering::Relaxed);
                    }
                    opened_before = true;
                    said.clear();
                    let stopped = self.use_up(generation, events);
                    // Disconnected: the last user has dropped it and the library is finalised.
                    let _ = gone.recv();
                    if stopped {
                        return;
                    }
                    if self.key.sealed_file().is_some() {
                        // This process opens no file any more: the next one does.
                        let _ = events.send(Event::Fatal(SealedError::Fault.into()));
                        return;
                    }
                    if began.elapsed() >= LIFE_MIN {
                        pause = PAUSE_MIN;
                    }
                }
                Err(cause) => {
                    let text = cause.to_string();
                    // A pause goes on in silence: what began it has been said.
                    let goes_on =
                        matches!(cause, KeyError::Token(TokenError::LoginPaced { .. })) && !said.is_empty();
                    if text != said && !goes_on {
                        error!(failure = cause.failure().as_str(), cause = text, "the key cannot be opened");
                        notify(&[NotifyState::Status(&text)]);
                        said = text;
                    }
                    // What was good once is not the configuration's fault: a token that goes may leave half of a key.
                    // And a PIN's file may be missing for a moment while it is replaced, but not at the start.
                    let fatal = !opened_before && (cause.is_configuration() || cause.is_secret());
                    self.close(cause.failure());
                    let wait = match &cause {
                        KeyError::Token(TokenError::PinRefused(
                            PinRefusal::FinalTry { .. } | PinRefusal::Locked { .. },
                        )) => LOCKED_PAUSE,
                        cause if cause.failure() == Failure::PinRefused => PIN_PAUSE,
                        _ => pause,
                    };
                    let marker = cause.marker().map(Path::to_owned);
                    let _ = events.send(if fatal { Event::Fatal(cause) } else { Event::Tried });
                    if fatal {
                        return;
                    }
                    let stopped = match marker {
                        Some(marker) => self.wait_for_pin(&marker),
                        None => self.pause(wait),
                    };
                    if stopped {
                        return;
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Waits until the PIN may be tried, or until it is time to look whether another token is there; true if the process
    /// stops.
    fn wait_for_pin(&self, marker: &Path) -> bool {
        let began = Instant::now();
        while began.elapsed() < LOCKED_PAUSE {
            if self.pause(PIN_PAUSE) {
                return true;
            }
            if !self.guard.is_held(marker, &self.key.pin) {
                break;
            }
        }
        false
    }

    fn open(&self) -> Result<(Generation, Receiver<()>), KeyError> {
        let keyring = Keyring::open(&self.key, &self.guard, &self.meter, self.production)?;
        let key = keyring.description();
        let place = &key.token.label;
        info!(key = key.key, keyring = key.keyring.name(), token = place, sessions = key.sessions, algorithm = ?key.algorithm, "key open");
        let place =
            if key.keyring.is_token() { format!("dans le token {place}") } else { format!("du fichier {place}") };
        notify(&[NotifyState::Status(&format!("clé {} ouverte {place}", key.key))]);
        let (alive, gone) = mpsc::channel();
        Ok((Generation { keyring, _alive: alive }, gone))
    }

    /// Puts a device in use until it is spent; true if the process stops.
    fn use_up(&self, generation: Generation, events: &Sender<Event>) -> bool {
        let mut state = self.state();
        if matches!(*state, State::Stopped) {
            return true;
        }
        *state = State::Open(Arc::new(generation));
        // Said only now: who is told of readiness finds the device.
        let _ = events.send(Event::Tried);
        loop {
            let signatures = self.meter.signatures();
            let waited =
                self.changed.wait_timeout_while(state, KEEP_ALIVE, |state| matches!(state, State::Open(_)));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            let State::Open(generation) = &*state else { return matches!(*state, State::Stopped) };
            let generation = Arc::clone(generation);
            drop(state);
            // Not under the lock: the library may take its time, and the watch ends a process whose library hangs.
            if self.meter.signatures() == signatures
                && let Err(cause) = generation.keyring().keep_alive()
            {
                self.spent(&generation, &cause);
            }
            drop(generation);
            state = self.state();
        }
    }

    /// Answers `failure` from now on.
    fn close(&self, failure: Failure) {
        let mut state = self.state();
        if !matches!(*state, State::Stopped) {
            *state = State::Closed(failure);
        }
    }

    /// Waits before the next opening; true if the process stops.
    fn pause(&self, wait: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), wait, |state| !matches!(state, State::Stopped));
        matches!(*waited.unwrap_or_else(PoisonError::into_inner).0, State::Stopped)
    }
}
