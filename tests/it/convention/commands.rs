//! `sceau convention`: what an approver sees is what it says, and what it signs is what ssh-keygen verifies.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use toml::Table;

use super::{hash, plan};
use crate::doorstep::DoorAlone;
use crate::support::convention::CONVENTION;
use crate::support::establishment::Establishment;
use crate::support::program::program;

fn sceau(of: &Establishment, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("sceau"));
    command.arg("convention").args(arguments).arg("--config").arg(of.config()).current_dir(&of.folder);
    command.stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A widened copy beside the one in force.
fn widened(of: &Establishment, file: &str) {
    let text = std::fs::read_to_string(of.convention()).unwrap();
    let mut table: Table = text.parse().unwrap();
    table["convention"]["number"] = 2.into();
    table["convention"]["methods"].as_array_mut().unwrap().push("CONF_EXI_PGSSIS".into());
    table["service"][0]["lifetime_ms"] = 25_000.into();
    std::fs::write(of.folder.join(file), toml::to_string(&table).unwrap()).unwrap();
}

#[test]
fn two_approvers_read_what_widens_sign_and_have_it_taken() {
    let door = DoorAlone::in_production(plan());
    let of = &door.establishment;
    widened(of, "nouvelle.toml");
    let key = |name: &str| of.operator_key(name).display().to_string();
    let before = sceau(of, &["check", "nouvelle.toml"]);
    assert!(before.status.code() == Some(1) && said(&before).contains("convention-unsigned"), "{}", said(&before));
    for name in ["basile", "elise"] {
        let approved = sceau(of, &["approve", "nouvelle.toml", "--key", &key(name)]);
        let said = said(&approved);
        assert!(approved.status.success(), "{said}");
        for part in ["ÉLARGIT  méthode CONF_EXI_PGSSIS : ajoutée", "25 s au lieu de 30 s", "dont 1 qui élargit"]
        {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
        assert_eq!(String::from_utf8_lossy(&approved.stdout).trim(), format!("nouvelle.toml.{name}.sig"));
        verifies(of, "nouvelle.toml", name);
    }
    // A key of that name is another approver's: the signature that is there stays.
    std::fs::create_dir(of.folder.join("ailleurs")).unwrap();
    std::fs::copy(of.operator_key("elise"), of.folder.join("ailleurs/basile")).unwrap();
    let namesake = sceau(of, &["approve", "nouvelle.toml", "--key", "ailleurs/basile"]);
    assert!(namesake.status.code() == Some(2) && said(&namesake).contains("--out"), "{}", said(&namesake));
    verifies(of, "nouvelle.toml", "basile");
    let checked = sceau(of, &["check", "nouvelle.toml"]);
    assert!(checked.status.success() && said(&checked).contains("basile, elise"), "{}", said(&checked));
    // Signatures go with their file: first they, then it.
    of.unsign_convention();
    for name in ["basile", "elise"] {
        let from = of.folder.join(format!("nouvelle.toml.{name}.sig"));
        std::fs::rename(from, of.folder.join(format!("{CONVENTION}.{name}.sig"))).unwrap();
    }
    std::fs::rename(of.folder.join("nouvelle.toml"), of.convention()).unwrap();
    let taken = sceau(of, &["take", "--json"]);
    let answer: Value = serde_json::from_slice(&taken.stdout).unwrap_or_else(|_| panic!("{}", said(&taken)));
    assert!(taken.status.success() && answer["entry"].is_u64());
    assert_eq!(answer["hash"], json!(hash(of).to_string()));
    assert!(said(&sceau(of, &["take"])).contains("déjà en vigueur"));
}

/// `ssh-keygen -Y verify` knows the file and the signer.
fn verifies(of: &Establishment, file: &str, name: &str) {
    let public = std::fs::read_to_string(of.operator_key(name).with_extension("pub")).unwrap();
    std::fs::write(of.folder.join("signers"), format!("{name} namespaces=\"sceau-convention\" {public}")).unwrap();
    let verify = |text: &Path| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-Y", "verify", "-n", "sceau-convention", "-I", name, "-f", "signers"]);
        command.arg("-s").arg(format!("{file}.{name}.sig")).current_dir(&of.folder);
        command.stdin(std::fs::File::open(text).unwrap()).output().unwrap().status.success()
    };
    assert!(verify(&of.folder.join(file)));
    assert!(!verify(&of.config()));
}

