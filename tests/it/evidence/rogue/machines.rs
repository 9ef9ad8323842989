//! The machine started something else, or is another one.

use sceau::evidence::document::Document as _;
use sceau::evidence::reference::{Admitted, Reference};
use sceau::traces::digest::Digest;

use crate::evidence::attester::Attester;
use crate::evidence::boot::{Boot, extend};
use crate::evidence::officer::Officer;

#[test]
fn what_was_measured_beside_the_log_is_seen() {
    let Some(mut attester) = Attester::new("what_was_measured_beside_the_log_is_seen") else { return };
    let officer = Officer::of(&attester);
    let judged = |attester: &Attester| officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    judged(&attester).assert_good();
    let rogue = |attester: &Attester, pcr: u32| {
        extend(&attester.tpm, std::iter::once((pcr, Digest::of(&[b"rogue"]))));
    };
    rogue(&attester, 12);
    judged(&attester).assert_fails("PCR 12 extended", &["event-log", "reference-values"], "PCR 12");
    attester.restart();
    judged(&attester).assert_good();
    rogue(&attester, 11);
    judged(&attester).assert_fails("PCR 11 extended", &["event-log", "reference-values"], "PCR 11");
    // Without systemd's log PCR 11 does not replay, and its reference values still hold it.
    let mut mute = attester.evidence(officer.nonce("pharmacie"), None);
    mute.userspace_log = None;
    officer.judged(&mute, &[]).assert_fails("PCR 11 without its log", &["reference-values"], "PCR 11");
    attester.restart();
    let mut mute = attester.evidence(officer.nonce("pharmacie"), None);
    mute.userspace_log = None;
    officer.judged(&mute, &[]).assert_good();
    // Another volume in the same machine.
    let usual = attester.boot.clone();
    attester.boot.userspace[1].1 = "cryptsetup:state:another-key".to_owned();
    attester.restart();
    judged(&attester).assert_fails("another volume", &["machine"], "PCR 15");
    officer
        .judged(&attester.evidence(officer.nonce("pharmacie"), None), &["--new-baseline", "disque remplacé"])
        .assert_good();
    assert!(officer.done(&["history", "--state", "state.json"]).contains("disque remplacé"));
    attester.boot = usual;
}

