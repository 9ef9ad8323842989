//! The audit key in the TPM: made through tpm2-pkcs11, it signs checkpoints, and the AK certifies it in evidence.

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{Document, Evidence, KeyRole};
use sceau::evidence::nonce::Nonce;
use serde_json::json;

use super::in_tpm::InTpm;
use crate::support::daemons::Daemons;
use crate::support::establishment::write;
use crate::support::softhsm::run;
use crate::support::varlink::Client;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_audit_key_lives_in_the_tpm_and_evidence_shows_it() {
    let test = "attest::the_audit_key_lives_in_the_tpm_and_evidence_shows_it";
    let Some(machine) = InTpm::with(test, |tokens, config| {
        config["audit"].as_table_mut().unwrap().extend(tokens.place("audit").map(|(k, v)| (k.to_owned(), v)));
    }) else {
        return;
    };
    let (establishment, manager) = (&machine.establishment, &machine.tokens.manager);
    let tpm = &manager.tpm;
    machine.audit_key();
    let attestd = machine.attestd();
    // What the PKCS#11 library keeps of the key, for whoever has its PIN.
    let exported = machine.tokens.export("audit");
    write(&tpm.path("wrong"), "0123456789abcdef", 0o600);
    let refused = machine.certify("audit", "audit", &machine.tokens.file("wrong")).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!establishment.folder.join("attest/audit.certified.json").exists());
    run(&mut machine.certify("audit", "audit", &exported.auth));
    let daemons = Daemons::start_with(establishment, &machine.environment());
    let mut admin = Client::connect(&establishment.admin_socket()).unwrap();
    let note = admin.call("fr.sceau.Admin.Checkpoint", json!({})).unwrap();
    assert!(note["note"].as_str().unwrap().contains("\n\n\u{2014} "), "{note}");
    let good = machine.judged();
    good.assert_good();
    assert!(good.detail("audit-key").contains("est dans ce TPM"), "{}", good.detail("audit-key"));
    let nonce = Nonce::new([9; 32]);
    machine.attest(&["evidence", "--nonce", &nonce.to_string(), "--out", "evidence.json"]);
    let evidence = Evidence::read(&std::fs::read(establishment.folder.join("evidence.json")).unwrap()).unwrap();
    let [key] = evidence.keys.as_slice() else { panic!("{:?}", evidence.keys) };
    assert_eq!((key.role, key.key.as_str()), (KeyRole::Audit, "audit"));
    // The AK signed TPMS_ATTEST of that key, with the quote's qualifying data: as OpenSSL reads it.
    let name = hex(sceau::traces::digest::Digest::of(&[&key.public.0]).as_bytes());
    let attest = hex(&key.certification.attest.0);
    assert!(attest.contains(&format!("000b{name}")), "it names the key");
    assert!(attest.contains(&hex(qualifying_data(&nonce, &evidence.claims).as_bytes())), "it is fresh");
    std::fs::write(tpm.path("statement"), &key.certification.attest.0).unwrap();
    run(manager.command("tpm2_readpublic").args(["-c", "0x81010100", "-f", "pem", "-o", "ak.pem"]));
    // TPMT_SIGNATURE: scheme, hash, then r and s, each with its length.
    let signature = &key.certification.signature.0;
    let number = |at: usize| {
        let len = usize::from(u16::from_be_bytes([signature[at], signature[at + 1]]));
        (signature[at + 2..at + 2 + len].to_vec(), at + 2 + len)
    };
    let (r, next) = number(4);
    let (s, _) = number(next);
    let conf = format!("asn1=SEQUENCE:sig\n[sig]\nr=INTEGER:0x{}\ns=INTEGER:0x{}\n", hex(&r), hex(&s));
    write(&tpm.path("sig.conf"), &conf, 0o644);
    run(manager.command("openssl").args(["asn1parse", "-genconf", "sig.conf", "-noout", "-out", "sig.der"]));
    run(manager.command("openssl").args([
        "dgst",
        "-sha256",
        "-verify",
        "ak.pem",
        "-signature",
        "sig.der",
        "statement",
    ]));
    drop((daemons, attestd));
}
