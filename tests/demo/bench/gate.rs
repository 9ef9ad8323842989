//! What the gate costs: tokens through it beside tokens over the bare socket, in one run; and honest clients beside floods.
//!
//! Strangers are other machines, and here they run on ours: what they take themselves is measured by the same flood against a
//! listener that hangs up at once.

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{Backlog, listen, setsockopt, sockopt};
use serde_json::{Value, json};

use super::aims::Aim;
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
use crate::wire::{Identity, Wire, client_hello, tcp};

/// How long each window is.
const WINDOW: Duration = Duration::from_secs(3);
/// Rounds of all kinds of windows, each beginning with another kind.
const ROUNDS: usize = 5;
/// Connections in the closed loop: what two processors serve without a queue of its own.
const CONNECTIONS: usize = 2;
/// Threads of strangers.
const FLOODS: usize = 2;
/// Addresses that each of them comes from.
const SOURCES: usize = 100;
/// Strangers in a second that a paced flood has, of all threads: a thousand times what a hospital's servers do.
const PACED_PER_SECOND: f64 = 2_000.0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Socket,
    Varlink,
    Json,
    /// By varlink, beside a flood of strangers.
    Flooded(Flood),
}

/// What strangers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flood {
    /// So many in a second say what is no TLS.
    Noise,
    /// So many in a second say hello, which costs arithmetic, and no more.
    Hello,
    /// So many in a second say hello to a listener that hangs up.
    Elsewhere,
    /// As many as can be say hello.
    Unbounded,
    /// As many as can be, to a listener that hangs up.
    UnboundedElsewhere,
}

impl Flood {
    fn is_paced(self) -> bool {
        matches!(self, Flood::Noise | Flood::Hello | Flood::Elsewhere)
    }

    fn is_elsewhere(self) -> bool {
        matches!(self, Flood::Elsewhere | Flood::UnboundedElsewhere)
    }
}

const KINDS: [Kind; 8] = [
    Kind::Socket,
    Kind::Varlink,
    Kind::Json,
    Kind::Flooded(Flood::Elsewhere),
    Kind::Flooded(Flood::Noise),
    Kind::Flooded(Flood::Hello),
    Kind::Flooded(Flood::UnboundedElsewhere),
    Kind::Flooded(Flood::Unbounded),
];

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Socket => "socket locale",
            Kind::Varlink => "portail, varlink",
            Kind::Json => "portail, JSON",
            Kind::Flooded(Flood::Elsewhere) => "… 2000/s à une autre porte",
            Kind::Flooded(Flood::Noise) => "… 2000/s de bruit au portail",
            Kind::Flooded(Flood::Hello) => "… 2000/s de ClientHello au portail",
            Kind::Flooded(Flood::UnboundedElsewhere) => "… flot sans frein, autre porte",
            Kind::Flooded(Flood::Unbounded) => "… flot sans frein au portail",
        }
    }

    /// What its rate is a share of.
    fn beside(self) -> Kind {
        match self {
            Kind::Flooded(Flood::Noise | Flood::Hello) => Kind::Flooded(Flood::Elsewhere),
            Kind::Flooded(Flood::Unbounded) => Kind::Flooded(Flood::UnboundedElsewhere),
            Kind::Flooded(Flood::Elsewhere | Flood::UnboundedElsewhere) => Kind::Varlink,
            _ => Kind::Socket,
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
    answers: usize,
}

struct Scene {
    gate: Daemon,
    daemons: Daemons,
    port: u16,
    /// Where a listener hangs up at once.
    elsewhere: u16,
    /// The first words of TLS.
    hello: Vec<u8>,
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
        "{:<36} {:>8} {:>8} {:>8} {:>10} {:>10} {:>18} {:>12}",
        "", "VIHF/s", "rapport", "au calme", "p50 ms", "p99 ms", "CPU portail µs/VIHF", "inconnus/s"
    );
    let of = |kind: Kind, what: fn(&Seen) -> f64| {
        median(seen.iter().filter(|one| one.kind == kind).map(what).collect())
    };
    let mut rows = Vec::new();
    for kind in KINDS {
        let rate = of(kind, |one| one.per_second);
        let ratio = rate / of(kind.beside(), |one| one.per_second);
        let whole = rate / of(Kind::Varlink, |one| one.per_second);
        let (p50, p99) = (of(kind, |one| one.p50_ms), of(kind, |one| one.p99_ms));
        let gate_us = of(kind, |one| one.gate_us);
        let strangers = of(kind, |one| one.strangers as f64) / WINDOW.as_secs_f64();
        println!(
            "{:<36} {rate:>8.0} {ratio:>8.2} {whole:>8.2} {p50:>10.2} {p99:>10.2} {gate_us:>18.0} {strangers:>12.0}",
            kind.name()
        );
        rows.push(json!({
            "what": format!("{kind:?}"), "per_second": rate, "ratio": ratio, "of_quiet": whole, "p50_ms": p50, "p99_ms": p99, "gate_cpu_us": gate_us,
            "strangers_per_second": strangers,
        }));
    }
    let added = |share: &str| rows[1][share].as_f64().unwrap() - rows[0][share].as_f64().unwrap();
    println!(
        "Ajouté par le portail (varlink) : p50 {:.2} ms, p99 {:.2} ms ; rapport d'un flot : au même flot contre une porte qui \
         raccroche ; au calme : au portail sans flot",
        added("p50_ms"),
        added("p99_ms")
    );
    let aims = [Flood::Noise, Flood::Hello, Flood::Unbounded].map(|flood| {
        let kind = Kind::Flooded(flood);
        let share = of(kind, |one| one.per_second) / of(kind.beside(), |one| one.per_second);
        Aim::at_least(kind.name(), 0.9, share, "")
    });
    aims.iter().for_each(|aim| println!("{}", aim.line()));
    // What the gate used beyond what its clients cost it without strangers.
    let alone = of(Kind::Varlink, |one| one.gate_us);
    for flood in [Flood::Noise, Flood::Hello, Flood::Unbounded] {
        let mine = seen.iter().filter(|one| one.kind == Kind::Flooded(flood));
        let each =
            median(mine.map(|one| (one.gate_us - alone) * one.answers as f64 / one.strangers as f64).collect());
        println!("{:<36} CPU du portail par inconnu : {each:.0} µs", Kind::Flooded(flood).name());
    }
    drop(scene.daemons);
    let file = Path::new(FOLDER).with_file_name("bench-gate.json");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, format!("{:#}\n", json!({ "rows": rows, "aims": aims.each_ref().map(Aim::json) })))
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = listener.local_addr().unwrap().port();
    // As many wait there as at the gate: a flood that runs into a full queue is no flood. It ends with this program.
    listen(&listener, Backlog::new(4_096).unwrap()).unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    Scene { gate, daemons, port, elsewhere, hello: client_hello(), identity, establishment, _folder: folder }
}

