//! The bench: one run, one report. Figures are ratios and CPU per token; the machine's mood moves absolute rates.

pub(crate) mod attest;
pub(crate) mod cpu;
mod deciding;
mod disk;
mod forging;
pub(crate) mod gate;
pub(crate) mod load;
mod raw;
pub(crate) mod relay;
mod signers;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::stage::{FOLDER, Stage};

pub(crate) use raw::child;

/// How long each figure is measured: some thousand signatures.
const MEASURED: Duration = Duration::from_secs(5);
/// Connections in the closed loop.
const CONNECTIONS: [usize; 4] = [1, 2, 8, 64];
/// Aim of issue: our own CPU per token outside the signature, in microseconds.
const OWN_CPU_AIM_US: f64 = 60.0;
/// Aim: forging alone, in microseconds.
const FORGING_AIM_US: f64 = 10.0;
/// Aim: the ledger's own thread for each token, in microseconds, at the most connections.
const LEDGER_AIM_US: f64 = 15.0;

/// Measures, prints the table, and leaves it as JSON in `target/bench.json`.
pub(crate) fn bench() -> Result<(), Failure> {
    let stage = Stage::set()?;
    let forging_us = forging::microseconds_per_assertion();
    println!("\nForge seule : {forging_us:.1} µs par assertion (visée ≤ {FORGING_AIM_US} µs)\n");
    let mut report = vec![("forging_us", json!(forging_us)), ("deciding", deciding(&stage))];

    println!("{:<34} {:>10} {:>16}", "C_Sign du module, même clé", "par s", "CPU µs/signature");
    let mut raws = Vec::new();
    for processes in [1, 2] {
        let raw = raw::measure(&stage.establishment, raw::Key::Seal, processes, MEASURED);
        println!(
            "{:<34} {:>10.0} {:>16.0}",
            format!("{processes} processus, 1 session"),
            raw.per_second,
            raw.cpu_us
        );
        raws.push(json!({ "processes": processes, "per_second": raw.per_second, "cpu_us": raw.cpu_us }));
    }
    report.push(("raw", json!(raws)));
    let raw_best = raws.iter().filter_map(|raw| raw["per_second"].as_f64()).fold(0.0, f64::max);

    println!(
        "\n{:<12} {:>8} {:>8} {:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "connexions",
        "VIHF/s",
        "/brut",
        "p50 ms",
        "p99 ms",
        "C_Sign µs",
        "signer µs",
        "sceaud µs",
        "nôtre µs",
        "journal µs",
        "occupé"
    );
    let mut paths = Vec::new();
    for connections in CONNECTIONS {
        let path = whole_path(&stage, connections)?;
        let of = |name: &str| path[name].as_f64().unwrap_or_default();
        println!(
            "{:<12} {:>8.0} {:>8.2} {:>8.2} {:>8.2} {:>10.0} {:>10.1} {:>10.1} {:>10.1} {:>10.1} {:>8}",
            connections,
            of("per_second"),
            of("per_second") / raw_best,
            of("p50_ms"),
            of("p99_ms"),
            of("c_sign_us"),
            of("signer_us"),
            of("sceaud_us"),
            of("own_us"),
            of("ledger_us"),
            path["busy"]
        );
        paths.push(path);
    }
    println!(
        "\n« nôtre » : CPU de tous nos processus hors C_Sign, par VIHF (visée ≤ {OWN_CPU_AIM_US} µs) ; client à part."
    );
    println!("« journal » : le fil qui écrit le journal, par VIHF (visée ≤ {LEDGER_AIM_US} µs à 64 connexions).");
    let most = paths.last().and_then(|path| path["per_second"].as_f64()).unwrap_or(1.0);
    report.push(("half_load", half_load(&stage, most)));
    report.push(("path", json!(paths)));
    report.push(("ledger_aim_us", json!(LEDGER_AIM_US)));
    report.push(("own_cpu_aim_us", json!(OWN_CPU_AIM_US)));
    let report: serde_json::Map<String, Value> = report.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let file = Path::new(FOLDER).with_file_name("bench.json");
    std::fs::write(&file, format!("{:#}\n", Value::Object(report)))
        .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
    println!("Rapport : {}", file.display());
    Ok(())
}

