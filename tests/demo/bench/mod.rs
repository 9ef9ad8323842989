//! The bench: one run, one report. Figures are medians of rounds, ratios and CPU per token; the machine's mood moves absolute
//! rates. The order of what is measured is [`bench`].

mod aims;
pub(crate) mod attest;
mod callgrind;
pub(crate) mod capacity;
pub(crate) mod cpu;
mod deciding;
mod delay;
pub(crate) mod disk;
mod figures;
mod forging;
pub(crate) mod gate;
pub(crate) mod load;
mod openssl;
mod path;
mod peers;
mod plot;
mod raw;
pub(crate) mod relay;
mod report;
mod signers;

use std::time::Duration;

use serde_json::{Value, json};

use crate::Failure;
use crate::stage::Stage;
use crate::support::key_kind::KeyOrigin;

use aims::Aim;
use figures::{medians, of};
use path::Running;
use report::Report;

pub(crate) use raw::child;

/// How long each window is: some thousand signatures.
const WINDOW: Duration = Duration::from_secs(2);
/// Windows of each figure; the report has their median.
const ROUNDS: usize = 3;
/// Connections, closed and open loop.
const CONNECTIONS: [usize; 4] = [1, 8, 64, 512];
/// Connections of what is compared.
const COMPARED: usize = 64;
/// More than are served at once: load is shed.
const OVERLOAD: usize = 900;
/// Load of the open loop, as a share of the closed loop's rate.
const LOAD: f64 = 0.70;
/// Of the keys that are compared.
const KEY_BITS: u16 = 2048;

/// Measures everything, prints the table, and leaves table, JSON and plot under `target/bench/`.
pub(crate) fn bench() -> Result<(), Failure> {
    let mut report = Report::default();
    let forging_us = forging::microseconds_per_assertion();
    report.section("Forge et décision seules", json!({ "forging_us": forging_us }));
    let stage = Stage::set()?;
    report.section("Décider, vingt mille professionnels au registre", deciding(&stage));
    let openssl_us = openssl::rsa_per_second(KEY_BITS).map(|rate| 1e6 / rate);
    report.section("OpenSSL, RSA 2048, un cœur", json!({ "cpu_us": openssl_us }));
    let raws = raw_grid(&stage, &mut report);
    let c_sign_us = of(&raws[0], "cpu_us");
    let running = Running { establishment: &stage.establishment, daemons: stage.daemons() };
    let (closed, open) = whole_path(&running, &mut report);
    let overload = running.window(OVERLOAD, WINDOW, None);
    report.table("Surcharge (boucle fermée)", vec![overload.clone()]);
    report.section("Mémoire des programmes, Kio", json!({ "resident_kib": running.resident_kib() }));
    let peers = peers::measure(&running, WINDOW, openssl_us.unwrap_or(c_sign_us));
    report.table("Le même travail par d'autres (clé dans un fichier), vérifié par xmlsec1", peers.clone());
    let disk_ms = disk::fdatasync_ms(&stage.establishment.folder.join("ledger"), WINDOW, 0.99);
    report.section("Disque seul, même dossier", json!({ "fdatasync_p99_ms": disk_ms }));
    drop(stage);
    let sealed = sealed_keyring(&mut report)?;
    let delayed = delay::measure(WINDOW * 2);
    report.section("Appareil à une file (module à retard)", delayed.clone());
    match callgrind::instructions_per_token(WINDOW * 3) {
        Ok(instructions) => report.section("callgrind, sceaud", json!({ "instructions_per_token": instructions })),
        Err(why) => report.skip("callgrind", &why),
    }
    let compared = closed.iter().find(|path| of(path, "connections") == COMPARED as f64).unwrap_or(&Value::Null);
    let loaded = open.iter().find(|path| of(path, "connections") == COMPARED as f64).unwrap_or(&Value::Null);
    let signature_ms = 1000.0 / of(&raws[0], "per_second");
    report.aims(vec![
        Aim::at_most("forge seule", 10.0, forging_us, "µs"),
        Aim::at_most("CPU hors signature par VIHF, 64 connexions", 35.0, of(compared, "own_us"), "µs"),
        Aim::at_most("fil du journal par VIHF, 64 connexions", 15.0, of(compared, "ledger_us"), "µs"),
        Aim::at_most("CPU total par VIHF / C_Sign du même module", 1.10, of(compared, "total_us") / c_sign_us, ""),
        Aim::at_least("part du débit d'un appareil lent", 0.97, of(&delayed, "ratio"), ""),
        Aim::at_most(
            "p99 à 70 % de charge, contre fdatasync p99 + 3 signatures",
            disk_ms + 3.0 * signature_ms,
            of(loaded, "p99_ms"),
            "ms",
        ),
        Aim::at_most("Busy sous surcharge, p50", 1.0, of(&overload, "busy_p50_ms"), "ms"),
        Aim::at_least(
            "clé scellée, CPU : part du RSA brut d'OpenSSL",
            0.9,
            openssl_us.unwrap_or_default() / of(&sealed, "total_us"),
            "",
        ),
        Aim::at_least(
            "clé scellée, CPU : fois libxmlsec1",
            1.25,
            peers.iter().find(|peer| peer["peer"] == "libxmlsec1 en C").map_or(0.0, |peer| of(peer, "cpu_us"))
                / of(&sealed, "total_us"),
            "",
        ),
    ]);
    let mut bars: Vec<(String, f64)> = vec![
        ("Sceau, clé scellée (tout compris)".to_owned(), 1e6 / of(&sealed, "total_us")),
        ("Sceau, SoftHSM (tout compris)".to_owned(), 1e6 / of(compared, "total_us")),
        ("OpenSSL, RSA brut".to_owned(), openssl_us.map_or(0.0, |us| 1e6 / us)),
        ("C_Sign de SoftHSM, brut".to_owned(), 1e6 / c_sign_us),
    ];
    let told =
        peers.iter().filter_map(|peer| Some((peer["peer"].as_str()?.to_owned(), 1e6 / peer["cpu_us"].as_f64()?)));
    bars.extend(told);
    let line = |name| closed.iter().map(|path| (of(path, "connections"), of(path, name))).collect();
    report
        .write(&plot::svg(&bars, &[("p50", line("p50_ms")), ("p99", line("p99_ms")), ("p99,9", line("p999_ms"))]))
}

