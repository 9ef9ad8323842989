//! The system's clock under watch: both clocks read, judged, and what is believed of them kept beyond a restart.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use super::{clock, durable, synchronisation};
use crate::policy::clock::{Belief, Clock, Reading, Tolerances, Verdict};
use crate::vihf::instant::Instant;

/// Name of the file that holds the belief.
const FILE: &str = "clock.json";
/// How often the belief is kept: what slewing may explain after a restart grows with its age, by 0.3 s in this time.
const KEEP_EVERY_MS: i64 = 600_000;
/// Where the kernel tells one start of the machine from another (random(4)).
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// Where the unit tells it, because the sandbox hides the kernel's file (systemd.unit(5), `%b`).
const BOOT_ID_VARIABLE: &str = "SCEAU_BOOT_ID";

/// What the file holds.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    boot: String,
    offset_us: i64,
    at_ms: i64,
}

/// Watches the clock. Everything that is written down takes its time from here.
#[derive(Debug)]
pub struct Timekeeper {
    state: Mutex<State>,
    file: PathBuf,
    /// Touched at each synchronisation.
    sign: Option<PathBuf>,
    /// None: nobody tells it, and nothing is kept.
    boot: Option<String>,
}

#[derive(Debug)]
struct State {
    clock: Clock,
    /// What the clock was before an order that is not on the disk yet, and what is answered until it is.
    accepting: Option<(Clock, Verdict)>,
    /// CLOCK_BOOTTIME when the belief was kept.
    kept_ms: Option<i64>,
}

impl Timekeeper {
    /// Begins to watch; `folder` keeps the belief beyond a restart, `sign` is touched at each synchronisation.
    ///
    /// A belief that cannot be read, or is of another start of the machine, is none.
    ///
    /// # Errors
    /// The kernel does not give the time since boot.
    pub fn begin(folder: &Path, tolerances: Tolerances, sign: Option<PathBuf>) -> io::Result<Self> {
        let (file, boot) = (folder.join(FILE), boot_id());
        let kept = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let belief = kept
            .filter(|kept| boot.as_ref() == Some(&kept.boot))
            .map(|kept| Belief { offset_us: kept.offset_us, at_ms: kept.at_ms });
        let reading = read()?;
        let clock = Clock::begin(tolerances, reading, belief);
        let state = Mutex::new(State { clock, accepting: None, kept_ms: None });
        let keeper = Self { state, file, sign, boot };
        keeper.look(reading);
        Ok(keeper)
    }

    /// The ledger's newest entry is of that instant; none: it is empty.
    pub fn not_before(&self, newest: Option<Instant>) {
        if let Ok(reading) = read() {
            self.state().clock.not_before(newest, reading);
        }
    }

    /// Judges the clock as it is now: two readings of the kernel's page, no system call.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut state = self.state();
        let Ok(reading) = read() else { return Verdict::Unsynchronised { for_ms: 0 } };
        let verdict = state.clock.judge(reading);
        state.accepting.map_or(verdict, |(_, until_then)| until_then)
    }

    /// The time to write down and to decide by: where the clock should be, wherever it is.
    #[must_use]
    pub fn now(&self) -> Instant {
        let mut state = self.state();
        let Ok(reading) = read() else { return clock::now() };
        state.clock.judge(reading);
        state.clock.now(reading)
    }

    /// Looks for a sign of synchronisation, and keeps the belief when it is time, or when it is `the_last` moment.
    ///
    /// # Errors
    /// The belief was not kept; the file is as it was.
    pub fn tick(&self, the_last: bool) -> io::Result<()> {
        let reading = read()?;
        self.look(reading);
        let belief = {
            let mut state = self.state();
            state.clock.judge(reading);
            let due = state.kept_ms.is_none_or(|at| reading.boottime_ms.saturating_sub(at) >= KEEP_EVERY_MS);
            if !(due || the_last) || state.accepting.is_some() {
                return Ok(());
            }
            state.kept_ms = Some(reading.boottime_ms);
            state.clock.belief()
        };
        self.keep(belief)
    }

    fn keep(&self, belief: Option<Belief>) -> io::Result<()> {
        let Some((belief, boot)) = belief.zip(self.boot.clone()) else { return Ok(()) };
        let kept = Kept { boot, offset_us: belief.offset_us, at_ms: belief.at_ms };
        durable::replace(&self.file, &serde_json::to_vec(&kept)?, 0o600)
    }

    /// Takes the clock as it stands for right from now on; until [`Timekeeper::accepted`] the verdict stays what it was.
    ///
    /// Gives the instant at which the new time begins.
    ///
    /// # Errors
    /// What the kernel said; nothing changed.
    pub fn accept(&self) -> io::Result<Instant> {
        let mut state = self.state();
        let reading = read()?;
        let (before, verdict) = (state.clock, state.clock.judge(reading));
        state.accepting = Some((before, verdict));
        state.clock.accept(reading);
        Ok(reading.realtime)
    }

    /// The order of [`Timekeeper::accept`] is on the disk, or is not and the clock is judged as before.
    pub fn accepted(&self, recorded: bool) {
        let belief = {
            let mut state = self.state();
            let before = state.accepting.take();
            if let (Some((before, _)), false) = (before, recorded) {
                state.clock = before;
            }
            state.kept_ms = None;
            state.clock.belief()
        };
        // One that cannot be kept now is kept by the next tick.
        if recorded {
            let _ = self.keep(belief);
        }
    }

    fn look(&self, reading: Reading) {
        if let Some(sign) = &self.sign {
            let sign = synchronisation::sign(sign);
            self.state().clock.synchronised(sign, reading);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read() -> io::Result<Reading> {
    let since = clock_gettime(ClockId::CLOCK_BOOTTIME)?;
    let boottime_ms = since.tv_sec().saturating_mul(1000).saturating_add(since.tv_nsec() / 1_000_000);
    Ok(Reading { realtime: clock::now(), boottime_ms })
}

fn boot_id() -> Option<String> {
    let told = std::env::var(BOOT_ID_VARIABLE).ok().or_else(|| fs::read_to_string(BOOT_ID).ok());
    // The kernel writes it with hyphens, systemd without.
    told.map(|id| id.chars().filter(char::is_ascii_hexdigit).collect::<String>()).filter(|id| !id.is_empty())
}
