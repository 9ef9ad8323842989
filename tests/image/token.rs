//! An assertion of a machine that really booted: asked for on the host, behind the channel of the demonstration connector.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::later::later;
use super::machine::{BOOT, Boot, LOOK_EVERY};
use super::site::Site;
use super::support::practitioners::{PATIENTS, Practitioner};
use super::support::varlink::{Client, Issued, login};
use super::support::wait::watched;

/// Longest wait for one answer, on a machine that is slow.
const ANSWER: Duration = Duration::from_secs(20);
/// A method of no interface.
const NOBODYS: &str = "fr.sceau.Token.Nobodys";

/// What is printed though the test passes: the test program keeps the words of tests that pass for itself.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "image: {line}");
}

/// An application of the host's, which is answered when the machine is so far. What it asks before may be lost with a connector that
/// comes and goes (seen in a boot): it waits a while, and asks again.
pub(crate) fn application(boot: &Boot<'_>, site: &Site) -> Client {
    let client = site.application(&boot.channel());
    client.stream().set_read_timeout(Some(ANSWER)).unwrap();
    client
}

/// The same, once `sceaud` says that it is ready.
pub(crate) fn ready(boot: &Boot<'_>, site: &Site) -> Client {
    sealing(boot, site, &[])
}

/// The same, once each of these keys can seal too.
pub(crate) fn sealing(boot: &Boot<'_>, site: &Site, keys: &[&str]) -> Client {
    let mut client = application(boot, site);
    let mut last = Value::Null;
    let is_ready = watched(LOOK_EVERY, BOOT, || {
        last = client.try_call("fr.sceau.Token.Status", json!({})).ok()?.ok()?;
        let seals = last["seals"].as_array()?;
        let can_seal = |key: &&str| seals.iter().any(|seal| seal["key"] == **key && seal["ready"] == true);
        (last["ready"] == true && keys.iter().all(can_seal)).then_some(())
    });
    assert!(is_ready.is_some(), "no application is answered, or {keys:?} does not seal: {last}\n{}", boot.tail());
    client.stream().set_read_timeout(Some(BOOT)).unwrap();
    // Answers may be left of what was asked twice: nobody has a method of this name, and that is the last one.
    client.send(json!({ "method": NOBODYS }).to_string().as_bytes()).unwrap();
    while client.receive_answer().unwrap().err().is_none_or(|refused| refused.parameters["method"] != NOBODYS) {}
    client
}

/// One assertion for a consultation, which xmlsec1 takes.
pub(crate) fn issue(client: &mut Client, site: &Site) -> Issued {
    let session = client.open_session(login(&Practitioner::physician().id, "CPS", "consultation")).unwrap();
    let issued = client.consult(&session, PATIENTS[0]).unwrap();
    assert!(site.is_sealed(&issued.assertion), "xmlsec1 refuses {}", issued.assertion);
    // The canary: it does judge.
    assert!(!site.is_sealed(&issued.assertion.replacen("CPS", "CPX", 1)), "xmlsec1 takes a changed assertion");
    issued
}

#[test]
fn an_assertion_issued_inside_is_verified_on_the_host() {
    // Each was verified when it was made; the second boot's ledger goes on where the first one's power was cut.
    let [first, second] = &later().issued;
    assert!(first.entry < second.entry, "{} then {}", first.entry, second.entry);
}
