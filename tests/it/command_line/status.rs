//! `sceau status`: a table for people, one JSON document for programs, an exit code for both.

use serde_json::Value;

use super::{assert_refused, parts, sceau};
use crate::doorstep::{DoorAlone, until};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;

fn plan() -> Plan {
    Plan::new("command-line").key_type(KeyType::P256)
}

#[test]
fn ready_is_0_and_not_ready_3() {
    let establishment = plan().build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let table = || parts(&sceau(&establishment, "status").output().unwrap());
    let json = || parts(&sceau(&establishment, "status").arg("--json").output().unwrap());
    let (code, out, said) = table();
    assert_eq!((code, said.as_str()), (Some(0), ""));
    let expires = client.status()["seals"][0]["certificate_expires_at"].as_str().unwrap().to_owned();
    for word in ["opérationnel", "oui", "dmp-air", env!("CARGO_PKG_VERSION"), "seal-a", "1690781810", &expires] {
        assert!(out.contains(word), "{word:?} is not in\n{out}");
    }
    let (code, out, _) = json();
    assert_eq!(code, Some(0));
    assert_eq!(
        serde_json::from_str::<Value>(&out).unwrap(),
        client.status(),
        "one document, as the socket has it"
    );
    daemons.signers[0].kill_and_hold();
    until("the signer is missed", || client.status()["ready"] == false);
    let (code, out, _) = table();
    assert_eq!(code, Some(3));
    assert!(out.contains("PAS PRÊT"), "{out}");
    let (code, out, _) = json();
    assert_eq!((code, &serde_json::from_str::<Value>(&out).unwrap()["ready"]), (Some(3), &Value::Bool(false)));
}

#[test]
fn locked_and_unprovisioned_are_3() {
    for (plan, word) in
        [(plan(), "verrouillé"), (plan().edit_config(|config| drop(config.remove("seal"))), "non provisionné")]
    {
        let door = DoorAlone::open(plan);
        let (code, out, _) = parts(&sceau(&door.establishment, "status").output().unwrap());
        assert_eq!(code, Some(3), "{out}");
        assert!(out.contains(word), "{out}");
    }
}

#[test]
fn a_certificate_near_its_end_is_told() {
    use crate::support::certificate::SealCertificate;
    use crate::support::plan::STRUCTURES;
    use crate::support::seal::SealPlan;
    let certificate = SealCertificate::of(STRUCTURES[0]).expires_in(time::Duration::days(20));
    let seal = SealPlan { certificate, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
    let door = DoorAlone::open(plan().seal(seal));
    let (_, out, _) = parts(&sceau(&door.establishment, "status").output().unwrap());
    assert!(out.contains("à renouveler"), "{out}");
}

/// Nothing that a test may do from outside halts `sceaud`: a stand-in says so in its place.
#[test]
fn halted_is_4() {
    use std::io::{Read, Write};
    let establishment = plan().build();
    let socket = establishment.folder.join("run/halted.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let answers: [&[u8]; 2] = [
        b"{\"parameters\":{\"state\":\"halted\",\"ready\":false,\"version\":\"0\",\"profile\":\"p\",\"entries\":1,\"seals\":[]}}\0",
        b"{\"error\":\"fr.sceau.Token.Halted\",\"parameters\":{\"message\":\"la cause\"}}\0",
    ];
    let peer = std::thread::spawn(move || {
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
            stream.write_all(answer).unwrap();
        }
    });
    let (code, out, _) = parts(&sceau(&establishment, "status").arg("--socket").arg(&socket).output().unwrap());
    assert_eq!(code, Some(4), "{out}");
    assert!(out.contains("arrêté"), "{out}");
    let mut issue = super::issue(&establishment);
    let output = super::fed(issue.arg("--socket").arg(&socket), crate::support::practitioners::PATIENTS[0]);
    assert_refused(&output, 4, &["arrêté", "la cause"]);
    peer.join().unwrap();
}

#[test]
fn nobody_there_is_3_and_no_configuration_2() {
    let establishment = plan().build();
    let missing = establishment.token_socket().display().to_string();
    assert_refused(&sceau(&establishment, "status").output().unwrap(), 3, &[&missing]);
    establishment.edit_file("sceau.toml", |config| drop(config.insert("mode".into(), "essai".into())));
    let config = establishment.config().display().to_string();
    assert_refused(&sceau(&establishment, "status").output().unwrap(), 2, &[&config]);
    std::fs::remove_file(establishment.config()).unwrap();
    assert_refused(&sceau(&establishment, "status").output().unwrap(), 2, &[&config]);
}
