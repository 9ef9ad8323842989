//! Requests have the subject that was asked for, byte for byte, and are signed by the key in the token.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use x509_parser::prelude::{FromDer, X509Name};

use super::{Desk, SUBJECT, done, parts, refused, subject};
use crate::support::establishment::write;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::{Plan, STRUCTURES, TEST_STRUCTURES};
use crate::support::seal::SealPlan;

/// What openssl says of a request, its signature verified.
fn openssl(request: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-verify", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus,show_type"]);
    let mut child = openssl.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("verify OK"), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Dotted type, ASN.1 tag and text of each attribute, in order.
fn attributes(subject: &[u8]) -> Vec<(String, u32, String)> {
    let (_, name) = X509Name::from_der(subject).unwrap();
    name.iter_attributes()
        .map(|a| (a.attr_type().to_id_string(), a.attr_value().tag().0, a.as_str().unwrap().to_owned()))
        .collect()
}

#[test]
fn openssl_verifies_every_kind_and_every_name() {
    let desk = Desk::new();
    let names = [
        ("Rhône (69)", "CENTRE HOSPITALIER DE DEMONSTRATION", "SCEAU"),
        ("Côte-d'Or (21)", "Hôpital de l'Île, Saint-Étienne + Cie", "Sceau, \"n°1\" <a>;b=c#d\\e"),
        ("Corse-du-Sud (2A)", "#1 ÆŒ ÿ Ž 漢", "🏥 + a=b"),
        ("La Réunion (974)", "O=x,OU=1750712184", "CN"),
    ];
    for (kind, (department, organisation, application)) in KeyType::ALL.iter().zip(names.iter().cycle()) {
        let label = format!("k-{}", kind.name());
        desk.generate(&label, kind.name());
        for (key_use, usages) in [
            ("seal", ["Digital Signature, Non Repudiation", "E-mail Protection"]),
            ("authentication", ["Digital Signature", "TLS Web Client Authentication"]),
        ] {
            let mut csr = desk.described("csr", &label, key_use);
            csr.args(["--department", department, "--organisation", organisation, "--application", application]);
            let request = done(csr.args(["--structure", STRUCTURES[0]]));
            let said = openssl(&request);
            for usage in usages {
                assert!(said.lines().any(|line| line.trim() == usage), "{usage} is not in {said}");
            }
            assert!(said.contains("X509v3 Key Usage: critical"), "{said}");
            assert!(said.contains("C=PRINTABLESTRING:FR,ST=UTF8STRING:"), "{said}");
            let (printable, utf8) = (19, 12);
            let expected = [
                ("2.5.4.6", printable, "FR"),
                ("2.5.4.8", utf8, department),
                ("2.5.4.10", utf8, organisation),
                ("2.5.4.11", utf8, STRUCTURES[0]),
                ("2.5.4.3", utf8, application),
            ];
            let expected = expected.map(|(oid, tag, text)| (oid.to_owned(), tag, text.to_owned()));
            assert_eq!(attributes(&subject(&request)), expected);
        }
    }
}

#[test]
fn both_certificates_have_the_same_subject_byte_for_byte() {
    let desk = Desk::new();
    desk.generate("auth", "p-256");
    let first = desk.request("seal-a", "seal");
    write(&desk.path("seal.csr"), &first, 0o644);
    let same =
        |file: &str| done(desk.described("csr", "auth", "authentication").args(["--same-subject-as", file]));
    let second = same("seal.csr");
    openssl(&second);
    assert_eq!(subject(&second), subject(&first));
    assert_eq!(subject(&same("pki/seal-a.pem")), subject(&first), "the seal's certificate has that subject, too");
    // The configured key's structure is looked for in the other's subject.
    write(&desk.path("other.csr"), &subject_of_other(&desk), 0o644);
    let mut csr = desk.named("csr");
    refused(csr.args(["--same-subject-as", "other.csr"]), 2, &["--same-subject-as", STRUCTURES[0], STRUCTURES[1]]);
    for file in ["sceau.toml", "nowhere"] {
        refused(desk.named("csr").args(["--same-subject-as", file]), 2, &[file]);
    }
    // An authority's name is no structure's, and a name with what we would have to change is not taken.
    let mut csr = desk.described("csr", "auth", "authentication");
    refused(csr.args(["--same-subject-as", "pki/ca.pem"]), 2, &["Struct_IdNat"]);
    let mut csr = desk.described("csr", "auth", "authentication");
    refused(csr.args(["--same-subject-as", "seal.csr", "--application", "x"]), 2, &["--same-subject-as"]);
}

fn subject_of_other(desk: &Desk) -> String {
    let mut csr = desk.described("csr", "seal-a", "seal");
    done(csr.args(SUBJECT).args(["--structure", STRUCTURES[1]]))
}

