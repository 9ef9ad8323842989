//! Limits of the door, each with a unit and a reason; all may be set under `[limits]`.

use std::time::Duration;

use serde::Deserialize;

use crate::policy::breach::Breach;
use crate::policy::load::SHARE_PERCENT_MAX;
use crate::sys::frames::Patience;

/// Largest number that any count may be set to: beyond, memory is no longer bounded by a limit but by the machine.
const COUNT_MAX: usize = 10_000_000;

/// Longest time in milliseconds that a login may be ahead: clocks that differ by more are to be set, not borne.
const LOGIN_FUTURE_MAX_MS: u64 = 60_000;

/// Longest trial of signers in milliseconds: nothing is issued meanwhile.
const TRIAL_MAX_MS: u64 = 10_000;

/// Most entries between two checkpoints: an hour at three hundred tokens a second.
const CHECKPOINT_ENTRIES_MAX: u64 = 1_000_000;

/// What `sceaud` bears before it sheds load or hangs up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of everybody together: each costs a task and a descriptor.
    pub connections_max: usize,
    /// Connections of one registered application, so that one cannot take every place.
    pub connections_per_application_max: usize,
    /// Connections of one Unix user that is no application: Status is all they need.
    pub connections_per_stranger_max: usize,
    /// Issues under way at once; beyond, `Busy`.
    pub requests_in_flight_max: usize,
    /// Issues under way of one application, so that a flood of one leaves room for the others.
    pub requests_in_flight_per_application_max: usize,
    /// Share in percent of the issues under way and of the nonces of an application that emergencies alone may use (bris de
    /// glace, centre 15), so that they pass while the others are told to come back.
    pub emergency_share_percent: usize,
    /// From a frame's first byte to its NUL: a slow writer loses its connection, not its place in a hospital's day.
    pub frame_read_ms: u64,
    /// For the peer to take an answer.
    pub answer_write_ms: u64,
    /// Silence between frames after which a connection is closed; applications reconnect.
    pub idle_ms: u64,
    /// Waiting for a place among what the signers seal in time; beyond, `Busy`, and at once to who would wait for longer.
    pub queue_ms: u64,
    /// From asking a signer to its signature; slower means hung.
    pub signature_ms: u64,
    /// At the start, for trying how many of a key's signer processes and sessions sign at once; 0: all of them, untried. The
    /// first assertion waits for it.
    pub trial_ms: u64,
    /// How far ahead of our clock a login may be (contract, time tolerances).
    pub login_future_max_ms: u64,
    /// Open sessions of one application: about 150 bytes each.
    pub sessions_per_application_max: usize,
    /// Nonces remembered for one application: about 70 bytes each; beyond, `Busy`.
    pub nonces_per_application_max: usize,
    /// How long SIGTERM waits for what is under way.
    pub shutdown_ms: u64,
    /// Entries after which a checkpoint is due: what an officer's newest one may lack under load.
    pub checkpoint_entries_max: u64,
    /// Time after which one is due once anything was written: what it may lack on a quiet day. A TPM signs in a tenth of it.
    pub checkpoint_ms_max: u64,
    /// How often the key files of identity providers are looked at: what a rotation, or a key that was withdrawn, waits.
    pub jwks_reload_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 2048,
            connections_per_application_max: 1024,
            connections_per_stranger_max: 8,
            requests_in_flight_max: 1024,
            requests_in_flight_per_application_max: 512,
            emergency_share_percent: 10,
            frame_read_ms: 5_000,
            answer_write_ms: 5_000,
            idle_ms: 3_600_000,
            queue_ms: 1_000,
            signature_ms: 2_000,
            trial_ms: 1_000,
            login_future_max_ms: 2_000,
            sessions_per_application_max: 100_000,
            nonces_per_application_max: 1_000_000,
            shutdown_ms: 5_000,
            checkpoint_entries_max: 1_024,
            checkpoint_ms_max: 10_000,
            jwks_reload_ms: 10_000,
        }
    }
}

impl Limits {
    /// How long a peer's frames are waited for.
    #[must_use]
    pub fn patience(&self) -> Patience {
        Patience { idle: Duration::from_millis(self.idle_ms), frame: Duration::from_millis(self.frame_read_ms) }
    }

    /// Limits under which nobody could be served, or that protect nothing: each with its value and its range.
    #[must_use]
    pub fn check(&self) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut refuse = |name, value: u64, range: String| {
            breaches.push(Breach::of(
                "bad-value",
                "limits",
                name,
                format!("[limits] {name} = {value} : attendu {range}"),
            ));
        };
        let counts = [
            ("connections_max", self.connections_max),
            ("connections_per_application_max", self.connections_per_application_max),
            ("connections_per_stranger_max", self.connections_per_stranger_max),
            ("requests_in_flight_max", self.requests_in_flight_max),
            ("requests_in_flight_per_application_max", self.requests_in_flight_per_application_max),
            ("sessions_per_application_max", self.sessions_per_application_max),
            ("nonces_per_application_max", self.nonces_per_application_max),
        ];
        for (name, value) in counts {
            if !(1..=COUNT_MAX).contains(&value) {
                refuse(name, u64::try_from(value).unwrap_or(u64::MAX), format!("1 à {COUNT_MAX}"));
            }
        }
        let times = [
            ("frame_read_ms", self.frame_read_ms, 60_000),
            ("answer_write_ms", self.answer_write_ms, 60_000),
            ("idle_ms", self.idle_ms, 24 * 3_600_000),
            ("queue_ms", self.queue_ms, 60_000),
            ("signature_ms", self.signature_ms, 60_000),
            ("shutdown_ms", self.shutdown_ms, 60_000),
            ("checkpoint_ms_max", self.checkpoint_ms_max, 3_600_000),
            ("jwks_reload_ms", self.jwks_reload_ms, 3_600_000),
        ];
        if !(1..=CHECKPOINT_ENTRIES_MAX).contains(&self.checkpoint_entries_max) {
            refuse("checkpoint_entries_max", self.checkpoint_entries_max, format!("1 à {CHECKPOINT_ENTRIES_MAX}"));
        }
        if self.emergency_share_percent > SHARE_PERCENT_MAX {
            let value = u64::try_from(self.emergency_share_percent).unwrap_or(u64::MAX);
            refuse("emergency_share_percent", value, format!("0 à {SHARE_PERCENT_MAX}"));
        }
        if self.trial_ms > TRIAL_MAX_MS {
            refuse("trial_ms", self.trial_ms, format!("0 à {TRIAL_MAX_MS}"));
        }
        // Then no login is ahead of our clock.
        if self.login_future_max_ms > LOGIN_FUTURE_MAX_MS {
            refuse("login_future_max_ms", self.login_future_max_ms, format!("0 à {LOGIN_FUTURE_MAX_MS}"));
        }
        for (name, value, max) in times {
            if !(1..=max).contains(&value) {
                refuse(name, value, format!("1 à {max} millisecondes"));
            }
        }
        breaches
    }
}
