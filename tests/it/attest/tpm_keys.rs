//! Seal and authentication keys wholly in the TPM: they sign through signers of their own, and the officer sees where they are.

use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use sceau::seal::handshake::Scheme;
use sceau::seal::wire::{Answer, Request};

use super::in_tpm::InTpm;
use crate::doorstep::physician_login;
use crate::relay::keys::ask;
use crate::support::certificate::SealCertificate;
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;
use crate::support::tpm_token::TpmTokens;

/// Puts all three keys of the establishment into the TPM.
fn edit(tokens: &TpmTokens, config: &mut toml::Table) {
    let structure = config["seal"][0]["structure"].clone();
    let place = |key: &str| tokens.place(key).map(|(name, value)| (name.to_owned(), value));
    config["audit"].as_table_mut().unwrap().extend(place("audit"));
    config["seal"][0].as_table_mut().unwrap().extend(place("seal-a"));
    let mut authentication =
        table([("structure", structure), ("key", "auth".into()), ("certificate", "pki/auth.pem".into())]);
    authentication.extend(place("auth"));
    config.insert("authentication".into(), vec![authentication].into());
    let sockets = config["sockets"].as_table_mut().unwrap();
    sockets.insert("authentication_signers".into(), "run/authentication".into());
}

/// The contract's command on an assertion.
pub(super) fn verify(establishment: &Establishment, assertion: &str) {
    let file = establishment.folder.join("vihf.xml");
    std::fs::write(&file, assertion).unwrap();
    let [root, intermediate] = establishment.trust_files();
    let mut xmlsec1 = Command::new("xmlsec1");
    xmlsec1.arg("--verify").arg("--trusted-pem").arg(root).arg("--untrusted-pem").arg(intermediate);
    run(xmlsec1.args(["--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]).arg(file));
}

#[test]
fn seal_and_authentication_keys_live_in_the_tpm_and_evidence_shows_them() {
    let test = "attest::seal_and_authentication_keys_live_in_the_tpm_and_evidence_shows_them";
    let Some(machine) = InTpm::with(test, edit) else { return };
    let establishment = &machine.establishment;
    let structure = establishment.structures[0].as_str();
    machine.audit_key();
    machine.tokens.generate("seal-a", "seal", KeyType::Rsa2048);
    machine.tokens.generate("auth", "authentication", KeyType::P256);
    let wanted = || SealCertificate::of(structure);
    let certificates = |seal: &[u8], auth: &[u8]| {
        machine.install("seal-a", &establishment.pki.issue(&wanted(), seal));
        machine.install("auth", &establishment.pki.issue(&wanted().authentication(), auth));
    };
    let (seal, auth) = (machine.tokens.spki("seal-a", "seal"), machine.tokens.spki("auth", "authentication"));
    certificates(&seal, &auth);
    let attestd = machine.attestd();
    for (role, key) in [("audit", "audit"), ("seal", "seal-a"), ("authentication", "auth")] {
        machine.certified(role, key);
    }
    // The whole way: session, assertion, an outside reader's verdict; and a handshake.
    let signer = Daemon::signer(establishment, "auth-1", &machine.environment());
    let daemons = Daemons::start_with(establishment, &machine.environment());
    signer.wait_ready(1);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for _ in 0..3 {
        verify(establishment, &client.consult(&session, PATIENTS[0]).unwrap().assertion);
    }
    let content = [[b' '; 64].as_slice(), b"TLS 1.3, client CertificateVerify\0", &[7; 32]].concat();
    let socket = establishment.folder.join("run/authentication/auth-1.sock");
    let Answer::Signature(signature) = ask(&socket, &Request::SignHandshake(Scheme::EcdsaP256, &content)) else {
        panic!("the authentication key does not sign");
    };
    // A point of P-256 is the last 65 bytes of its SubjectPublicKeyInfo.
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &auth[auth.len() - 65..]);
    key.verify(&content, &signature).expect("the TPM's key signed the handshake");
    let good = machine.judged();
    good.assert_good();
    assert!(good.with("not-applicable").is_empty(), "{:#}", good.json);
    let detail = good.detail("keys");
    assert!(detail.contains("auth, seal-a"), "{detail}");
    // A key that is in the TPM, and a certificate in use that is another's: a soft token's that seals in its stead.
    let soft = &establishment.seals[0].token.spki_der;
    certificates(soft, &auth);
    machine.judged_since(&good).assert_fails("another seal", &["keys"], "aucun certificat de cachet");
    certificates(&seal, soft);
    machine.judged_since(&good).assert_fails("another client", &["keys"], "aucun certificat d'authentification");
    certificates(&seal, &auth);
    machine.judged_since(&good).assert_good();
    drop((daemons, signer, attestd));
}
