//! TD0.10 by its stand-in: a one-time address, opened by a real browser that takes the assertion to the configured place alone.

use std::process::Command;

use sceau::traces::entry::outcome::Outcome;
use serde_json::{Value, json};

use super::bridge::Bridge;
use super::dmp::{Killed, mortal, source};
use super::rig::{Answer, Rig, RigPlan};
use crate::doorstep::{physician_login, with};
use crate::support::configuration::table;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;
use crate::support::wait::{eventually, until};

/// Where the product's page says it is going; the port is known when the place runs.
fn plan(target: &'static str) -> RigPlan {
    RigPlan {
        edit: Box::new(move |config| {
            let place = table([
                ("name", "essai".into()),
                ("target", target.into()),
                ("delivery", "form-post-stand-in".into()),
            ]);
            config.insert("web_ps".into(), vec![place].into());
        }),
        ..RigPlan::default()
    }
}

fn web_session(rig: &Rig) -> String {
    rig.establishment.client().open_session(with(physician_login(), "channel", "WEB_PS".into())).unwrap()
}

fn headers(session: &str, transaction: &str) -> String {
    format!(
        "Host: sceau\r\nSceau-Session: {session}\r\nSceau-Nonce: {}\r\nSceau-Transaction: {transaction}\r\n\
         Sceau-Purpose: normal\r\nSceau-Patient: {}\r\n",
        nonce(),
        PATIENTS[0]
    )
}

fn reserve(rig: &Rig, place: &str, headers: &str) -> Answer {
    rig.post(&format!("/sceau/web-ps/{place}"), headers, b"")
}

fn get(rig: &Rig, path: &str, more: &str) -> Answer {
    rig.raw(format!("GET {path} HTTP/1.1\r\nHost: sceau\r\n{more}Connection: close\r\n\r\n").as_bytes())
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let of = |line: &'a str| line.split_once(": ").filter(|(found, _)| found.eq_ignore_ascii_case(name));
    answer.head.lines().find_map(of).map_or("", |(_, value)| value)
}

fn refusal(answer: &Answer) -> (u16, String) {
    assert!(!answer.text().contains('<') && !answer.text().contains(PATIENTS[0]), "{}", answer.text());
    (answer.status, header(answer, "sceau-fault").to_owned())
}

#[test]
fn an_address_serves_one_navigation_of_its_own_application() {
    let rig = plan("https://webps.exemple.fr/td010?x=1&y=2").start();
    let session = web_session(&rig);
    let reserved = reserve(&rig, "essai", &headers(&session, "0.10"));
    assert_eq!((reserved.status, reserved.body.len()), (201, 0), "{}", reserved.text());
    assert_eq!(header(&reserved, "cache-control"), "no-store");
    let path = header(&reserved, "location").to_owned();
    assert!(path.starts_with("/sceau/web-ps/") && path.len() == 14 + 43 && !path.contains(&session), "{path}");
    assert_eq!(rig.course(), [], "nothing is issued before the browser comes");
    // Whatever is no navigation leaves it unused.
    for ahead in [
        "Sec-Purpose: prefetch\r\n",
        "Purpose: prefetch\r\n",
        "Sec-Fetch-Mode: cors\r\n",
        "Sec-Fetch-Dest: iframe\r\n",
    ] {
        assert_eq!(refusal(&get(&rig, &path, ahead)), (403, "not-a-navigation".into()), "{ahead}");
    }
    assert_eq!(
        refusal(&rig.raw(format!("HEAD {path} HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n").as_bytes())).0,
        405
    );
    assert_eq!(refusal(&get(&rig, &format!("{path}x"), "")), (404, "ticket-unknown".into()));
    // Of many at once, one is served.
    let pages: Vec<Answer> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| get(&rig, &path, "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n")))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let (served, rest): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.status == 200);
    assert_eq!(served.len(), 1);
    assert!(rest.iter().all(|page| refusal(page) == (404, "ticket-unknown".into())));
    let page = served[0];
    assert!(page.text().contains("action=\"https://webps.exemple.fr/td010?x=1&amp;y=2\""), "{}", page.text());
    assert!(page.text().contains("remise de substitution"), "it is named as what it is");
    let policy = header(page, "content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("form-action https://webps.exemple.fr;"),
        "{policy}"
    );
    assert!(
        policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe") && !policy.contains("same-origin"),
        "{policy}"
    );
    for (name, value) in
        [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")]
    {
        assert_eq!(header(page, name), value);
    }
    rig.wait_course(&[Outcome::Released, Outcome::Spent]);
    assert!(!rig.relay.log().contains(&session) && !rig.relay.log().contains(&path[14..]), "secrets in the log");
}

