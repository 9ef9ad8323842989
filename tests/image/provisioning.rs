//! A blank machine becomes an establishment's by what somebody brings on a stick, and stays it.

use std::process::Command;

use super::artefacts;
use super::life::{fresh, provisioned, visited};
use super::machine::End;
use super::site::{NAME, Site};
use super::support::softhsm::run;
use super::uki::ssh_key;

#[test]
fn a_signed_file_provisions_it_at_its_first_boot() {
    let appliance = provisioned();
    let [first, second, third] = &appliance.answers;
    for word in [&format!("appliance {NAME} provisionnée"), "seal.csr", "AUDIT.pub", "attend ses certificats"] {
        assert!(first.contains(word), "{word}: {first}");
    }
    // The request is of a key of the appliance's own token, for the establishment that was named.
    let folder = tempfile::tempdir().unwrap();
    let request = folder.path().join("seal.csr");
    std::fs::write(&request, appliance.machine.stick().files().content("sceau/answers/seal.csr")).unwrap();
    run(Command::new("openssl").args(["req", "-verify", "-noout", "-in"]).arg(&request));
    assert!(second.contains("pour la clé seal") && second.contains("État : provisionnée\n"), "{second}");
    assert!(third.contains("1-operateurs.json") && third.contains("image du connecteur demo"), "{third}");
}

#[test]
fn a_file_of_another_signer_provisions_nothing() {
    let (mut machine, site, folder) = (fresh(), Site::new(), tempfile::tempdir().unwrap());
    let stranger = ssh_key(folder.path());
    site.bring(machine.stick(), &site.provisioning(), &stranger);
    let answer = visited(&mut machine);
    assert!(answer.contains("n'est pas parmi les signataires") && answer.contains("État : vierge"), "{answer}");
    assert!(!machine.stick().files().has("sceau/answers/seal.csr"));
    // The canary: the same file by the right hand does.
    site.bring(machine.stick(), &site.provisioning(), &artefacts::key("provisioning"));
    assert!(visited(&mut machine).contains("provisionnée par le fichier"));
}

#[test]
fn the_power_button_ends_it_in_good_order() {
    assert_eq!(provisioned().end, End::PoweredOff);
}
