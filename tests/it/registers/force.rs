//! A new register is in force at the next request: for sessions that are open too, and without a restart.

use super::scene::*;
use crate::doorstep::{brief, physician_login, says};
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::login;

fn denied(reason: &str) -> (String, String) {
    says("Denied", reason)
}

#[test]
fn a_new_practitioner_is_served_without_a_restart() {
    let scene = Scene::open("new-practitioner");
    let mut client = scene.establishment.client();
    let newcomer = login(NEW, "CPS", "consultation");
    assert_eq!(brief(client.open_session(newcomer.clone())), denied("practitioner-unknown"));
    let session = client.open_session(physician_login()).unwrap();
    good(&scene.import(format!("{HEAD}{}{}", anne("consultation", ""), nurse(NEW, "NINA ROUX"))));
    let fresh = client.open_session(newcomer).unwrap();
    let issued = client.consult(&fresh, PATIENTS[0]).unwrap();
    assert!(issued.assertion.contains("NINA ROUX"));
    // What the register says of whoever had a session before is what is written from now on.
    client.consult(&session, PATIENTS[0]).unwrap();
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "").replace("ANNE DUPONT", "ANNE DURAND"))));
    assert!(client.consult(&session, PATIENTS[0]).unwrap().assertion.contains("ANNE DURAND"));
    assert_eq!(brief(client.consult(&fresh, PATIENTS[0])), denied("practitioner-unknown"));
    // The file rules no more, and says so at a start.
    scene.kill_and_wait();
    assert!(scene.daemons.sceaud.log().contains("the file of practitioners is ignored"));
    assert_eq!(scene.ids(), [ANNE]);
    scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn a_right_ends_with_its_last_day() {
    let scene = Scene::open("rights");
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let open = |services: &str| {
        good(&scene.import(format!("{HEAD}{}", anne(services, ""))));
        scene.establishment.client().open_session(physician_login())
    };
    for services in ["urgences", "consultation /2026-01-31|urgences", "consultation 2100-01-01/"] {
        assert_eq!(brief(open(services)), denied("service-not-allowed"), "{services}");
        assert_eq!(brief(client.consult(&session, PATIENTS[0])), denied("service-not-allowed"), "{services}");
    }
    open("consultation 2026-01-01/2100-01-01").unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn a_lost_authenticator_serves_no_more() {
    let scene = Scene::open("authenticators");
    let mut client = scene.establishment.client();
    // Before the import an order about one practitioner has no register to change.
    let revoke = |authenticator: &str, signer: &str| {
        let arguments = ["practitioners", "revoke-authenticator", "--practitioner", "-", "--method", "CPS"];
        scene.practitioner(ANNE, &[&arguments[..], &["--authenticator", authenticator]].concat(), &[signer])
    };
    assert!(said(&revoke("8025", "bob")).contains("register-not-imported"));
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "CPS 8025 2026-01-10|OTP_SMS anne"))));
    let [card, phone] =
        ["CPS", "OTP_SMS"].map(|method| client.open_session(login(ANNE, method, "consultation")).unwrap());
    assert_eq!(brief(client.open_session(login(ANNE, "CARTE_ETS", "consultation"))), denied("method-not-allowed"));
    good(&revoke("8025", "bob"));
    for _ in 0..2 {
        let mut client = scene.establishment.client();
        let reason = denied("authenticator-revoked");
        assert_eq!(brief(client.consult(&card, PATIENTS[0])), reason);
        assert_eq!(brief(client.open_session(login(ANNE, "CPS", "consultation"))), reason);
        client.consult(&phone, PATIENTS[0]).unwrap();
        scene.kill_and_wait();
    }
    assert!(said(&revoke("8025", "alice")).contains("nothing-to-change"));
    assert!(said(&revoke("8026", "alice")).contains("authenticator-unknown"));
    assert!(said(&revoke("8025", "carol")).contains("role-missing"));
    // No import takes it back; another card serves, but not the session of the lost one.
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "CPS 8025"))));
    let mut client = scene.establishment.client();
    assert_eq!(brief(client.consult(&card, PATIENTS[0])), denied("authenticator-revoked"));
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "CPS 8025|CPS 8027"))));
    assert_eq!(brief(client.consult(&card, PATIENTS[0])), denied("session-unknown"));
    let other = client.open_session(login(ANNE, "CPS", "consultation")).unwrap();
    client.consult(&other, PATIENTS[0]).unwrap();
}

#[test]
fn a_session_that_a_lost_authenticator_may_have_opened_ends_with_it() {
    let scene = Scene::open("lost-of-two");
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "CPS 8025|CPS 8027|OTP_SMS anne"))));
    let mut client = scene.establishment.client();
    let [card, phone] =
        ["CPS", "OTP_SMS"].map(|method| client.open_session(login(ANNE, method, "consultation")).unwrap());
    let revoke = ["practitioners", "revoke-authenticator", "--practitioner", "-", "--method", "CPS"];
    good(&scene.practitioner(ANNE, &[&revoke[..], &["--authenticator", "8025"]].concat(), &["bob"]));
    // Nobody told which of the two cards it was; the other one opens the next.
    assert_eq!(brief(client.consult(&card, PATIENTS[0])), denied("session-unknown"));
    let card = client.open_session(login(ANNE, "CPS", "consultation")).unwrap();
    client.consult(&card, PATIENTS[0]).unwrap();
    client.consult(&phone, PATIENTS[0]).unwrap();
    // A file that no longer names the means does the same; one that changes something else does not.
    good(&scene.import(format!("{HEAD}{}", anne("consultation|urgences", "CPS 8025|CPS 8027|OTP_SMS anne"))));
    client.consult(&card, PATIENTS[0]).unwrap();
    good(&scene.import(format!("{HEAD}{}", anne("consultation", "CPS 8025|CPS 8028|OTP_SMS anne"))));
    assert_eq!(brief(client.consult(&card, PATIENTS[0])), denied("session-unknown"));
    client.consult(&phone, PATIENTS[0]).unwrap();
    scene.kill_and_wait();
    let mut client = scene.establishment.client();
    assert_eq!(brief(client.consult(&card, PATIENTS[0])), denied("session-unknown"));
    client.consult(&phone, PATIENTS[0]).unwrap();
}