#[test]
fn what_no_quote_covers_is_not_shown_and_what_is_not_measured_is_said() {
    let Some(mut attester) = Attester::new("what_no_quote_covers_is_not_shown_and_what_is_not_measured_is_said")
    else {
        return;
    };
    let officer = Officer::of(&attester);
    let make = |attester: &Attester| attester.evidence(officer.nonce("pharmacie"), None);
    // Phases of PCRs that nobody quotes are words.
    let mut told = make(&attester);
    let mut rogue = attester.boot.clone();
    rogue.userspace = vec![(16, "factory-reset".to_owned(), "phase")];
    told.userspace_log.as_mut().unwrap().0.extend(rogue.userspace_log());
    let verdict = officer.judged(&told, &[]);
    verdict.assert_good();
    assert_eq!(verdict.json["shown"]["phases"].to_string(), r#"["enter-initrd","leave-initrd","ready"]"#);
    // Another firmware of the TPM is told.
    let mut state: serde_json::Value = serde_json::from_str(&officer.read("state.json")).unwrap();
    let known = &mut state["appliances"][0]["baseline"]["firmware_version"];
    assert_eq!(*known, verdict.json["shown"]["firmware_version"]);
    *known = "00000000ffffffff".into();
    officer.write("state.json", &state.to_string());
    let verdict = officer.judged(&make(&attester), &[]);
    verdict.assert_good();
    assert!(verdict.json["notes"].to_string().contains("micrologiciel du TPM"), "{:#}", verdict.json);
    // A machine that measures neither its id nor its volumes is not called unchanged.
    attester.boot.userspace.retain(|(pcr, ..)| *pcr != 15);
    attester.restart();
    officer.judged(&make(&attester), &["--new-baseline", "essai"]).assert_good();
    let verdict = officer.judged(&make(&attester), &[]);
    verdict.assert_good();
    assert!(verdict.with("not-applicable").contains(&"machine"), "{:#}", verdict.json);
}

#[test]
fn another_image_or_secure_boot_off_is_seen() {
    let Some(mut attester) = Attester::new("another_image_or_secure_boot_off_is_seen") else { return };
    let officer = Officer::of(&attester);
    attester.boot = Boot::of("foreign");
    attester.restart();
    let judged = |attester: &Attester| officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    judged(&attester).assert_fails("another image", &["reference-values"], "PCR 4, 11");
    // Secure Boot off: PCR 7 tells, and so does the log, whatever a foreign system adds or renames.
    attester.boot = Boot::with("1", &[0]);
    attester.restart();
    judged(&attester).assert_fails("off", &["secure-boot", "reference-values"], "inactif");
    let lie = crate::evidence::boot::variable("SecureBoot", &[1]);
    let mut log = attester.boot.log();
    let at = log.windows(lie.len()).position(|bytes| bytes[..lie.len() - 1] == lie[..lie.len() - 1]).unwrap();
    log[at + lie.len() - 1] = 1;
    let mut edited = attester.evidence(officer.nonce("pharmacie"), None);
    edited.event_log.0 = log;
    officer.judged(&edited, &[]).assert_fails(
        "the variable's value edited",
        &["secure-boot", "reference-values"],
        "vérifiable",
    );
    // The real events renamed, a false separator and a false variable measured afterwards, as the log says.
    for event in attester.boot.events.iter_mut().filter(|event| event.pcr == 7) {
        event.kind = 0x8000_00E0;
    }
    let false_ones = [(0x8000_0001, lie.as_slice()), (4, &[0, 0, 0, 0])];
    for (kind, data) in false_ones {
        let event =
            crate::evidence::boot::Event { pcr: 7, kind, digest: Digest::of(&[data]), data: data.to_vec() };
        attester.boot.events.push(event);
    }
    attester.restart();
    judged(&attester).assert_fails("a false variable", &["secure-boot", "reference-values"], "vérifiable");
}

/// PCR 11 begins at zero on a machine that starts anything but a unified kernel image: whatever runs there can measure into it what an image
/// would have.
#[test]
fn pcr_11_alone_vouches_for_no_image() {
    let Some(mut attester) = Attester::new("pcr_11_alone_vouches_for_no_image") else { return };
    let officer = Officer::of(&attester);
    let good = attester.pcrs();
    let admit = |numbers: &[u8]| {
        let pcrs = good.iter().filter(|value| numbers.contains(&value.pcr)).copied().collect();
        let image = Admitted { name: "image".to_owned(), version: "1".to_owned(), pcrs };
        let reference = Reference { format: Reference::FORMAT.to_owned(), admitted: vec![image] };
        officer.write("reference.json", &reference.text());
    };
    // Another system that anybody's Secure Boot starts, and the image's measurements made by hand.
    let image = attester.boot.clone();
    attester.boot = Boot::of("foreign");
    attester.boot.events.retain(|event| event.pcr != 11);
    attester.boot.events.extend(image.events.into_iter().filter(|event| event.pcr == 11));
    attester.restart();
    let judged = || officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]);
    admit(&[11]);
    judged().assert_fails("PCR 11 alone", &["reference-values"], "PCR 4 ou 7");
    admit(&[4, 11]);
    judged().assert_fails("with PCR 4", &["reference-values"], "PCR 4");
}

#[test]
fn evidence_of_another_appliance_and_a_cloned_disk_are_refused() {
    let Some(attester) = Attester::new("evidence_of_another_appliance_and_a_cloned_disk_are_refused") else {
        return;
    };
    let officer = Officer::of(&attester);
    let other = Attester::new("").unwrap();
    let case = "another appliance under this one's nonce";
    let foreign = other.evidence(officer.nonce("pharmacie"), None);
    officer.judged(&foreign, &[]).assert_fails(case, &["ek-certificate", "attestation-key"], "autre appliance");
    // A clone: documents and public keys of the first machine, statements of the second one's TPM.
    let mut clone = other.evidence(officer.nonce("pharmacie"), None);
    clone.endorsement = attester.request().endorsement;
    clone.attestation_key = attester.request().attestation_key;
    officer.judged(&clone, &[]).assert_fails("a cloned disk", &["quote"], "clé d'attestation");
    // Both enrolled: a nonce is for one.
    officer.trust(&other);
    officer.enrolled(&other, "radiologie");
    let theirs = attester.evidence(officer.nonce("radiologie"), None);
    let checks = ["ek-certificate", "attestation-key"];
    officer.judged(&theirs, &[]).assert_fails("nonce of another", &checks, "autre appliance");
    officer
        .judged(&attester.evidence(officer.nonce("radiologie"), None), &["--appliance", "pharmacie"])
        .assert_fails("nonce of another, named", &["nonce"], "autre appliance");
    officer.judged(&attester.evidence(officer.nonce("pharmacie"), None), &[]).assert_good();
    officer.judged(&other.evidence(officer.nonce("radiologie"), None), &[]).assert_good();
}
