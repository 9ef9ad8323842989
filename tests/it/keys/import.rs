//! A certificate is taken only if nothing stands against it; then it is in its place whole, and the old one kept.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use serde_json::Value;

use super::{Desk, done, json, parts, refused, spki};
use crate::support::certificate::{SealCertificate, TEST_POLICY};
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::pki::{CaKeys, CaNames, Pki};
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::program::program;
use crate::support::softhsm::run;

fn right() -> SealCertificate {
    SealCertificate::of(STRUCTURES[0])
}

/// The reasons of a refusal, by name; nothing was written.
fn reasons(desk: &Desk, command: &mut Command) -> Vec<String> {
    let before = files(&desk.path("pki"));
    let (code, out, said) = parts(&command.arg("--json").output().unwrap());
    assert_eq!(code, Some(1), "{out}{said}");
    assert_eq!(files(&desk.path("pki")), before, "a refused certificate changes nothing");
    let answer = json(&out);
    assert_eq!(answer["installed"], false);
    let refusals = answer["refusals"].as_array().unwrap().clone();
    // Each has its words and a remedy.
    assert!(refusals.iter().all(|refusal| refusal["message"].as_str().unwrap().contains(" ; ")), "{refusals:?}");
    refusals.iter().map(|refusal| refusal["reason"].as_str().unwrap().to_owned()).collect()
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn each_defect_is_refused_by_its_name_and_only_by_it() {
    let desk = Desk::of(Plan::new("keys").production().policy(TEST_POLICY).key_type(KeyType::P256));
    let request = desk.request("seal-a", "seal");
    let seal = |file: &Path| reasons(&desk, desk.named("import-certificate").arg(file));
    for (reason, wanted) in [
        ("certificate-key-usage", right().authentication()),
        ("certificate-structure", right().structure(STRUCTURES[1])),
        ("certificate-expired", right().expired()),
        ("certificate-not-yet-valid", right().not_yet_valid()),
        ("certificate-policy", right().policy(None)),
    ] {
        assert_eq!(seal(&desk.certify("new.pem", &wanted, &request)), [reason]);
    }
    write(&desk.path("new.pem"), &stranger(CaNames::Production).issue(&right(), &spki(&request)), 0o644);
    assert_eq!(seal(&desk.path("new.pem")), ["certificate-chain"]);
    desk.generate("other", "p-256");
    let other = desk.request("other", "seal");
    assert_eq!(seal(&desk.certify("new.pem", &right(), &other)), ["certificate-other-key"]);
    // The other certificate's subject, where one is named.
    let renamed = desk.certify("new.pem", &right().common_name("AUTRE"), &request);
    let mut import = desk.named("import-certificate");
    import.arg(&renamed).args(["--same-subject-as", "pki/seal-a.pem"]);
    assert_eq!(reasons(&desk, &mut import), ["certificate-other-subject"]);
    // Authentication wants its own offer.
    let auth = |file: &Path| {
        let mut import = desk.described("import-certificate", "other", "authentication");
        import.args(["--structure", STRUCTURES[0], "--out", "auth.pem"]).arg(file);
        reasons(&desk, &mut import)
    };
    assert_eq!(auth(&desk.certify("new.pem", &right(), &other)), ["certificate-not-authentication"]);
    assert!(!desk.path("auth.pem").exists());
    for (content, name) in
        [("", "unreadable"), ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "unreadable")]
    {
        write(&desk.path("new.pem"), content, 0o644);
        let mut import = desk.named("import-certificate");
        let (code, out, _) = parts(&import.arg("new.pem").arg("--json").output().unwrap());
        assert_eq!((code, json(&out)["refusals"][0]["reason"].as_str()), (Some(1), Some(name)));
    }
}

fn stranger(names: CaNames) -> Pki {
    Pki::generate(names, CaKeys::P256)
}

