//! A certificate is proposed with a code, and confirmed by an order.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::policy::invitation::{Code, SECRET_LEN, Secret};
use serde_json::{Value, json};

use super::rig::{Rig, told, with_gate};
use super::wire::Identity;
use crate::registers::scene::{self, good};
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::wait::until;

/// Has alice invite that application; the code as it is told.
fn invite(rig: &Rig, application: &str) -> String {
    let output = rig.scene.applications(&["invite", "--application", application, "--json"], &["alice"]);
    good(&output);
    scene::json(&output)["done"]["code"].as_str().unwrap().to_owned()
}

/// The same by an order that is signed elsewhere, and submitted.
fn invite_from_elsewhere(rig: &Rig, application: &str) -> String {
    let order = rig.scene.applications(&["invite", "--application", application], &[]);
    good(&order);
    rig.scene.file("ordre.json", &order.stdout);
    let sceau = program("sceau");
    good(&rig.scene.run(sceau.to_str().unwrap(), &["order", "sign", "--key", "alice", "ordre.json"], ""));
    let output = rig.scene.sceau(&["order", "submit", "ordre.json", "--signature", "ordre.json.alice.sig"]);
    good(&output);
    let said = String::from_utf8(output.stdout).unwrap();
    said.split_whitespace().find(|word| word.starts_with("SCEAU1-")).expect("a code is told").to_owned()
}

fn proposal(application: &str, identity: &Identity, code: &Code) -> Value {
    let proof = code.secret.prove(&identity.public_key(), &code.gate);
    json!({
        "application": application,
        "certificate": std::fs::read_to_string(&identity.certificate).unwrap(),
        "proof": STANDARD.encode(proof.as_bytes()),
    })
}

fn propose(rig: &Rig, proposal: &Value) -> (u16, Value) {
    told(&rig.curl(None, &[], "/v1/enrolment", Some(&proposal.to_string())))
}

/// Waits until the gate lets somebody without a certificate propose one.
fn wait_open(rig: &Rig) {
    until("a proposal can be made", || rig.curl(None, &[], "/v1/status", None).status.success());
}

/// A certificate without extensions, which openssl makes of version 1.
fn version_1(folder: &std::path::Path) -> String {
    let openssl = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl(&["req", "-new", "-key", "server.key", "-subj", "/CN=dpi", "-out", "server.csr"]);
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-signkey",
        "server.key",
        "-days",
        "1",
        "-out",
        "version-1.pem",
    ]);
    let read = std::fs::read_to_string(folder.join("version-1.pem")).unwrap();
    let (_, pem) = x509_parser::pem::parse_x509_pem(read.as_bytes()).unwrap();
    if pem.parse_x509().unwrap().version() != x509_parser::x509::X509Version::V1 {
        // OpenSSL 3.4 and later write version 3 whatever is in it: what they cannot make is said as what it is not.
        return read.replacen("MII", "MIJ", 1);
    }
    read
}

fn enrolments(rig: &Rig) -> Vec<Value> {
    let output = rig.scene.applications(&["enrolments", "--json"], &[]);
    scene::json(&output)["enrolments"].as_array().unwrap().clone()
}

#[test]
fn a_server_is_let_in_by_a_code_and_an_order() {
    let rig = Rig::open("gate-enrolment");
    let folder = rig.scene.establishment.folder.clone();
    assert!(!rig.curl(None, &[], "/v1/enrolment", Some("{}")).status.success(), "nobody is invited");
    let text = invite(&rig, "gate:dpi");
    let code = Code::parse(&text).unwrap();
    let gate = sceau::certificate::public_keys(&std::fs::read(folder.join("gate.pem")).unwrap()).remove(0);
    assert_eq!(code.gate, sceau::traces::digest::Digest::of(&[&gate]), "the code names the gate's key");
    wait_open(&rig);
    // Without a certificate, nothing else is served.
    let (status, answer) = told(&rig.curl(None, &[], "/v1/status", None));
    assert_eq!((status, answer["parameters"]["reason"].as_str()), (403, Some("certificate-required")));
    let server = Identity::make(&folder, "server");
    // Another application's name, another code, another key: all refused alike.
    let refused = |proposal: Value| {
        let (status, answer) = propose(&rig, &proposal);
        assert_eq!(
            (status, answer["parameters"]["reason"].as_str()),
            (403, Some("enrolment-refused")),
            "{answer}"
        );
        answer
    };
    let unknown = refused(proposal("labo", &server, &code));
    let wrong = Code { secret: Secret::new([0; SECRET_LEN]), gate: code.gate };
    assert_eq!(refused(proposal("dpi", &server, &wrong)), unknown, "nothing is learnt");
    let mut other_key = proposal("dpi", &server, &code);
    other_key["certificate"] = std::fs::read_to_string(&rig.labo.certificate).unwrap().into();
    refused(other_key);
    for (member, value) in [("application", "DPI"), ("certificate", "x"), ("proof", "x")] {
        let mut malformed = proposal("dpi", &server, &code);
        malformed[member] = value.into();
        assert_eq!(propose(&rig, &malformed).0, 400, "{member}");
    }
    // A certificate that TLS does not read (version 1) would be confirmed for nothing.
    let mut old = proposal("dpi", &server, &code);
    old["certificate"] = version_1(&folder).into();
    assert_eq!(propose(&rig, &old).0, 400);
    let right = proposal("dpi", &server, &code);
    let (status, answer) = propose(&rig, &right);
    assert_eq!((status, answer["state"].as_str()), (202, Some("pending")), "{answer}");
    let rows = enrolments(&rig);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["certificate"], server.fingerprint.to_string());
    assert_eq!(
        (rows[0]["short"].clone(), rows[0]["wrong_proofs"].clone()),
        (server.fingerprint.short().into(), 2.into())
    );
    assert!(rig.curl(Some(&server), &[], "/v1/status", None).stdout == b"\n000", "not before the order");
    let certificate = server.fingerprint.to_string();
    let confirm = ["certificate", "--application", "gate:dpi", "--certificate", &certificate];
    assert!(!rig.scene.applications(&confirm, &["bob"]).status.success(), "an approver does not confirm");
    good(&rig.scene.applications(&confirm, &["alice"]));
    rig.wait_admitted(&server);
    assert_eq!(told(&rig.curl(Some(&server), &[], "/v1/status", None)).0, 200);
    assert!(enrolments(&rig).is_empty(), "the invitation is used up");
    until("nobody may propose", || !rig.curl(None, &[], "/v1/status", None).status.success());
    let log = rig.scene.daemons.sceaud.log() + &rig.gate.log();
    assert!(!log.contains(&text) && !log.contains(&text[8..40]), "the code is in no log");
}

