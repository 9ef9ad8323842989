//! The recovery key of the disk: to the officer's certificate alone, once.

use std::fs;
use std::process::Command;

use super::rig::Rig;
use crate::support::softhsm::run;

const KEY: &str = "cbcdefgh-ijklnrtu-vbcdefgh-ijklnrtu-vbcdefgh-ijklnrtu-vbcdefgh-ijklnrtv";

#[test]
fn the_recovery_key_goes_to_the_officers_certificate_alone() {
    let Some(rig) = Rig::new("console::the_recovery_key_goes_to_the_officers_certificate_alone") else { return };
    fs::create_dir_all(rig.root("run/sceau-recovery")).unwrap();
    fs::write(rig.root("run/sceau-recovery/key"), format!("{KEY}\n")).unwrap();
    let (private, certificate) = (rig.path("officer.key"), rig.stick("files/officier.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-subj",
        "/CN=officier",
        "-days",
        "2",
        "-keyout",
    ]);
    run(openssl.arg(&private).arg("-out").arg(&certificate));
    let named = "\n[recovery]\nofficer = \"officier.pem\"\n";
    let text = rig.right().replace("authentication = true", "authentication = false") + named;
    // The certificate of nobody who can open anything is refused before anything is made.
    let wrong = text.replace("officier.pem", "intermediaire.pem");
    rig.bring_signed(&wrong);
    let (code, said) = rig.visit();
    assert!(code == Some(1) && said.contains("intermediaire.pem") && rig.is_blank(), "{said}");
    rig.bring_signed(&(text + &rig.pinned("officier.pem")));
    let said = rig.visited();
    assert!(said.contains("chiffrée pour officier.pem"), "{said}");
    let mut openssl = Command::new("openssl");
    openssl
        .args(["cms", "-decrypt", "-binary", "-inform", "DER", "-in"])
        .arg(rig.stick("answers/cle-de-secours.p7m"));
    let opened = run(openssl.arg("-recip").arg(&certificate).arg("-inkey").arg(&private));
    assert_eq!(opened.trim(), KEY);
    // Gone from the appliance, marked as taken, nowhere in clear.
    assert!(!rig.root("run/sceau-recovery/key").exists());
    assert!(rig.root("var/lib/sceau-appliance/recovery-key-taken").is_file());
    for (path, bytes) in rig.everything() {
        assert!(!bytes.windows(17).any(|window| window == &KEY.as_bytes()[..17]), "{}", path.display());
    }
    assert!(!said.contains(&KEY[..17]));
}
