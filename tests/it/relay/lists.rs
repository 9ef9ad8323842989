//! Revocation lists that the relay fetches itself: believed by their signature, never taken back, kept when the source fails.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use time::Duration;

use super::dmp::{ServerPki, Wanted};
use super::rig::{Rig, RigPlan};
use crate::support::establishment::write;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::wait::until;

/// A distribution point that answers every question with these bytes.
struct Point {
    url: String,
    says: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
}

impl Point {
    fn open() -> Point {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/ac/serveurs.crl", listener.local_addr().unwrap());
        let (says, asked) = (Arc::new(Mutex::new(status(404))), Arc::new(AtomicUsize::new(0)));
        let (told, counted) = (Arc::clone(&says), Arc::clone(&asked));
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let answer = told.lock().unwrap().clone();
                let _ = stream.write_all(&answer);
                counted.fetch_add(1, Ordering::AcqRel);
            }
        });
        Point { url, says, asked }
    }

    fn say(&self, answer: Vec<u8>) {
        *self.says.lock().unwrap() = answer;
    }

    /// Waits until what it says has been heard: a question that began before may have had the answer of before.
    fn heard(&self) {
        let before = self.asked.load(Ordering::Acquire);
        until("the relay asks", || self.asked.load(Ordering::Acquire) >= before + 2);
    }
}

fn status(code: u16) -> Vec<u8> {
    format!("HTTP/1.1 {code} X\r\nlocation: http://localhost/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        .into_bytes()
}

fn found(list: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", list.len());
    [head.as_bytes(), list.as_bytes()].concat()
}

fn rig(point: &Point) -> Rig {
    let url = point.url.clone();
    RigPlan {
        edit: Box::new(move |config| {
            let relay = config["relay"].as_table_mut().unwrap();
            relay.remove("crls");
            relay.insert("crl_urls".into(), vec![url].into());
            relay.insert("crl_folder".into(), "run".into());
            relay.insert("crl_fetch_ms".into(), 20.into());
            relay.insert("crl_len_max".into(), 10_000.into());
        }),
        ..RigPlan::default()
    }
    .start()
}

fn kept(rig: &Rig) -> Option<Vec<u8>> {
    let folder = rig.establishment.folder.join("run");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let lists: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "crl")).collect();
    assert!(lists.len() <= 1, "{lists:?}");
    lists.first().map(|path| std::fs::read(path).unwrap())
}

fn check(rig: &Rig) -> Value {
    let mut command = Command::new(program("sceau"));
    command.args(["check", "--json", "--config"]).arg(rig.establishment.config());
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

#[test]
fn a_fetched_list_is_taken_by_its_signature_and_kept_when_its_source_fails() {
    let point = Point::open();
    let rig = rig(&point);
    let session = rig.session();
    let told = |code: u16, fault: &str| (code, fault.to_owned());
    // Nothing has come yet: nothing is sent.
    point.heard();
    assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), told(503, "revocation-list-old"));
    assert!(check(&rig)["findings"].to_string().contains("revocation-list-missing"));
    assert!(rig.relay.log().contains("missing=true"), "the alarm");
    // It comes; it says that the server is good, and later that it is revoked.
    let (hour, minute) = (Duration::hours(1), Duration::minutes(1));
    point.say(found(&rig.pki.list(&[], hour * 5)));
    until("the list is taken", || rig.ask(&session, PATIENTS[0]).status == 200);
    assert_eq!(check(&rig)["revocation_lists"][0]["hours"], 5);
    point.say(found(&rig.pki.list(&[Wanted::good().serial], hour)));
    until("the revocation is known", || {
        rig.ask(&session, PATIENTS[0]).fault() == told(502, "server-certificate-revoked")
    });
    let revoking = kept(&rig).unwrap();
    // Whoever stands between cannot take it back, nor put anything else in its place.
    let stranger = ServerPki::new();
    let mut forged = rig.pki.list(&[], minute).into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    let two = rig.pki.list(&[], minute) + &rig.pki.list(&[], minute);
    for (what, answer) in [
        ("an older list", found(&rig.pki.list(&[], hour * 3))),
        ("of a stranger with the same name", found(&stranger.list(&[], minute))),
        ("of the future", found(&rig.pki.list(&[], -hour))),
        ("past its end", found(&rig.pki.list_until(&[], minute * 30, -minute))),
        ("altered", found(std::str::from_utf8(&forged).unwrap())),
        ("two", found(&two)),
        ("no list", found("<html>indisponible</html>")),
        ("too long", found(&" ".repeat(20_000))),
        ("nothing", Vec::new()),
        ("no HTTP", b"\x16\x03\x01".to_vec()),
        ("cut", found(&rig.pki.list(&[], minute))[..200].to_vec()),
        ("an error", status(500)),
        ("elsewhere", status(302)),
    ] {
        point.say(answer);
        point.heard();
        assert_eq!(kept(&rig).unwrap(), revoking, "{what}");
        assert_eq!(rig.ask(&session, PATIENTS[0]).fault().0, 502, "{what}");
    }
    // A newer one that says otherwise is the authority's to give.
    point.say(found(&rig.pki.list(&[], minute)));
    until("the server is believed again", || rig.ask(&session, PATIENTS[0]).status == 200);
    assert!(rig.relay.log().contains("the server answers 302"), "each failure is told");
}

