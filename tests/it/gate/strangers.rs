//! Who is no client: nothing of it reaches sceaud.

use serde_json::json;

use super::rig::{HTTP, Rig, VARLINK, opening, with_gate};
use super::wire::{Identity, Wire, tcp};
use crate::registers::scene::good;
use crate::support::plan::Plan;
use crate::support::wait::until;

/// Tries everything that a client might; whether anything was answered.
fn is_served(rig: &Rig, identity: Option<&Identity>) -> bool {
    let varlink = Wire::open(rig.port, identity, VARLINK).ok();
    let called = varlink.and_then(|mut wire| wire.call("fr.sceau.Token.OpenSession", &opening()));
    let http = Wire::open(rig.port, identity, HTTP).ok();
    let head = "POST /v1/sessions HTTP/1.1\r\nContent-Type: application/json";
    let asked = http.and_then(|mut wire| wire.http(head, opening().to_string().as_bytes()));
    called.is_some() || asked.is_some()
}

#[test]
fn nothing_of_a_stranger_reaches_sceaud() {
    let rig = Rig::open("gate-strangers");
    let folder = rig.scene.establishment.folder.clone();
    let before = rig.heard();
    let stranger = Identity::make(&folder, "stranger");
    assert!(!is_served(&rig, Some(&stranger)), "a certificate of nobody's");
    assert!(!is_served(&rig, None), "no certificate");
    assert!(Wire::open(rig.port, Some(&rig.dpi), "h2").is_err(), "another protocol");
    // A known certificate without its key.
    let thief = Identity { key: stranger.key.clone(), certificate: rig.dpi.certificate.clone(), ..stranger };
    assert!(!is_served(&rig, Some(&thief)), "a known certificate without its key");
    // A source that is not let in is hung up on before it says anything.
    let mut wire = tcp("127.0.0.9", rig.port).unwrap();
    let mut byte = [0];
    assert!(matches!(std::io::Read::read(&mut wire, &mut byte), Ok(0) | Err(_)));
    let far = rig.curl(Some(&rig.dpi), &["--interface", "127.0.0.9"], "/v1/status", None);
    assert!(!far.status.success());
    // TLS 1.2 is not spoken unless the configuration says so.
    let old = rig.curl(Some(&rig.dpi), &["--tls-max", "1.2"], "/v1/status", None);
    assert!(!old.status.success());
    assert_eq!(rig.heard(), before, "neither ledger nor refusals know of it");
    assert!(is_served(&rig, Some(&rig.dpi)));
}

#[test]
fn a_certificate_that_has_ended_opens_nothing() {
    let rig = Rig::open("gate-expired");
    let folder = rig.scene.establishment.folder.clone();
    let old = Identity::of(&folder, "old", (-30, -1), None);
    let early = Identity::of(&folder, "early", (1, 30), None);
    for (application, identity) in [("gate:dpi", &old), ("gate:labo", &early)] {
        let certificate = identity.fingerprint.to_string();
        let arguments = ["certificate", "--application", application, "--certificate", &certificate];
        good(&rig.scene.applications(&arguments, &["alice"]));
    }
    let extra = Identity::make(&folder, "extra");
    let certificate = extra.fingerprint.to_string();
    let arguments = ["certificate", "--application", "gate:dpi", "--certificate", &certificate];
    good(&rig.scene.applications(&arguments, &["alice"]));
    // Once the one that came last is in, the gate knows the others as well.
    rig.wait_admitted(&extra);
    let before = rig.heard();
    assert!(!is_served(&rig, Some(&old)) && !is_served(&rig, Some(&early)));
    assert_eq!(rig.heard(), before);
}

#[test]
fn a_revoked_certificate_ends_its_connections() {
    let rig = Rig::open("gate-revoked");
    let mut held = rig.varlink(&rig.dpi);
    let status = json!({});
    assert!(held.call("fr.sceau.Token.Status", &status).is_some());
    let certificate = rig.dpi.fingerprint.to_string();
    let revoke = ["revoke-certificate", "--application", "gate:dpi", "--certificate", &certificate];
    good(&rig.scene.applications(&revoke, &["bob"]));
    // From the order on sceaud says no, and the gate hangs up as soon as it knows.
    let answer = held.call("fr.sceau.Token.OpenSession", &opening());
    assert!(answer.is_none_or(|answer| answer["parameters"]["reason"] == "application-unknown"));
    until("the connection has ended", || match held.call("fr.sceau.Token.Status", &status) {
        Some(answer) => {
            assert_eq!(answer["parameters"]["reason"], "application-unknown", "{answer}");
            false
        }
        None => true,
    });
    until("the handshake fails", || {
        let wire = Wire::open(rig.port, Some(&rig.dpi), VARLINK).ok();
        wire.and_then(|mut wire| wire.call("fr.sceau.Token.Status", &status)).is_none()
    });
    assert!(is_served(&rig, Some(&rig.labo)), "the others go on");
}

#[test]
fn an_authority_is_demanded_beside_the_registration() {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let pair = KeyPair::generate().unwrap();
    let root = params.self_signed(&pair).unwrap().pem();
    let issuer = Issuer::new(params, pair);
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, root).unwrap();
    let list = folder.path().join("list.pem");
    let now = time::OffsetDateTime::now_utc();
    let revoke = |serial: u64| {
        let revoked = rcgen::RevokedCertParams {
            serial_number: serial.into(),
            revocation_time: now,
            reason_code: None,
            invalidity_date: None,
        };
        let listed = rcgen::CertificateRevocationListParams {
            this_update: now - time::Duration::days(1),
            next_update: now + time::Duration::days(1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        std::fs::write(&list, listed.signed_by(&issuer).unwrap().pem().unwrap()).unwrap();
    };
    revoke(9);
    let good_one = Identity::of(folder.path(), "issued", (-1, 1), Some(&issuer));
    let text = |path: &std::path::Path| toml::Value::from(vec![path.to_str().unwrap()]);
    let (authorities, lists) = (text(&authority), text(&list));
    let rig = Rig::with_labo(with_gate(Plan::new("gate-authority")), good_one, move |config| {
        config.insert("client_authorities".into(), authorities);
        config.insert("client_lists".into(), lists);
    });
    assert!(is_served(&rig, Some(&rig.labo)), "issued and registered");
    assert!(!is_served(&rig, Some(&rig.dpi)), "registered, and nobody issued it");
    // A new list ends what began before it: the connection that is held, and every other.
    let mut held = rig.varlink(&rig.labo);
    let status = json!({});
    assert!(held.call("fr.sceau.Token.Status", &status).is_some());
    revoke(7);
    rig.gate.signal(nix::sys::signal::Signal::SIGHUP);
    until("the connection has ended", || held.call("fr.sceau.Token.Status", &status).is_none());
    assert!(!is_served(&rig, Some(&rig.labo)), "its authority revoked it");
}
