//! A hostile network: nothing is understood in two ways, nobody holds what others need.

use std::io::{Read as _, Write as _};

use serde_json::json;

use super::rig::{HTTP, Rig, VARLINK, with_gate};
use super::wire::{Wire, tcp};
use crate::support::configuration::table;
use crate::support::plan::Plan;
use crate::support::wait::until;

/// How many answers came before the connection ended.
fn answers(wire: &mut Wire) -> usize {
    let rest = wire.rest();
    memchr::memmem::find_iter(&rest, b"HTTP/1.1 ").count()
}

#[test]
fn no_request_hides_in_another() {
    let rig = Rig::open("gate-smuggling");
    let hidden = "GET /v1/status HTTP/1.1\r\nHost: gate\r\n\r\n";
    let json = "Host: gate\r\nContent-Type: application/json\r\n";
    for (what, request) in [
        (
            "length and chunks",
            format!(
                "POST /v1/sessions HTTP/1.1\r\n{json}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        (
            "chunks and length",
            format!(
                "POST /v1/sessions HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\nContent-Length: 60\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        (
            "two lengths",
            format!(
                "POST /v1/sessions HTTP/1.1\r\n{json}Content-Length: 2\r\nContent-Length: 45\r\n\r\n{{}}{hidden}"
            ),
        ),
        (
            "a length with a sign",
            format!("POST /v1/sessions HTTP/1.1\r\n{json}Content-Length: +2\r\n\r\n{{}}{hidden}"),
        ),
        (
            "another coding",
            format!(
                "POST /v1/sessions HTTP/1.1\r\n{json}Transfer-Encoding: gzip, xchunked\r\n\r\n0\r\n\r\n{hidden}"
            ),
        ),
        (
            "a blank before the colon",
            format!("POST /v1/sessions HTTP/1.1\r\n{json}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a folded header",
            format!("POST /v1/sessions HTTP/1.1\r\n{json}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{{}}{hidden}"),
        ),
        (
            "chunks of HTTP/1.0",
            format!("POST /v1/sessions HTTP/1.0\r\n{json}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        ),
        (
            "a size that overflows",
            format!(
                "POST /v1/sessions HTTP/1.1\r\n{json}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{hidden}"
            ),
        ),
        (
            "a NUL in a header",
            format!("POST /v1/sessions HTTP/1.1\r\n{json}X: \0\r\nContent-Length: 2\r\n\r\n{{}}{hidden}"),
        ),
        ("an unread body", format!("POST /v1/nothing HTTP/1.1\r\n{json}Content-Length: 45\r\n\r\n{hidden}")),
        (
            "a long head",
            format!("GET /v1/status HTTP/1.1\r\nHost: gate\r\nX: {}\r\n\r\n{hidden}", "x".repeat(70_000)),
        ),
        (
            "many headers",
            format!("GET /v1/status HTTP/1.1\r\nHost: gate\r\n{}\r\n{hidden}", "X: y\r\n".repeat(200)),
        ),
    ] {
        let mut wire = rig.http(&rig.dpi);
        let _ = wire.send(request.as_bytes());
        assert!(answers(&mut wire) <= 1, "{what}");
    }
    // Two honest requests in one piece are two.
    let mut wire = rig.http(&rig.dpi);
    let last = "GET /v1/status HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n";
    wire.send(format!("{hidden}{last}").as_bytes()).unwrap();
    assert_eq!(answers(&mut wire), 2);
    // A lone LF ends a line to this reader: it is the only one, and writes every head anew.
    let mut wire = rig.http(&rig.dpi);
    wire.send(b"GET /v1/status HTTP/1.1\nHost: gate\nConnection: close\n\n").unwrap();
    assert!(answers(&mut wire) <= 1);
}

#[test]
fn who_is_slow_holds_a_place_for_the_time_of_a_handshake() {
    let limits =
        table([("handshake_ms", 300.into()), ("pending_per_source_max", 4.into()), ("idle_ms", 300.into())]);
    let rig =
        Rig::of(with_gate(Plan::new("gate-slow")), |config| drop(config.insert("limits".into(), limits.into())));
    let mut held = rig.varlink(&rig.dpi);
    // One source takes all that it may have, and says a byte.
    let mut slow: Vec<_> = (0..4).map(|_| tcp("127.0.0.2", rig.port).unwrap()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(&[0x16]).unwrap());
    until("one more is hung up on", || {
        let mut more = tcp("127.0.0.2", rig.port).unwrap();
        // A place that is not there is told by the end; one that became free by the deadline is as good.
        more.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
        matches!(more.read(&mut [0]), Ok(0) | Err(_))
    });
    // Another source comes in, and who is in goes on.
    assert!(rig.varlink(&rig.dpi).call("fr.sceau.Token.Status", &json!({})).is_some());
    assert!(held.call("fr.sceau.Token.Status", &json!({})).is_some());
    for stream in &mut slow {
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)), "the handshake's time is over");
    }
    until("the source has its places again", || {
        let stream = tcp("127.0.0.2", rig.port).unwrap();
        let wire = Wire::over(stream, Some(&rig.dpi), VARLINK).ok();
        wire.and_then(|mut wire| wire.call("fr.sceau.Token.Status", &json!({}))).is_some()
    });
    // A head that never ends, of a client that is known.
    let mut wire = Wire::open(rig.port, Some(&rig.dpi), HTTP).unwrap();
    wire.send(b"GET /v1/status HTTP/1.1\r\nHost: gate\r\nX-Slow: ").unwrap();
    assert_eq!(answers(&mut wire), 0);
}

#[test]
fn a_flood_of_strangers_takes_no_place_of_clients() {
    let rig = Rig::open("gate-flood");
    let before = rig.heard();
    let mut held = rig.varlink(&rig.dpi);
    let port = rig.port;
    let floods: Vec<_> = (0..4)
        .map(|thread: u8| {
            std::thread::spawn(move || {
                let mut kept = std::collections::VecDeque::new();
                for _ in 0..2_500 {
                    let Ok(mut stream) = tcp("127.0.0.1", port) else { continue };
                    let _ = stream.write_all(&[thread; 64]);
                    kept.push_back(stream);
                    if kept.len() > 100 {
                        kept.pop_front();
                    }
                }
            })
        })
        .collect();
    let mut served = 0;
    while floods.iter().any(|flood| !flood.is_finished()) {
        assert!(held.call("fr.sceau.Token.Status", &json!({})).is_some(), "who is in goes on");
        let stream = tcp("127.0.0.2", port).unwrap();
        let mut wire = Wire::over(stream, Some(&rig.labo), VARLINK).unwrap();
        assert!(wire.call("fr.sceau.Token.Status", &json!({})).is_some(), "who comes in is served");
        served += 1;
    }
    floods.into_iter().for_each(|flood| flood.join().unwrap());
    assert!(served > 0);
    assert_eq!(rig.heard(), before, "sceaud knows nothing of it");
    assert_eq!(rig.gate.starts(), 1);
}

#[test]
fn one_client_has_so_many_connections() {
    let limits = table([("connections_per_client_max", 3.into())]);
    let rig =
        Rig::of(with_gate(Plan::new("gate-many")), |config| drop(config.insert("limits".into(), limits.into())));
    let status = json!({});
    let mut held = Vec::new();
    until("three are in", || {
        let mut wire = rig.varlink(&rig.dpi);
        if wire.call("fr.sceau.Token.Status", &status).is_some() {
            held.push(wire);
        }
        held.len() == 3
    });
    assert!(rig.varlink(&rig.dpi).call("fr.sceau.Token.Status", &status).is_none(), "the fourth");
    assert!(rig.varlink(&rig.labo).call("fr.sceau.Token.Status", &status).is_some(), "another's first");
    held.pop();
    until("a place is free again", || rig.varlink(&rig.dpi).call("fr.sceau.Token.Status", &status).is_some());
}