/// Settings of `[relay]` wait for a restart, an address of a list too: a list that nobody fetches yet stops nothing.
#[test]
fn an_address_that_is_added_stops_nothing() {
    let point = Point::open();
    let rig = rig(&point);
    let session = rig.session();
    point.say(found(&rig.pki.list(&[], Duration::hours(1))));
    until("the list is taken", || rig.ask(&session, PATIENTS[0]).status == 200);
    let other = point.url.replace("serveurs", "autre");
    rig.establishment.edit_file("sceau.toml", |config| {
        let urls = vec![point.url.clone(), other].into();
        config["relay"].as_table_mut().unwrap().insert("crl_urls".into(), urls);
    });
    // What is told of a file that cannot be read comes after the configuration was read with the new address.
    let seal = rig.establishment.folder.join("pki/seal-a.pem");
    write(&seal, "-----BEGIN CERTIFICATE-----\nAAAA\n", 0o644);
    until("the configuration is read again", || rig.relay.log().contains("cannot be read again"));
    write(&seal, &rig.establishment.seals[0].certificate_pem, 0o644);
    until("and again", || rig.relay.log().contains("can be read again; they have not changed"));
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    assert_eq!(rig.relay.starts(), 1);
}

/// What was fetched is there after a restart, without its source.
#[test]
fn a_fetched_list_outlives_a_restart_and_is_told_when_it_ages() {
    let point = Point::open();
    let rig = rig(&point);
    let session = rig.session();
    point.say(found(&rig.pki.list(&[], Duration::hours(40))));
    until("the list is taken", || rig.ask(&session, PATIENTS[0]).status == 200);
    point.say(status(503));
    rig.relay.kill();
    rig.relay.wait_ready(2);
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    let report = check(&rig);
    assert!(report["findings"].to_string().contains("revocation-list-ages"), "{report}");
    assert_eq!(
        (&report["revocation_lists"][0]["hours"], &report["revocation_lists"][0]["max_hours"]),
        (&40.into(), &72.into())
    );
    until("the alarm is raised", || rig.relay.log().contains("revocation alarm"));
    // Half a file, as after a bad disk: nothing is sent, and it heals with the next fetch.
    let folder = rig.establishment.folder.join("run");
    let file = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "crl"));
    std::fs::write(file.unwrap(), "half").unwrap();
    until("it is noticed", || rig.ask(&session, PATIENTS[0]).fault().1 == "revocation-list-old");
    assert!(check(&rig)["findings"].to_string().contains("revocation-list-unusable"));
    point.say(found(&rig.pki.list(&[], Duration::hours(40))));
    until("it is fetched again", || rig.ask(&session, PATIENTS[0]).status == 200);
}
