//! One VIHF for a TD3.1 consultation, obtained by `sceau issue` and verified by xmlsec1.

use std::io::Write;
use std::process::{Command, Stdio};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::Failure;
use crate::stage::{FOLDER, Stage};
use crate::support::configuration::METHODS;
use crate::support::establishment::write;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;

/// Prints id, lifetime and `xmlsec1: OK`; everything is stopped when it returns.
pub(crate) fn run() -> Result<(), Failure> {
    let stage = Stage::set()?;
    let assertion = issue(&stage)?;
    write(&stage.establishment.folder.join("vihf.xml"), &assertion, 0o644);
    let said = |name: &str| attribute(&assertion, name).ok_or(Failure::negative(format!("VIHF sans {name}")));
    let (issued_at, expires_at) = (said("IssueInstant")?, said("NotOnOrAfter")?);
    println!("VIHF : {FOLDER}/vihf.xml");
    println!("id : {}", said("ID")?);
    println!("durée de vie : {} s ({issued_at} → {expires_at})", seconds(issued_at, expires_at)?);
    verify()
}

/// The command that an integrator would type; the patient goes by standard input, never by an argument.
fn issue(stage: &Stage) -> Result<String, Failure> {
    let practitioner = &stage.establishment.practitioners[0].id;
    let mut sceau = Command::new(program("sceau"));
    sceau.args(["issue", "--config", &format!("{FOLDER}/sceau.toml"), "--practitioner", practitioner]);
    sceau.args(["--method", METHODS[0], "--transaction", "3.1", "--purpose", "normal", "--ins", "-"]);
    let mut child = sceau.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // A child that ended before reading says why itself: a broken pipe adds nothing.
    let _ = writeln!(child.stdin.take().unwrap(), "{}", PATIENTS[0]);
    let output = child.wait_with_output().unwrap();
    if !output.status.success() {
        return Err(Failure::negative(format!("sceau issue : {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).unwrap();
    Ok(text.strip_suffix('\n').map_or(text.clone(), Into::into))
}

/// The contract's command line, word for word.
fn verify() -> Result<(), Failure> {
    const ID: &str = "--id-attr:ID";
    const NODE: &str = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion";
    let file = |name: &str| format!("{FOLDER}/{name}");
    let mut xmlsec1 = Command::new("xmlsec1");
    xmlsec1.args(["--verify", "--trusted-pem", &file("pki/ca.pem")]);
    xmlsec1.args(["--untrusted-pem", &file("pki/intermediate.pem"), ID, NODE, &file("vihf.xml")]);
    let output = xmlsec1.output().map_err(|e| Failure::usage(format!("xmlsec1 : {e} ; lancez `make setup`")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Failure::negative(format!("xmlsec1: {}\n{said}", output.status)));
    }
    println!("xmlsec1: OK");
    Ok(())
}

/// First attribute of that name; our own writer puts no entity in these.
fn attribute<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

fn seconds(from: &str, to: &str) -> Result<f64, Failure> {
    let instant =
        |text| OffsetDateTime::parse(text, &Rfc3339).map_err(|e| Failure::negative(format!("{text} : {e}")));
    Ok((instant(to)? - instant(from)?).as_seconds_f64())
}
