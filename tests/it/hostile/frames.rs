//! Bad frames on an otherwise good connection.

use std::io::Write;

use aws_lc_rs::rand;
use serde_json::json;

use super::{Hospital, closed, resident_kib};
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;

/// Longest frame without its NUL (contract).
const FRAME_LEN_MAX: usize = 64 * 1024;
/// What a hostile peer may cost in memory: a few frames, not what it sends.
const GROWTH_MAX_KIB: usize = 16 * 1024;

#[test]
fn garbage_is_answered_and_the_connection_lives() {
    let hospital = Hospital::open("garbage", &[]);
    let mut bystander = hospital.bystander();
    for len in (0..300).chain([1_000, 8_191, 8_192, 8_193, 60_000, FRAME_LEN_MAX]) {
        let mut garbage = vec![0; len];
        rand::fill(&mut garbage).unwrap();
        garbage.iter_mut().for_each(|byte| *byte = (*byte).max(1));
        if let Some(first) = garbage.first_mut() {
            // Not by chance a number of one digit.
            *first |= 0x80;
        }
        bystander.client.send(&garbage).unwrap();
        let refused = bystander.client.receive_answer().unwrap().unwrap_err();
        assert_eq!(refused.brief(), ("Malformed", ""), "{garbage:?}");
        if len % 50 == 0 {
            bystander.is_served();
        }
    }
    // NULs alone are empty frames, each answered.
    bystander.client.stream().write_all(&[0; 100]).unwrap();
    for _ in 0..100 {
        assert_eq!(bystander.client.receive_answer().unwrap().unwrap_err().brief(), ("Malformed", ""));
    }
    bystander.is_served();
}

#[test]
fn an_oversize_frame_is_answered_and_closed() {
    let hospital = Hospital::open("oversize", &[]);
    let mut bystander = hospital.bystander();
    let status = br#"{"method":"fr.sceau.Token.Status"}"#;
    let padded = |len: usize| [status.as_slice(), &vec![b' '; len - status.len()]].concat();
    let mut client = hospital.connect();
    client.send(&padded(FRAME_LEN_MAX)).unwrap();
    assert!(client.receive_answer().unwrap().is_ok(), "64 KiB are allowed");
    client.send(&padded(FRAME_LEN_MAX + 1)).unwrap();
    assert_eq!(client.receive_answer().unwrap().unwrap_err().brief(), ("Malformed", ""));
    closed(&mut client);
    bystander.is_served();

    // Requests before it are answered, those behind it are not.
    let mut client = hospital.connect();
    let frames = [status.as_slice(), &padded(FRAME_LEN_MAX + 1), status].join(&0);
    client.stream().write_all(&frames).unwrap();
    assert!(client.receive_answer().unwrap().is_ok());
    assert_eq!(client.receive_answer().unwrap().unwrap_err().brief(), ("Malformed", ""));
    closed(&mut client);

    // Without a NUL for ever: cut at the limit, whatever is sent.
    let before = resident_kib(hospital.sceaud());
    let mut endless: Vec<_> = (0..20).map(|_| hospital.connect()).collect();
    for client in &mut endless {
        let mut sent = 0;
        while sent < 8 << 20 && client.stream().write_all(&[b'a'; 4096]).is_ok() {
            sent += 4096;
        }
        assert!(sent < 8 << 20, "8 MiB without a NUL were taken");
        assert_eq!(client.receive_answer().unwrap().unwrap_err().brief(), ("Malformed", ""));
        closed(client);
        bystander.is_served();
    }
    let growth = resident_kib(hospital.sceaud()).saturating_sub(before);
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB more");
}

#[test]
fn a_duplicate_member_is_malformed() {
    let hospital = Hospital::open("duplicate", &[]);
    let mut bystander = hospital.bystander();
    let (session, nonce) = (bystander.session.clone(), nonce());
    // Two readers could see two requests: another session, transaction or patient.
    let right = format!(
        r#"{{"method":"fr.sceau.Token.Issue","parameters":{{"session":"{session}","nonce":"{nonce}","transaction":"3.1","purpose":"normal","patient":{{"ins":"{}"}}}}}}"#,
        PATIENTS[0]
    );
    let twice = [
        (r#"{"method""#, r#"{"method":"fr.sceau.Token.Status","method""#.to_owned(), "method"),
        (r#""parameters""#, r#""parameters":{},"parameters""#.to_owned(), "parameters"),
        (r#""session""#, format!(r#""session":"{session}","session""#), "session"),
        (r#""nonce""#, format!(r#""nonce":"{nonce}","nonce""#), "nonce"),
        (r#""transaction""#, r#""transaction":"0.1","transaction""#.to_owned(), "transaction"),
        (r#""purpose""#, r#""purpose":"centre_15","purpose""#.to_owned(), "purpose"),
        (r#""patient""#, r#""patient":null,"patient""#.to_owned(), "patient"),
        (r#"{"ins""#, format!(r#"{{"ins":"{}","ins""#, PATIENTS[1]), "patient.ins"),
        (r#"{"ins""#, format!(r#"{{"\u0069ns":"{}","ins""#, PATIENTS[1]), "patient.ins"),
    ];
    for (once, both, field) in twice {
        let frame = right.replacen(once, &both, 1);
        assert_ne!(frame, right, "{once}");
        bystander.client.send(frame.as_bytes()).unwrap();
        assert_eq!(
            bystander.client.receive_answer().unwrap().unwrap_err().brief(),
            ("Malformed", field),
            "{frame}"
        );
    }
    // Malformed left the nonce free, and the request without duplicates is a good one.
    bystander.client.send(right.as_bytes()).unwrap();
    let issued = bystander.client.receive_answer().unwrap().unwrap();
    assert!(issued["assertion"].as_str().unwrap().contains(PATIENTS[0]));
    let again = json!({ "session": session, "nonce": nonce, "transaction": "3.1", "purpose": "normal",
        "patient": { "ins": PATIENTS[0] } });
    assert_eq!(bystander.client.issue(again).unwrap_err().brief().0, "Replayed");
}