#[test]
fn every_defect_is_told_together() {
    let desk = Desk::of(Plan::new("keys").production().policy(TEST_POLICY).key_type(KeyType::P256));
    desk.generate("other", "p-256");
    let key = spki(&desk.request("other", "seal"));
    let worst = SealCertificate::of(STRUCTURES[1]).authentication().expired().policy(None).common_name("AUTRE");
    write(&desk.path("new.pem"), &stranger(CaNames::Test).issue(&worst, &key), 0o644);
    let import = || {
        let mut import = desk.named("import-certificate");
        import.args(["new.pem", "--same-subject-as", "pki/seal-a.pem"]);
        import
    };
    let expected = ["other-key", "key-usage", "structure", "expired", "policy", "chain", "other-subject"]
        .map(|name| format!("certificate-{name}"));
    assert_eq!(reasons(&desk, &mut import()), expected);
    let said = refused(&mut import(), 1, &["rien n'a été changé", "clé du jeton", "échu", "l'OU", "ORG_SIGN"]);
    assert_eq!(said.matches("\n  - ").count(), expected.len(), "{said}");
}

#[test]
fn production_takes_no_test_authority_and_test_mode_does() {
    let plan = || Plan::new("keys").structures(&STRUCTURES[..1]).key_type(KeyType::P256);
    let production = plan().edit_config(|config| drop(config.insert("mode".into(), "production".into())));
    let desk = Desk::of(production);
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    assert_eq!(reasons(&desk, desk.named("import-certificate").arg(&new)), ["certificate-test-authority"]);
    let desk = Desk::of(plan());
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    done(desk.named("import-certificate").arg(&new));
}

#[test]
fn the_old_certificate_is_kept_beside_the_new_one() {
    let desk = Desk::new();
    let request = desk.request("seal-a", "seal");
    let target = desk.path("pki/seal-a.pem");
    let old = std::fs::read_to_string(&target).unwrap();
    let new = desk.certify("new.pem", &right(), &request);
    let answer = json(&done(desk.named("import-certificate").arg(&new).arg("--json")));
    assert_eq!(
        std::fs::read_to_string(&target).unwrap(),
        std::fs::read_to_string(&new).unwrap().replace("\r\n", "\n")
    );
    assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    let kept = answer["previous"].as_str().unwrap();
    let stamp = Path::new(kept).file_name().unwrap().to_str().unwrap();
    let stamp = stamp.strip_prefix("seal-a.").unwrap().strip_suffix("Z.pem").unwrap();
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "99999999T999999", "{kept}");
    assert_eq!(std::fs::read_to_string(kept).unwrap(), old);
    assert!(answer["days_left"].as_i64().unwrap() > 1000, "{answer}");
    // Again the same: nothing to do, nothing kept twice.
    let again = json(&done(desk.named("import-certificate").arg(&new).arg("--json")));
    assert_eq!((&again["installed"], &again["previous"]), (&Value::Bool(true), &Value::Null));
    // A second one within the same second keeps both.
    for name in ["B", "C"] {
        let new = desk.certify("new.pem", &right().common_name(name), &request);
        done(desk.named("import-certificate").arg(&new));
    }
    let pki = files(&desk.path("pki"));
    assert_eq!(pki.iter().filter(|(name, _)| name.starts_with("seal-a.")).count(), 4, "{pki:#?}");
    assert!(!pki.iter().any(|(name, _)| name.starts_with('.')), "nothing is left aside");
}

#[test]
fn a_file_with_its_chain_or_in_der_is_taken() {
    let desk = Desk::new();
    let request = desk.request("seal-a", "seal");
    let pem = std::fs::read_to_string(desk.certify("new.pem", &right(), &request)).unwrap();
    let (ca, intermediate) = (desk.establishment.pki.root_pem(), desk.establishment.pki.intermediate_pem());
    write(&desk.path("chain.pem"), &format!("{intermediate}{pem}{ca}"), 0o644);
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(body).unwrap();
    std::fs::write(desk.path("new.cer"), &der).unwrap();
    for file in ["chain.pem", "new.cer"] {
        done(desk.named("import-certificate").arg(file));
        let (_, installed) =
            x509_parser::pem::parse_x509_pem(&std::fs::read(desk.path("pki/seal-a.pem")).unwrap()).unwrap();
        assert_eq!(installed.contents, der, "{file}");
    }
}

