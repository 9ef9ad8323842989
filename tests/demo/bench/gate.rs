//! What the gate costs: tokens through it beside tokens over the bare socket, in one run; and honest clients beside a flood.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::cpu;
use crate::Failure;
use crate::stage::FOLDER;
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, login, nonce};
use crate::wire::{Identity, Wire, tcp};

/// How long each window is.
const WINDOW: Duration = Duration::from_secs(3);
/// Rounds of all kinds of windows, each beginning with another kind.
const ROUNDS: usize = 5;
/// Connections in the closed loop: what two processors serve without a queue of its own.
const CONNECTIONS: usize = 2;
/// Strangers that connect as fast as they can, each from its own source.
const FLOODS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socket,
    Varlink,
    Json,
    /// By varlink, beside a flood of strangers.
    Flooded,
}

const KINDS: [Kind; 4] = [Kind::Socket, Kind::Varlink, Kind::Json, Kind::Flooded];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Socket => "socket locale",
            Kind::Varlink => "portail, varlink",
            Kind::Json => "portail, JSON",
            Kind::Flooded => "portail, varlink, sous un flot",
        }
    }
}

/// One connection of any kind.
enum Asker {
    Socket(Client),
    Wire(Wire),
    Http(Wire),
}

impl Asker {
    fn ask(&mut self, method: &str, path: &str, parameters: &Value) -> Value {
        match self {
            Asker::Socket(client) => client.call(&format!("fr.sceau.Token.{method}"), parameters.clone()).unwrap(),
            Asker::Wire(wire) => {
                let answer = wire.call(&format!("fr.sceau.Token.{method}"), parameters).unwrap();
                answer["parameters"].clone()
            }
            Asker::Http(wire) => {
                let head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json");
                let (status, body) = wire.http(&head, parameters.to_string().as_bytes()).unwrap();
                assert_eq!(status, 200, "{body}");
                serde_json::from_str(&body).unwrap()
            }
        }
    }
}

/// What one window saw.
struct Seen {
    kind: Kind,
    per_second: f64,
    gate_us: f64,
    p50_ms: f64,
    p99_ms: f64,
    strangers: usize,
}

struct Scene {
    gate: Daemon,
    daemons: Daemons,
    port: u16,
    identity: Identity,
    establishment: Establishment,
    _folder: tempfile::TempDir,
}

