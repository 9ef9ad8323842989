//! The configuration: nothing of a test gets into production, and nothing is read past.

use super::{assert_refused, conforming_seal, production};
use crate::doorstep::{DoorAlone, brief, physician_login, says};
use crate::support::establishment::write;
use crate::support::key_kind::KeyType;
use crate::support::plan::{Plan, TEST_STRUCTURES};
use crate::support::seal::SealPlan;

const PROGRAMS: [(&str, &[&str]); 2] = [("sceaud", &[]), ("sceau-signer", &["--instance", "seal-a-1"])];

#[test]
fn a_test_profile_is_refused() {
    let establishment = production().seal(conforming_seal()).build();
    let profile = "extends = \"dmp-air\"\nname = \"essai\"\ntest = true\n";
    write(&establishment.folder.join("essai.toml"), profile, 0o644);
    establishment.edit_file("sceau.toml", |config| config["profiles"]["files"] = vec!["essai.toml"].into());
    assert_refused(&establishment, "sceaud", &[], &["essai.toml", "\"essai\"", "marqué test", "production"]);
    // The file is right but for the mark: without it the start goes as far as the missing signer.
    write(&establishment.folder.join("essai.toml"), &profile.replace("true", "false"), 0o644);
    let config = sceau::config::Config::load(&establishment.config()).unwrap();
    config.load_named(|_| Some(0), sceau::sys::clock::now()).unwrap();
}

#[test]
fn a_structure_with_letters_is_refused() {
    let seal = SealPlan::of(TEST_STRUCTURES[0], "seal-a", KeyType::P256);
    let plan = Plan::new("requirements").production().structures(&TEST_STRUCTURES[..1]).seal(seal);
    let door = DoorAlone::open(plan);
    door.establishment.register_operators();
    let refused = door.establishment.take_convention().unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "convention-unreadable"));
    let log = door.sceaud.log();
    for word in ["convention.toml", "[[structure]]", TEST_STRUCTURES[0], "FINESS"] {
        assert!(log.contains(word), "{word:?} is not in {log}");
    }
    assert_eq!(brief(door.client().open_session(physician_login())), says("Unavailable", "convention"));
}

#[test]
fn an_unknown_configuration_key_is_refused() {
    let edits: [fn(&mut toml::Table); 4] =
        [
            |config| drop(config.insert("modus".into(), "production".into())),
            |config| drop(config["trust"].as_table_mut().unwrap().insert("polycy_oid".into(), "1.2".into())),
            |config| drop(config["seal"][0].as_table_mut().unwrap().insert("pin".into(), "1234".into())),
            |config| {
                drop(config.insert(
                    "limits".into(),
                    toml::Value::Table([("idle".into(), 1.into())].into_iter().collect()),
                ))
            },
        ];
    for (edit, key) in edits.into_iter().zip(["modus", "polycy_oid", "pin", "idle"]) {
        let establishment = production().seal(conforming_seal()).edit_config(edit).build();
        for (program, args) in PROGRAMS {
            assert_refused(&establishment, program, args, &["sceau.toml", &format!("`{key}`"), "ligne "]);
        }
    }
}

#[test]
fn an_unknown_register_key_is_refused() {
    let plan = production().seal(conforming_seal()).edit_practitioners(|register| {
        register["practitioner"][0].as_table_mut().unwrap().insert("speciality".into(), "SM26".into());
    });
    assert_refused(&plan.build(), "sceaud", &[], &["practitioners.toml", "`speciality`"]);
    let plan = production().seal(conforming_seal()).edit_applications(|register| {
        register["application"][0].as_table_mut().unwrap().insert("may_declair".into(), true.into());
    });
    assert_refused(&plan.build(), "sceaud", &[], &["applications.toml", "`may_declair`"]);
}

/// Neither a PIN written where none belongs nor a terminal's command gets from a wrong file into the message or the log.
#[test]
fn a_wrong_file_is_told_without_its_content() {
    for (line, cause) in [
        ("pin = \"19283746\"", "`pin`"),
        ("pin = \"19283746", "ligne "),
        ("\"\\u001B[2J\" = \"19283746\"", "\\u{1b}[2J"),
        ("pin = \"\u{1B}[2J19283746\"", "ligne "),
    ] {
        let establishment = production().seal(conforming_seal()).build();
        write(&establishment.config(), &format!("mode = \"production\"\n{line}\n"), 0o644);
        for (program, args) in PROGRAMS {
            assert_refused(&establishment, program, args, &["sceau.toml", "ligne 2, colonne ", cause]);
            let log = std::fs::read_to_string(establishment.folder.join("log/once.log")).unwrap();
            assert!(!log.contains("19283746") && !log.contains('\u{1b}'), "{log:?}");
        }
    }
}
