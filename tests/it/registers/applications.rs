//! The register of applications: in force at the next request, for sessions that are open too.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::scene::*;
use crate::doorstep::{OtherUser, brief, consultation, physician_login, says, until, with};
use crate::support::establishment::user_name;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::nonce;

fn denied(reason: &str) -> (String, String) {
    says("Denied", reason)
}

fn ours(otherwise: &[(&str, &str)]) -> Vec<String> {
    vec![application(&user_name(), otherwise)]
}

#[test]
fn an_open_session_is_judged_by_the_register_of_now() {
    let scene = Scene::open("narrowed");
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let narrowed: [(&str, &str, &str); 8] = [
        ("services", "urgences", "service-not-allowed"),
        ("channels", "WEB_PS", "channel-not-allowed"),
        ("profiles", "dmp-indirecte", "profile-not-allowed"),
        ("methods", "OTP_SMS", "method-not-allowed"),
        ("may_declare", "non", "proof-required"),
        ("homologation_expires_on", "2026-01-31", "homologation-expired"),
        ("suspended", "oui", "application-suspended"),
        ("user", "daemon", "application-unknown"),
    ];
    for (column, value, reason) in narrowed {
        good(&scene.import_applications(&ours(&[(column, value)])));
        assert_eq!(brief(client.consult(&session, PATIENTS[0])), denied(reason), "{column}");
        assert_eq!(brief(client.open_session(physician_login())), denied(reason), "{column}");
    }
    // What it is called is what is written from now on, and the session was never closed.
    good(&scene.import_applications(&ours(&[("lps_version", "9.9-neuf")])));
    assert!(client.consult(&session, PATIENTS[0]).unwrap().assertion.contains("9.9-neuf"));
    assert_eq!(scene.changes_of("applications"), narrowed.len() + 1);
    scene.kill_and_wait();
    assert!(scene.daemons.sceaud.log().contains("the file of applications is ignored"));
    let mut client = scene.establishment.client();
    assert!(client.consult(&session, PATIENTS[0]).unwrap().assertion.contains("9.9-neuf"));
    let list = json(&scene.applications(&["list", "--json"], &[]));
    assert_eq!((&list["source"], &list["applications"][0]["lps_version"]), (&json!("ledger"), &json!("9.9-neuf")));
}

/// Two registers by turns while assertions are asked for without a pause, both of which permit them.
#[test]
fn a_new_register_drops_no_request() {
    let scene = Scene::open("swap");
    let session = scene.establishment.client().open_session(physician_login()).unwrap();
    let stop = AtomicBool::new(false);
    let issued = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let (mut client, mut issued) = (scene.establishment.client(), 0);
                    while !stop.load(Ordering::Acquire) {
                        client.consult(&session, PATIENTS[0]).unwrap();
                        issued += 1;
                    }
                    issued
                })
            })
            .collect();
        for turn in 0..6 {
            let version = format!("tour-{turn}");
            good(&scene.import_applications(&ours(&[("lps_version", &version)])));
            good(&scene.import(format!("{HEAD}{}", anne("consultation", ""))));
        }
        stop.store(true, Ordering::Release);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum::<usize>()
    });
    println!("{issued} assertions while twelve registers were taken");
    assert!(issued > 0 && scene.changes_of("applications") == 6);
}

#[test]
fn a_new_application_is_served_without_a_restart_and_replays_nothing() {
    let Some(other) = OtherUser::named("daemon", "a new application is served without a restart") else { return };
    let scene = Scene::open("newcomer");
    let way = other.way_to(&scene.establishment);
    let mut client = way.client().unwrap();
    assert_eq!(brief(client.open_session(physician_login())), denied("application-unknown"));
    good(&scene.import_applications(&[application(&user_name(), &[]), application("daemon", &[])]));
    let session = client.open_session(physician_login()).unwrap();
    let asked = with(consultation(&session, PATIENTS[0]), "nonce", nonce().into());
    client.issue(asked.clone()).unwrap();
    let replayed = brief(client.issue(asked.clone()));
    assert_eq!(replayed.0, "Replayed");
    // Gone and back, it finds its sessions and its spent nonces; and so after a restart.
    good(&scene.import_applications(&ours(&[])));
    assert_eq!(brief(client.issue(asked.clone())), denied("application-unknown"));
    good(&scene.import_applications(&[application("daemon", &[]), application(&user_name(), &[])]));
    assert_eq!(brief(client.issue(asked.clone())), replayed);
    scene.kill_and_wait();
    let mut client = way.client().unwrap();
    assert_eq!(brief(client.issue(asked)), replayed);
    client.consult(&session, PATIENTS[0]).unwrap();
    // Each has its own: the other's session is unknown.
    assert_eq!(brief(scene.establishment.client().consult(&session, PATIENTS[0])), denied("session-unknown"));
}