#[test]
fn of_two_proposals_the_first_stands() {
    let rig = Rig::open("gate-proposals");
    let folder = rig.scene.establishment.folder.clone();
    let code = Code::parse(&invite(&rig, "gate:dpi")).unwrap();
    // Another invitation keeps the door open.
    invite(&rig, "gate:labo");
    wait_open(&rig);
    let (first, second) = (Identity::make(&folder, "first"), Identity::make(&folder, "second"));
    assert_eq!(propose(&rig, &proposal("dpi", &first, &code)).0, 202);
    assert_eq!(propose(&rig, &proposal("dpi", &second, &code)).0, 403);
    assert_eq!(propose(&rig, &proposal("dpi", &first, &code)).0, 202, "the same again");
    let rows = enrolments(&rig);
    let pending: Vec<_> = rows.iter().filter_map(|row| row["certificate"].as_str()).collect();
    assert_eq!(pending, [first.fingerprint.to_string()]);
    // A new invitation ends the proposal, and its code is another one.
    let again = Code::parse(&invite_from_elsewhere(&rig, "gate:dpi")).unwrap();
    assert_eq!(propose(&rig, &proposal("dpi", &first, &code)).0, 403, "the former code is void");
    assert_eq!(propose(&rig, &proposal("dpi", &second, &again)).0, 202);
}

#[test]
fn wrong_codes_are_counted_and_take_nobodys_invitation_away() {
    let rig = Rig::open("gate-guessing");
    let folder = rig.scene.establishment.folder.clone();
    let code = Code::parse(&invite(&rig, "gate:dpi")).unwrap();
    wait_open(&rig);
    let server = Identity::make(&folder, "server");
    let wrong = Code { secret: Secret::new([0; SECRET_LEN]), gate: code.gate };
    for _ in 0..6 {
        assert_eq!(propose(&rig, &proposal("dpi", &server, &wrong)).0, 403);
    }
    assert_eq!(enrolments(&rig)[0]["wrong_proofs"], 6);
    assert_eq!(propose(&rig, &proposal("dpi", &server, &code)).0, 202);
}

#[test]
fn an_invitation_ends_by_itself_and_is_for_who_is_registered() {
    let plan = Plan::new("gate-ends").edit_config(|config| {
        let rules = [("user", "".into()), ("invitation_ms", 1.into())];
        config.insert("gate".into(), crate::support::configuration::table(rules).into());
    });
    let rig = Rig::of(plan, |_| {});
    let code = invite(&rig, "gate:dpi");
    until("it has ended", || enrolments(&rig).is_empty());
    assert!(!rig.curl(None, &[], "/v1/enrolment", Some("{}")).status.success(), "{code}");
    let local = crate::support::establishment::user_name();
    for nobody in ["gate:nobody", "dpi", local.as_str()] {
        let output = rig.scene.applications(&["invite", "--application", nobody], &["alice"]);
        assert!(scene::said(&output).contains("gate:NOM"), "{nobody}");
    }
    let twice = rig.labo.fingerprint.to_string();
    let arguments = ["certificate", "--application", "gate:dpi", "--certificate", &twice];
    let output = rig.scene.applications(&arguments, &["alice"]);
    assert!(scene::said(&output).contains("autre application"), "a key is one application's");
}

#[test]
fn what_must_come_first_is_said() {
    let rig = Rig::open("gate-first");
    rig.gate.kill_and_hold();
    rig.scene.kill_and_wait();
    let output = rig.scene.applications(&["invite", "--application", "gate:dpi"], &["alice"]);
    assert!(scene::said(&output).contains("portail"), "{}", scene::said(&output));
    let bare = scene::Scene::of(with_gate(Plan::new("gate-file")));
    let output = bare.applications(&["invite", "--application", "gate:dpi"], &["alice"]);
    assert!(!output.status.success());
}
