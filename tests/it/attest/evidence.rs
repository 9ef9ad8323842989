//! Enrolment and evidence: what tpm2-tools make of them, and what is refused.

use std::path::Path;

use sceau::evidence::binding::qualifying_data;
use sceau::evidence::document::{Document, Evidence, Marshalled, PCRS};
use sceau::evidence::enrolment::{Answer, Challenge, Request};
use sceau::evidence::nonce::Nonce;
use serde_json::json;

use super::rig::Machine;
use crate::support::daemon::Daemon;
use crate::support::daemons::Daemons;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;
use crate::support::wait::until;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read<D: Document>(machine: &Machine, file: &str) -> D {
    D::read(&std::fs::read(machine.establishment.folder.join(file)).unwrap()).unwrap()
}

/// A challenge that tpm2-tools make for the keys of a request.
fn challenge(machine: &Machine, request: &Request, secret: &[u8]) -> Challenge {
    let path = |name: &str| machine.tpm.path(name);
    let ek = request.endorsement.ek_public.0.clone();
    std::fs::write(path("ek.pub"), [&u16::try_from(ek.len()).unwrap().to_be_bytes(), &ek[..]].concat()).unwrap();
    std::fs::write(path("secret"), secret).unwrap();
    // A name is the algorithm's number and the digest of the public area (TPM 2.0 Part 1 §16).
    let digest = sceau::traces::digest::Digest::of(&[&request.attestation_key.0]);
    let name = format!("000b{}", hex(digest.as_bytes()));
    let arguments = ["-T", "none", "-e", "ek.pub", "-s", "secret", "-n", &name, "-o", "credential"];
    run(&mut machine.tpm.tool("tpm2_makecredential", &arguments));
    // Magic and version, four bytes each, then the two structures.
    let made = std::fs::read(path("credential")).unwrap();
    let len = 2 + usize::from(u16::from_be_bytes([made[8], made[9]]));
    Challenge {
        format: Challenge::FORMAT.into(),
        id: Nonce::new([3; 32]),
        credential: Marshalled(made[8..8 + len].to_vec()),
        secret: Marshalled(made[8 + len..].to_vec()),
    }
}

#[test]
fn the_tpm_of_the_certificate_answers_the_challenge_and_no_other_does() {
    let test = "the_tpm_of_the_certificate_answers_the_challenge_and_no_other_does";
    let Some(machine) = Machine::with(test, Swtpm::manufactured) else { return };
    let daemon = machine.attestd();
    let said = machine.done(&["enrol", "--out", "request.json"]);
    assert!(said.contains("compteur du journal est créé"), "{said}");
    let request: Request = read(&machine, "request.json");
    // The certificate is the maker's, for that key.
    let [root, intermediate] = machine.tpm.authorities();
    std::fs::write(machine.tpm.path("ek.der"), &request.endorsement.ek_certificate.0).unwrap();
    let chain = |name: &Path| name.to_str().unwrap().to_owned();
    let arguments = ["verify", "-CAfile", &chain(&root), "-untrusted", &chain(&intermediate), "ek.der"];
    run(&mut machine.tpm.tool("openssl", &arguments));
    // Enrolled again, all is as it was.
    machine.done(&["enrol", "--out", "again.json"]);
    assert_eq!(read::<Request>(&machine, "again.json"), request);
    let (code, said) = machine.attest(&["enrol", "--out", "again.json"]);
    assert!(code == 2 && said.contains("existe déjà"), "{said}");
    let secret = *b"a secret of thirty-two bytes....";
    let asked = challenge(&machine, &request, &secret);
    std::fs::write(machine.establishment.folder.join("challenge.json"), asked.text()).unwrap();
    machine.done(&["answer", "challenge.json", "--out", "answer.json"]);
    let answer: Answer = read(&machine, "answer.json");
    assert_eq!((answer.credential.0.as_slice(), answer.id), (secret.as_slice(), asked.id));
    // Another name, another structure.
    let mut other = request.clone();
    other.attestation_key.0.push(0);
    let foreign = challenge(&machine, &other, &secret);
    let refused = machine.ask("Activate", json!({ "challenge": foreign.text() })).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "challenge-refused"));
    let torn = Challenge { secret: Marshalled(vec![0]), ..asked.clone() };
    let refused = machine.ask("Activate", json!({ "challenge": torn.text() })).unwrap_err();
    assert_eq!(refused.brief(), ("Malformed", "challenge"));
    let refused = machine.ask("Activate", json!({ "challenge": "{}" })).unwrap_err();
    assert_eq!(refused.brief(), ("Malformed", "challenge"));
    // The machine's disk with another TPM.
    drop(daemon);
    let other = Machine::with(test, Swtpm::manufactured).unwrap();
    let theirs = other.establishment.folder.join("attest/enrolled.json");
    std::fs::copy(machine.establishment.folder.join("attest/enrolled.json"), theirs).unwrap();
    let daemon = other.attestd();
    for (method, parameters) in
        [("Enrol", json!({})), ("Activate", json!({ "challenge": asked.text() })), ("Counter", json!({}))]
    {
        assert_eq!(other.ask(method, parameters).unwrap_err().brief(), ("Unavailable", "tpm-other"), "{method}");
    }
    // Enrolled anew, it is another machine, which cannot answer for the first.
    other.done(&["enrol", "--anew", "--out", "request.json"]);
    assert_ne!(read::<Request>(&other, "request.json"), request);
    let refused = other.ask("Activate", json!({ "challenge": asked.text() })).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "challenge-refused"));
    drop(daemon);
}

