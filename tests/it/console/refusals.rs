//! What is brought and not taken: every reason by its field, on the screen and on the stick, and nothing changed.

use std::fs;

use super::rig::{NAMESPACE, Rig};

/// Asserts that a visit is refused with these words and leaves a blank appliance.
fn refused(rig: &Rig, words: &[&str]) {
    let (code, said) = rig.visit();
    assert_eq!(code, Some(1), "{said}");
    let result = rig.answer("result.txt");
    for word in words {
        assert!(said.contains(word) && result.contains(word), "{word:?} is not in {said}\n{result}");
    }
    assert!(result.contains("Remède : ") && result.contains("État : vierge"), "{result}");
    assert!(rig.is_blank(), "{said}");
    assert!(!rig.root("var/lib/sceau-token").exists(), "no key was made");
}

#[test]
fn only_a_signer_of_the_image_provisions() {
    let Some(rig) = Rig::new("console::only_a_signer_of_the_image_provisions") else { return };
    let right = rig.right();
    rig.key("eve");
    rig.bring(&right, "eve", NAMESPACE);
    refused(&rig, &["n'est pas parmi les signataires"]);
    rig.bring(&right, "officer", "sceau-order");
    refused(&rig, &["autre usage"]);
    rig.bring_signed(&right);
    fs::write(rig.stick("provisioning.toml"), right.replace("sceau-1", "sceau-2")).unwrap();
    refused(&rig, &["n'est pas celle de ce fichier"]);
    fs::write(rig.stick("provisioning.toml.sig"), "rien").unwrap();
    refused(&rig, &["n'est pas une signature SSH"]);
    fs::remove_file(rig.stick("provisioning.toml.sig")).unwrap();
    refused(&rig, &["provisioning.toml.sig manque"]);
    rig.bring_signed(&right);
    fs::remove_file(rig.root("usr/lib/sceau/provisioning.keys")).unwrap();
    refused(&rig, &["ne nomme aucun signataire"]);
    // A restriction that is not obeyed here must not be passed over.
    rig.trust("officer");
    let keys = rig.root("usr/lib/sceau/provisioning.keys");
    let line = fs::read_to_string(&keys).unwrap().replace("officer ssh", "officer namespaces=\"x\" ssh");
    fs::write(&keys, line).unwrap();
    refused(&rig, &["illisible"]);
}

#[test]
fn each_wrong_field_is_told_with_its_line_and_nothing_is_made() {
    let Some(rig) = Rig::new("console::each_wrong_field_is_told_with_its_line_and_nothing_is_made") else {
        return;
    };
    let right = rig.right();
    rig.bring_signed(&right.replace("192.0.2.10/24", "192.0.2.10").replace("ntp.exemple.fr", "pas un nom"));
    refused(&rig, &["provisioning.toml, ligne 11", "address", "ligne 16", "sources"]);
    rig.bring_signed(&right.replace("SN-4711", "SN-0815"));
    refused(&rig, &["machine n'est pas celle-ci (SN-4711)"]);
    rig.bring_signed(&right.replace("2099-12-31", "2020-12-31"));
    refused(&rig, &["until est passé"]);
    rig.bring_signed(&right);
    fs::write(rig.stick("files/racine.pem"), rig.pki.intermediate_pem()).unwrap();
    refused(&rig, &["files/racine.pem", "n'est pas le fichier qui a été signé"]);
    fs::remove_file(rig.stick("files/racine.pem")).unwrap();
    refused(&rig, &["files/racine.pem", "manque sur la clé USB"]);
    // A link may lead anywhere on the appliance.
    std::os::unix::fs::symlink("/etc/shadow", rig.stick("files/racine.pem")).unwrap();
    refused(&rig, &["files/racine.pem", "ne se lit pas"]);
}

/// What `sceaud` would refuse later is refused now, in the file that is at fault.
#[test]
fn the_configuration_is_judged_before_a_key_is_made() {
    let Some(rig) = Rig::new("console::the_configuration_is_judged_before_a_key_is_made") else { return };
    fs::write(rig.stick("files/plus.toml"), "[limits]\nqueue_ms = \"x\"\n\n[trust]\nanchors = []\n").unwrap();
    let text = rig.right().replace("mode = \"test\"", "mode = \"test\"\ncomplement = \"plus.toml\"");
    rig.bring_signed(&(text.clone() + &rig.pinned("plus.toml")));
    refused(&rig, &["sceau.toml, ligne", "donnée deux fois"]);
    fs::write(rig.stick("files/plus.toml"), "[limits]\nqueue_ms = \"x\"\n").unwrap();
    rig.bring_signed(&(text + &rig.pinned("plus.toml")));
    refused(&rig, &["sceau.toml, ligne", "queue_ms"]);
    fs::write(rig.stick("files/racine.pem"), "rien").unwrap();
    rig.bring_signed(&rig.right());
    refused(&rig, &["racine.pem"]);
    fs::write(rig.stick("files/convention.toml"), "[convention]\nformat = 1\n").unwrap();
    fs::write(rig.stick("files/racine.pem"), rig.pki.root_pem()).unwrap();
    rig.bring_signed(&(rig.right() + &rig.pinned("convention.toml")));
    refused(&rig, &["convention.toml", "number"]);
}

/// Production binds the PIN to a signed image: a machine that is none is told before anything is made.
#[test]
fn production_needs_a_signed_image() {
    let Some(rig) = Rig::new("console::production_needs_a_signed_image") else { return };
    rig.bring_signed(&rig.right().replace("mode = \"test\"", "mode = \"production\""));
    let (code, said) = rig.visit();
    assert!(code == Some(3) && said.contains("PCR 11"), "{said}");
    assert!(rig.is_blank());
}

#[test]
fn a_stick_without_anything_of_ours_is_left_alone() {
    let Some(rig) = Rig::new("console::a_stick_without_anything_of_ours_is_left_alone") else { return };
    fs::remove_dir_all(rig.stick("")).unwrap();
    assert_eq!(rig.visit().0, Some(0));
    assert!(!rig.stick("").exists() && rig.is_blank());
    // A blank appliance that starts has nothing to apply.
    assert_eq!(rig.apply().0, Some(0));
    assert!(!rig.root("run/systemd").exists());
}
