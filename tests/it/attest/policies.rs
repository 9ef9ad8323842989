//! `tpm-policies/`: what the files say is what programs and TPM do.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use sceau::evidence::document::PCRS;
use sceau::tpm::device::Tpm;
use sceau::tpm::policy::of_pcrs;

use super::rig::{INDEX, Machine};
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;

fn policy(name: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tpm-policies").join(format!("{name}.toml"));
    std::fs::read_to_string(path).unwrap().parse().unwrap()
}

fn words(policy: &toml::Table, member: &str) -> BTreeSet<String> {
    policy[member].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
}

/// The choice of PCRs; each has its reason.
fn pcrs(policy: &toml::Table) -> Vec<u8> {
    let pcrs = policy["pcrs"].as_table().unwrap();
    assert!(pcrs.values().all(|reason| reason.as_str().is_some_and(|reason| reason.len() > 10)));
    let mut numbers: Vec<u8> = pcrs.keys().map(|pcr| pcr.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// The words after `name:` and `value:` of a listing of tpm2-tools.
fn listed(listing: &str, section: &str) -> BTreeSet<String> {
    let (_, rest) = listing.split_once(&format!("{section}:")).unwrap_or_else(|| panic!("{section}: {listing}"));
    let value = rest.lines().find_map(|line| line.trim().strip_prefix("value:")).unwrap();
    value.trim().split('|').map(str::to_owned).collect()
}

#[test]
fn objects_in_the_tpm_are_as_their_files_say() {
    let test = "policies::objects_in_the_tpm_are_as_their_files_say";
    let Some(machine) = Machine::with(test, Swtpm::manufactured) else { return };
    let daemon = machine.attestd();
    machine.ask("Enrol", serde_json::json!({})).unwrap();
    let counter = policy("counter");
    assert_eq!(counter["index"].as_str(), Some(INDEX));
    let listing = run(&mut machine.tpm.tool("tpm2_nvreadpublic", &[INDEX]));
    let (_, attributes) = listing.rsplit_once("friendly:").unwrap();
    let attributes: BTreeSet<String> =
        attributes.lines().next().unwrap().trim().split('|').map(str::to_owned).collect();
    assert_eq!(attributes, words(&counter, "attributes"), "{listing}");
    assert!(listing.contains(&format!("size: {}", counter["size"])), "{listing}");
    let key = policy("attestation-key");
    let listing = run(&mut machine.tpm.tool("tpm2_readpublic", &["-c", key["handle"].as_str().unwrap()]));
    assert_eq!(listed(&listing, "attributes"), words(&key, "attributes"), "{listing}");
    assert_eq!(listed(&listing, "scheme"), BTreeSet::from([key["scheme"].as_str().unwrap().to_owned()]));
    assert_eq!(pcrs(&policy("evidence")), PCRS);
    drop(daemon);
}

#[test]
fn arithmetic_agrees_with_a_trial_session_of_the_tpm() {
    let test = "policies::arithmetic_agrees_with_a_trial_session_of_the_tpm";
    let Some(machine) = Machine::with(test, Swtpm::bare) else { return };
    let choices: [&[u8]; 6] = [&[7, 11, 12], &[0], &[23], &[0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 15], &[11], &[8, 16]];
    for pcr in [0, 7, 8, 11, 12, 15] {
        machine.tpm.extend(pcr, 'e');
    }
    for pcrs in choices {
        let mut tpm = Tpm::open(&machine.tpm.tcti(), None).unwrap();
        let values: Vec<_> = pcrs.iter().copied().zip(tpm.pcrs(pcrs).unwrap()).collect();
        let theirs = tpm.trial_of_pcrs(pcrs).unwrap();
        assert_eq!(of_pcrs(&values), theirs, "{pcrs:?}");
        drop(tpm);
        // And tpm2-tools, which take eight at most.
        if pcrs.len() > 8 {
            continue;
        }
        let selection = format!("sha256:{}", pcrs.iter().map(u8::to_string).collect::<Vec<_>>().join(","));
        run(&mut machine.tpm.tool("tpm2_createpolicy", &["--policy-pcr", "-l", &selection, "-L", "policy"]));
        // The tool leaves its session behind.
        run(&mut machine.tpm.tool("tpm2_flushcontext", &["--loaded-session"]));
        assert_eq!(std::fs::read(machine.tpm.path("policy")).unwrap(), theirs.as_bytes());
    }
}

#[test]
fn the_default_of_a_seal_is_the_files_choice() {
    let mut help = Command::new(program("sceau"));
    let help = run(help.args(["seal", "create", "--help"]));
    let choice: Vec<_> = pcrs(&policy("pin")).iter().map(u8::to_string).collect();
    assert!(help.contains(&choice.join(",")), "{help}");
}

/// The default option: systemd's own credentials on a TPM, PCR 11 by the signature that `sceau seal digest` makes an approval of.
#[test]
fn a_systemd_credential_opens_in_its_state_alone() {
    let test = "attest::policies::a_systemd_credential_opens_in_its_state_alone";
    if !Swtpm::missing(&["swtpm", "systemd-creds", "tpm2_pcrextend"]).is_empty() {
        return skip(test, "swtpm, tpm2-tools or systemd-creds is not installed");
    }
    let tpm = Swtpm::bare();
    for pcr in [7, 11, 12] {
        tpm.extend(pcr, 'a');
    }
    let device = format!("--tpm2-device={}", tpm.tcti());
    let creds = |arguments: &[&str]| {
        let mut creds = tpm.tool("systemd-creds", &[device.as_str(), "--name=seal.pin"]);
        let output = creds.args(arguments).stdin(Stdio::null()).output().unwrap();
        // It leaves its sessions behind, and a TPM without a resource manager has room for three.
        run(&mut tpm.tool("tpm2_flushcontext", &["--loaded-session"]));
        output
    };
    run(&mut tpm.tool("openssl", &["genrsa", "-out", "builder.key", "2048"]));
    run(&mut tpm.tool("openssl", &["rsa", "-in", "builder.key", "-pubout", "-out", "builder.pem"]));
    // The builder's signature of the state that PCR 11 is in.
    let signed = |file: &str| {
        let told = run(&mut tpm.tool("tpm2_pcrread", &["sha256:11"]));
        let value = format!("--pcr=11={}", told.rsplit_once("0x").unwrap().1.trim().to_lowercase());
        let sceau = program("sceau").display().to_string();
        run(&mut tpm.tool(&sceau, &["seal", "digest", &value, "--out", "policy"]));
        run(&mut tpm.tool("openssl", &["dgst", "-sha256", "-sign", "builder.key", "-out", "signature", "policy"]));
        let approval = ["seal", "digest", &value, "--signature", "signature", "--approver", "builder.pem"];
        std::fs::write(tpm.path(file), run(&mut tpm.tool(&sceau, &approval))).unwrap();
        format!("--tpm2-signature={}", tpm.path(file).display())
    };
    let first = signed("first.json");
    std::fs::write(tpm.path("pin"), "4711").unwrap();
    let key = format!("--tpm2-public-key={}", tpm.path("builder.pem").display());
    // As the drop-in and the policy's file say, the host's own secret apart: it is the machine's.
    let file = policy("credential");
    for text in [file["made_by"].as_str().unwrap(), &drop_in()] {
        assert!(text.contains("--with-key=host+tpm2-with-public-key --tpm2-pcrs=7+12"), "{text}");
    }
    let options = ["--tpm2-pcrs=7+12", &key, "--tpm2-public-key-pcrs=11", &first];
    let with = |kind: &str, out: &str| creds(&[&[kind][..], &options, &["encrypt", "pin", out]].concat());
    let made = with("--with-key=tpm2-with-public-key", "sealed");
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    if !made.status.success()
        && (said.contains("not supported") || said.contains("TPM2 support is not compiled in"))
    {
        return skip(test, "this systemd-creds knows no TPM");
    }
    assert!(made.status.success(), "{said}");
    // Its twin under the other name of a key, with the same public key: systemd leaves that out.
    assert!(with("--with-key=tpm2", "unbound").status.success());
    let opened = |signature: &str, sealed: &str| creds(&[signature, "decrypt", sealed, "-"]).stdout;
    assert_eq!((opened(&first, "sealed"), opened(&first, "unbound")), (b"4711".to_vec(), b"4711".to_vec()));
    tpm.extend(11, 'b');
    assert_eq!(opened(&first, "sealed"), b"", "another image");
    assert_eq!(opened(&first, "unbound"), b"4711", "another image has what is not bound to it");
    let second = signed("second.json");
    assert_eq!(opened(&second, "sealed"), b"4711", "an update that the builder signed");
    tpm.extend(12, 'b');
    assert_eq!(opened(&second, "sealed"), b"", "additions to the command line");
    assert_eq!(pcrs(&file), [7, 11, 12]);
}

/// The drop-in of the default option.
fn drop_in() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/system/sceau-signer@.service.d");
    std::fs::read_to_string(folder.join("pin-tpm.conf.example")).unwrap()
}