fn window(scene: &Scene, kind: Kind) -> Seen {
    let before = cpu::microseconds(&[scene.gate.pid()]);
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let (mut latencies, strangers) = thread::scope(|scope| {
        let floods: Vec<_> = match kind {
            Kind::Flooded(what) => {
                let port = if what.is_elsewhere() { scene.elsewhere } else { scene.port };
                (0..FLOODS).map(|source| (port, what, source)).collect()
            }
            _ => Vec::new(),
        };
        let floods: Vec<_> = floods
            .into_iter()
            .map(|(port, what, source)| {
                let over = &over;
                scope.spawn(move || flood(port, what, source, &scene.hello, over))
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
        answers: latencies.len(),
    }
}

fn client(scene: &Scene, kind: Kind) -> Vec<f64> {
    let open = |protocol| Wire::open(scene.port, Some(&scene.identity), protocol).unwrap();
    let mut asker = match kind {
        Kind::Socket => Asker::Socket(Client::connect(&scene.establishment.token_socket()).unwrap()),
        Kind::Varlink | Kind::Flooded(_) => Asker::Wire(open("sceau-varlink/1")),
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

/// Connects and says that, until the window is over; how often.
fn flood(port: u16, what: Flood, source: usize, hello: &[u8], over: &AtomicBool) -> usize {
    let (mut held, mut count) = (VecDeque::new(), 0);
    let words = if what == Flood::Noise { &[0; 64][..] } else { hello };
    let every = Duration::from_secs_f64(FLOODS as f64 / PACED_PER_SECOND);
    let mut due = Instant::now();
    while !over.load(Ordering::Relaxed) {
        if what.is_paced() {
            // A stranger that is late is not made up for: what the machine does not give him, nobody gives him.
            due = (due + every).max(Instant::now());
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let from = format!("127.0.{}.{}", source + 1, count % SOURCES + 1);
        let Ok(mut stream) = tcp(&from, port) else { continue };
        // Who leaves takes his port along: ports that wait for their end would be what this flood is short of.
        let _ = setsockopt(&stream, sockopt::Linger, &nix::libc::linger { l_onoff: 1, l_linger: 0 });
        let _ = stream.write_all(words);
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
