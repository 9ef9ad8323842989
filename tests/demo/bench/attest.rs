//! What the TPM costs: evidence beside tokens, and a start with a sealed PIN.
//!
//! The TPM is swtpm on the same processors: a chip would take nothing from them, so that the loss told here is the larger one.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{cpu, load};
use crate::Failure;
use crate::machine::rig::Machine;
use crate::machine::sealing_rig::{PCRS, Sealing};
use crate::stage::FOLDER;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::write;
use crate::support::plan::Plan;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

/// How long each window is. One evidence in each is one per ten seconds: a generous supervision.
const WINDOW: Duration = Duration::from_secs(10);
/// Rounds of all kinds of windows; each begins with another kind, so that the machine's drift falls on all of them.
const ROUNDS: usize = 6;
/// Connections in the closed loop.
const CONNECTIONS: usize = 8;
/// Starts with a sealed PIN.
const STARTS: usize = 9;
/// Aim: what evidence may cost tokens.
const LOSS_AIM: f64 = 0.02;
/// Aim: from nothing to ready, in milliseconds.
const START_AIM_MS: f64 = 1000.0;
/// Bytes of a firmware's log.
const EVENT_LOG_LEN: usize = 64 * 1024;

/// What goes on beside the tokens in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// The same again: how much two windows differ by themselves.
    Control,
    OneEvidence,
    BackToBack,
}

const KINDS: [Beside; 4] = [Beside::Nothing, Beside::OneEvidence, Beside::Control, Beside::BackToBack];

impl Beside {
    fn name(self) -> &'static str {
        match self {
            Beside::Nothing => "seuls",
            Beside::Control => "seuls, encore (témoin)",
            Beside::OneEvidence => "une preuve par 10 s",
            Beside::BackToBack => "preuves sans répit",
        }
    }
}

/// Tokens and evidence of one window.
struct Window {
    kind: Beside,
    round: usize,
    per_second: f64,
    evidence: usize,
}

