//! An assertion of a machine that really booted: asked for on the host, behind the channel of the demonstration connector.

use std::io::Write as _;

use serde_json::json;

use super::life::provisioned;
use super::machine::{BOOT, Boot};
use super::site::Site;
use super::support::practitioners::{PATIENTS, Practitioner};
use super::support::varlink::{Client, Issued, login};
use super::support::wait::within;

/// What is printed though the test passes: the test program keeps the words of tests that pass for itself.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "image: {line}");
}

/// An application of the host's that is answered, once `sceaud` says that it is ready. One connection all the while: the connector
/// ends with it, and starts anew for the next.
pub(crate) fn ready(boot: &Boot<'_>, site: &Site) -> Client {
    let mut client = site.application(&boot.channel());
    client.stream().set_read_timeout(Some(BOOT)).unwrap();
    let is_ready = within(BOOT, || {
        let status = client.try_call("fr.sceau.Token.Status", json!({})).ok()?.ok()?;
        (status["ready"] == true).then_some(())
    });
    assert!(is_ready.is_some(), "no application is answered:\n{}", boot.tail());
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
    let (mut machine, site) = (provisioned().machine.twin(), &provisioned().site);
    let mut entries = Vec::new();
    for _ in 0..2 {
        let boot = machine.boot();
        entries.push(issue(&mut ready(&boot, site), site).entry);
        print(&format!("boot to first token: {} s", boot.seconds()));
    }
    // The second boot's ledger goes on where the first one's power was cut.
    assert!(entries[0] < entries[1], "{entries:?}");
}
