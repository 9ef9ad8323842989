//! Three structures with three keys: a session's structure picks its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::wait_status;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::seal::SealPlan;
use crate::support::varlink::login;

/// What an assertion's KeyInfo certificate says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    pub(crate) common_name: String,
    pub(crate) structure: String,
    pub(crate) base64: String,
}

pub(crate) fn certificate_of(assertion: &str) -> KeyInfo {
    let (_, rest) = assertion.split_once("<ds:X509Certificate>").unwrap();
    let base64 = rest.split_once('<').unwrap().0.to_owned();
    let der = STANDARD.decode(&base64).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let subject = certificate.subject();
    KeyInfo {
        common_name: subject.iter_common_name().next().unwrap().as_str().unwrap().into(),
        structure: subject.iter_organizational_unit().next().unwrap().as_str().unwrap().into(),
        base64,
    }
}

#[test]
fn each_structure_seals_with_its_own_key() {
    let establishment =
        Plan::new("structures").production().structures(&STRUCTURES).key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    // READY means one seal; wait for the three.
    wait_status(&mut client, |status| status["ready"] == true);
    let physician = &establishment.practitioners[0].id;
    for (structure, seal) in STRUCTURES.iter().zip(&establishment.seals) {
        let mut opening = login(physician, "CPS", "consultation");
        opening["structure"] = (*structure).into();
        let session = client.open_session(opening).unwrap();
        let assertion = client.consult(&session, "207058575627097").unwrap().assertion;
        let certificate = certificate_of(&assertion);
        let own: String = seal.certificate_pem.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!((&*certificate.structure, &certificate.base64), (*structure, &own));
        for part in [
            format!(",OU={structure},O="),
            format!("Name=\"Identifiant_Structure\"><saml:AttributeValue>{structure}</saml:AttributeValue>"),
        ] {
            assert!(assertion.contains(&part), "{part} is not in {assertion}");
        }
    }
    // Without a structure the choice would be ours: it is refused.
    let refused = client.open_session(login(physician, "CPS", "consultation")).unwrap_err();
    assert_eq!(refused.brief(), ("Malformed", "structure"));
}

/// A key that is refused after the start never seals, and the structure beside it goes on.
#[test]
fn a_wrong_key_that_comes_later_harms_nobody_else() {
    let wrong = SealPlan { other_key: true, ..SealPlan::of(STRUCTURES[1], "seal-b", KeyType::P256) };
    let right = SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256);
    let plan = Plan::new("structures").production().structures(&STRUCTURES[..2]);
    let establishment = plan.seal(right).seal(wrong).build();
    let _right = Daemon::signer(&establishment, "seal-a-1", &[]);
    let sceaud = Daemon::sceaud(&establishment, &[]);
    sceaud.wait_ready(1);
    establishment.enforce_convention();
    let late = Daemon::signer(&establishment, "seal-b-1", &[]);
    late.wait_ready(1);
    let mut client = establishment.client();
    wait_status(&mut client, |_| sceaud.log().contains("key refused"));
    let status = client.status();
    let ready: Vec<bool> = status["seals"].as_array().unwrap().iter().map(|seal| seal["ready"] == true).collect();
    assert_eq!((&status["state"], ready), (&"operational".into(), vec![true, false]), "{status}");
    let mut consult = |structure: &str| {
        let mut opening = login(&establishment.practitioners[0].id, "CPS", "consultation");
        opening["structure"] = structure.into();
        let session = client.open_session(opening).unwrap();
        client.consult(&session, "207058575627097").map_err(|refused| refused.brief().0.to_owned())
    };
    assert!(consult(STRUCTURES[0]).is_ok());
    assert_eq!(consult(STRUCTURES[1]).unwrap_err(), "Unavailable");
}