#[test]
fn no_import_lifts_a_suspension() {
    let scene = Scene::open("suspension");
    let table = format!("{HEAD}{}{}", anne("consultation", ""), nurse(NEW, "NINA ROUX"));
    good(&scene.import(&table));
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let fresh = client.open_session(login(NEW, "CPS", "consultation")).unwrap();
    let suspended = denied("practitioner-suspended");
    // Whom only the imported register knows can be suspended, and is told by name.
    for id in [ANNE, NEW] {
        good(&scene.practitioner(id, &["practitioners", "suspend", "--practitioner", "-"], &["bob"]));
    }
    let told = said(&scene.sceau(&["suspensions"]));
    assert!(told.contains(ANNE) && told.contains(NEW), "{told}");
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), suspended);
    assert_eq!(brief(client.consult(&fresh, PATIENTS[0])), suspended);
    // Nor by two files.
    good(&scene.import(format!("{HEAD}{}", nurse(NEW, "NINA ROUX"))));
    good(&scene.import(&table));
    scene.kill_and_wait();
    let mut client = scene.establishment.client();
    assert_eq!(brief(client.open_session(physician_login())), suspended);
    good(&scene.practitioner(ANNE, &["resume", "--practitioner", "-"], &["alice", "bob"]));
    client.open_session(physician_login()).unwrap();
    // The file's own suspension is the file's.
    good(
        &scene.import(format!("{HEAD}{}", anne("consultation", "").replace("2026-01-15;\n", "2026-01-15;oui\n"))),
    );
    assert_eq!(brief(client.open_session(physician_login())), suspended);
    good(&scene.import(&table));
    client.open_session(physician_login()).unwrap();
}

/// The register goes over to the key of the next epoch, and with it into a backup and out of it.
#[test]
fn the_register_outlives_a_purge_and_a_restoration() {
    let scene = Scene::of(Plan::new("register-epochs").edit_config(|config| {
        let table = |text: &str| toml::Value::Table(text.parse().unwrap());
        let ledger = config.entry("ledger").or_insert_with(|| table("")).as_table_mut().unwrap();
        ledger.insert("retention_closed_years".to_owned(), 0.into());
        ledger.insert("retention_entry_years".to_owned(), 0.into());
        config.insert("backup".to_owned(), table("readers = [\"reader.pem\"]\nrecovery = [\"reader.pem\"]"));
    }));
    let certificate = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout reader.key -out reader.pem \
                       -days 3650 -subj /CN=reader";
    good(&scene.run("openssl", &certificate.split_whitespace().collect::<Vec<_>>(), ""));
    good(&scene.import(format!("{HEAD}{}{}", anne("consultation", ""), crowd(12_000, "ZOE"))));
    let ids = scene.ids();
    let folder = &scene.establishment.folder;
    std::fs::create_dir(folder.join("copies")).unwrap();
    let back_up = ["traces", "backup", "--to", "copies", "--sign-with", "alice"];
    good(&scene.sceau(&back_up));
    // A purge that destroys nobody begins no epoch.
    let session = scene.establishment.client().open_session(physician_login()).unwrap();
    scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    let (sceau, config) = (crate::support::program::program("sceau"), scene.establishment.config());
    let close =
        ["traces", "close-dmp", "--patient", "-", "--sign-with", "alice", "--config", config.to_str().unwrap()];
    good(&scene.run(sceau.to_str().unwrap(), &close, PATIENTS[0]));
    good(&scene.sceau(&["traces", "purge", "--sign-with", "alice", "--sign-with", "bob"]));
    assert!(!scene.ledger().join("wrapping-1.key").exists() && scene.ledger().join("wrapping-2.key").exists());
    scene.kill_and_wait();
    assert_eq!(scene.ids(), ids);
    // The segment behind the purge has the register under the new key although no entry of it changed it.
    good(&scene.sceau(&back_up));
    good(&scene.sceau(&["traces", "backup", "--escrow", "--out", "escrow", "--sign-with", "alice"]));
    let restore =
        "traces restore --from copies --escrow escrow --key reader.key --into restored --segments-key reader.key";
    good(&scene.run(sceau.to_str().unwrap(), &restore.split(' ').collect::<Vec<_>>(), ""));
    scene.establishment.edit_file("sceau.toml", |config| {
        config["ledger"]["folder"] = folder.join("restored").to_str().unwrap().into();
    });
    scene.kill_and_wait();
    assert_eq!((scene.ids(), scene.list()["source"].as_str()), (ids, Some("ledger")));
}
