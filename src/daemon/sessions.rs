//! Open sessions: a 256-bit secret each, of which only the hash is kept. In memory until the ledger exists.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::policy::denial::{Denial, Reason};
use crate::policy::session::Session;
use crate::vihf::instant::Instant;

/// Bytes of a session's secret.
const SECRET_LEN: usize = 32;
/// How long an expired session still answers `session-expired` rather than `session-unknown`, in milliseconds.
const EXPIRED_KEPT_MS: u64 = 3_600_000;
/// Expired sessions are swept once in so many openings.
const SWEEP_EVERY: u64 = 256;

type Hash = [u8; 32];

/// The sessions of all applications.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<Open>,
    per_application_max: usize,
}

#[derive(Debug, Default)]
struct Open {
    by_hash: HashMap<Hash, Arc<Session>>,
    per_application: HashMap<u32, usize>,
    openings: u64,
}

/// No session could be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotOpened {
    /// The application has too many: some must end or expire first.
    Full,
    /// The system gives no random bytes: halt.
    Random,
}

impl Sessions {
    /// At most `per_application_max` sessions of one application.
    #[must_use]
    pub(super) fn new(per_application_max: usize) -> Self {
        Self { open: Mutex::default(), per_application_max }
    }

    /// Keeps a session and gives its secret, the only time that it exists as text.
    ///
    /// # Errors
    /// [`NotOpened`]; nothing was kept.
    pub(super) fn open(&self, session: Session, now: Instant) -> Result<Zeroizing<String>, NotOpened> {
        let mut secret = Zeroizing::new([0u8; SECRET_LEN]);
        aws_lc_rs::rand::fill(secret.as_mut()).map_err(|_| NotOpened::Random)?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let mut open = self.lock();
        open.openings += 1;
        if open.openings.is_multiple_of(SWEEP_EVERY) {
            open.sweep(now);
        }
        let uid = session.application();
        let full = |open: &Open| open.per_application.get(&uid).copied().unwrap_or(0) >= self.per_application_max;
        if full(&open) {
            open.sweep(now);
        }
        if full(&open) {
            return Err(NotOpened::Full);
        }
        *open.per_application.entry(uid).or_default() += 1;
        open.by_hash.insert(hash(&text), Arc::new(session));
        Ok(text)
    }

    /// The open session of that secret, if it is the application's own.
    ///
    /// # Errors
    /// Unknown (also: another application's), or expired.
    pub(super) fn find(&self, uid: u32, secret: &str, now: Instant) -> Result<Arc<Session>, Denial> {
        let session = self.lock().by_hash.get(&hash(secret)).map(Arc::clone);
        match session.filter(|session| session.application() == uid) {
            None => Err(unknown()),
            Some(session) if now >= session.expires_at() => Err(Denial::new(
                Reason::SessionExpired,
                "cette session est échue ; le professionnel doit s'authentifier de nouveau",
            )),
            Some(session) => Ok(session),
        }
    }

    /// Ends the application's session of that secret.
    ///
    /// # Errors
    /// Unknown (also: another application's).
    pub(super) fn close(&self, uid: u32, secret: &str) -> Result<(), Denial> {
        let hash = hash(secret);
        let mut open = self.lock();
        match open.by_hash.get(&hash) {
            Some(session) if session.application() == uid => {
                open.by_hash.remove(&hash);
                open.less(uid);
                Ok(())
            }
            _ => Err(unknown()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing under this lock panics but for memory.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn sweep(&mut self, now: Instant) {
        let per_application = &mut self.per_application;
        self.by_hash.retain(|_, session| {
            let keep = now < session.expires_at().plus_ms(EXPIRED_KEPT_MS);
            if !keep && let Some(count) = per_application.get_mut(&session.application()) {
                *count = count.saturating_sub(1);
            }
            keep
        });
    }

    fn less(&mut self, uid: u32) {
        if let Some(count) = self.per_application.get_mut(&uid) {
            *count = count.saturating_sub(1);
        }
    }
}

fn unknown() -> Denial {
    Denial::new(Reason::SessionUnknown, "cette session est inconnue ; ouvrez-en une avec OpenSession")
}

fn hash(secret: &str) -> Hash {
    // The look-up is by hash: its time tells nothing of the secret.
    digest(&SHA256, secret.as_bytes()).as_ref().try_into().unwrap_or_default()
}
