//! The operator's guide holds: its ceremony is done as it is written, line by line.

use std::path::Path;
use std::process::Command;

use sceau::traces::audit::AuditPublicKey;

use super::Desk;
use crate::support::audit::ORIGIN;
use crate::support::certificate::SealCertificate;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, STRUCTURES};
use crate::support::program::program;
use crate::support::softhsm::{MODULE, run};

/// What the block of the ceremony without a token has alone.
const SEALED: &str = "wrapping-key";

/// The shell blocks of the guide that hold the ceremony.
fn blocks() -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/exploitant.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let blocks = guide.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.filter(|block| block.contains("sceau keys")).collect()
}

#[test]
fn the_ceremony_of_the_guide_is_done_as_written() {
    let desk = Desk::of(Plan::new("keys").production().key_type(KeyType::P256));
    let (token, uri) = (desk.token().label.clone(), desk.uri("seal-2026"));
    let audit = desk.establishment.audit.as_ref().unwrap().token.label.clone();
    desk.establishment.edit_file("sceau.toml", |config| {
        config["seal"][0]["uri"] = uri.into();
        config["audit"]["uri"] = format!("pkcs11:token={audit};object=audit-2026").into();
    });
    std::fs::remove_file(desk.path("pki/seal-a.pem")).unwrap();
    let bin = program("sceau").parent().unwrap().to_owned();
    let blocks: Vec<_> = blocks().into_iter().filter(|block| !block.contains(SEALED)).collect();
    assert_eq!(blocks.len(), 3);
    // An audit key has no request and no certificate.
    let requests = [("seal.csr", false), ("", false), ("auth.csr", true)];
    for (block, (request, authentication)) in blocks.iter().zip(requests) {
        let text = block
            .replace("sudo sceau", "sceau")
            .replace("--key seal ", "--key seal-a ")
            .replace("/etc/sceau/seal.pin", "secrets/seal-a.pin")
            .replace("/etc/sceau/audit.pin", "secrets/audit.pin")
            .replace("/etc/sceau/", "")
            .replace("/usr/lib/vendor/libpkcs11.so", MODULE)
            .replace("token=cachet", &format!("token={token}"))
            .replace("1690781810", STRUCTURES[0]);
        let mut setting = String::new();
        for line in text.lines() {
            if line.starts_with("K=") {
                setting = line.to_owned();
                continue;
            }
            if line.contains("import-certificate") {
                // What happens between the two commands, at the authority.
                let text = std::fs::read_to_string(desk.path(request)).unwrap();
                let wanted = SealCertificate::of(STRUCTURES[0]).common_name("SCEAU");
                let wanted = if authentication { wanted.authentication() } else { wanted };
                desk.certify("certificat-recu.pem", &wanted, &text);
            }
            // The default's place is the machine's.
            let mut words = line.splitn(4, ' ');
            let (program, keys, step) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            let config = desk.establishment.config();
            let line =
                format!("{program} {keys} {step} --config {} {}", config.display(), words.next().unwrap_or(""));
            let mut bash = Command::new("bash");
            bash.args(["-e", "-c", &format!("{setting}\n{line}")]).current_dir(&desk.establishment.folder);
            bash.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
            bash.env("SOFTHSM2_CONF", desk.establishment.store.conf())
                .env("STATE_DIRECTORY", desk.path("run/signers"));
            run(&mut bash);
        }
    }
    assert!(desk.path("pki/seal-a.pem").exists() && desk.path("auth.pem").exists());
    let public = AuditPublicKey::parse(&std::fs::read_to_string(desk.path("AUDIT.pub")).unwrap()).unwrap();
    assert_eq!(public.origin(), ORIGIN);
    assert_ne!(public, desk.establishment.audit.as_ref().unwrap().public, "the new key's");
}

#[test]
fn the_ceremony_without_a_token_is_done_as_written() {
    let desk = Desk::of(Plan::new("keys").production().key_type(KeyType::P256));
    desk.establishment.edit_file("sceau.toml", |config| {
        let seal = config["seal"][0].as_table_mut().unwrap();
        seal.insert("uri".into(), "sealed:seal.sealed".into());
        seal.remove("module");
    });
    let blocks: Vec<_> = blocks().into_iter().filter(|block| block.contains(SEALED)).collect();
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    let config = format!("--config {} --key seal-a ", desk.establishment.config().display());
    let text = block
        .replace("sudo sceau", "sceau")
        .replace("--key seal ", &config)
        .replace("/run/seal.pin", "secrets/new.pin");
    let bin = program("sceau").parent().unwrap().to_owned();
    let mut bash = Command::new("bash");
    bash.args(["-e", "-c", &text]).current_dir(&desk.establishment.folder);
    run(bash
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("STATE_DIRECTORY", desk.path("run/signers")));
    for file in ["seal.sealed", "secrets/new.pin", "seal.csr"] {
        assert!(desk.path(file).exists(), "{file}");
    }
}