#[test]
fn one_screen_and_one_document_show_the_same_convention() {
    let door = DoorAlone::in_production(plan());
    let of = &door.establishment;
    let screen = sceau(of, &["show"]);
    let text = said(&screen);
    assert!(screen.status.success() && text.lines().count() <= 40, "{text}");
    let hash = hash(of).to_string();
    for part in ["n° 1", "en vigueur", "basile, elise", "Service      urgences", "1690781810", &hash] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    let document = sceau(of, &["show", "--json"]);
    let document: Value =
        serde_json::from_slice(&document.stdout).unwrap_or_else(|_| panic!("{}", said(&document)));
    assert_eq!((&document["number"], &document["hash"]), (&json!(1), &json!(hash)));
    assert_eq!(document["approvers"], json!(["basile", "elise"]));
    assert_eq!(document["services"].as_array().unwrap().len(), 2);
    // Before anything is taken there is nothing to show, and the reason is said.
    let new = DoorAlone::open(plan().production());
    let nothing = sceau(&new.establishment, &["show"]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(said(&nothing).contains("Aucune convention signée n'est en vigueur"), "{}", said(&nothing));
}

#[test]
fn a_difference_is_told_in_words_and_marked() {
    let establishment = plan().production().build();
    widened(&establishment, "nouvelle.toml");
    let forth = sceau(&establishment, &["diff", CONVENTION, "nouvelle.toml", "--json"]);
    let forth: Value = serde_json::from_slice(&forth.stdout).unwrap_or_else(|_| panic!("{}", said(&forth)));
    let widens: Vec<_> =
        forth["changes"].as_array().unwrap().iter().map(|c| c["widens"].as_bool().unwrap()).collect();
    assert_eq!(widens, [false, true, false], "number, method, shorter life: {forth}");
    let back = sceau(&establishment, &["diff", "nouvelle.toml", CONVENTION]);
    assert!(
        said(&back).contains("ÉLARGIT  service consultation, vie d'une assertion : 30 s au lieu de 25 s"),
        "{}",
        said(&back)
    );
    assert!(said(&sceau(&establishment, &["diff", CONVENTION, CONVENTION])).contains("Rien ne change."));
}

/// What can only be refused is not signed.
#[test]
fn an_approver_signs_nothing_that_cannot_come_into_force() {
    let door = DoorAlone::in_production(plan());
    let of = &door.establishment;
    let key = of.operator_key("basile").display().to_string();
    let text = std::fs::read_to_string(of.convention()).unwrap();
    let refuses = |text: &str, code: i32, word: &str| {
        std::fs::write(of.folder.join("autre.toml"), text).unwrap();
        let refused = sceau(of, &["approve", "autre.toml", "--key", &key]);
        assert_eq!(refused.status.code(), Some(code), "{}", said(&refused));
        assert!(said(&refused).contains(word), "{}", said(&refused));
        assert!(!of.folder.join("autre.toml.basile.sig").exists());
    };
    refuses(&format!("{text}\n"), 1, "convention-same-number");
    refuses("[convention]\n", 2, "autre.toml");
    refuses(&text.replacen("number = 1", "number = 0", 1), 2, "number");
}

#[test]
fn a_dry_run_judges_by_the_convention_in_force_and_not_by_the_file_that_waits() {
    let DoorAlone { sceaud, establishment: of } = DoorAlone::in_production(plan());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program("sceau"));
        command.args(arguments).arg("--config").arg(of.config()).current_dir(&of.folder);
        command.stdin(Stdio::null()).output().unwrap()
    };
    assert!(run(&["applications", "export", "--out", "applications.json"]).status.success());
    // The next convention waits for its signatures, and knows a service less.
    of.edit_file(CONVENTION, |table| {
        table["service"].as_array_mut().unwrap().retain(|service| service["name"].as_str() == Some("urgences"));
    });
    let dry = ["applications", "import", "applications.json", "--dry-run"];
    let judged = run(&dry);
    assert!(judged.status.success(), "{}", said(&judged));
    // Without sceaud nothing but the file is there to judge by.
    drop(sceaud);
    let judged = run(&dry);
    assert!(judged.status.code() == Some(1) && said(&judged).contains("consultation"), "{}", said(&judged));
}
