//! Clients: in a closed loop each asks again as soon as it is answered; in an open one each asks when its time has come,
//! whether the last answer was quick or not.
//!
//! All of them are tasks of one thread that writes ready-made frames and reads no JSON: what they cost is told apart, and is
//! little enough to leave the processors to what is measured.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::cpu;
use crate::support::establishment::Establishment;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, login, nonce};

/// How every good answer of `Issue` begins.
const ISSUED: &[u8] = b"{\"parameters\":{\"assertion\":";
/// What every answer of a shed load has.
const BUSY: &[u8] = b"{\"error\":\"fr.sceau.Token.Busy\"";
/// What an answer has whose assertion waited longer for its signature than one may: on a machine that is busy otherwise.
const UNAVAILABLE: &[u8] = b"{\"error\":\"fr.sceau.Token.Unavailable\"";
/// How long a client that was told to come back stays away: a little less than it is told.
const AWAY: Duration = Duration::from_millis(50);

/// What the clients saw.
pub(crate) struct Loaded {
    pub(crate) issued: usize,
    pub(crate) busy: usize,
    /// Answers that were neither.
    pub(crate) failed: usize,
    pub(crate) seconds: f64,
    /// CPU of the clients, in microseconds.
    pub(crate) client_us: f64,
    latencies_ms: Vec<f64>,
    busy_ms: Vec<f64>,
}

impl Loaded {
    /// The latency under which that share of the answers lies.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        percentile(&self.latencies_ms, share)
    }

    /// The same of refusals because of load.
    pub(crate) fn busy_percentile_ms(&self, share: f64) -> f64 {
        percentile(&self.busy_ms, share)
    }
}

/// The value under which that share of the sorted values lies.
pub(crate) fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * sorted.len() as f64) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// What one client saw.
#[derive(Default)]
struct Seen {
    failed: usize,
    latencies_ms: Vec<f64>,
    busy_ms: Vec<f64>,
}

/// Loads the door with `connections` for `time`; each asks every `pace` on the average, or again at once.
///
/// Callers know nothing of each other: what comes at a pace comes as a Poisson process. In lockstep they would measure their
/// own queue. An answer's latency is counted from when it was due, not from when a late client came to ask for it.
pub(crate) fn run(
    establishment: &Establishment,
    connections: usize,
    time: Duration,
    pace: Option<Duration>,
) -> Loaded {
    let session = open_session(establishment);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cpu_before = cpu::own_thread_us();
    let began = Instant::now();
    let seen: Vec<Seen> = runtime.block_on(async {
        let mut clients = tokio::task::JoinSet::new();
        let mut paced = Vec::new();
        for _ in 0..connections {
            let dues = pace.map(|_| {
                let (sender, dues) = mpsc::unbounded_channel();
                paced.push(sender);
                dues
            });
            clients.spawn(client(establishment.token_socket(), session.clone(), (began, time), dues));
        }
        let pacer = pace.map(|pace| std::thread::spawn(move || pace_clients(paced, (began, time), pace)));
        let seen = clients.join_all().await;
        pacer.into_iter().for_each(|pacer| pacer.join().unwrap());
        seen
    });
    let seconds = began.elapsed().as_secs_f64();
    let client_us = cpu::own_thread_us() - cpu_before;
    let sorted = |of: fn(&Seen) -> &Vec<f64>| {
        let mut all: Vec<f64> = seen.iter().flat_map(|seen| of(seen).iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (latencies_ms, busy_ms) = (sorted(|seen| &seen.latencies_ms), sorted(|seen| &seen.busy_ms));
    let failed = seen.iter().map(|seen| seen.failed).sum();
    Loaded { issued: latencies_ms.len(), busy: busy_ms.len(), failed, seconds, client_us, latencies_ms, busy_ms }
}

/// One session for all: a session belongs to the application, whatever its connections.
fn open_session(establishment: &Establishment) -> String {
    let mut client = Client::connect(&establishment.token_socket()).unwrap();
    let practitioner = &establishment.practitioners[0].id;
    let opened = client.call("fr.sceau.Token.OpenSession", login(practitioner, "CPS", "consultation")).unwrap();
    opened["session"].as_str().unwrap().to_owned()
}

async fn client(
    socket: std::path::PathBuf,
    session: String,
    (began, time): (Instant, Duration),
    mut dues: Option<mpsc::UnboundedReceiver<Instant>>,
) -> Seen {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let mut seen = Seen::default();
    let mut answer = Vec::with_capacity(16 * 1024);
    // Everything but the nonce is the same.
    let asking = json!({ "method": "fr.sceau.Token.Issue", "parameters": {
        "session": session, "nonce": "NONCE", "transaction": "3.1", "purpose": "normal", "patient": { "ins": PATIENTS[0] },
    }});
    let asking = format!("{asking}\0");
    let (head, tail) = asking.split_once("NONCE").unwrap();
    while began.elapsed() < time {
        let asked = match &mut dues {
            Some(dues) => match dues.recv().await {
                Some(due) => due,
                None => break,
            },
            None => Instant::now(),
        };
        let frame = [head, &nonce(), tail].concat();
        let sent = Instant::now();
        stream.write_all(frame.as_bytes()).await.unwrap();
        answer.clear();
        while answer.last() != Some(&0) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "sceaud has hung up");
        }
        if answer.starts_with(ISSUED) {
            seen.latencies_ms.push(asked.elapsed().as_secs_f64() * 1000.0);
        } else if answer.starts_with(BUSY) {
            seen.busy_ms.push(sent.elapsed().as_secs_f64() * 1000.0);
            if dues.is_none() {
                tokio::time::sleep(AWAY).await;
            }
        } else if answer.starts_with(UNAVAILABLE) {
            seen.failed += 1;
        } else {
            panic!("{}", String::from_utf8_lossy(&answer));
        }
    }
    seen
}

/// Tells each client when its next request is due, from a thread of its own: the runtime's timers count whole milliseconds,
/// which would be part of every latency.
fn pace_clients(clients: Vec<mpsc::UnboundedSender<Instant>>, (began, time): (Instant, Duration), pace: Duration) {
    let next = |due: Instant| due + pace.mul_f64(gap());
    let mut dues: BinaryHeap<_> = (0..clients.len()).map(|client| Reverse((next(began), client))).collect();
    while let Some(Reverse((due, client))) = dues.pop() {
        if due >= began + time {
            return;
        }
        // The pace is the load, not a wait for something.
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        // A client that has ended asks no more.
        let _ = clients[client].send(due);
        dues.push(Reverse((next(due), client)));
    }
}

/// The time to the next of a Poisson process, in its mean.
fn gap() -> f64 {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    // In (0, 1]: the logarithm is finite.
    let uniform = (f64::from(u32::from_le_bytes(bytes)) + 1.0) / (f64::from(u32::MAX) + 1.0);
    -uniform.ln()
}