/// The decisions alone, with a register of the largest hospitals.
fn deciding(stage: &Stage) -> Value {
    let decided = deciding::measure(&stage.establishment);
    let (crowd, aim) = (deciding::CROWD, deciding::AIM_US);
    println!(
        "Décider seul, {crowd} professionnels au registre (visée ≤ {aim} µs) : session {:.1} µs, assertion {:.1} µs",
        decided.open_us, decided.issue_us
    );
    println!(
        "Session prouvée : {:.1} µs, dont {} signature(s) ES256 vérifiée(s) ; {} par assertion",
        decided.prove_us, decided.checks[0], decided.checks[1]
    );
    println!("Import : {crowd} lignes de CSV jugées en {:.0} ms\n", decided.import_ms);
    json!({
        "practitioners": crowd, "aim_us": aim, "open_us": decided.open_us, "prove_us": decided.prove_us,
        "issue_us": decided.issue_us, "checks_per_session": decided.checks[0], "checks_per_assertion": decided.checks[1],
        "import_ms": decided.import_ms,
    })
}

/// An issue at half of what was had at most, beside the bare disk of the same moment.
fn half_load(stage: &Stage, most_per_second: f64) -> Value {
    let connections = CONNECTIONS.last().copied().unwrap_or(1);
    let pace = Duration::from_secs_f64(connections as f64 / (most_per_second / 2.0));
    let before = disk::fdatasync_ms(&stage.establishment.folder.join("ledger"), MEASURED / 2, 0.99);
    let loaded = load::run(&stage.establishment, connections, MEASURED, Some(pace));
    let after = disk::fdatasync_ms(&stage.establishment.folder.join("ledger"), MEASURED / 2, 0.99);
    let (p50, p99) = (loaded.percentile_ms(0.50), loaded.percentile_ms(0.99));
    let disk_ms = before.max(after);
    println!(
        "\nÀ mi-charge ({:.0} VIHF/s) : p50 {p50:.2} ms, p99 {p99:.2} ms ; fdatasync seul (4 ko, même dossier) : p99 {disk_ms:.2} ms",
        loaded.issued as f64 / loaded.seconds
    );
    json!({
        "per_second": loaded.issued as f64 / loaded.seconds, "p50_ms": p50, "p99_ms": p99, "busy": loaded.busy,
        "fdatasync_p99_ms": { "before": before, "after": after },
    })
}

/// The whole path over the socket in a closed loop of `connections`.
fn whole_path(stage: &Stage, connections: usize) -> Result<Value, Failure> {
    let daemons = stage.daemons();
    let signers: Vec<_> = daemons.signers.iter().map(|signer| signer.pid()).collect();
    let sceaud = daemons.sceaud.pid();
    let counted =
        || -> Vec<_> { daemons.signers.iter().map(|s| signers::stats(&stage.establishment, &s.name)).collect() };
    load::run(&stage.establishment, connections, MEASURED / 5, None);
    let (stats, signers_before, sceaud_before) =
        (counted(), cpu::microseconds(&signers), cpu::microseconds(&[sceaud]));
    let ledger_before = cpu::of_thread(sceaud, "ledger");
    let loaded = load::run(&stage.establishment, connections, MEASURED, None);
    let (signers_us, sceaud_us) =
        (cpu::microseconds(&signers) - signers_before, cpu::microseconds(&[sceaud]) - sceaud_before);
    let ledger_us = cpu::of_thread(sceaud, "ledger") - ledger_before;
    let after = counted();
    if loaded.issued == 0 {
        return Err(Failure::negative("aucun VIHF n'a été obtenu : voir target/demo/log"));
    }
    let tokens = loaded.issued as f64;
    let sum = |of: fn(&sceau::seal::wire::Stats) -> u64| {
        after.iter().map(of).sum::<u64>() as f64 - stats.iter().map(of).sum::<u64>() as f64
    };
    let c_sign_us = sum(|s| s.sign_cpu_ns) / 1000.0;
    Ok(json!({
        "connections": connections,
        "issued": loaded.issued,
        "busy": loaded.busy,
        "per_second": tokens / loaded.seconds,
        "p50_ms": loaded.percentile_ms(0.50),
        "p99_ms": loaded.percentile_ms(0.99),
        "signatures": sum(|s| s.signatures),
        "c_sign_us": c_sign_us / tokens,
        "signer_us": (signers_us - c_sign_us) / tokens,
        "sceaud_us": sceaud_us / tokens,
        "ledger_us": ledger_us / tokens,
        "own_us": (signers_us - c_sign_us + sceaud_us) / tokens,
    }))
}