/// Measures, prints the tables, and leaves them as JSON in `target/bench-attest.json`.
pub(crate) fn bench() -> Result<(), Failure> {
    let missing = Machine::missing();
    if !missing.is_empty() {
        return Err(Failure::usage(format!("il manque {} ; lancez `make setup`", missing.join(", "))));
    }
    let report = json!({ "evidence": beside_tokens(), "start": starts() });
    let file = Path::new(FOLDER).with_file_name("bench-attest.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("{report:#}\n"))
        .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
    println!("Rapport : {}", file.display());
    Ok(())
}

fn beside_tokens() -> Value {
    let machine = Machine::of(Swtpm::manufactured(), Plan::new("bench-attest").processes(2));
    write(&machine.establishment.folder.join("event.log"), &"e".repeat(EVENT_LOG_LEN), 0o644);
    let attestd = machine.attestd();
    machine.done(&["enrol", "--out", "request.json"]);
    let daemons = Daemons::start(&machine.establishment);
    println!(
        "Jetons à côté des preuves du TPM : RSA 2048, {CONNECTIONS} connexions, {ROUNDS} tours de fenêtres de {} s alternées",
        WINDOW.as_secs()
    );
    load::run(&machine.establishment, CONNECTIONS, WINDOW / 5, None);
    let tpm_before = cpu::microseconds(&[machine.tpm.pid()]);
    let attestd_before = cpu::microseconds(&[attestd.pid()]);
    let mut windows = Vec::new();
    for round in 0..ROUNDS {
        for at in 0..KINDS.len() {
            windows.push(window(&machine, KINDS[(round + at) % KINDS.len()], round));
        }
    }
    let all: usize = windows.iter().map(|window| window.evidence).sum();
    let each_ms = |before: f64, now: f64| (now - before) / 1000.0 / all as f64;
    let tpm_ms = each_ms(tpm_before, cpu::microseconds(&[machine.tpm.pid()]));
    let attestd_ms = each_ms(attestd_before, cpu::microseconds(&[attestd.pid()]));
    drop((daemons, attestd));
    let report = told(&windows);
    println!(
        "CPU d'une preuve : swtpm {tpm_ms:.1} ms, sceau-attestd {attestd_ms:.1} ms ; le reste est à sceaud, au signataire d'audit et à la commande"
    );
    json!({ "windows": report, "tpm_cpu_ms": tpm_ms, "attestd_cpu_ms": attestd_ms })
}

/// One window: tokens all the time, evidence by the command that a supervision would run.
fn window(machine: &Machine, kind: Beside, round: usize) -> Window {
    let began = Instant::now();
    let (loaded, evidence) = thread::scope(|scope| {
        let asking = scope.spawn(|| match kind {
            Beside::Nothing | Beside::Control => 0,
            Beside::OneEvidence => {
                // The pace is the load: well within the window.
                thread::sleep(WINDOW / 4);
                ask(machine);
                1
            }
            Beside::BackToBack => {
                let mut asked = 0;
                while began.elapsed() < WINDOW {
                    ask(machine);
                    asked += 1;
                }
                asked
            }
        });
        let loaded = load::run(&machine.establishment, CONNECTIONS, WINDOW, None);
        (loaded, asking.join().unwrap())
    });
    Window { kind, round, per_second: loaded.issued as f64 / loaded.seconds, evidence }
}

fn ask(machine: &Machine) {
    let mut nonce = [0; 32];
    aws_lc_rs::rand::fill(&mut nonce).unwrap();
    let nonce: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    let out = machine.establishment.folder.join("evidence.json");
    machine.done(&["evidence", "--nonce", &nonce, "--out", out.to_str().unwrap()]);
    std::fs::remove_file(out).unwrap();
}

/// Prints rates, and ratios to the windows without evidence of the same round: a machine that slows down slows both.
fn told(windows: &[Window]) -> Value {
    let rates = |kind: Beside| -> Vec<f64> {
        windows.iter().filter(|window| window.kind == kind).map(|window| window.per_second).collect()
    };
    let alone = |round: usize| {
        let both =
            windows.iter().filter(|w| w.round == round && matches!(w.kind, Beside::Nothing | Beside::Control));
        both.map(|window| window.per_second).sum::<f64>() / 2.0
    };
    println!("{:<26} {:>8} {:>10} {:>18} {:>12}", "", "VIHF/s", "rapport", "étendue", "preuves/s");
    let mut rows = Vec::new();
    for kind in KINDS {
        let of = || windows.iter().filter(move |window| window.kind == kind);
        let mut ratios: Vec<f64> = of().map(|window| window.per_second / alone(window.round)).collect();
        ratios.sort_by(f64::total_cmp);
        let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
        let evidence = of().map(|window| window.evidence).sum::<usize>() as f64;
        let per_second = evidence / (ROUNDS as f64 * WINDOW.as_secs_f64());
        let (rate, ratio) = (median(rates(kind)), median(ratios));
        println!("{:<26} {rate:>8.0} {ratio:>10.3} {least:>9.3}–{most:<8.3} {per_second:>12.1}", kind.name());
        rows.push(json!({
            "what": format!("{kind:?}"), "per_second": rate, "ratio": ratio, "least": least, "most": most,
            "evidence_per_second": per_second,
        }));
    }
    // What one evidence costs is seen best where there are most of them.
    let worst = &rows[KINDS.len() - 1];
    let (ratio, asked) = (worst["ratio"].as_f64().unwrap(), worst["evidence_per_second"].as_f64().unwrap());
    let loss = (1.0 - ratio) / asked / WINDOW.as_secs_f64();
    println!(
        "Une preuve coûte {:.0} ms de jetons (fenêtres sans répit) : à une par 10 s, {:.2} % (visée ≤ {:.0} %)",
        (1.0 - ratio) / asked * 1000.0,
        loss * 100.0,
        LOSS_AIM * 100.0
    );
    json!({ "rows": rows, "loss_at_one_in_ten_seconds": loss, "aim": LOSS_AIM })
}

/// From nothing to ready: TPM daemon, sealed PIN, signer, first signature, ledger with its counter in the TPM.
fn starts() -> Value {
    let sealing = Sealing::on(Machine::of(Swtpm::bare(), Plan::new("bench-start")), &PCRS);
    let pin = sealing.machine.establishment.seals[0].token.pin.clone();
    write(&sealing.path("pin"), &pin, 0o600);
    sealing.machine.establishment.edit_file("sceau.toml", |config| {
        config["seal"][0]["pin_file"] = "given".into();
    });
    sealing.machine.define_counter();
    let attestd = sealing.machine.attestd();
    let sealing = sealing.created();
    drop(attestd);
    let (mut all, mut unsealed) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let _ = std::fs::remove_file(sealing.path("given"));
        let establishment = &sealing.machine.establishment;
        let began = Instant::now();
        let sceaud = Daemon::sceaud(establishment, &[]);
        let attestd = sealing.machine.attestd();
        run(&mut sealing.command(&["open", "--out", "given", "--boot-pin-file", "boot"]));
        unsealed.push(began.elapsed().as_secs_f64() * 1000.0);
        let signer = Daemon::signer(establishment, "seal-a-1", &[]);
        sceaud.wait_ready(1);
        all.push(began.elapsed().as_secs_f64() * 1000.0);
        drop((sceaud, signer, attestd));
    }
    let (most, unsealed, all) = (all.iter().copied().fold(0.0, f64::max), median(unsealed), median(all));
    println!(
        "Du PIN scellé à prêt (sceau-attestd, descellement, signataire, sceaud, compteur du TPM), {STARTS} fois : médiane {all:.0} ms, \
         dont {unsealed:.0} jusqu'au PIN rendu ; au plus {most:.0} ms (visée ≤ {START_AIM_MS:.0} ms)"
    );
    json!({ "ready_ms": all, "unsealed_ms": unsealed, "most_ms": most, "aim_ms": START_AIM_MS })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
