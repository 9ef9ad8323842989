//! Floods: frames without end, answers that nobody reads, more requests than the signers can bear.

use std::io::{ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::{DEADLINE, Hospital, eventually, freeze, resident_kib};
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};
use crate::support::wait::StopOnDrop;

/// Peers that flood at once.
const FLOODERS: usize = 24;
/// Per flooder, sockets' buffers aside (they are the kernel's): a few frames in, one answer out.
const GROWTH_MAX_KIB: usize = FLOODERS * 256;

#[test]
fn a_flood_that_reads_no_answer_is_cut_and_costs_little_memory() {
    let hospital = Hospital::open("deaf", &[("answer_write_ms", 1_500)]);
    let mut bystander = hospital.bystander();
    bystander.is_served();
    let (sceaud, before) = (hospital.sceaud(), resident_kib(hospital.sceaud()));
    let question: &[u8] =
        br#"{"method":"org.varlink.service.GetInterfaceDescription","parameters":{"interface":"fr.sceau.Token"}}"#;
    let many = [question, b"\0"].concat().repeat(100);
    let (cut, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..FLOODERS {
            scope.spawn(|| {
                let client = hospital.connect();
                let mut sent = 0;
                // Ends when sceaud hangs up: a write that merely blocks for the client's 30 s is WouldBlock.
                let end = loop {
                    match client.stream().write_all(&many) {
                        Ok(()) => sent += 100,
                        Err(error) => break error.kind(),
                    }
                };
                assert!(matches!(end, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{end:?}");
                assert!(sent >= 1_000, "only {sent} frames were pipelined");
                cut.fetch_add(1, Ordering::Release);
            });
        }
        let began = Instant::now();
        while cut.load(Ordering::Acquire) < FLOODERS {
            assert!(began.elapsed() < DEADLINE, "a peer that reads nothing keeps its connection");
            bystander.is_served();
            most.fetch_max(resident_kib(sceaud), Ordering::Relaxed);
            thread::sleep(std::time::Duration::from_millis(20));
        }
    });
    let growth = most.load(Ordering::Relaxed).saturating_sub(before);
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB for {FLOODERS} peers");
    bystander.is_served();
}

fn question(session: &str, nonce: &str) -> Value {
    json!({ "session": session, "nonce": nonce, "transaction": "3.1", "purpose": "normal",
        "patient": { "ins": PATIENTS[0] } })
}

#[test]
fn a_flooding_peer_is_answered_busy() {
    // A signature may take long here, so that the one place stays taken for as long as the signer is frozen.
    let hospital = Hospital::open("busy", &[("requests_in_flight_max", 1), ("signature_ms", 25_000)]);
    let mut bystander = hospital.bystander();
    bystander.is_served();
    let session = bystander.session.clone();
    let signer = hospital.daemons.signer("seal-a-1");
    freeze(signer);
    let mut first = hospital.connect();
    let frame = json!({ "method": "fr.sceau.Token.Issue", "parameters": question(&session, &nonce()) });
    first.send(frame.to_string().as_bytes()).unwrap();
    let mut flooder = hospital.connect();
    // Its entry is counted once it is in flight.
    eventually("a request in flight", || (issued(&hospital.establishment) == 2).then_some(()));
    let spared = nonce();
    for _ in 0..500 {
        let refused = flooder.issue(question(&session, &spared)).unwrap_err();
        assert_eq!(refused.brief().0, "Busy", "{refused:?}");
        assert!(refused.parameters["retry_after_ms"].as_i64().unwrap() > 0);
    }
    // Everything that needs no signature goes on.
    flooder.status();
    assert!(flooder.open_session(super::consultation()).is_ok());
    signer.signal(Signal::SIGCONT);
    assert!(first.receive_answer().unwrap().is_ok(), "what was in flight is answered");
    // Busy left the nonce free.
    let issued = eventually("a place", || flooder.issue(question(&session, &spared)).ok());
    assert!(!issued.assertion.is_empty());
    assert_eq!(flooder.issue(question(&session, &spared)).unwrap_err().brief().0, "Replayed");
    bystander.is_served();
}

#[test]
fn a_flood_of_requests_leaves_a_patient_caller_its_assertions() {
    let hospital = Hospital::open("flood", &[("requests_in_flight_max", 3)]);
    let mut bystander = hospital.bystander();
    let (session, stop) = (bystander.session.clone(), AtomicBool::new(false));
    let (issued, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                // Not collected: thousands.
                let mut client = Client::connect(&hospital.establishment.token_socket()).unwrap();
                while !stop.load(Ordering::Acquire) {
                    match client.issue(question(&session, &nonce())) {
                        Ok(_) => issued.fetch_add(1, Ordering::Relaxed),
                        Err(refused) if refused.brief().0 == "Busy" => busy.fetch_add(1, Ordering::Relaxed),
                        Err(refused) => panic!("{refused:?}"),
                    };
                }
            });
        }
        for _ in 0..20 {
            let nonce = nonce();
            eventually("an assertion in the flood", || match bystander.client.issue(question(&session, &nonce)) {
                Ok(issued) => Some(issued),
                Err(refused) if refused.brief().0 == "Busy" => None,
                Err(refused) => panic!("{refused:?}"),
            });
        }
        eventually("floods are turned away", || (busy.load(Ordering::Relaxed) > 0).then_some(()));
        stop.store(true, Ordering::Release);
    });
    assert!(issued.load(Ordering::Relaxed) > 0);
}