#[test]
fn a_subject_with_a_repeated_attribute_is_not_rewritten() {
    let desk = Desk::new();
    let path = desk.path("twice.csr");
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"]);
    openssl.arg("/dev/null").args(["-subj", &format!("/C=FR/OU=1/OU={}/CN=x", STRUCTURES[0]), "-out"]).arg(&path);
    assert!(openssl.output().unwrap().status.success());
    let mut csr = desk.described("csr", "seal-a", "seal");
    refused(csr.args(["--same-subject-as", "twice.csr"]), 2, &["à l'identique"]);
}

#[test]
fn a_request_is_never_overwritten_and_readable_by_all() {
    let desk = Desk::new();
    let mut csr = desk.named("csr");
    assert_eq!(done(csr.args(SUBJECT).args(["--out", "seal.csr"])), "");
    let path = desk.path("seal.csr");
    let request = std::fs::read_to_string(&path).unwrap();
    openssl(&request);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let mut again = desk.named("csr");
    refused(again.args(SUBJECT).args(["--out", "seal.csr"]), 2, &["seal.csr", "existe déjà"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), request);
    let mut csr = desk.named("csr");
    refused(
        csr.args(SUBJECT).args(["--out", "nowhere/seal.csr"]),
        3,
        &["nowhere/seal.csr", "ne peut pas être écrit"],
    );
}

#[test]
fn a_wrong_value_is_told_with_its_field() {
    let desk = Desk::new();
    let long = "é".repeat(65);
    let cases: [(&str, &str, &[&str]); 7] = [
        ("--organisation", &long, &["--organisation", "65 caractères", "64"]),
        ("--application", &long, &["--application", "65 caractères", "64"]),
        ("--organisation", "", &["--organisation", "vide"]),
        ("--application", "a\u{200b}b", &["--application", "invisible"]),
        ("--department", "Rhône", &["--department", "(69)"]),
        ("--structure", "1690781811", &["--structure", "clé de contrôle"]),
        ("--structure", TEST_STRUCTURES[0], &["--structure"]),
    ];
    for (option, value, words) in cases {
        let mut csr = desk.described("csr", "seal-a", "seal");
        for pair in SUBJECT.chunks(2).chain([&["--structure", STRUCTURES[0]][..]]) {
            csr.args([pair[0], if pair[0] == option { value } else { pair[1] }]);
        }
        refused(&mut csr, 2, words);
    }
    // A fictive structure in a test alone.
    let mut csr = desk.described("csr", "seal-a", "seal");
    done(csr.args(SUBJECT).args(["--structure", TEST_STRUCTURES[0], "--test"]));
    let mut csr = desk.named("csr");
    refused(csr.args(SUBJECT).args(["--structure", STRUCTURES[1]]), 2, &["--structure", STRUCTURES[0]]);
    refused(desk.named("csr").args(&SUBJECT[..4]), 2, &["--application"]);
    let mut csr = desk.described("csr", "absent", "seal");
    refused(csr.args(SUBJECT).args(["--structure", STRUCTURES[0]]), 3, &["aucune clé privée", "seal-a"]);
}

#[test]
fn production_makes_no_request_for_a_key_from_outside() {
    let seal = SealPlan { origin: KeyOrigin::Imported, ..SealPlan::of(STRUCTURES[0], "seal-a", KeyType::P256) };
    let desk = Desk::of(Plan::new("keys").production().seal(seal));
    refused(desk.named("csr").args(SUBJECT), 2, &["importée"]);
    let mut csr = desk.described("csr", "seal-a", "seal");
    refused(csr.args(SUBJECT).args(["--structure", STRUCTURES[0]]), 2, &["importée"]);
}

/// What the ceremony prints to be pasted does what it says, whatever the names.
#[test]
fn the_printed_commands_run_as_they_are() {
    let desk = Desk::new();
    let named = done(desk.described("generate", "it's", "seal").args(["--type", "p-256"]));
    let next = named.lines().find_map(|line| line.strip_prefix("Ensuite : sceau ")).unwrap();
    let shell = |arguments: &str, more: &str| {
        let mut sh = Command::new("sh");
        let program = crate::support::program::program("sceau");
        sh.arg("-c").arg(format!("'{}' {arguments} {more}", program.display()));
        sh.current_dir(&desk.establishment.folder).env("SOFTHSM2_CONF", desk.establishment.store.conf());
        sh.env("STATE_DIRECTORY", desk.path("run/signers"));
        sh
    };
    let more = format!(
        "--department 'Rhône (69)' --organisation CH --application A --structure {} --out it.csr",
        STRUCTURES[0]
    );
    let (code, _, said) = parts(&shell(next, &more).output().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let after = said.split("sceau keys import-certificate ").nth(1).unwrap().trim();
    std::fs::write(desk.path("FICHIER"), "").unwrap();
    // Understood; and there is no certificate in the file.
    let (code, _, said) = parts(&shell(&format!("keys import-certificate {after}"), "").output().unwrap());
    assert!(code == Some(1) && said.contains("ne contient aucun certificat"), "{code:?} {said}");
}