#[test]
fn no_other_file_of_the_configuration_is_overwritten() {
    let desk = Desk::of(Plan::new("keys").structures(&STRUCTURES[..2]).key_type(KeyType::P256));
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    for (target, words) in [("pki/seal-b.pem", ["autre clé", "seal-b"]), ("pki/ca.pem", ["autorité", "[trust]"])]
    {
        let before = files(&desk.path("pki"));
        refused(desk.named("import-certificate").arg(&new).args(["--out", target]), 2, &words);
        assert_eq!(files(&desk.path("pki")), before);
    }
    let mut import = desk.described("import-certificate", "seal-a", "seal");
    import.args(["--structure", STRUCTURES[2], "--out", "x.pem"]).arg(&new);
    refused(&mut import, 2, &["--structure", STRUCTURES[0], STRUCTURES[1]]);
}

#[test]
fn a_target_that_cannot_be_written_leaves_the_old_one() {
    let desk = Desk::new();
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    refused(desk.named("import-certificate").arg(&new).args(["--out", "nowhere/x.pem"]), 3, &["nowhere/x.pem"]);
    std::fs::create_dir_all(desk.path("folder.pem/full")).unwrap();
    refused(desk.named("import-certificate").arg(&new).args(["--out", "folder.pem"]), 3, &["folder.pem"]);
    assert!(desk.path("folder.pem/full").is_dir());
}

/// prlimit(1): the kernel ends the program with SIGXFSZ in the middle of a write that is longer than allowed.
#[test]
fn a_program_killed_while_it_writes_leaves_the_old_one_whole() {
    let desk = Desk::new();
    let target = desk.path("pki/seal-a.pem");
    let old = std::fs::read_to_string(&target).unwrap();
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    // Into the kept copy at once, or (the copy already there) into the new file.
    let mut killed = Command::new("prlimit");
    killed.args(["--fsize=600", "--core=0", "--"]).arg(program("sceau")).args(["keys", "import-certificate"]);
    killed.arg("--config").arg(desk.establishment.config()).args(["--key", "seal-a"]).arg(&new);
    killed.env("SOFTHSM2_CONF", desk.establishment.store.conf()).env("STATE_DIRECTORY", desk.path("run/signers"));
    let sigxfsz = 25;
    for target_is_there in [true, false] {
        if !target_is_there {
            std::fs::rename(&target, desk.path("away.pem")).unwrap();
        }
        assert_eq!(killed.output().unwrap().status.signal(), Some(sigxfsz));
        assert_eq!(target.exists(), target_is_there);
        if target_is_there {
            assert_eq!(std::fs::read_to_string(&target).unwrap(), old);
        }
    }
    std::fs::rename(desk.path("away.pem"), &target).unwrap();
    // The next run is not hindered by what was left aside.
    done(desk.named("import-certificate").arg(&new));
    assert_ne!(std::fs::read_to_string(&target).unwrap(), old);
    assert!(!files(&desk.path("pki")).iter().any(|(name, _)| name == ".seal-a.pem.new"));
}

/// Killed at any moment: the certificate in place is the one or the other, whole.
#[test]
fn a_program_killed_at_any_moment_leaves_one_certificate_whole() {
    let desk = Desk::new();
    let request = desk.request("seal-a", "seal");
    let target = desk.path("pki/seal-a.pem");
    let new =
        [desk.certify("a.pem", &right(), &request), desk.certify("b.pem", &right().common_name("B"), &request)];
    done(desk.named("import-certificate").arg(&new[0]));
    let whole = new.each_ref().map(|path| std::fs::read_to_string(path).unwrap().replace("\r\n", "\n"));
    let aside = desk.path("pki/.seal-a.pem.new");
    for turn in 0..12 {
        let mut child = desk
            .named("import-certificate")
            .arg(&new[1 - turn % 2])
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Once its file is aside, or once it has ended without having been seen.
        while !aside.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        assert!(whole.contains(&std::fs::read_to_string(&target).unwrap()), "turn {turn}");
    }
    done(desk.named("import-certificate").arg(&new[1]));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), whole[1]);
}

