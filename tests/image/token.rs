//! An assertion of a machine that really booted: asked for on the host, behind the channel of the demonstration connector.

use std::io::Write as _;

use serde_json::json;

use super::machine::{BOOT, Boot};
use super::site::Site;
use super::support::practitioners::{PATIENTS, Practitioner};
use super::support::varlink::{Client, Issued, login};
use super::support::wait::within;

/// What is printed though the test passes: the test program keeps the words of tests that pass for itself.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "image: {line}");
}

/// An application of the host's that is answered: it asks until the connector is there and `sceaud` says that it is ready.
pub(crate) fn ready(boot: &Boot<'_>, site: &Site) -> Client {
    let asked = within(BOOT, || {
        let mut client = site.application(&boot.channel());
        let status = client.try_call("fr.sceau.Token.Status", json!({})).ok()?.ok()?;
        (status["ready"] == true).then_some(client)
    });
    asked.unwrap_or_else(|| panic!("no application is answered:\n{}", boot.tail()))
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
