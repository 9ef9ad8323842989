//! Open sessions: a 256-bit secret each, of which only the hash is kept; the ledger keeps them beyond a restart.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant as Moment};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::policy::denial::{Denial, Reason};
use crate::policy::session::Session;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// Bytes of a session's secret.
const SECRET_LEN: usize = 32;
/// How long an expired session still answers `session-expired` rather than `session-unknown`, while there is room.
const EXPIRED_KEPT: Duration = Duration::from_secs(3600);

/// A session with where its trace is.
#[derive(Debug)]
pub(super) struct Traced {
    pub(super) session: Arc<Session>,
    /// Index of the entry that opened it.
    pub(super) entry: u64,
    /// The practitioner's chain.
    pub(super) chain: Digest,
    /// The convention that it was decided by.
    pub(super) convention: Digest,
}

/// A session's secret as text, and its hash.
pub(super) struct Secret {
    pub(super) text: Zeroizing<String>,
    pub(super) hash: Digest,
}

impl Secret {
    /// Draws a secret; None: the system gives no random bytes.
    pub(super) fn draw() -> Option<Self> {
        let mut secret = Zeroizing::new([0u8; SECRET_LEN]);
        aws_lc_rs::rand::fill(secret.as_mut()).ok()?;
        let text = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_ref()));
        let hash = hash(&text);
        Some(Self { text, hash })
    }
}

type Hash = Digest;

/// The sessions of all applications. Those of one that left the register stay until they end: it may come back.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<HashMap<u32, Open>>,
    lifetime_max: Duration,
    per_application_max: usize,
}

/// The sessions of one application.
#[derive(Debug, Default)]
struct Open {
    by_hash: HashMap<Hash, Kept>,
    /// In the order of their ends by the steady clock.
    ends: BTreeSet<(Moment, Hash)>,
}

/// A session ends by the clock of the day, which its login is told in, and by the steady one, which no jump brings back:
/// a nonce may be forgotten only when no session of its time can live again.
#[derive(Debug)]
struct Kept {
    traced: Arc<Traced>,
    ends: Moment,
}

impl Sessions {
    /// At most `per_application_max` sessions of each application (Unix user), none longer than `lifetime_max`.
    pub(super) fn new(lifetime_max: Duration, per_application_max: usize) -> Self {
        Self { open: Mutex::default(), lifetime_max, per_application_max }
    }

    /// Whether the application `uid` may have one more session; some must end or expire first if not.
    pub(super) fn has_room(&self, uid: u32) -> bool {
        let mut all = self.all();
        let open = all.entry(uid).or_default();
        let moment = Moment::now();
        if let Some(past) = moment.checked_sub(EXPIRED_KEPT) {
            open.forget(past);
        }
        if open.ends.len() >= self.per_application_max {
            open.forget(moment);
        }
        open.ends.len() < self.per_application_max
    }

    /// Keeps a session that the ledger has.
    pub(super) fn keep(&self, hash: Digest, traced: Traced, now: Instant) {
        let mut all = self.all();
        let open = all.entry(traced.session.application()).or_default();
        let lifetime_ms = u64::try_from(traced.session.expires_at().ms_since(now)).unwrap_or_default();
        let ends = Moment::now() + Duration::from_millis(lifetime_ms).min(self.lifetime_max);
        open.ends.insert((ends, hash));
        open.by_hash.insert(hash, Kept { traced: Arc::new(traced), ends });
    }

    /// The open session of that secret, if it is the application's own.
    ///
    /// # Errors
    /// Unknown (also: another application's), or expired.
    pub(super) fn find(&self, uid: u32, secret: &str, now: Instant) -> Result<Arc<Traced>, Denial> {
        let all = self.all();
        let kept = all.get(&uid).and_then(|open| open.by_hash.get(&hash(secret))).ok_or_else(unknown)?;
        if now >= kept.traced.session.expires_at() || Moment::now() >= kept.ends {
            let message = "cette session est échue ; le professionnel doit s'authentifier de nouveau";
            return Err(Denial::new(Reason::SessionExpired, message));
        }
        Ok(Arc::clone(&kept.traced))
    }

    /// Exchanges the application's open session of that secret for the same one under another convention: it ends no later.
    pub(super) fn renew(&self, uid: u32, secret: &str, traced: Arc<Traced>, now: Instant) {
        let hash = hash(secret);
        let mut all = self.all();
        let Some(open) = all.get_mut(&uid) else { return };
        let Some(Kept { ends, .. }) = open.by_hash.remove(&hash) else { return };
        open.ends.remove(&(ends, hash));
        let left_ms = u64::try_from(traced.session.expires_at().ms_since(now)).unwrap_or_default();
        let ends = ends.min(Moment::now() + Duration::from_millis(left_ms));
        open.ends.insert((ends, hash));
        open.by_hash.insert(hash, Kept { traced, ends });
    }

    /// Ends the application's session of that secret.
    ///
    /// # Errors
    /// Unknown (also: another application's).
    pub(super) fn close(&self, uid: u32, secret: &str) -> Result<(Digest, Arc<Traced>), Denial> {
        let hash = hash(secret);
        let traced = self.end(uid, hash).ok_or_else(unknown)?;
        Ok((hash, traced))
    }

    /// The sessions of all applications that `of` means: hash and trace.
    pub(super) fn those(&self, of: impl Fn(&Session) -> bool) -> Vec<(Digest, Arc<Traced>)> {
        let all = self.all();
        let kept = all.values().flat_map(|open| &open.by_hash).filter(|(_, kept)| of(&kept.traced.session));
        kept.map(|(hash, kept)| (*hash, Arc::clone(&kept.traced))).collect()
    }

    /// Ends the application's session of that hash; gives it, if it was there.
    pub(super) fn end(&self, uid: u32, hash: Digest) -> Option<Arc<Traced>> {
        let mut all = self.all();
        let open = all.get_mut(&uid)?;
        let kept = open.by_hash.remove(&hash)?;
        open.ends.remove(&(kept.ends, hash));
        Some(kept.traced)
    }

    /// Ends all of them: a new time begins, and their ends were told by the old one.
    pub(super) fn end_all(&self) {
        self.all().clear();
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u32, Open>> {
        // Nothing under this lock panics but for memory.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Forgets the sessions that ended by `moment`; costs their number, not everybody's.
    fn forget(&mut self, moment: Moment) {
        while let Some((ends, hash)) = self.ends.first().copied()
            && ends <= moment
        {
            self.ends.pop_first();
            self.by_hash.remove(&hash);
        }
    }
}

fn unknown() -> Denial {
    Denial::new(Reason::SessionUnknown, "cette session est inconnue ; ouvrez-en une avec OpenSession")
}

fn hash(secret: &str) -> Hash {
    // The look-up is by hash: its time tells nothing of the secret.
    Digest::of(&[secret.as_bytes()])
}