/// What has its trace gets its seal: who comes when the signers have enough to do is told before a nonce is spent.
#[test]
fn more_than_the_signers_bear_is_told_before_anything_is_begun() {
    const FLOODERS: usize = 48;
    // One signer gives some hundred a second and less on a busy machine: 48 that wait take longer than this.
    let limits = [("queue_ms", 100), ("signature_ms", 10_000)];
    let hospital = Hospital::of(super::plan("overload", &limits).key_type(KeyType::Rsa4096));
    let mut bystander = hospital.bystander();
    let (session, stop) = (bystander.session.clone(), AtomicBool::new(false));
    let (answered, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..FLOODERS {
            scope.spawn(|| {
                let mut client = Client::connect(&hospital.establishment.token_socket()).unwrap();
                while !stop.load(Ordering::Acquire) {
                    let spared = nonce();
                    match client.issue(question(&session, &spared)) {
                        Ok(_) => answered.fetch_add(1, Ordering::AcqRel),
                        Err(refused) if refused.brief().0 == "Busy" => busy.fetch_add(1, Ordering::AcqRel),
                        Err(refused) => panic!("{refused:?}"),
                    };
                }
            });
        }
        let stop = StopOnDrop(&stop);
        for enough in [&answered, &busy] {
            eventually("both answers", || (enough.load(Ordering::Acquire) >= 200).then_some(()));
        }
        drop(stop);
    });
    // None was begun in vain.
    let told = issued(&hospital.establishment);
    assert_eq!(told, answered.load(Ordering::Acquire));
    bystander.is_served();
}

fn emergency(session: &str) -> Value {
    let mut asked = question(session, &nonce());
    asked["purpose"] = "bris_de_glace".into();
    asked
}

/// Ten places of which two are kept: eight ordinary requests are under way and the others are told to come back, while bris de
/// glace goes in.
#[test]
fn emergencies_have_places_that_a_flood_cannot_take() {
    const FLOOD: usize = 20;
    const USUAL: usize = 8;
    let limits = [
        ("requests_in_flight_max", 10),
        ("requests_in_flight_per_application_max", 10),
        ("emergency_share_percent", 20),
        ("signature_ms", 25_000),
        ("queue_ms", 25_000),
    ];
    let hospital = Hospital::open("reserved", &limits);
    let mut bystander = hospital.bystander();
    bystander.is_served();
    let session = bystander.session.clone();
    let signer = hospital.daemons.signer("seal-a-1");
    freeze(signer);
    let (busy, issued) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..FLOOD {
            scope.spawn(|| match hospital.connect().issue(question(&session, &nonce())) {
                Ok(_) => issued.fetch_add(1, Ordering::AcqRel),
                Err(refused) if refused.brief().0 == "Busy" => busy.fetch_add(1, Ordering::AcqRel),
                Err(refused) => panic!("{refused:?}"),
            });
        }
        eventually("the others are told", || (busy.load(Ordering::Acquire) == FLOOD - USUAL).then_some(()));
        let emergencies: Vec<_> =
            (0..2).map(|_| scope.spawn(|| hospital.connect().issue(emergency(&session)))).collect();
        let refused = bystander.client.issue(question(&session, &nonce())).unwrap_err();
        assert_eq!(refused.brief().0, "Busy", "{refused:?}");
        signer.signal(Signal::SIGCONT);
        for emergency in emergencies {
            assert!(emergency.join().unwrap().unwrap().assertion.contains("bris_de_glace"));
        }
    });
    assert_eq!((issued.load(Ordering::Acquire), busy.load(Ordering::Acquire)), (USUAL, FLOOD - USUAL));
    bystander.is_served();
}

#[test]
fn in_a_flood_of_requests_no_emergency_is_turned_away() {
    let limits = [("requests_in_flight_max", 5), ("emergency_share_percent", 20), ("queue_ms", 25_000)];
    let hospital = Hospital::open("emergencies", &limits);
    let mut bystander = hospital.bystander();
    let (session, stop, busy) = (bystander.session.clone(), AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::connect(&hospital.establishment.token_socket()).unwrap();
                while !stop.load(Ordering::Acquire) {
                    match client.issue(question(&session, &nonce())) {
                        Ok(_) => {}
                        Err(refused) if refused.brief().0 == "Busy" => drop(busy.fetch_add(1, Ordering::Relaxed)),
                        Err(refused) => panic!("{refused:?}"),
                    }
                }
            });
        }
        eventually("a flood", || (busy.load(Ordering::Relaxed) > 100).then_some(()));
        let refused: Vec<_> = (0..40)
            .filter_map(|turn| {
                let mut asked = emergency(&session);
                if turn % 2 == 1 {
                    asked["purpose"] = "centre_15".into();
                }
                bystander.client.issue(asked).err()
            })
            .collect();
        let before = busy.load(Ordering::Relaxed);
        eventually("the flood goes on", || (busy.load(Ordering::Relaxed) > before).then_some(()));
        stop.store(true, Ordering::Release);
        assert!(refused.is_empty(), "{refused:?}");
    });
    // Each is marked for somebody to look at.
    let status = bystander.client.status();
    assert_eq!(
        status["exceptional"],
        json!([
            { "purpose": "bris_de_glace", "count": 20 },
            { "purpose": "centre_15", "count": 20 },
        ])
    );
    eventually("the log tells", || hospital.daemons.sceaud.log().contains("exceptional-access").then_some(()));
}
