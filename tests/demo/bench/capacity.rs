//! The capacity sheet `docs/capacite.md`: each keyring and kind of key, measured; written by this program alone.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::figures::{medians, of};
use super::path::Running;
use crate::Failure;
use crate::stage::Stage;
use crate::support::key_kind::{KeyOrigin, KeyType};

/// How long each figure is measured.
const WINDOW: Duration = Duration::from_secs(2);
/// Windows of each.
const ROUNDS: usize = 3;
/// Callers.
const CONNECTIONS: usize = 64;
/// Load at which latencies are told, as a share of the most.
const LOAD: f64 = 0.70;
/// Assertions a second in the busiest minute of a university hospital: three thousand professionals at work, each opening a record
/// every five minutes. A supposition, which the sheet names.
const HOSPITAL_PER_SECOND: f64 = 10.0;
/// What is measured: keyring, its name in the sheet, kinds of keys.
const KEYRINGS: [(KeyOrigin, &str); 2] =
    [(KeyOrigin::Generated, "SoftHSM 2 (PKCS#11)"), (KeyOrigin::Sealed, "clé scellée")];

/// Measures and writes the sheet.
pub(crate) fn bench() -> Result<(), Failure> {
    let load = load_of_others();
    let mut rows = String::new();
    for (origin, name) in KEYRINGS {
        for key in KeyType::ALL {
            let stage = Stage::set_with(|plan| plan.keys(origin).key_type(key))?;
            let running = Running { establishment: &stage.establishment, daemons: stage.daemons() };
            running.window(CONNECTIONS, WINDOW / 2, None);
            let closed = median(&running, None);
            let most = of(&closed, "per_second");
            let open = median(&running, Some(most * LOAD));
            let hospitals = (most * LOAD / HOSPITAL_PER_SECOND).floor();
            let _ = writeln!(
                rows,
                "| {name} | {} | {most:.0} | {:.0} | {:.0} | {:.1} | {hospitals:.0} |",
                key.name(),
                of(&closed, "total_us"),
                of(&closed, "own_us"),
                of(&open, "p99_ms"),
            );
            println!("{name}, {} : {most:.0} VIHF/s", key.name());
        }
    }
    let sheet = sheet(&rows, &load);
    let file = "docs/capacite.md";
    std::fs::write(file, sheet).map_err(|e| Failure::negative(format!("{file} : {e}")))?;
    println!("Fiche : {file}");
    Ok(())
}

fn median(running: &Running<'_>, per_second: Option<f64>) -> Value {
    let rounds: Vec<Value> = (0..ROUNDS).map(|_| running.window(CONNECTIONS, WINDOW, per_second)).collect();
    medians(&rounds)
}

/// The machine's load of the last minute, before we are one.
fn load_of_others() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("?").replace('.', ",")
}

fn sheet(rows: &str, load: &str) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("?", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "# Fiche de capacité
<!-- Écrite par `make capacity` ; ne la changez pas à la main. -->
Mesurée sur {cores} cœurs partagés ({model}), appelants compris : {CONNECTIONS} connexions, trace sur le disque avant chaque sceau, médianes de
{ROUNDS} fenêtres de {} s. Charge de la machine pendant la minute d'avant : {load} (au-delà de
1, d'autres travaux prenaient leur part : débits et p99 sont en dessous de ce que la machine sait faire). Les rapports entre lignes tiennent d'une
machine à l'autre, les débits non : mesurez la vôtre par `make capacity`.

| clés | type | VIHF/s au plus | CPU par VIHF, µs | dont hors signature, µs | p99 à 70 % de charge, ms | hôpitaux |
|---|---|---|---|---|---|---|
{rows}
« Hôpitaux » : combien de CHU une appliance servirait à 70 % de sa charge, en supposant {HOSPITAL_PER_SECOND:.0} VIHF par seconde à la minute la plus chargée
(trois mille professionnels en poste, chacun ouvrant un dossier toutes les cinq minutes). C'est une supposition : comparez à vos propres volumes
(`sceau traces usage`).

Non mesurés ici : un HSM (réseau ou carte), dont le débit est celui de l'appareil et du nombre de sessions que l'essai du démarrage choisit (guide de
l'exploitant, section 3) ; un TPM, qui fait quelques signatures par seconde et ne scelle pas en volume.
",
        WINDOW.as_secs()
    )
}