/// The module alone, at 1 to twice as many processes and sessions as there are processors.
fn raw_grid(stage: &Stage, report: &mut Report) -> Vec<Value> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let grid =
        (1..=2 * cores).map(|processes| (processes, 1)).chain((2..=2 * cores).map(|sessions| (1, sessions)));
    let rows: Vec<Value> = grid
        .map(|(processes, sessions)| {
            let rounds: Vec<Value> = (0..ROUNDS)
                .map(|_| {
                    let sessions = u16::try_from(sessions).unwrap_or(u16::MAX);
                    let raw =
                        raw::measure_with(&stage.establishment, raw::Key::Seal, (processes, sessions), WINDOW / 2, &[]);
                    json!({ "processes": processes, "sessions": sessions, "per_second": raw.per_second, "cpu_us": raw.cpu_us })
                })
                .collect();
            medians(&rounds)
        })
        .collect();
    report.table("C_Sign du module, même clé", rows.clone());
    rows
}

/// The whole path at every number of connections: closed loop, then open loop at a share of what the closed one had at most.
fn whole_path(running: &Running<'_>, report: &mut Report) -> (Vec<Value>, Vec<Value>) {
    running.window(COMPARED, WINDOW / 2, None);
    let rounds_of = |connections: usize, per_second: Option<f64>| {
        let rounds: Vec<Value> = (0..ROUNDS).map(|_| running.window(connections, WINDOW, per_second)).collect();
        medians(&rounds)
    };
    let closed: Vec<Value> = CONNECTIONS.into_iter().map(|connections| rounds_of(connections, None)).collect();
    report.table("Chemin entier, boucle fermée", closed.clone());
    let open: Vec<Value> = CONNECTIONS
        .into_iter()
        .zip(&closed)
        .map(|(n, path)| rounds_of(n, Some(of(path, "per_second") * LOAD)))
        .collect();
    report.table("Chemin entier, boucle ouverte à 70 % (latence depuis l'instant dû)", open.clone());
    (closed, open)
}

/// The same path with a key that is in no token.
fn sealed_keyring(report: &mut Report) -> Result<Value, Failure> {
    let stage = Stage::set_with(|plan| plan.keys(KeyOrigin::Sealed))?;
    let running = Running { establishment: &stage.establishment, daemons: stage.daemons() };
    running.window(COMPARED, WINDOW / 2, None);
    let rounds: Vec<Value> = (0..ROUNDS).map(|_| running.window(COMPARED, WINDOW, None)).collect();
    let sealed = medians(&rounds);
    report.table("Clé scellée (aucun token), boucle fermée", vec![sealed.clone()]);
    Ok(sealed)
}

/// The whole path alone, at so many connections: what a profiler is put to.
pub(crate) fn path_alone(connections: &str) -> Result<(), Failure> {
    let connections = connections.parse().map_err(|_| Failure::usage("nombre de connexions"))?;
    let stage = Stage::set()?;
    let running = Running { establishment: &stage.establishment, daemons: stage.daemons() };
    running.window(connections, WINDOW / 2, None);
    println!("{:#}", running.window(connections, WINDOW * 2, None));
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
