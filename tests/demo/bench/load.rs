//! Clients: in a closed loop each asks again as soon as it is answered; in an open one each asks when its time has come,
//! whether the last answer was quick or not.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::establishment::Establishment;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, login, nonce};

/// What the clients saw.
pub(crate) struct Loaded {
    pub(crate) issued: usize,
    pub(crate) busy: usize,
    pub(crate) seconds: f64,
    latencies_ms: Vec<f64>,
}

impl Loaded {
    /// The latency under which that share of the answers lies.
    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let at = (share * self.latencies_ms.len() as f64) as usize;
        self.latencies_ms.get(at.min(self.latencies_ms.len().saturating_sub(1))).copied().unwrap_or_default()
    }
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
    let began = Instant::now();
    let answers: Vec<(Vec<f64>, usize)> = thread::scope(|scope| {
        let clients: Vec<_> =
            (0..connections).map(|_| scope.spawn(move || client(establishment, time, pace))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let seconds = began.elapsed().as_secs_f64();
    let busy = answers.iter().map(|(_, busy)| busy).sum();
    let mut latencies_ms: Vec<f64> = answers.into_iter().flat_map(|(latencies, _)| latencies).collect();
    latencies_ms.sort_by(f64::total_cmp);
    Loaded { issued: latencies_ms.len(), busy, seconds, latencies_ms }
}

fn client(establishment: &Establishment, time: Duration, pace: Option<Duration>) -> (Vec<f64>, usize) {
    // Not collected for the outside verifiers: that would measure the disk.
    let mut client = Client::connect(&establishment.token_socket()).unwrap();
    let practitioner = &establishment.practitioners[0].id;
    let opened = client.call("fr.sceau.Token.OpenSession", login(practitioner, "CPS", "consultation")).unwrap();
    let (began, mut latencies, mut busy) = (Instant::now(), Vec::new(), 0);
    let mut due = began;
    while began.elapsed() < time {
        if let Some(pace) = pace {
            due += pace.mul_f64(gap());
            // The pace is the load, not a wait for something.
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let asking = json!({
            "session": opened["session"], "nonce": nonce(), "transaction": "3.1", "purpose": "normal",
            "patient": { "ins": PATIENTS[0] },
        });
        let asked = if pace.is_some() { due } else { Instant::now() };
        match client.call("fr.sceau.Token.Issue", asking) {
            Ok(_) => latencies.push(asked.elapsed().as_secs_f64() * 1000.0),
            Err(refused) if refused.brief().0 == "Busy" => busy += 1,
            Err(refused) => panic!("{refused:?}"),
        }
    }
    (latencies, busy)
}

/// The time to the next of a Poisson process, in its mean.
fn gap() -> f64 {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    // In (0, 1]: the logarithm is finite.
    let uniform = (f64::from(u32::from_le_bytes(bytes)) + 1.0) / (f64::from(u32::MAX) + 1.0);
    -uniform.ln()
}
