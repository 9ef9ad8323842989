//! Calls to the relay: bytes unchanged either way, the certificate named by the gate alone.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::sync::mpsc;

use super::rig::{Rig, with_gate};
use crate::support::plan::Plan;
use crate::support::wait::until;

/// Stands where the relay listens: tells each head and body, answers these bytes.
fn stand_in(socket: &std::path::Path, answer: Vec<u8>) -> mpsc::Receiver<(String, Vec<u8>)> {
    let listener = UnixListener::bind(socket).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let (mut seen, mut piece) = (Vec::new(), [0; 65_536]);
            let head_len = loop {
                if let Some(at) = memchr::memmem::find(&seen, b"\r\n\r\n") {
                    break at + 4;
                }
                match stream.read(&mut piece) {
                    Ok(len @ 1..) => seen.extend_from_slice(&piece[..len]),
                    _ => return,
                }
            };
            let head = String::from_utf8(seen[..head_len].to_vec()).unwrap();
            let len = head
                .to_lowercase()
                .lines()
                .find_map(|line| Some(line.strip_prefix("content-length: ")?.parse::<usize>().unwrap()));
            let mut body = seen[head_len..].to_vec();
            while body.len() < len.unwrap_or(0) {
                let read = stream.read(&mut piece).unwrap();
                body.extend_from_slice(&piece[..read]);
            }
            tell.send((head, body)).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    told
}

#[test]
fn a_call_passes_byte_for_byte() {
    let rig = Rig::of(with_gate(Plan::new("gate-passing")), |config| {
        drop(config.insert("relay".into(), "run/stand-in.sock".into()))
    });
    let folder = &rig.scene.establishment.folder;
    let body: Vec<u8> = (0..1_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let answer: Vec<u8> = body.iter().rev().copied().collect();
    let mut whole =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for piece in answer.chunks(77_777) {
        whole.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        whole.extend_from_slice(piece);
        whole.extend_from_slice(b"\r\n");
    }
    whole.extend_from_slice(b"0\r\n\r\n");
    let told = stand_in(&folder.join("run/stand-in.sock"), whole);
    std::fs::write(folder.join("call.bin"), &body).unwrap();
    let forged = format!("Sceau-Gate-Certificate: {}", rig.labo.fingerprint);
    let arguments = [
        "--header",
        "Content-Type: application/soap+xml; action=\"urn:x\"",
        "--header",
        &forged,
        "--header",
        "Sceau-Session: s",
        "--header",
        "Connection: X-Private",
        "--header",
        "X-Private: 1",
        "--data-binary",
        "@call.bin",
        "--output",
        "answer.bin",
    ];
    let output = rig.curl(Some(&rig.dpi), &arguments, "/relay/dmp.example:8443/registry?a=b", None);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\n200", "{}", String::from_utf8_lossy(&output.stderr));
    let (head, seen) = told.recv().unwrap();
    assert!(seen == body, "what was sent is what came");
    assert!(std::fs::read(folder.join("answer.bin")).unwrap() == answer, "what was answered is what came back");
    let lower = head.to_lowercase();
    assert!(head.starts_with("POST /registry?a=b HTTP/1.1\r\n"), "{head}");
    assert!(
        lower.contains("\r\nhost: dmp.example:8443\r\n") && lower.contains("\r\nsceau-session: s\r\n"),
        "{head}"
    );
    assert!(lower.contains("action=\"urn:x\""), "{head}");
    let named: Vec<_> = lower.lines().filter_map(|line| line.strip_prefix("sceau-gate-certificate: ")).collect();
    assert_eq!(named, [rig.dpi.fingerprint.to_string()], "the gate alone names the certificate");
    assert!(!lower.contains("x-private"), "what is between neighbours stays there: {head}");
}

#[test]
fn without_a_relay_there_is_nothing() {
    let rig = Rig::open("gate-no-relay");
    let output = rig.curl(Some(&rig.dpi), &["--data", "x"], "/relay/dmp.example/registry", None);
    assert!(String::from_utf8_lossy(&output.stdout).ends_with("\n404"));
}

#[test]
fn one_client_leaves_the_relay_to_others() {
    let limits = crate::support::configuration::table([("calls_per_client_max", 2.into())]);
    let rig = Rig::of(with_gate(Plan::new("gate-calls")), |config| {
        config.insert("relay".into(), "run/stand-in.sock".into());
        config.insert("limits".into(), limits.into());
    });
    let listener = UnixListener::bind(rig.scene.establishment.folder.join("run/stand-in.sock")).unwrap();
    let head = "POST /relay/dmp.example/x HTTP/1.1";
    let call = format!("{head}\r\nHost: gate\r\nContent-Length: 1\r\n\r\nx");
    let calling = |identity| {
        let mut wire = rig.http(identity);
        wire.send(call.as_bytes()).unwrap();
        (wire, listener.accept().unwrap().0)
    };
    let (mut first, mut answering) = calling(&rig.dpi);
    let (_second, _held) = calling(&rig.dpi);
    let mut third = rig.http(&rig.dpi);
    assert_eq!(third.http(head, b"x").unwrap().0, 429, "it has as many as it may");
    let (_other, _for_another) = calling(&rig.labo);
    // With the answer the relay's place is free, though the client's connection stays.
    answering.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(first.answer().unwrap(), (200, "ok".to_owned()));
    let mut rest = Vec::new();
    answering.read_to_end(&mut rest).unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
    });
    until("the next call is made", || {
        let mut wire = rig.http(&rig.dpi);
        wire.http(head, b"x").unwrap().0 == 200
    });
}
