//! From an empty place in a token to a sealed assertion; then the renewal, with both certificates side by side.

use super::{Desk, SUBJECT, done, json};
use crate::support::certificate::SealCertificate;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::practitioners::PATIENTS;
use crate::support::seal::Seal;
use crate::support::varlink::login;

/// The certificate of a fresh assertion, in base64, once both of `seals` can sign.
fn sealed_by(desk: &Desk, seals: usize) -> String {
    let mut client = desk.establishment.client();
    crate::doorstep::until("every seal is ready", || {
        let status = client.status();
        let seals_now = status["seals"].as_array().unwrap();
        seals_now.len() == seals && seals_now.iter().all(|seal| seal["ready"] == true)
    });
    let physician = &desk.establishment.practitioners[0].id;
    let session = client.open_session(login(physician, "CPS", "consultation")).unwrap();
    let assertion = client.consult(&session, PATIENTS[0]).unwrap().assertion;
    assertion.split_once("<ds:X509Certificate>").unwrap().1.split_once('<').unwrap().0.to_owned()
}

fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with('-')).collect()
}

#[test]
fn a_key_of_the_ceremony_seals_and_is_renewed() {
    let mut desk = Desk::of(Plan::new("ceremony").production().key_type(KeyType::P256));
    // The configuration names a key that is not made yet, and a certificate that is not there.
    let uri = format!("{};type=private", desk.uri("seal-2026"));
    desk.establishment.edit_file("sceau.toml", |config| config["seal"][0]["uri"] = uri.into());
    std::fs::remove_file(desk.path("pki/seal-a.pem")).unwrap();
    done(&mut desk.named("generate"));
    done(desk.named("csr").args(SUBJECT).args(["--out", "seal.csr"]));
    let request = std::fs::read_to_string(desk.path("seal.csr")).unwrap();
    let wanted = SealCertificate::of(STRUCTURES[0]).expires_in(time::Duration::days(40));
    let first = desk.certify("from-the-authority.pem", &wanted, &request);
    let said = done(desk.named("import-certificate").arg(&first));
    assert!(said.contains("relancez sceaud") && said.contains("systemctl restart sceaud.service"), "{said}");
    let first = std::fs::read_to_string(desk.path("pki/seal-a.pem")).unwrap();
    let daemons = Daemons::start(&desk.establishment);
    assert_eq!(sealed_by(&desk, 1), base64(&first));
    drop(daemons);

    // The renewal: another key of the same token, the same subject, both certificates valid for a while.
    desk.generate("seal-2027", "p-384");
    let mut csr = desk.described("csr", "seal-2027", "seal");
    let request = done(csr.args(["--same-subject-as", "pki/seal-a.pem"]));
    let second = desk.certify("from-the-authority.pem", &SealCertificate::of(STRUCTURES[0]), &request);
    let import = |json: bool| {
        let mut import = desk.described("import-certificate", "seal-2027", "seal");
        import.args(["--structure", STRUCTURES[0], "--out", "pki/seal-2027.pem"]).arg(&second);
        import.args(["--same-subject-as", "pki/seal-a.pem"]);
        done(if json { import.arg("--json") } else { &mut import })
    };
    let said = import(false);
    for part in
        ["Recouvrement", "key = \"seal-a\"", "sceau-signer@seal-2027-1.service", "une fois son certificat échu"]
    {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    let toml = json(&import(true))["seal_toml"].as_str().unwrap().to_owned();
    assert!(said.contains(&toml), "a person is shown the same:\n{said}\n{toml}");
    // Pasted as it is told.
    let config = desk.establishment.config();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n{toml}")).unwrap();
    let old = &desk.establishment.seals[0];
    let new = Seal {
        structure: old.structure.clone(),
        key: "seal-2027".into(),
        processes: 1,
        token: old.token.clone(),
        certificate_pem: std::fs::read_to_string(desk.path("pki/seal-2027.pem")).unwrap(),
    };
    let second = new.certificate_pem.clone();
    desk.establishment.seals.push(new);
    let daemons = Daemons::start(&desk.establishment);
    assert_eq!(sealed_by(&desk, 2), base64(&second), "the newer one seals");
    daemons.signer("seal-2027-1").kill_and_hold();
    let mut client = desk.establishment.client();
    crate::doorstep::until("the newer one is missed", || {
        client.status()["seals"].as_array().unwrap().iter().any(|seal| seal["ready"] == false)
    });
    let physician = &desk.establishment.practitioners[0].id;
    let session = client.open_session(login(physician, "CPS", "consultation")).unwrap();
    let assertion = client.consult(&session, PATIENTS[0]).unwrap().assertion;
    assert!(assertion.contains(&base64(&first)), "the older one takes over");
    drop(daemons);
    // Now that the configuration has it, there is nothing to add any more.
    let second = desk.path("pki/seal-2027.pem");
    let mut import = desk.step("import-certificate");
    assert!(done(import.args(["--key", "seal-2027"]).arg(second)).contains("Recouvrement"));
}

#[test]
fn an_authentication_key_has_its_certificate_and_no_seal_to_add() {
    let desk = Desk::new();
    desk.generate("auth-2026", "rsa-2048");
    let mut csr = desk.described("csr", "auth-2026", "authentication");
    let request = done(csr.args(["--same-subject-as", "pki/seal-a.pem"]));
    let new = desk.certify("new.pem", &SealCertificate::of(STRUCTURES[0]).authentication(), &request);
    let mut import = desk.described("import-certificate", "auth-2026", "authentication");
    import.args(["--structure", STRUCTURES[0], "--out", "auth.pem", "--same-subject-as", "pki/seal-a.pem"]);
    let answer = json(&done(import.arg(&new).args(["--into-token", "--json"])));
    assert_eq!((&answer["use"], &answer["seal_toml"]), (&"authentication".into(), &serde_json::Value::Null));
    let listed = json(&done(desk.step("list").arg("--json")));
    let keys = listed["tokens"][0]["keys"].as_array().unwrap();
    let auth = keys.iter().find(|key| key["label"] == "auth-2026").unwrap();
    assert_eq!((&auth["use"], &auth["certificates"][0]["of_this_key"]), (&"authentication".into(), &true.into()));
}
