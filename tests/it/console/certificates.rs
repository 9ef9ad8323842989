//! The second visit: certificates come back, each to the key that asked for it.

use std::fs;

use x509_parser::prelude::{FromDer, X509CertificationRequest};

use super::rig::Rig;
use crate::support::certificate::SealCertificate;
use crate::support::plan::STRUCTURES;

/// SubjectPublicKeyInfo of a request, DER.
pub(super) fn spki(request: &str) -> Vec<u8> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(request.as_bytes()).unwrap();
    let (_, request) = X509CertificationRequest::from_der(&pem.contents).unwrap();
    request.certification_request_info.subject_pki.raw.to_vec()
}

#[test]
fn certificates_go_to_the_keys_that_asked_for_them() {
    let Some(rig) = Rig::new("console::certificates_go_to_the_keys_that_asked_for_them") else { return };
    rig.bring_signed(&rig.right());
    rig.visited();
    let of = |name: &str| spki(&rig.answer(name));
    let (seal, auth) = (SealCertificate::of(STRUCTURES[0]), SealCertificate::of(STRUCTURES[0]).authentication());
    let installed = |name: &str| fs::read_to_string(rig.root("var/lib/sceau-config").join(name)).ok();
    // The use of one on the key of the other, and of another structure: refused with reasons, nothing installed.
    rig.bring_certificate("a.pem", &rig.pki.issue(&auth, &of("seal.csr")));
    rig.bring_certificate("b.pem", &rig.pki.issue(&SealCertificate::of(STRUCTURES[1]), &of("seal.csr")));
    let (code, said) = rig.visit();
    assert!(
        code == Some(1) && said.contains("a.pem") && said.contains("keyUsage") && said.contains("l'OU"),
        "{said}"
    );
    assert_eq!((installed("seal.pem"), installed("auth.pem")), (None, None));
    // The right ones, under whatever names.
    fs::remove_dir_all(rig.stick("certificates")).unwrap();
    rig.bring_certificate("un.pem", &rig.pki.issue(&auth, &of("auth.csr")));
    let right = rig.pki.issue(&seal, &of("seal.csr"));
    rig.bring_certificate("deux.crt", &right);
    let said = rig.visited();
    assert!(said.contains("pour la clé seal") && said.contains("pour la clé auth"), "{said}");
    assert!(said.contains("État : provisionnée\n"), "{said}");
    assert_eq!(installed("seal.pem").unwrap().trim(), right.trim());
    assert!(rig.visited().contains("déjà installé"));
    // A newer one of the same key: the old one is kept beside it.
    fs::remove_dir_all(rig.stick("certificates")).unwrap();
    rig.bring_certificate("neuf.pem", &rig.pki.issue(&seal, &of("seal.csr")));
    rig.visited();
    assert_eq!(installed("seal.previous.pem").unwrap().trim(), right.trim());
    // Who renews gets every request again; the keys that serve go on.
    let before = (rig.answer("seal.csr"), rig.answer("auth.csr"));
    for name in ["seal.csr", "auth.csr"] {
        fs::remove_file(rig.stick("answers").join(name)).unwrap();
    }
    rig.visited();
    assert!(!rig.stick("answers/seal.csr").exists());
    fs::write(rig.stick("renouveler.txt"), "").unwrap();
    assert!(rig.visited().contains("seal.csr, auth.csr"));
    assert_eq!((rig.answer("seal.csr"), rig.answer("auth.csr")), before);
    // Nothing of the import is left in memory but what the visit came to.
    let left: Vec<_> =
        fs::read_dir(rig.root("run/sceau-console")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["result.txt"]);
}
