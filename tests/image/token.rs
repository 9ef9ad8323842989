//! An assertion of a machine that really booted: asked for on the host, behind the channel of the demonstration connector.

use std::io::Write as _;

use serde_json::json;

use super::later::later;
use super::machine::{BOOT, Boot, LOOK_EVERY};
use super::site::Site;
use super::support::practitioners::{PATIENTS, Practitioner};
use super::support::varlink::{Client, Issued, login};
use super::support::wait::watched;

/// What is printed though the test passes: the test program keeps the words of tests that pass for itself.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "image: {line}");
}

/// An application of the host's, which is answered when the machine is so far.
pub(crate) fn application(boot: &Boot<'_>, site: &Site) -> Client {
    let client = site.application(&boot.channel());
    client.stream().set_read_timeout(Some(BOOT)).unwrap();
    client
}

/// The same, once `sceaud` says that it is ready. One connection all the while: what is on its way to an end that is gone comes to the next.
pub(crate) fn ready(boot: &Boot<'_>, site: &Site) -> Client {
    let mut client = application(boot, site);
    let is_ready = watched(LOOK_EVERY, BOOT, || {
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
    // Each was verified when it was made; the second boot's ledger goes on where the first one's power was cut.
    let [first, second] = &later().issued;
    assert!(first.entry < second.entry, "{} then {}", first.entry, second.entry);
}
