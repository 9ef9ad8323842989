//! A signed file makes a blank appliance an establishment's, once and whole.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::rig::Rig;
use crate::support::softhsm::run;

#[test]
fn a_signed_file_makes_a_blank_appliance_an_establishments() {
    let Some(rig) = Rig::new("console::a_signed_file_makes_a_blank_appliance_an_establishments") else { return };
    rig.bring_signed(&rig.right());
    let said = rig.visited();
    for word in
        ["provisionnée par le fichier que officer a signé", "seal.csr", "AUDIT.pub", "attend ses certificats"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
    assert_eq!(
        rig.answer("result.txt").lines().skip(1).collect::<Vec<_>>(),
        said.lines().skip(1).collect::<Vec<_>>()
    );
    for name in ["seal.csr", "auth.csr"] {
        let csr = rig.stick("answers").join(name);
        run(Command::new("openssl").args(["req", "-verify", "-noout", "-in"]).arg(&csr));
        let subject =
            run(Command::new("openssl").args(["req", "-subject", "-noout", "-nameopt", "utf8", "-in"]).arg(csr));
        assert!(subject.contains("CENTRE HOSPITALIER DE DEMONSTRATION"), "{subject}");
    }
    assert!(rig.answer("AUDIT.pub").starts_with("ch-exemple.fr/sceau/1+"), "{}", rig.answer("AUDIT.pub"));
    assert_eq!(fs::read_to_string(rig.root("proc/sys/kernel/hostname")).unwrap(), "sceau-1");
    let applied = fs::read(rig.root("var/lib/sceau-config/appliance.toml")).unwrap();
    assert_eq!(applied, fs::read(rig.stick("provisioning.toml")).unwrap(), "what was applied is what was signed");
    // The keys are where the PIN in the credential opens them, each vault with its own.
    let pins = ["seal.pin", "auth.pin"].map(|name| rig.pin(name));
    assert_ne!(pins[0], pins[1]);
    for (vault, pin, keys) in [("seal", &pins[0], vec!["seal", "audit"]), ("auth", &pins[1], vec!["auth"])] {
        let conf = rig.root(&format!("var/lib/sceau-config/softhsm2-{vault}.conf"));
        let mut tool = Command::new("pkcs11-tool");
        tool.args([
            "--module",
            crate::support::softhsm::MODULE,
            "--token-label",
            vault,
            "--login",
            "--pin",
            "env:PIN",
        ]);
        let listed =
            run(tool.args(["--list-objects", "--type", "privkey"]).env("PIN", pin).env("SOFTHSM2_CONF", conf));
        for key in keys {
            assert!(listed.contains(&format!("label:      {key}\n")), "{key}: {listed}");
        }
        assert!(listed.contains("never extractable") && !listed.contains(" extractable\n"), "{listed}");
    }
    // A PIN is nowhere in clear.
    for (path, bytes) in rig.everything() {
        for pin in &pins {
            assert!(!bytes.windows(pin.len()).any(|window| window == pin.as_bytes()), "{}", path.display());
        }
    }
}

#[test]
fn a_provisioning_is_applied_once_and_never_over_another() {
    let Some(rig) = Rig::new("console::a_provisioning_is_applied_once_and_never_over_another") else { return };
    let text = rig.right().replace("authentication = true", "authentication = false");
    rig.bring_signed(&text);
    rig.visited();
    let csr = rig.answer("seal.csr");
    let said = rig.visited();
    assert!(said.contains("déjà appliqué"), "{said}");
    assert_eq!(rig.answer("seal.csr"), csr, "no new key");
    rig.bring_signed(&text.replace("sceau-1", "sceau-2"));
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("déjà provisionnée"), "{said}");
    assert!(fs::read_to_string(rig.root("var/lib/sceau-config/appliance.toml")).unwrap().contains("sceau-1"));
    // A crash just before the renaming: what lies aside is no appliance, and does not stop the next one.
    fs::rename(rig.root("var/lib/sceau-config"), rig.root("var/lib/sceau-config.new")).unwrap();
    let said = rig.visited();
    assert!(said.contains("provisionnée par le fichier"), "{said}");
    assert_ne!(rig.answer("seal.csr"), csr, "the keys of the try that came to nothing are gone");
}

/// A machine that starts otherwise has no PIN: the credential is the TPM's to open.
#[test]
fn the_pin_opens_in_the_measured_state_alone() {
    let Some(rig) = Rig::new("console::the_pin_opens_in_the_measured_state_alone") else { return };
    rig.bring_signed(&rig.right().replace("authentication = true", "authentication = false"));
    rig.pcr(7, &"0".repeat(64));
    let (code, said) = rig.visit();
    assert!(code == Some(3) && said.contains("PCR 7") && rig.is_blank(), "{said}");
    rig.pcr(7, &"1".repeat(64));
    rig.visited();
    rig.extend(12);
    rig.bring_certificate("x.pem", &rig.pki.root_pem());
    let (code, said) = rig.visit();
    assert!(
        code == Some(1) && said.contains("aucune clé"),
        "a stranger's certificate is told before the TPM: {said}"
    );
}

/// What the gate needs of the configuration can be given once only: with the rest that somebody signed.
#[test]
fn a_signed_complement_says_who_the_gate_will_be() {
    let Some(rig) = Rig::new("console::a_signed_complement_says_who_the_gate_will_be") else { return };
    let plus = "[gate]\nuser = \"sceau-connector-1\"\n\n[connectors]\ninterfaces = [\"enp1s0\"]\n";
    let text = rig.right().replace("mode = \"test\"", "mode = \"test\"\ncomplement = \"plus.toml\"");
    let text = text.replace("authentication = true", "authentication = false");
    let wrong = plus.replace("user", "users");
    fs::write(rig.stick("files/plus.toml"), wrong).unwrap();
    rig.bring_signed(&(text.clone() + &rig.pinned("plus.toml")));
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("users") && rig.is_blank(), "{said}");
    fs::write(rig.stick("files/plus.toml"), plus).unwrap();
    rig.bring_signed(&(text + &rig.pinned("plus.toml")));
    rig.visited();
    let config = sceau::config::Config::examine(&rig.root("var/lib/sceau-config/sceau.toml")).config.unwrap();
    assert_eq!(config.gate.unwrap().user, "sceau-connector-1");
    assert_eq!(config.connectors.allowed().interfaces, ["enp1s0"]);
}

#[test]
fn the_guides_example_is_a_right_file() {
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/appliance.md")).unwrap();
    let example = guide.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
    let mut text = example.replace("ssh-ed25519 AAAA…", key).replace('…', &"0".repeat(64));
    for name in ["complement.toml", "igc-sante-organisations.pem", "officier.pem"] {
        text += &format!("\n[[file]]\nname = \"{name}\"\nsha256 = \"{}\"\n", "0".repeat(64));
    }
    let read = sceau::config::provisioning::Provisioning::parse(Path::new("guide"), &text).unwrap();
    assert_eq!((read.operators.len(), read.files.len(), read.is_test()), (1, 4, false));
}
