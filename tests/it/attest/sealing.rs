//! Sealed PINs: given back in an approved state to who knows the boot PIN, foreseen before a reboot, and recovered by two.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::tpm::TpmError;
use sceau::tpm::approver::Approver;
use sceau::tpm::device::Tpm;
use sceau::tpm::policy::of_pcrs;
use sceau::tpm::sealed::{Approval, Sealed};
use sceau::traces::digest::Digest;
use serde_json::{Value, json};

use super::rig::Machine;
use super::sealing_rig::{BOOT_PIN, PCRS, PIN, Sealing};
use crate::support::establishment::write;
use crate::support::program::program;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

#[test]
fn a_pin_is_given_back_in_an_approved_state_alone() {
    let Some(sealing) = Sealing::with("sealing::a_pin_is_given_back_in_an_approved_state_alone") else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    let began = Instant::now();
    assert_eq!(sealing.opened(), PIN);
    println!("sceau seal open on swtpm, command and daemon: {} ms", began.elapsed().as_millis());
    for took in daemon.log().lines().filter(|line| line.contains("a PIN is unsealed")) {
        println!("{took}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(sealing.path("given")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o400);
    let kept = std::fs::read_to_string(sealing.path("attest/seal.sealed.json")).unwrap();
    assert!(!kept.contains(PIN) && !kept.contains(BOOT_PIN));
    // Twice under one name: not unasked.
    let again = sealing.create("now.json").output().unwrap();
    assert_eq!(again.status.code(), Some(2), "the envelopes are there");
    std::fs::create_dir(sealing.path("other")).unwrap();
    let again = sealing.create("now.json").args(["--recovery", "other"]).output().unwrap();
    assert_ne!(again.status.code(), Some(0));
    // An update, approved and foreseen before the reboot that brings it.
    let next: Vec<(u8, String)> = PCRS
        .iter()
        .map(|pcr| (*pcr, if *pcr == 11 { sealing.next(11, 'b') } else { sealing.value(*pcr) }))
        .collect();
    let expected = format!("--expect=11={}", next[1].1);
    sealing.done(&["test"]);
    sealing.refused(&["test", &expected], 1, &["ne sera PAS rendu"]);
    sealing.approve("approver", &next, "next.json");
    assert!(sealing.done(&["reseal", "--signatures", "next.json"]).contains("1 état"));
    assert!(sealing.done(&["reseal", "--signatures", "next.json"]).contains("Aucun état nouveau"));
    sealing.done(&["test", &expected]);
    assert_eq!(sealing.opened(), PIN, "the state of now is admitted still");
    sealing.machine.tpm.extend(11, 'b');
    assert_eq!(sealing.opened(), PIN, "what was foreseen holds");
    // More approvals than are kept: the state of now stays, whichever goes.
    let others: Vec<_> = (0..40_u8).map(|number| sealing.signed(&Digest::of(&[&[number]]))).collect();
    write(&sealing.path("others.json"), &json!({ "sha256": others }).to_string(), 0o644);
    assert!(sealing.done(&["reseal", "--signatures", "others.json"]).contains("40 état"));
    assert!(sealing.done(&["test", "--json"]).contains("\"approvals\":32"));
    assert_eq!(sealing.opened(), PIN, "it is admitted still");
    // Anything else: refused, without a try of the boot PIN.
    sealing.machine.tpm.extend(7, 'c');
    sealing.refused(&["open", "--out", "given", "--boot-pin-file", "boot"], 1, &["policy-refused", "approuvé"]);
    sealing.refused(&["test"], 1, &["PCR 7"]);
    drop(daemon);
}

#[test]
fn a_wrong_boot_pin_is_counted_until_the_tpm_locks_and_the_remedy_is_told() {
    let test = "sealing::a_wrong_boot_pin_is_counted_until_the_tpm_locks_and_the_remedy_is_told";
    let Some(sealing) = Sealing::with(test) else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    let tries = ["-s", "-n", "3", "-t", "1000", "-l", "1000"];
    run(&mut sealing.machine.tpm.tool("tpm2_dictionarylockout", &tries));
    write(&sealing.path("wrong"), "une rose des vents", 0o600);
    let wrong = ["open", "--out", "given", "--boot-pin-file", "wrong"];
    for _ in 0..3 {
        sealing.refused(&wrong, 1, &["secret-refused", "PIN de démarrage est faux"]);
    }
    sealing.refused(&wrong, 3, &["tpm-lockout", "tpm2_dictionarylockout --clear-lockout"]);
    let right = ["open", "--out", "given", "--boot-pin-file", "boot"];
    sealing.refused(&right, 3, &["tpm-lockout"]);
    assert!(!sealing.path("given").exists());
    // The counter and evidence are not locked with it.
    sealing.machine.define_counter();
    assert_eq!(sealing.machine.value("Increment"), 1);
    run(&mut sealing.machine.tpm.tool("tpm2_dictionarylockout", &["--clear-lockout"]));
    assert_eq!(sealing.opened(), PIN);
    // Short ones are not admitted at all.
    write(&sealing.path("boot"), "12345", 0o600);
    let mut short = sealing.create("now.json");
    let short = short.args(["--recovery", "."]).output().unwrap();
    assert_eq!(short.status.code(), Some(2));
    assert!(!sealing.path("seal-officiers-1-2.p7m").exists(), "no envelope of nothing");
    drop(daemon);
}

#[test]
fn approvals_are_the_approvers_and_never_of_a_machine_that_measures_nothing() {
    let test = "sealing::approvals_are_the_approvers_and_never_of_a_machine_that_measures_nothing";
    let Some(sealing) = Sealing::with(test) else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    sealing.approve("stranger", &sealing.now(), "strange.json");
    sealing.refused(&["reseal", "--signatures", "strange.json"], 1, &["approval-refused"]);
    // A signature of another policy.
    let mut torn: Value =
        serde_json::from_str(&std::fs::read_to_string(sealing.path("now.json")).unwrap()).unwrap();
    torn["sha256"][0]["pol"] = json!(Digest::of(&[b"another"]).to_string());
    write(&sealing.path("torn.json"), &torn.to_string(), 0o644);
    sealing.refused(&["reseal", "--signatures", "torn.json"], 1, &["approval-refused"]);
    // Fewer PCRs than were chosen.
    sealing.approve("approver", &sealing.now()[..1], "fewer.json");
    sealing.refused(&["reseal", "--signatures", "fewer.json"], 1, &["7,11,12"]);
    // The SHA-1 bank.
    let sha1 = json!({ "sha1": torn["sha256"] });
    write(&sealing.path("sha1.json"), &sha1.to_string(), 0o644);
    sealing.refused(&["reseal", "--signatures", "sha1.json"], 2, &["sha256"]);
    // Zeros: by us, and by a signature that was made elsewhere.
    let zeros = "0".repeat(64);
    let zero = format!("--pcr=11={zeros}");
    sealing.refused(&["digest", &zero], 2, &["à zéro"]);
    let zeros: Vec<_> = PCRS.iter().map(|pcr| (*pcr, Digest::default())).collect();
    let approval = json!({ "sha256": [sealing.signed(&of_pcrs(&zeros))] });
    write(&sealing.path("zero.json"), &approval.to_string(), 0o644);
    sealing.refused(&["reseal", "--signatures", "zero.json"], 1, &["à zéro"]);
    // A PCR of zeros among the chosen ones.
    let what = ["create", "--pin-file", "pin", "--boot-pin-file", "boot", "--recovery", "."];
    let officers = ["--officer=officer1.pem", "--officer=officer2.pem", "--officer=officer3.pem"];
    let mut values = sealing.now();
    values.push((14, sealing.value(7)));
    sealing.approve("approver", &values, "more.json");
    let approved = ["--approver", "approver.pem", "--signatures", "more.json", "--pcrs", "7,11,12,14"];
    let mut create = Command::new(program("sceau"));
    create.arg("seal").args(what).args(officers).args(approved).args(["--name", "zero", "--config", "sceau.toml"]);
    let output = create.current_dir(&sealing.machine.establishment.folder).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("pcr-unmeasured") && said.contains("PCR 14"), "{said}");
    assert_eq!(sealing.opened(), PIN, "nothing of all that changed what is sealed");
    drop(daemon);
}

/// Who signs images signs PCR 11 alone, for disks and credentials: by our own list of approvals nothing of that is admitted, and whoever
/// asks the TPM by himself must have no use for it either.
#[test]
fn a_signature_for_other_pcrs_opens_nothing() {
    let Some(sealing) = Sealing::with("sealing::a_signature_for_other_pcrs_opens_nothing") else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    assert_eq!(sealing.opened(), PIN);
    drop(daemon);
    let kept: Value =
        serde_json::from_str(&std::fs::read_to_string(sealing.path("attest/seal.sealed.json")).unwrap()).unwrap();
    let bytes = |member: &str| STANDARD.decode(kept[member].as_str().unwrap()).unwrap();
    let sealed = Sealed { public: bytes("public"), private: bytes("private") };
    let approver = std::fs::read_to_string(sealing.path("approver.pem")).unwrap();
    let approver = Approver::from_pem(&approver).unwrap();
    // Secure Boot is another one, and the image is the signed one.
    sealing.machine.tpm.extend(7, 'e');
    let image = [(11, Digest::from_hex(&sealing.value(11)).unwrap())];
    let policy = of_pcrs(&image);
    // As systemd-measure signs it.
    std::fs::write(sealing.path("policy"), policy.as_bytes()).unwrap();
    sealing.openssl(&["dgst", "-sha256", "-sign", "approver.key", "-out", "signature", "policy"]);
    let signature = std::fs::read(sealing.path("signature")).unwrap();
    let approval = Approval { pcrs: vec![11], policy, signature };
    let mut tpm = Tpm::open(&sealing.machine.tpm.tcti(), None).unwrap();
    let opened = tpm.unseal(&sealed, BOOT_PIN.as_bytes(), (&approver, &approval));
    assert!(matches!(opened, Err(TpmError::Policy)), "given back: {}", opened.is_ok());
}

/// A unified kernel image leaves PCR 12 at zero where nothing was added to it: that is a state, and the usual one.
#[test]
fn an_image_to_which_nothing_was_added_is_a_state() {
    let test = "sealing::an_image_to_which_nothing_was_added_is_a_state";
    let Some(sealing) = Sealing::measured(test, &[7, 11]) else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    assert_eq!(sealing.opened(), PIN);
    sealing.done(&["test"]);
    sealing.machine.tpm.extend(12, 'f');
    sealing.refused(&["open", "--out", "given", "--boot-pin-file", "boot"], 1, &["policy-refused"]);
    drop(daemon);
    // Without an image measured before it, its zero says nothing.
    let Some(sealing) = Sealing::measured(test, &[7]) else { return };
    let values = sealing.now().iter().map(|(pcr, value)| format!("--pcr={pcr}={value}")).collect::<Vec<_>>();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    sealing.refused(&[&["digest"], &values[..]].concat(), 2, &["PCR 11", "à zéro"]);
}

#[test]
fn three_officers_are_three_keys() {
    let Some(sealing) = Sealing::with("sealing::three_officers_are_three_keys") else { return };
    let daemon = sealing.machine.attestd();
    sealing.approve("approver", &sealing.now(), "now.json");
    let first = std::fs::read_to_string(sealing.path("officer1.pem")).unwrap();
    let refused = || {
        let Output { status, stderr, .. } = sealing.create("now.json").output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.contains("officer2.pem") && said.contains("même clé"), "{said}");
        assert!(!sealing.path("recovery/seal-officiers-1-2.p7m").exists());
    };
    // The same certificate as another text.
    write(&sealing.path("officer2.pem"), &format!("Officier 2\n{first}"), 0o644);
    refused();
    // Another certificate of the same key.
    let new = ["req", "-x509", "-key", "officer1.key", "-days", "3", "-subj", "/CN=Officier 2"];
    sealing
        .openssl(&[&new[..], &["-addext", "keyUsage=critical,keyEncipherment", "-out", "officer2.pem"]].concat());
    refused();
    drop(daemon);
}

