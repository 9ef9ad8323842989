//! The text by itself: these bytes, whatever a label holds; one answer to whatever is asked.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn status() -> Value {
    json!({
        "state": "operational", "ready": true, "version": "0.1.0", "profile": "dmp-air", "entries": 1234,
        "seals": [
            { "structure": "1750000001", "key": "seal-a", "ready": true, "certificate_expires_at": "2028-01-01T00:00:00.000Z" },
            { "structure": "1750000001", "key": "seal-\"b\\", "ready": false, "certificate_expires_at": "2027-01-01T00:00:00.500Z" },
        ],
        "troubles": [{ "reason": "space-low", "message": "x" }, { "reason": "clock-jump", "message": "y" }, { "reason": "space-low", "message": "z" }],
        "exceptional": [{ "purpose": "bris_de_glace", "count": 3 }, { "purpose": "centre_15", "count": 0 }],
        "rights": [], "audit": { "key": "audit", "ready": true, "checkpoint": 1200 },
        "attached": [{ "kind": "connector", "name": "gate", "image": "ab" }, { "kind": "module", "name": "hsm", "image": "cd" }],
    })
}

/// Supervisors have rules on these names: they stay.
#[test]
fn the_text_is_these_bytes() {
    assert_eq!(text(Some(&status())), include_str!("golden.txt"));
}

#[test]
fn nobody_who_answers_is_a_figure_too() {
    assert_eq!(text(None), "# TYPE sceau_up gauge\n# HELP sceau_up Whether sceaud answered.\nsceau_up 0\n# EOF\n");
}

#[test]
fn a_scraper_is_answered_once() {
    let ask = |head: &str| answer(head.as_bytes(), || "figures\n".to_owned());
    let good = ask("GET /metrics HTTP/1.1\r\nHost: a\r\nAccept: application/openmetrics-text\r\n\r\n");
    assert!(good.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0"));
    assert!(good.ends_with("Connection: close\r\n\r\nfigures\n") && good.contains("Content-Length: 8\r\n"));
    let head = ask("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n") && head.contains("Content-Length: 8\r\n"));
    for (head, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /metrics/../admin HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("GET /metrics\r\n\r\n", "400"),
        ("GET /metrics HTTP/2\r\n\r\n", "400"),
        ("GET /metrics HTTP/1.1\r\nHost: a\r\n", "400"),
        ("", "400"),
    ] {
        assert!(ask(head).starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
}

proptest! {
    #[test]
    fn whatever_is_asked_is_answered_whole(head in prop::collection::vec(any::<u8>(), 0..300)) {
        let answered = answer(&head, String::new);
        prop_assert!(answered.starts_with("HTTP/1.1 ") && answered.contains("\r\n\r\n"));
    }

    #[test]
    fn a_label_stays_on_its_line(value in any::<String>()) {
        let mut out = String::new();
        Family::new("x", Kind::Gauge, "x").sample(&[("a", &value)], 1.0).write(&mut out);
        prop_assert_eq!(out.matches('\n').count(), 3);
    }
}
