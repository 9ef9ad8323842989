//! `sceau issue`: prints the assertion, or says why there is none and ends with the contract's exit code.

use std::fs::File;
use std::process::Stdio;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{assert_refused, fed, issue, parts, sceau};
use crate::doorstep::{DoorAlone, freeze};
use crate::support::collection::Collection;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};

fn plan() -> Plan {
    Plan::new("command-line").key_type(KeyType::P256)
}

fn keep(establishment: &Establishment, assertion: &str) {
    let id = assertion.split_once(" ID=\"").unwrap().1.split_once('"').unwrap().0;
    Collection::of(establishment).keep(assertion, id, "dmp-air", &"CPS".into());
}

#[test]
fn done_is_0() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    // With and without the newline of a person who types.
    for ins in [PATIENTS[0].to_owned(), format!("{}\n", PATIENTS[0]), format!("{}\r\n", PATIENTS[0])] {
        let (code, out, said) = parts(&fed(&mut issue(&establishment), &ins));
        assert_eq!((code, said.as_str()), (Some(0), ""));
        let assertion = out.strip_suffix('\n').unwrap();
        assert!(
            assertion.starts_with('<') && assertion.ends_with('>') && !assertion.contains('\n'),
            "{assertion}"
        );
        assert!(assertion.contains(PATIENTS[0]));
        keep(&establishment, assertion);
    }
    let (code, out, _) = parts(&fed(issue(&establishment).arg("--json"), PATIENTS[1]));
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, Some(0));
    for member in ["assertion", "id", "issued_at", "expires_at"] {
        assert!(answer[member].is_string(), "{member} in {out}");
    }
    // Start, and session, assertion, outcome and end of each of three before: its own session is last but one.
    assert!(answer["entry"].as_u64().unwrap() >= 13, "{out}");
    keep(&establishment, answer["assertion"].as_str().unwrap());
    // A transaction without a patient; the purpose is normal where none is given.
    let mut list = sceau(&establishment, "issue");
    list.args(["--practitioner", &Practitioner::nurse().id, "--method", "OTP_SMS", "--service", "urgences"]);
    let (code, out, said) = parts(&list.args(["--transaction", "0.4"]).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("code=\"normal\"") && !out.contains("resource:resource-id"), "{out}");
}

#[test]
fn a_refusal_of_policy_is_1() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let ask = |option: &str, value: &str| {
        let mut command = sceau(&establishment, "issue");
        let options = [
            ("--practitioner", Practitioner::physician().id),
            ("--method", "CPS".into()),
            ("--service", "consultation".into()),
            ("--transaction", "3.1".into()),
            ("--purpose", "normal".into()),
        ];
        for (name, right) in options {
            command.args([name, if name == option { value } else { &right }]);
        }
        fed(command.args(["--ins", "-"]), PATIENTS[0])
    };
    assert_refused(
        &ask("--practitioner", &Practitioner::named(0, "").id),
        1,
        &["practitioner-unknown", "registre"],
    );
    assert_refused(&ask("--method", "BLUETOOTH_PIN"), 1, &["method-not-allowed"]);
    assert_refused(&ask("--service", "radiologie"), 1, &["service-not-allowed"]);
    assert_refused(&ask("--transaction", "2.1"), 1, &["transaction-not-allowed"]);
    assert_refused(&ask("--transaction", "0.5"), 1, &["purpose-not-allowed"]);
    // Each is told in words, too, not by its reason alone.
    let (.., said) = parts(&ask("--transaction", "2.1"));
    assert!(said.starts_with("sceau : refusé (transaction-not-allowed) : "), "{said}");
}

#[test]
fn wrong_words_are_2() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let mut bad = sceau(&establishment, "issue");
    bad.args(["--practitioner", &Practitioner::physician().id, "--method", "CPS", "--service", "consultation"]);
    let output = fed(bad.args(["--transaction", "9.9", "--ins", "-"]), PATIENTS[0]);
    assert_refused(&output, 2, &["transaction"]);
    for (option, value, field) in [
        ("--channel", "LSP", "channel"),
        ("--instant", "hier", "authentication.instant"),
        ("--structure", "x", "structure"),
        ("--ins-oid", "1.2.3", "patient.oid"),
    ] {
        let output = fed(issue(&establishment).args([option, value]), PATIENTS[0]);
        assert_refused(&output, 2, &[field]);
    }
    for wrong in ["207058575627098", "x", "207058575627097207058575627097", " "] {
        let output = fed(&mut issue(&establishment), wrong);
        assert_refused(&output, 2, &["patient.ins"]);
        assert!(!parts(&output).2.contains(wrong) || wrong.len() < 2, "the identifier is not repeated");
    }
    assert_refused(&fed(&mut issue(&establishment), ""), 2, &["INS", "entrée standard"]);
    assert_refused(&fed(&mut issue(&establishment), &"9".repeat(1_000_000)), 2, &[]);
    assert_eq!(issued(&establishment), 0);
}

#[test]
fn a_socket_that_is_missing_or_mute_is_3() {
    let establishment = plan().build();
    let missing = establishment.token_socket().display().to_string();
    assert_refused(&fed(&mut issue(&establishment), PATIENTS[0]), 3, &[&missing, "vérifiez"]);
    // A file that is no socket, and a socket that hangs up.
    std::fs::write(establishment.token_socket(), "").unwrap();
    assert_refused(&fed(&mut issue(&establishment), PATIENTS[0]), 3, &[&missing]);
    let other = establishment.folder.join("run/other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&other).unwrap();
    let peer = std::thread::spawn(move || drop(listener.accept()));
    assert_refused(&fed(issue(&establishment).arg("--socket").arg(&other), PATIENTS[0]), 3, &["other.sock"]);
    peer.join().unwrap();
}

#[test]
fn what_is_not_usable_now_is_3() {
    let door = DoorAlone::open(plan());
    let output = fed(&mut issue(&door.establishment), PATIENTS[0]);
    assert_refused(&output, 3, &["token-unreachable", "sceau-signer"]);
    let establishment = plan().audit(None).build();
    let _daemons = Daemons::start(&establishment);
    let asked = ["--json", "--receipt"];
    assert_refused(&fed(issue(&establishment).args(asked), PATIENTS[0]), 3, &["(ledger)"]);
}

#[test]
fn busy_is_3() {
    let establishment = plan().edit_config(|config| {
        let limits = [("requests_in_flight_max".to_owned(), 1.into()), ("signature_ms".to_owned(), 30_000.into())];
        config.insert("limits".into(), toml::Table::from_iter(limits).into());
    });
    let establishment = establishment.build();
    let daemons = Daemons::start(&establishment);
    freeze(&daemons.signers[0]);
    let mut first = issue(&establishment);
    let first = std::thread::spawn(move || fed(&mut first, PATIENTS[0]));
    crate::doorstep::until("the first is under way", || issued(&establishment) == 1);
    assert_refused(&fed(&mut issue(&establishment), PATIENTS[1]), 3, &["occupé", "réessayez"]);
    daemons.signers[0].signal(Signal::SIGCONT);
    assert_eq!(first.join().unwrap().status.code(), Some(0));
}

#[test]
fn an_output_that_takes_nothing_is_no_success() {
    let establishment = plan().build();
    let _daemons = Daemons::start(&establishment);
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = fed(issue(&establishment).stdout(full), PATIENTS[0]);
    assert_refused(&output, 3, &["sortie"]);
    // A reader that has gone.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = fed(issue(&establishment).stdout(Stdio::from(writer)), PATIENTS[0]);
    assert_refused(&output, 3, &["sortie"]);
}