#[test]
fn only_what_is_configured_goes_to_a_browser() {
    let rig = plan("https://webps.exemple.fr/td010").start();
    let session = web_session(&rig);
    let right = headers(&session, "0.10");
    assert_eq!(refusal(&reserve(&rig, "autre", &right)), (404, "destination-unknown".into()));
    assert_eq!(refusal(&reserve(&rig, "essai?target=https://evil.test", &right)), (400, "header".into()));
    assert_eq!(refusal(&reserve(&rig, "essai", &headers(&session, "3.1"))), (400, "transaction-mismatch".into()));
    assert_eq!(refusal(&reserve(&rig, "essai", "Host: sceau\r\n")), (400, "sealed-header".into()));
    assert_eq!(
        refusal(&reserve(&rig, "essai", &format!("{right}Sceau-Target: https://evil.test\r\n"))),
        (400, "sealed-header".into())
    );
    assert_eq!(refusal(&rig.post("/sceau/web-ps/essai", &right, b"x")), (400, "header".into()));
    // Bound to the session: once it is closed the address gives nothing.
    let path = header(&reserve(&rig, "essai", &headers(&session, "0.10")), "location").to_owned();
    rig.establishment.client().call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap();
    assert_eq!(refusal(&get(&rig, &path, "")), (403, "session-unknown".into()));
    assert!(!rig.course().contains(&Outcome::Spent));
    // A restart forgets addresses.
    let session = web_session(&rig);
    let path = header(&reserve(&rig, "essai", &headers(&session, "0.10")), "location").to_owned();
    rig.relay.kill();
    rig.relay.wait_ready(2);
    assert_eq!(refusal(&get(&rig, &path, "")), (404, "ticket-unknown".into()));
}

/// The user of no register cannot open what another application reserved, nor use it up.
#[test]
fn an_address_is_not_another_users() {
    let name = "relay::an_address_is_not_another_users";
    let Some(nobody) = crate::doorstep::OtherUser::named("nobody", name) else { return };
    let rig = plan("https://webps.exemple.fr/td010").start();
    let session = web_session(&rig);
    let path = header(&reserve(&rig, "essai", &headers(&session, "0.10")), "location").to_owned();
    let socket = rig.establishment.folder.join("run/relay.sock");
    let script = format!(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('{}')\ns.sendall(b'GET {path} HTTP/1.1\\r\\nHost: s\\r\\nConnection: close\\r\\n\\r\\n')\n\
         data = b''\nwhile piece := s.recv(65536): data += piece\nprint(data.decode())",
        socket.display()
    );
    let output =
        nobody.command(std::path::Path::new("/usr/bin/python3")).args(["-I", "-c", &script]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with("HTTP/1.1 404") && said.contains("ticket-unknown"), "{said}");
    assert_eq!(get(&rig, &path, "").status, 200, "it was not used up");
}

/// The whole way: Chromium opens the address, the page's script submits its form under the page's own policy, and the place
/// verifies what it got. The place's certificate is a test's, which the browser is told to bear.
#[test]
fn a_real_browser_takes_the_assertion_to_its_place() {
    // The place needs its certificate first: its port is free now and taken then.
    let port = super::dmp::free_port();
    let target: &'static str = format!("https://localhost:{port}/td010").leak();
    let rig = plan(target).start();
    let port_file = rig.establishment.folder.join("dmp/web-ps.port");
    let mut place = mortal("python3");
    place.arg(source("web_ps.py")).arg(&rig.establishment.folder).arg(&port_file).arg(port.to_string());
    let _place = Killed(place.spawn().unwrap());
    eventually("the place listens", || std::fs::read_to_string(&port_file).ok());
    let bridge = Bridge::to(&rig.establishment.folder.join("run/relay.sock"));
    let browse = |path: &str| {
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new("chromium-headless-shell");
        // No sandbox of its own: the test runs as root, and the page is ours.
        browser.args([
            "--no-sandbox",
            "--disable-gpu",
            "--ignore-certificate-errors",
            "--virtual-time-budget=5000",
            "--dump-dom",
        ]);
        browser.arg(format!("--user-data-dir={}", profile.path().display()));
        let output = browser.arg(format!("http://127.0.0.1:{}{path}", bridge.port)).output();
        let output = output.unwrap_or_else(|e| panic!("chromium-headless-shell: {e}; run `make setup`"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let session = web_session(&rig);
    let path = header(&reserve(&rig, "essai", &headers(&session, "0.10")), "location").to_owned();
    let dom = browse(&path);
    assert!(dom.contains("vihf verified"), "{dom}");
    let journal = rig.establishment.folder.join("dmp/web-ps.jsonl");
    let posted: Vec<Value> = std::fs::read_to_string(&journal)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(posted.len(), 1);
    assert_eq!(
        (&posted[0]["path"], &posted[0]["verified"], &posted[0]["fields"]),
        (&"/td010".into(), &true.into(), &json!(["vihf"]))
    );
    assert!(posted[0]["headers"].get("Referer").is_none(), "the address would be in it");
    let id = posted[0]["assertion"]
        .as_str()
        .unwrap()
        .split_once("ID=\"")
        .unwrap()
        .1
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    rig.wait_course(&[Outcome::Released, Outcome::Spent]);
    // The ledger has it spent; the relay does not bear it a second time, nor does the address serve again.
    assert!(browse(&path).contains("a déjà servi"));
    until("it can be reported", || {
        rig.establishment
            .client()
            .call("fr.sceau.Token.Report", json!({ "id": id, "outcome": "accepted" }))
            .is_ok()
    });
    rig.wait_course(&[Outcome::Released, Outcome::Spent, Outcome::Accepted]);
}