#[test]
fn a_certificate_goes_into_the_token_beside_its_key() {
    let desk = Desk::new();
    let made = desk.generate("seal-2026", "p-256");
    let request = desk.request("seal-2026", "seal");
    for name in ["A", "B", "B"] {
        let new = desk.certify("new.pem", &right().common_name(name), &request);
        let mut import = desk.described("import-certificate", "seal-2026", "seal");
        import.args(["--structure", STRUCTURES[0], "--out", "seal-2026.pem", "--into-token"]).arg(&new);
        done(&mut import);
        let listing =
            run(desk.establishment.store.pkcs11_tool(desk.token()).args(["--list-objects", "--type", "cert"]));
        assert_eq!(listing.matches("Certificate Object").count(), 1, "one in the place of the other\n{listing}");
        assert!(listing.contains(&format!("ID:         {}", made["id"].as_str().unwrap())), "{listing}");
        assert!(listing.contains("label:      seal-2026") && listing.contains(&format!("CN={name}")), "{listing}");
        let file = desk.path("out.der");
        let mut tool = desk.establishment.store.pkcs11_tool(desk.token());
        run(tool.args(["--read-object", "--type", "cert", "--label", "seal-2026", "--output-file"]).arg(&file));
        let installed = std::fs::read(desk.path("seal-2026.pem")).unwrap();
        assert_eq!(
            std::fs::read(&file).unwrap(),
            x509_parser::pem::parse_x509_pem(&installed).unwrap().1.contents
        );
    }
}

/// A technician's slip: the PIN's file, a device or a link where the certificate's file belongs.
#[test]
fn nothing_but_a_certificate_is_replaced_or_copied() {
    let desk = Desk::new();
    let new = desk.certify("new.pem", &right(), &desk.request("seal-a", "seal"));
    // "0" is also what begins a certificate in DER.
    write(&desk.path("secrets/zero.pin"), "01234567", 0o600);
    for slip in ["secrets/seal-a.pin", "secrets/zero.pin", "sceau.toml"] {
        let (path, folder) = (desk.path(slip), desk.path(slip).parent().unwrap().to_owned());
        let names = || files_of(&folder);
        let before = (std::fs::read(&path).unwrap(), names());
        refused(
            desk.named("import-certificate").arg(&new).args(["--out", slip]),
            2,
            &["pas un certificat", "--out"],
        );
        assert_eq!((std::fs::read(&path).unwrap(), names()), before, "{slip}");
    }
    run(Command::new("mkfifo").arg(desk.path("fifo")));
    for device in ["fifo", "/dev/zero"] {
        refused(desk.named("import-certificate").arg(&new).args(["--out", device]), 2, &["n'est pas un fichier"]);
    }
    // What was closed to others stays so when it is kept.
    let target = desk.path("pki/seal-a.pem");
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    let answer = json(&done(desk.named("import-certificate").arg(&new).arg("--json")));
    let kept = Path::new(answer["previous"].as_str().unwrap());
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // A link whose file is awaited stays a link.
    std::fs::create_dir(desk.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../elsewhere/real.pem", desk.path("pki/link.pem")).unwrap();
    done(desk.named("import-certificate").arg(&new).args(["--out", "pki/link.pem"]));
    assert!(desk.path("pki/link.pem").is_symlink() && desk.path("elsewhere/real.pem").is_file());
}

fn files_of(folder: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn what_is_given_in_a_certificates_stead_is_named_and_a_byte_order_mark_is_none() {
    let desk = Desk::new();
    let request = desk.request("seal-a", "seal");
    let new = desk.certify("new.pem", &right(), &request);
    let openssl =
        |arguments: &[&str]| run(Command::new("openssl").args(arguments).current_dir(&desk.establishment.folder));
    openssl(&["crl2pkcs7", "-nocrl", "-certfile", "new.pem", "-out", "a.p7b"]);
    openssl(&["crl2pkcs7", "-nocrl", "-certfile", "new.pem", "-outform", "DER", "-out", "b.p7b"]);
    openssl(&["genpkey", "-algorithm", "ED25519", "-out", "key.pem"]);
    write(&desk.path("request.pem"), &request, 0o644);
    for (file, word) in [
        ("a.p7b", "openssl pkcs7 -print_certs"),
        ("b.p7b", "openssl pkcs7 -inform DER -print_certs"),
        ("key.pem", "clé privée"),
        ("request.pem", "la demande"),
    ] {
        let mut import = desk.named("import-certificate");
        import.arg(file);
        assert_eq!(reasons(&desk, &mut import), ["unreadable"]);
        refused(desk.named("import-certificate").arg(file), 1, &[word]);
    }
    let marked = format!("\u{feff}{}", std::fs::read_to_string(&new).unwrap());
    write(&desk.path("marked.pem"), &marked, 0o644);
    done(desk.named("import-certificate").arg("marked.pem"));
}