#[test]
fn one_bad_line_and_nothing_changes() {
    let scene = Scene::open("bad-applications");
    let before = json(&scene.applications(&["list", "--json"], &[]));
    assert_eq!(before["source"], "file");
    let bad = [
        application(&user_name(), &[]),
        application("nul-ne-le-connait", &[("services", "nulle part"), ("methods", "CARTE")]),
        application(&user_name(), &[("homologation_expires_on", "31/12/2027")]),
        application("0", &[]),
    ];
    let said_parts = [
        "ligne 3, colonne user (unknown-user)",
        "ligne 3, colonne services (unknown-service) : services : \"nulle part\"",
        "ligne 3, colonne methods (unknown-value)",
        "ligne 4, colonne homologation_expires_on (bad-value)",
        "5 faute(s) : rien n'a changé",
    ];
    scene.file("applications.csv", format!("{APPLICATIONS_HEAD}{}", bad.concat()));
    for arguments in [&["import", "applications.csv", "--dry-run"][..], &["import", "applications.csv"]] {
        let output = scene.applications(arguments, &["alice"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in said_parts {
            assert!(said.contains(part), "{part} in\n{said}");
        }
    }
    // Who goes round the command meets the same judgement; roles and file are held to the order.
    let table = format!("{APPLICATIONS_HEAD}{}", bad.concat());
    let submission = scene.register_order("applications-import", table.as_bytes());
    let refused = submit(&mut scene.admin(), &submission, table.as_bytes());
    assert_eq!(brief(refused), says("Denied", "register-invalid"));
    let table = format!("{APPLICATIONS_HEAD}{}", application(&user_name(), &[]));
    let submission = scene.register_order("applications-import", table.as_bytes());
    let other = table.replace("4.2", "4.3");
    assert_eq!(brief(submit(&mut scene.admin(), &submission, other.as_bytes())), says("Malformed", "document"));
    scene.file("applications.csv", &table);
    for auditor in ["carol", "bob"] {
        let refused = scene.applications(&["import", "applications.csv"], &[auditor]);
        assert!(said(&refused).contains("role-missing"), "{}", said(&refused));
    }
    let dry = json(&scene.applications(&["import", "applications.csv", "--dry-run", "--json"], &[]));
    assert_eq!((&dry["good"], &dry["added"], &dry["changed"]), (&json!(true), &json!(0), &json!(1)));
    let after = json(&scene.applications(&["list", "--json"], &[]));
    assert_eq!((after, scene.changes_of("applications")), (before, 0));
}

#[test]
fn an_export_is_an_import_and_the_file_is_taken_over() {
    let scene = Scene::open("export-applications");
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for (name, source) in [("sortie.csv", "file"), ("sortie.json", "ledger")] {
        let before = json(&scene.applications(&["list", "--json"], &[]));
        assert_eq!(before["source"], source);
        good(&scene.applications(&["export", "--out", name], &[]));
        let dry = json(&scene.applications(&["import", name, "--dry-run", "--json"], &[]));
        assert_eq!([&dry["added"], &dry["changed"], &dry["removed"]], [0, 0, 0].map(Value::from).each_ref());
        good(&scene.applications(&["import", name], &["alice"]));
        let after = json(&scene.applications(&["list", "--json"], &[]));
        assert_eq!(after["applications"], before["applications"]);
        client.consult(&session, PATIENTS[0]).unwrap();
    }
    let table = said(&scene.applications(&["list"], &[]));
    for part in
        ["1 application(s), registre du journal", "Démo LPS 1.0", "homologation : HOMOL-DEMO-2026 jusqu'au"]
    {
        assert!(table.contains(part), "{part} in\n{table}");
    }
}

#[test]
fn no_import_lifts_a_suspension_of_an_application() {
    let scene = Scene::open("suspended-application");
    let mut client = scene.establishment.client();
    good(&scene.import_applications(&ours(&[])));
    let session = client.open_session(physician_login()).unwrap();
    good(&scene.practitioner("", &["suspend", "--application", &user_name()], &["bob"]));
    let suspended = denied("application-suspended");
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), suspended);
    for lines in [ours(&[]), vec![application("daemon", &[])], ours(&[("lps_version", "5")])] {
        good(&scene.import_applications(&lines));
    }
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), suspended);
    // Nor under its number, which is another name of it.
    let uid = nix::unistd::Uid::effective().to_string();
    if uid != user_name() {
        let renamed = scene.import_applications(&[application(&uid, &[])]);
        assert!(said(&renamed).contains("user-other-name"), "{}", said(&renamed));
    }
    good(&scene.practitioner("", &["resume", "--application", &user_name()], &["alice", "bob"]));
    client.consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn a_review_tells_homologations_that_end_and_rights_that_nobody_uses() {
    let scene = Scene::open("review-applications");
    let soon = (time::OffsetDateTime::now_utc().date() + time::Duration::days(20)).to_string();
    let late = [("homologation_expires_on", "2026-01-31"), ("services", "consultation")];
    let lines = [application(&user_name(), &[("homologation_expires_on", &soon)]), application("daemon", &late)];
    good(&scene.import_applications(&lines));
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let review = |arguments: &[&str]| {
        let review = json(&scene.applications(&[&["review", "--json"], arguments].concat(), &[]));
        let mut findings: Vec<(String, String)> = Vec::new();
        for one in review["findings"].as_array().unwrap() {
            let word = |member: &str| one[member].as_str().unwrap().to_owned();
            findings.push((word("application"), word("reason")));
        }
        findings
    };
    let of = |user: &str, reasons: &[&str]| -> Vec<(String, String)> {
        reasons.iter().map(|reason| (user.to_owned(), (*reason).to_owned())).collect()
    };
    let (us, daemon) = (user_name(), of("daemon", &["homologation-ended", "unused"]));
    // A session alone is no use of a right.
    assert_eq!(review(&[]), [of(&us, &["homologation-due", "unused"]), daemon.clone()].concat());
    client.consult(&session, PATIENTS[0]).unwrap();
    let emergency = with(consultation(&session, PATIENTS[0]), "purpose", "bris_de_glace".into());
    client.issue(emergency).unwrap();
    // Service urgences, channel WEB_PS, method OTP_SMS, profile dmp-indirecte.
    let unused = ["unused-right"; 4];
    let used = of(&us, &[&["homologation-due"][..], &unused, &["exceptional"]].concat());
    assert_eq!(review(&[]), [used, daemon.clone()].concat());
    assert_eq!(review(&["--within", "5"])[0], (us.clone(), "unused-right".to_owned()));
    let words = said(&scene.applications(&["review"], &[]));
    for part in [
        "le canal WEB_PS n'a pas servi depuis 90 jours",
        "1 assertion(s) en bris_de_glace par le service consultation",
    ] {
        assert!(words.contains(part), "{part} in\n{words}");
    }
    // The same is told without being asked, by number to anybody and by name in the log.
    let status = client.status();
    let troubles: Vec<_> = status["troubles"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(troubles, ["homologation-expired", "homologation-ends-soon"]);
    assert!(!status["troubles"].to_string().contains("daemon"));
    scene.kill_and_wait();
    until("the alarm", || scene.daemons.sceaud.log().matches("homologation alarm").count() >= 2);
    let check = json(&scene.sceau(&["check", "--json"]));
    let rules: Vec<_> =
        check["findings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    for rule in ["homologation-expired", "homologation-ends-soon"] {
        assert!(rules.contains(&rule), "{rule} in {rules:?}");
    }
}
