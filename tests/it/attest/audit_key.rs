//! The audit key in the TPM: made through tpm2-pkcs11, it signs checkpoints, and the AK certifies it in evidence.

use std::path::Path;
use std::process::Command;

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{Document, Evidence, KeyRole};
use sceau::evidence::nonce::Nonce;
use serde_json::json;

use super::rig::INDEX;
use crate::support::configuration::table;
use crate::support::daemon::Daemon;
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::{ResourceManager, Swtpm};
use crate::support::varlink::Client;
use crate::support::wait::until;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_audit_key_lives_in_the_tpm_and_evidence_shows_it() {
    let test = "attest::the_audit_key_lives_in_the_tpm_and_evidence_shows_it";
    let module =
        Path::new("/usr/lib").join(format!("{}-linux-gnu/pkcs11/libtpm2_pkcs11.so", std::env::consts::ARCH));
    let programs = ["swtpm", "swtpm_setup", "tpm2-abrmd", "dbus-daemon", "tpm2_ptool", "tpm2_checkquote"];
    if !module.exists() || !Swtpm::missing(&programs).is_empty() {
        return skip(test, "swtpm, tpm2-abrmd or tpm2-pkcs11 is not installed");
    }
    let manager = ResourceManager::over(Swtpm::manufactured());
    let tpm = &manager.tpm;
    std::fs::create_dir(tpm.path("store")).unwrap();
    let store = tpm.path("store").to_str().unwrap().to_owned();
    let bus = manager.bus();
    let environment = [
        ("DBUS_SESSION_BUS_ADDRESS", bus.as_str()),
        ("TPM2_PKCS11_TCTI", manager.tcti()),
        ("TPM2_PKCS11_STORE", store.as_str()),
        ("TPM2_PKCS11_LOG_LEVEL", "0"),
        ("TSS2_LOG", "all+none"),
    ];
    run(manager.command("tpm2_ptool").args(["init", "--path", &store]));
    let token =
        ["addtoken", "--pid", "1", "--label", "audit", "--sopin", "4321", "--userpin", "1234", "--path", &store];
    run(manager.command("tpm2_ptool").args(token));
    let tcti = manager.tcti();
    let (module_text, pin) = (module.to_str().unwrap().to_owned(), tpm.path("pin").to_str().unwrap().to_owned());
    write(Path::new(&pin), "1234", 0o600);
    let edit = move |config: &mut toml::Table| {
        let place = [("tcti", tcti.into()), ("folder", "attest".into()), ("event_log", "event.log".into())];
        config.insert("tpm".into(), table(place).into());
        config["ledger"].as_table_mut().unwrap().insert("counter".into(), format!("tpm:{INDEX}").into());
        config["sockets"].as_table_mut().unwrap().insert("attest".into(), "run/attest.sock".into());
        let audit = config["audit"].as_table_mut().unwrap();
        audit.insert("uri".into(), "pkcs11:token=audit;object=audit".into());
        audit.insert("module".into(), module_text.into());
        audit.insert("pin_file".into(), pin.into());
    };
    let establishment = Plan::new("audit-tpm").key_type(KeyType::P256).edit_config(edit).build();
    std::fs::create_dir(establishment.folder.join("attest")).unwrap();
    write(&establishment.folder.join("event.log"), "a log", 0o644);
    let sceau = |arguments: &[&str]| {
        let mut command = Command::new(program("sceau"));
        command.args(arguments).args(["--config", "sceau.toml"]).current_dir(&establishment.folder);
        command.envs(environment).env("STATE_DIRECTORY", establishment.folder.join("run"));
        command
    };
    run(&mut sceau(&["keys", "generate", "--key", "audit", "--type", "p-256"]));
    let public = establishment.folder.join("pki/AUDIT.pub");
    std::fs::remove_file(&public).unwrap();
    run(&mut sceau(&["keys", "audit-public", "--key", "audit", "--out", "pki/AUDIT.pub"]));
    let attestd = Daemon::start(&establishment, "attestd", "sceau-attestd", &[], &environment);
    attestd.wait_ready(1);
    run(&mut sceau(&["attest", "enrol", "--out", "request.json"]));
    // What the PKCS#11 library keeps of the key, for whoever has its PIN.
    let export = ["export", "--label", "audit", "--key-label", "audit", "--userpin", "1234", "--format", "tpm2"];
    let mut ptool = manager.command("tpm2_ptool");
    ptool.args(export).args(["--output-prefix", "audit", "--path", &store]);
    let said = run(&mut ptool);
    let auth =
        said.lines().find_map(|line| line.strip_prefix("object-auth: ")).unwrap_or_else(|| panic!("{said}"));
    write(&tpm.path("auth"), auth.trim_matches(['\'', '"']), 0o600);
    write(&tpm.path("wrong"), "0123456789abcdef", 0o600);
    let file = |name: &str| tpm.path(name).to_str().unwrap().to_owned();
    let (blob, private, right, wrong) = (file("audit.pub"), file("audit.priv"), file("auth"), file("wrong"));
    let certify = |auth: &str| {
        let what = ["attest", "certify", "--role", "audit", "--key", "audit"];
        sceau(&[&what[..], &["--public", &blob, "--private", &private, "--auth-file", auth]].concat())
    };
    let refused = certify(&wrong).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!establishment.folder.join("attest/audit.certified.json").exists());
    run(&mut certify(&right));
    let signer = Daemon::signer(&establishment, "audit-1", &environment);
    let seal = Daemon::signer(&establishment, "seal-a-1", &[]);
    let sceaud = Daemon::sceaud(&establishment, &[]);
    [&signer, &seal, &sceaud].iter().for_each(|daemon| daemon.wait_ready(1));
    until("the audit key signs", || sceaud.log().contains("the audit key signs"));
    let mut officer = Client::connect(&establishment.admin_socket()).unwrap();
    let note = officer.call("fr.sceau.Admin.Checkpoint", json!({})).unwrap();
    assert!(note["note"].as_str().unwrap().contains("\n\n\u{2014} "), "{note}");
    let nonce = Nonce::new([9; 32]);
    run(&mut sceau(&["attest", "evidence", "--nonce", &nonce.to_string(), "--out", "evidence.json"]));
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
}