/// Opens an envelope with an officer's key.
fn opened_by(sealing: &Sealing, officer: u8, envelope: &Path, out: &str) -> bool {
    let mut openssl = Command::new("openssl");
    openssl.args(["cms", "-decrypt", "-binary", "-inform", "DER", "-in"]).arg(envelope);
    openssl.args([
        "-recip",
        &format!("officer{officer}.pem"),
        "-inkey",
        &format!("officer{officer}.key"),
        "-out",
        out,
    ]);
    openssl.current_dir(&sealing.machine.establishment.folder).output().unwrap().status.success()
}

#[test]
fn two_of_three_officers_recover_the_pin_on_another_machine_and_one_does_not() {
    let test = "sealing::two_of_three_officers_recover_the_pin_on_another_machine_and_one_does_not";
    let Some(sealing) = Sealing::with(test) else { return };
    let daemon = sealing.machine.attestd();
    let sealing = sealing.created();
    drop(daemon);
    for (first, second) in [(1, 2), (1, 3), (2, 3)] {
        let envelope = sealing.path(&format!("recovery/seal-officiers-{first}-{second}.p7m"));
        let third = 6 - first - second;
        assert!(
            !opened_by(&sealing, third, &envelope, "inner") && !opened_by(&sealing, second, &envelope, "inner")
        );
        assert!(opened_by(&sealing, first, &envelope, "inner"));
        assert!(
            !std::fs::read_to_string(sealing.path("inner")).unwrap_or_default().contains(PIN),
            "one is not enough"
        );
        assert!(!opened_by(&sealing, first, &sealing.path("inner"), "alone"));
        assert!(opened_by(&sealing, second, &sealing.path("inner"), "recovered"));
        assert_eq!(std::fs::read_to_string(sealing.path("recovered")).unwrap(), PIN);
    }
    // A new mainboard: the file of the old one is of no use, and is told so.
    let mut new =
        Sealing { machine: Machine { tpm: Swtpm::bare(), establishment: sealing.machine.establishment } };
    let tcti = new.machine.tpm.tcti();
    new.machine.establishment.edit_file("sceau.toml", |config| {
        config["tpm"].as_table_mut().unwrap().insert("tcti".into(), tcti.into());
    });
    for pcr in PCRS {
        new.machine.tpm.extend(pcr, 'd');
    }
    let daemon = new.machine.attestd();
    new.refused(&["open", "--out", "given", "--boot-pin-file", "boot"], 3, &["tpm-other", "seal recover"]);
    new.approve("approver", &new.now(), "now.json");
    let what = ["recover", "--pin-file", "recovered", "--boot-pin-file", "boot"];
    new.done(&[&what[..], &["--approver", "approver.pem", "--signatures", "now.json"]].concat());
    assert_eq!(new.opened(), PIN);
    // Power off and on: sealed is sealed.
    drop(daemon);
    new.machine.tpm.shut_down();
    new.machine.tpm.start();
    let daemon = new.machine.attestd();
    new.refused(&["open", "--out", "given", "--boot-pin-file", "boot"], 1, &["pcr-unmeasured"]);
    for pcr in PCRS {
        new.machine.tpm.extend(pcr, 'd');
    }
    assert_eq!(new.opened(), PIN);
    drop(daemon);
}

#[test]
fn a_name_that_would_leave_the_folder_is_refused() {
    let Some(sealing) = Sealing::with("sealing::a_name_that_would_leave_the_folder_is_refused") else { return };
    let daemon = sealing.machine.attestd();
    for (method, parameters) in [
        ("Unseal", json!({ "name": "../seal", "boot_pin": "x" })),
        ("Unseal", json!({ "name": "", "boot_pin": "x" })),
        ("Approve", json!({ "name": "a/b", "signatures": "{}" })),
        ("Foresee", json!({ "name": "..", "expected": [] })),
    ] {
        assert_eq!(sealing.machine.ask(method, parameters).unwrap_err().brief(), ("Malformed", "name"));
    }
    let absent = sealing.machine.ask("Unseal", json!({ "name": "seal", "boot_pin": "x" })).unwrap_err();
    assert_eq!(absent.brief(), ("Denied", "not-sealed"));
    drop(daemon);
}