/// Measures, prints the table, and leaves it as JSON in `target/bench-gate.json`.
pub(crate) fn bench() -> Result<(), Failure> {
    let scene = scene();
    println!(
        "Jetons par le portail et par la socket : P-256, {CONNECTIONS} connexions, {ROUNDS} tours de fenêtres de {} s alternées",
        WINDOW.as_secs()
    );
    let mut seen = Vec::new();
    for round in 0..ROUNDS {
        for at in 0..KINDS.len() {
            seen.push(window(&scene, KINDS[(round + at) % KINDS.len()]));
        }
    }
    println!(
        "{:<32} {:>8} {:>8} {:>10} {:>10} {:>18} {:>12}",
        "", "VIHF/s", "rapport", "p50 ms", "p99 ms", "CPU portail µs/VIHF", "inconnus/s"
    );
    let of = |kind: Kind, what: fn(&Seen) -> f64| {
        median(seen.iter().filter(|one| one.kind == kind).map(what).collect())
    };
    let mut rows = Vec::new();
    for kind in KINDS {
        let rate = of(kind, |one| one.per_second);
        let beside = if kind == Kind::Flooded { Kind::Varlink } else { Kind::Socket };
        let ratio = rate / of(beside, |one| one.per_second);
        let (p50, p99) = (of(kind, |one| one.p50_ms), of(kind, |one| one.p99_ms));
        let gate_us = of(kind, |one| one.gate_us);
        let strangers = of(kind, |one| one.strangers as f64) / WINDOW.as_secs_f64();
        println!(
            "{:<32} {rate:>8.0} {ratio:>8.2} {p50:>10.2} {p99:>10.2} {gate_us:>18.0} {strangers:>12.0}",
            kind.name()
        );
        rows.push(json!({
            "what": format!("{kind:?}"), "per_second": rate, "ratio": ratio, "p50_ms": p50, "p99_ms": p99, "gate_cpu_us": gate_us,
            "strangers_per_second": strangers,
        }));
    }
    let added = |share: &str| rows[1][share].as_f64().unwrap() - rows[0][share].as_f64().unwrap();
    println!(
        "Ajouté par le portail (varlink) : p50 {:.2} ms, p99 {:.2} ms ; rapport sous un flot : au portail sans flot",
        added("p50_ms"),
        added("p99_ms")
    );
    drop(scene.daemons);
    let file = Path::new(FOLDER).with_file_name("bench-gate.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("{:#}\n", json!({ "rows": rows })))
        .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
    println!("Rapport : {}", file.display());
    Ok(())
}

fn scene() -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let identity = Identity::make(folder.path(), "bench");
    let known = identity.fingerprint.to_string();
    let plan = Plan::new("bench-gate").key_type(crate::support::key_kind::KeyType::P256).processes(2);
    let plan = plan.edit_config(|config| drop(config.insert("gate".into(), table([("user", "".into())]).into())));
    let establishment = plan
        .edit_applications(move |register| {
            let applications = register["application"].as_array_mut().unwrap();
            let mut remote = applications[0].clone();
            remote["user"] = "gate:bench".into();
            remote.as_table_mut().unwrap().insert("certificates".into(), vec![known].into());
            applications.push(remote);
        })
        .build();
    let config = table([
        ("listen", "127.0.0.1:0".into()),
        ("sources", vec!["127.0.0.0/8"].into()),
        ("key", "gate.key".into()),
        ("certificate", "gate.pem".into()),
        ("token", establishment.token_socket().display().to_string().into()),
    ]);
    std::fs::write(establishment.folder.join("gate.toml"), toml::to_string(&config).unwrap()).unwrap();
    let daemons = Daemons::start(&establishment);
    let gate = Daemon::start(&establishment, "sceau-gate", "sceau-gate", &[], &[]);
    gate.wait_ready(1);
    let log = gate.log();
    let port = log.split("address=127.0.0.1:").nth(1).unwrap();
    let port = port.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    crate::support::wait::until("the certificate is admitted", || {
        let wire = Wire::open(port, Some(&identity), "sceau-varlink/1").ok();
        wire.and_then(|mut wire| wire.call("fr.sceau.Token.Status", &json!({}))).is_some()
    });
    Scene { gate, daemons, port, identity, establishment, _folder: folder }
}

fn window(scene: &Scene, kind: Kind) -> Seen {
    let before = cpu::microseconds(&[scene.gate.pid()]);
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let (mut latencies, strangers) = thread::scope(|scope| {
        let floods: Vec<_> = (0..if kind == Kind::Flooded { FLOODS } else { 0 })
            .map(|source| {
                let over = &over;
                scope.spawn(move || flood(scene.port, source, over))
            })
            .collect();
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(move || client(scene, kind))).collect();
        let latencies: Vec<f64> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        (latencies, floods.into_iter().map(|flood| flood.join().unwrap()).sum())
    });
    let seconds = began.elapsed().as_secs_f64();
    let used = cpu::microseconds(&[scene.gate.pid()]) - before;
    latencies.sort_by(f64::total_cmp);
    let at = |share: f64| latencies[((share * latencies.len() as f64) as usize).min(latencies.len() - 1)];
    Seen {
        kind,
        per_second: latencies.len() as f64 / seconds,
        gate_us: used / latencies.len() as f64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        strangers,
    }
}

fn client(scene: &Scene, kind: Kind) -> Vec<f64> {
    let open = |protocol| Wire::open(scene.port, Some(&scene.identity), protocol).unwrap();
    let mut asker = match kind {
        Kind::Socket => Asker::Socket(Client::connect(&scene.establishment.token_socket()).unwrap()),
        Kind::Varlink | Kind::Flooded => Asker::Wire(open("sceau-varlink/1")),
        Kind::Json => Asker::Http(open("http/1.1")),
    };
    let opening = login(&scene.establishment.practitioners[0].id, "CPS", "consultation");
    let opened = asker.ask("OpenSession", "/v1/sessions", &opening);
    let (began, mut latencies) = (Instant::now(), Vec::new());
    while began.elapsed() < WINDOW {
        let asking = json!({
            "session": opened["session"], "nonce": nonce(), "transaction": "3.1", "purpose": "normal",
            "patient": { "ins": PATIENTS[0] },
        });
        let asked = Instant::now();
        let issued = asker.ask("Issue", "/v1/assertions", &asking);
        assert!(issued["assertion"].is_string(), "{issued}");
        latencies.push(asked.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}

/// Connects and says nothing that is TLS, until the window is over; how often.
fn flood(port: u16, source: usize, over: &AtomicBool) -> usize {
    let (from, mut held, mut count) = (format!("127.0.1.{}", source + 1), VecDeque::new(), 0);
    while !over.load(Ordering::Relaxed) {
        let Ok(mut stream) = tcp(&from, port) else { continue };
        let _ = stream.write_all(&[0; 64]);
        held.push_back(stream);
        if held.len() > 64 {
            held.pop_front();
        }
        count += 1;
    }
    count
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