/// `tpm2_checkquote` of the quote in evidence.
fn checkquote(machine: &Machine, evidence: &Evidence, nonce: &Nonce) -> bool {
    let file = |name: &str, bytes: &[u8]| std::fs::write(machine.tpm.path(name), bytes).unwrap();
    let key = &evidence.attestation_key.0;
    file("ak.pub", &[&u16::try_from(key.len()).unwrap().to_be_bytes(), &key[..]].concat());
    file("quote", &evidence.quote.attest.0);
    file("signature", &evidence.quote.signature.0);
    let data = hex(qualifying_data(nonce, &evidence.claims).as_bytes());
    let arguments = ["-u", "ak.pub", "-m", "quote", "-s", "signature", "-g", "sha256", "-q", &data];
    machine.tpm.tool("tpm2_checkquote", &arguments).output().unwrap().status.success()
}

#[test]
fn evidence_is_what_the_tpm_says_at_this_moment() {
    let test = "evidence_is_what_the_tpm_says_at_this_moment";
    let Some(machine) = Machine::with(test, Swtpm::manufactured) else { return };
    let folder = &machine.establishment.folder;
    let attestd = machine.attestd();
    let nonce = Nonce::new([7; 32]);
    let ask = || machine.ask("Evidence", json!({ "nonce": nonce.to_string() }));
    assert_eq!(ask().unwrap_err().brief(), ("Unavailable", "tpm-not-enrolled"));
    machine.done(&["enrol", "--out", "request.json"]);
    let (code, said) = machine.attest(&["evidence", "--nonce", &nonce.to_string(), "--out", "evidence.json"]);
    assert!(code == 2 && said.contains("event.log n'existe pas"), "{said}");
    std::fs::write(folder.join("event.log"), b"a log").unwrap();
    // Without sceaud the ledger is missing, and that is seen.
    let said = machine.done(&["evidence", "--nonce", &nonce.to_string(), "--out", "alone.json"]);
    assert!(said.contains("ne montre pas le journal"), "{said}");
    assert!(read::<Evidence>(&machine, "alone.json").claims.ledger.is_none());
    let daemons = Daemons::start(&machine.establishment);
    for pcr in [4, 7, 11] {
        machine.tpm.extend(pcr, 'a');
    }
    std::fs::write(folder.join("userspace.log"), b"another").unwrap();
    machine.done(&["evidence", "--nonce", &nonce.to_string(), "--out", "evidence.json", "--since", "1"]);
    let evidence: Evidence = read(&machine, "evidence.json");
    assert!(checkquote(&machine, &evidence, &nonce));
    assert!(!checkquote(&machine, &evidence, &Nonce::new([8; 32])), "it answers one nonce");
    assert_eq!(
        (evidence.event_log.0.as_slice(), evidence.userspace_log.unwrap().0.as_slice()),
        (&b"a log"[..], &b"another"[..])
    );
    let request: Request = read(&machine, "request.json");
    assert_eq!(
        (&evidence.attestation_key, &evidence.endorsement),
        (&request.attestation_key, &request.endorsement)
    );
    assert_eq!(evidence.claims.counter, Some(machine.counter()));
    assert_eq!(evidence.claims.seals.len(), machine.establishment.seals.len());
    let ledger = evidence.claims.ledger.unwrap();
    assert_eq!(ledger.audit_key, std::fs::read_to_string(folder.join("pki/AUDIT.pub")).unwrap().trim_end());
    assert!(ledger.checkpoint.contains("\n\n\u{2014} "), "a signed note: {}", ledger.checkpoint);
    assert_eq!(evidence.consistency.unwrap().since, 1);
    // The values are the TPM's own.
    assert_eq!(evidence.pcrs.iter().map(|value| value.pcr).collect::<Vec<_>>(), PCRS);
    for value in &evidence.pcrs {
        let told = run(&mut machine.tpm.tool("tpm2_pcrread", &[&format!("sha256:{}", value.pcr)]));
        assert!(told.to_lowercase().contains(&value.sha256.to_string()), "PCR {}: {told}", value.pcr);
    }
    // The AK was lost: the same is made again.
    run(&mut machine.tpm.tool("tpm2_evictcontrol", &["-C", "o", "-c", "0x81010100"]));
    machine.done(&["evidence", "--nonce", &nonce.to_string(), "--out", "healed.json"]);
    assert_eq!(read::<Evidence>(&machine, "healed.json").attestation_key, request.attestation_key);
    // Words that are none.
    for nonce in ["", "07", &"g".repeat(64), &"A".repeat(64)] {
        let refused = machine.ask("Evidence", json!({ "nonce": nonce })).unwrap_err();
        assert_eq!(refused.brief(), ("Malformed", "nonce"));
    }
    drop((daemons, attestd));
}

