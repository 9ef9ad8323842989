//! The soak: blows to the signers for minutes, then half an hour at 70 % of what the machine can do; nothing may grow.
//!
//! Sessions and nonces live some minutes here, so that what is remembered of them is level long before the judgement.

use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde_json::json;

use crate::Failure;
use crate::bench::{disk, load};
use crate::stage::{FOLDER, Stage};
use crate::support::chaos;

/// Oldest login in milliseconds; the callers' are a minute old, so that a session outlives a part.
const LOGIN_AGE_MS: i64 = 240_000;
/// Shorter runs say nothing of memory: what is remembered of nonces is not level before.
const JUDGED_FROM: Duration = Duration::from_secs(900);
/// Share of the time that goes to blows.
const BLOWS_SHARE: u32 = 10;
/// Load, as a share of what a closed loop gets.
const LOAD: f64 = 0.70;
/// Callers of the steady load.
const CONNECTIONS: usize = 64;
/// Parts of the steady time, each measured alone.
const PARTS: u32 = 30;
/// What the second half may have more than the middle of the first, in resident memory of all processes.
const GROWTH_MAX: f64 = 1.05;
/// Beside that, in KiB: the allocator's own breath.
const BREATH_KIB: f64 = 4096.0;
/// p99 of the last third against the first one's, at most: a drift, not the machine's mood.
const DRIFT_MAX: f64 = 2.0;

/// One part of the steady time.
struct Part {
    per_second: f64,
    p99_ms: f64,
    /// p99 of a single block synced beside the load.
    disk_ms: f64,
    resident_kib: f64,
    descriptors: usize,
}

/// Runs for so many seconds; 1 if anything grew, drifted, was lost, doubled or false.
pub(crate) fn soak(seconds: &str) -> Result<(), Failure> {
    let total = seconds.parse().map(Duration::from_secs).map_err(|_| Failure::usage("durée en secondes"))?;
    let stage = Stage::set_with(|plan| {
        plan.edit_config(|config| {
            for service in config["service"].as_array_mut().unwrap() {
                service.as_table_mut().unwrap().insert("login_age_max_ms".into(), LOGIN_AGE_MS.into());
            }
            config["declaration"]["login_age_max_ms"] = LOGIN_AGE_MS.into();
        })
    })?;
    let (of, daemons) = (&stage.establishment, stage.daemons());
    let sceaud = daemons.sceaud.pid();
    let (issued, refused, blows) = chaos::run(of, daemons, total / BLOWS_SHARE);
    println!(
        "Coups aux signataires : {blows} en {} s ; {issued} VIHF, {refused} refus ; aucun perdu, double ni faux",
        (total / BLOWS_SHARE).as_secs()
    );
    let most = load::run(of, CONNECTIONS, Duration::from_secs(5), None);
    let rate = most.issued as f64 / most.seconds * LOAD;
    println!("Capacité {:.0} VIHF/s ; charge tenue {rate:.0} VIHF/s", most.issued as f64 / most.seconds);
    println!(
        "{:>6} {:>10} {:>10} {:>10} {:>14} {:>14}",
        "min", "VIHF/s", "p99 ms", "disque ms", "mémoire Kio", "descripteurs"
    );
    let (began, mut parts) = (Instant::now(), Vec::new());
    let pace = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    for _ in 0..PARTS {
        let (loaded, disk_ms) =
            disk::beside(&of.folder, 0.99, || load::run(of, CONNECTIONS, total / PARTS, Some(pace)));
        let programs = daemons.signers.iter().chain(&daemons.audit).chain([&daemons.sceaud]);
        let pids: Vec<Pid> = programs.map(|program| program.pid()).collect();
        let part = Part {
            per_second: loaded.issued as f64 / loaded.seconds,
            p99_ms: loaded.percentile_ms(0.99),
            disk_ms,
            resident_kib: pids.iter().map(|pid| resident_kib(*pid)).sum(),
            descriptors: pids.iter().map(|pid| descriptors(*pid)).sum(),
        };
        let minutes = began.elapsed().as_secs_f64() / 60.0;
        println!(
            "{minutes:>6.1} {:>10.0} {:>10.2} {:>10.2} {:>14.0} {:>14}",
            part.per_second, part.p99_ms, part.disk_ms, part.resident_kib, part.descriptors
        );
        parts.push(part);
    }
    let report: Vec<_> = parts
        .iter()
        .map(|p| json!({"per_second": p.per_second, "p99_ms": p.p99_ms, "disk_p99_ms": p.disk_ms, "resident_kib": p.resident_kib, "descriptors": p.descriptors}))
        .collect();
    let file = std::path::Path::new(FOLDER).with_file_name("soak.json");
    let report =
        json!({"seconds": total.as_secs(), "blows": blows, "refused_under_blows": refused, "parts": report});
    std::fs::write(&file, format!("{report:#}\n"))
        .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
    if daemons.sceaud.pid() != sceaud || daemons.sceaud.starts() != 1 {
        return Err(Failure::negative("sceaud a été relancé"));
    }
    judge(&parts, total >= JUDGED_FROM)?;
    println!("soak: OK (rapport : {})", file.display());
    Ok(())
}

/// Nothing grew and nothing drifted.
fn judge(parts: &[Part], memory: bool) -> Result<(), Failure> {
    let third = parts.len() / 3;
    let (middle, last) = (&parts[third..2 * third], &parts[2 * third..]);
    let median = |parts: &[Part], of: fn(&Part) -> f64| {
        let mut values: Vec<f64> = parts.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let grown = |what: &str, of: fn(&Part) -> f64, factor: f64, more: f64| {
        let (before, after) = (median(middle, of), median(last, of));
        if after > before * factor + more {
            return Err(Failure::negative(format!("{what} : {before:.1} au milieu, {after:.1} à la fin")));
        }
        Ok(())
    };
    if memory {
        grown("la mémoire grandit", |part| part.resident_kib, GROWTH_MAX, BREATH_KIB)?;
    } else {
        println!("Mémoire : non jugée en moins de {} s", JUDGED_FROM.as_secs());
    }
    // The fewest of each: callers that left are still being closed when a part is looked at, a leak never is.
    let fewest = |parts: &[Part]| parts.iter().map(|part| part.descriptors).min();
    if fewest(last) > fewest(middle) {
        return Err(Failure::negative(format!(
            "les descripteurs augmentent : {:?} au milieu, {:?} à la fin",
            fewest(middle),
            fewest(last)
        )));
    }
    // Some milliseconds are any disk's.
    grown("la latence dérive", |part| part.p99_ms, DRIFT_MAX, 5.0)
}

/// Resident memory that is the process's own and not a file's: pages of the database come and go with the kernel's cache.
pub(crate) fn resident_kib(pid: Pid) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap()
}

fn descriptors(pid: Pid) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}
