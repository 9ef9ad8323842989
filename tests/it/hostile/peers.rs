//! Peers that are slow, silent, gone half-way, or deaf.

use std::io::Write;
use std::net::Shutdown;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{DEADLINE, Hospital, closed};
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;

/// Between two bytes of a slow writer.
const SLOW: Duration = Duration::from_millis(50);

#[test]
fn a_slow_peer_harms_nobody() {
    let hospital = Hospital::open("slow", &[("frame_read_ms", 1_000)]);
    let mut bystander = hospital.bystander();
    let mut slow = hospital.connect();
    let began = Instant::now();
    let mut bytes = 0;
    // Each byte in time for an idle limit, and the frame never whole.
    while slow.stream().write_all(b"[").is_ok() {
        bytes += 1;
        assert!(began.elapsed() < DEADLINE, "{bytes} bytes, one at a time, keep a connection");
        bystander.is_served();
        thread::sleep(SLOW);
    }
    assert!(bytes > 1);
    closed(&mut slow);
    // It was the frame that was slow, not the connection: one that is written in pieces in time is answered.
    let mut unhurried = hospital.connect();
    for byte in br#"{"method":"fr.sceau.Token.Status"}"# {
        unhurried.stream().write_all(&[*byte]).unwrap();
    }
    unhurried.stream().write_all(&[0]).unwrap();
    assert!(unhurried.receive_answer().unwrap().is_ok());
    bystander.is_served();
}

#[test]
fn a_silent_peer_is_closed() {
    let hospital = Hospital::open("silent", &[("idle_ms", 1_000), ("frame_read_ms", 1_000)]);
    let session = hospital.bystander().session;
    // Silent from the first, after an answer, and in the middle of a frame.
    let mut silent = [hospital.connect(), hospital.connect(), hospital.connect()];
    silent[1].status();
    silent[2].stream().write_all(b"{\"method\"").unwrap();
    for client in &mut silent {
        closed(client);
        // The session is the application's, not a connection's.
        let mut client = hospital.connect();
        client.knows_session(&session, &hospital.establishment.profile, "CPS");
        client.consult(&session, PATIENTS[0]).unwrap();
    }
}

#[test]
fn a_silent_peer_keeps_its_connection_for_the_idle_limit() {
    let hospital = Hospital::open("idle", &[("frame_read_ms", 200)]);
    let mut client = hospital.connect();
    client.status();
    // Idle is not slow: the frame's limit begins with its first byte.
    thread::sleep(Duration::from_millis(1_000));
    client.status();
}

#[test]
fn a_half_closed_peer_gets_its_answers() {
    let hospital = Hospital::open("half-closed", &[]);
    let mut bystander = hospital.bystander();
    let mut client = hospital.connect();
    let issue = |nonce: &str| {
        let parameters = json!({ "session": bystander.session, "nonce": nonce, "transaction": "3.1",
            "purpose": "normal", "patient": { "ins": PATIENTS[0] } });
        json!({ "method": "fr.sceau.Token.Issue", "parameters": parameters }).to_string()
    };
    let first = nonce();
    let frames = [issue(&first), issue(&nonce()), "?".into(), issue(&first), issue(&nonce())];
    let pipelined: Vec<u8> = frames.iter().flat_map(|frame| [frame.as_bytes(), b"\0"].concat()).collect();
    // And the beginning of a frame that never ends.
    client.stream().write_all(&[pipelined.as_slice(), b"{\"meth"].concat()).unwrap();
    client.stream().shutdown(Shutdown::Write).unwrap();
    let answers: Vec<String> = frames
        .iter()
        .map(|_| match client.receive_answer().unwrap() {
            Ok(issued) => issued["assertion"].as_str().map(|_| "assertion").unwrap().into(),
            Err(refused) => refused.brief().0.into(),
        })
        .collect();
    assert_eq!(answers, ["assertion", "assertion", "Malformed", "Replayed", "assertion"]);
    closed(&mut client);
    bystander.is_served();
    // Closed altogether while its answers are made: nobody notices.
    for _ in 0..20 {
        hospital.connect().stream().write_all(&pipelined).unwrap();
    }
    bystander.is_served();
    assert_eq!(hospital.daemons.sceaud.starts(), 1);
}
