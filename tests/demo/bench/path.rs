//! The whole path over the socket: rate, latencies, and what each process spends on a token.

use std::time::Duration;

use nix::unistd::Pid;
use serde_json::{Value, json};

use super::load::{self, Loaded};
use super::{cpu, signers};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;

/// An establishment whose programs run.
pub(super) struct Running<'r> {
    pub(super) establishment: &'r Establishment,
    pub(super) daemons: &'r Daemons,
}

/// Counters of one moment, in microseconds of CPU but for the last three.
#[derive(Clone, Copy)]
struct Counters {
    signers_us: f64,
    sceaud_us: f64,
    ledger_us: f64,
    c_sign_us: f64,
    signatures: f64,
    entries: f64,
    commits: f64,
}

impl Running<'_> {
    fn signer_pids(&self) -> Vec<Pid> {
        self.daemons.signers.iter().map(|signer| signer.pid()).collect()
    }

    fn count(&self) -> Counters {
        let sceaud = self.daemons.sceaud.pid();
        let stats: Vec<_> =
            self.daemons.signers.iter().map(|signer| signers::stats(self.establishment, &signer.name)).collect();
        Counters {
            signers_us: cpu::microseconds(&self.signer_pids()),
            sceaud_us: cpu::microseconds(&[sceaud]),
            ledger_us: cpu::of_thread(sceaud, "ledger"),
            c_sign_us: stats.iter().map(|stats| stats.sign_cpu_ns).sum::<u64>() as f64 / 1000.0,
            signatures: stats.iter().map(|stats| stats.signatures).sum::<u64>() as f64,
            entries: self.establishment.client().status()["entries"].as_f64().unwrap(),
            commits: commits(self.establishment),
        }
    }

    /// Resident memory that is the processes' own, in KiB.
    pub(super) fn resident_kib(&self) -> f64 {
        let audit = self.daemons.audit.iter().map(|audit| audit.pid());
        let all = self.signer_pids().into_iter().chain(audit).chain([self.daemons.sceaud.pid()]);
        all.map(crate::soak::resident_kib).sum()
    }

    /// One window of a closed loop, or of an open one at that many requests a second.
    pub(super) fn window(&self, connections: usize, time: Duration, per_second: Option<f64>) -> Value {
        let pace = per_second.map(|rate| Duration::from_secs_f64(connections as f64 / rate));
        let before = self.count();
        let loaded = load::run(self.establishment, connections, time, pace);
        let after = self.count();
        told(connections, &loaded, before, after)
    }
}

fn told(connections: usize, loaded: &Loaded, before: Counters, after: Counters) -> Value {
    let tokens = loaded.issued.max(1) as f64;
    let each = |of: fn(&Counters) -> f64| (of(&after) - of(&before)) / tokens;
    let (signers_us, c_sign_us, sceaud_us) =
        (each(|c| c.signers_us), each(|c| c.c_sign_us), each(|c| c.sceaud_us));
    json!({
        "connections": connections,
        "issued": loaded.issued,
        "busy": loaded.busy,
        "failed": loaded.failed,
        "per_second": tokens / loaded.seconds,
        "p50_ms": loaded.percentile_ms(0.50),
        "p99_ms": loaded.percentile_ms(0.99),
        "p999_ms": loaded.percentile_ms(0.999),
        "busy_p50_ms": loaded.busy_percentile_ms(0.50),
        "busy_p99_ms": loaded.busy_percentile_ms(0.99),
        "c_sign_us": c_sign_us,
        "signer_us": signers_us - c_sign_us,
        "sceaud_us": sceaud_us,
        "ledger_us": each(|c| c.ledger_us),
        "own_us": signers_us - c_sign_us + sceaud_us,
        "total_us": signers_us + sceaud_us,
        "client_us": loaded.client_us / tokens,
        "signatures": after.signatures - before.signatures,
        "entries_per_commit": (after.entries - before.entries) / (after.commits - before.commits).max(1.0),
    })
}

/// Transactions of the ledger so far: what its readers tell changes by (SQLite's WAL index, `iChange`). Its own housekeeping is
/// among them.
fn commits(establishment: &Establishment) -> f64 {
    let index = std::fs::read(establishment.folder.join("ledger/ledger.sqlite-shm")).unwrap_or_default();
    let counter = index.get(8..).and_then(<[u8]>::first_chunk::<4>).copied().unwrap_or_default();
    f64::from(u32::from_ne_bytes(counter))
}