/// At a boot the signer of the audit key is still opening its token when the officer's stick is read.
#[test]
fn evidence_of_a_machine_that_starts_waits_for_its_audit_key() {
    let test = "evidence_of_a_machine_that_starts_waits_for_its_audit_key";
    let Some(machine) = Machine::with(test, Swtpm::manufactured) else { return };
    let of = &machine.establishment;
    std::fs::write(of.folder.join("event.log"), b"a log").unwrap();
    let attestd = machine.attestd();
    machine.done(&["enrol", "--out", "request.json"]);
    let _seals: Vec<_> = of.signer_instances().iter().map(|seal| Daemon::signer(of, seal, &[])).collect();
    let sceaud = Daemon::sceaud(of, &[]);
    sceaud.wait_ready(1);
    let nonce = Nonce::new([9; 32]).to_string();
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| machine.done(&["evidence", "--nonce", &nonce, "--out", "early.json"]));
        until("evidence waits", || attestd.log().contains("evidence waits for the ledger's checkpoint"));
        let _audit = Daemon::signer(of, &of.audit_instance().unwrap(), &[]);
        let said = asked.join().unwrap();
        assert!(!said.contains("ne montre pas le journal"), "{said}");
    });
    assert!(read::<Evidence>(&machine, "early.json").claims.ledger.is_some());
}

#[test]
fn who_asks_too_much_is_told_so_and_the_counter_is_still_raised() {
    let test = "who_asks_too_much_is_told_so_and_the_counter_is_still_raised";
    let Some(machine) = Machine::with(test, Swtpm::manufactured) else { return };
    std::fs::write(machine.establishment.folder.join("event.log"), b"a log").unwrap();
    let attestd = machine.attestd();
    machine.done(&["enrol", "--out", "request.json"]);
    let nonce = Nonce::new([7; 32]).to_string();
    let answers = std::thread::scope(|scope| {
        let ask = || machine.ask("Evidence", json!({ "nonce": nonce }));
        let asking: Vec<_> = (0..24).map(|_| scope.spawn(ask)).collect();
        // Amid the flood, the counter's question goes first, and a PIN at a boot is waited for by nobody else's.
        assert_eq!(machine.value("Increment"), 1);
        for _ in 0..8 {
            let absent = machine.ask("Unseal", json!({ "name": "seal", "boot_pin": "x" })).unwrap_err();
            assert_eq!(absent.brief(), ("Denied", "not-sealed"));
        }
        asking.into_iter().map(|asked| asked.join().unwrap()).collect::<Vec<_>>()
    });
    let busy =
        answers.iter().filter_map(|answer| answer.as_ref().err()).filter(|no| no.brief().0 == "Busy").count();
    let given = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(busy > 0 && given > 0 && busy + given == 24, "{busy} refused, {given} given");
    drop(attestd);
}
