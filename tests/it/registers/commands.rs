//! What people type: export, list, review, an import that somebody else signs.

use serde_json::json;

use super::scene::*;
use crate::doorstep::physician_login;
use crate::support::practitioners::PATIENTS;

#[test]
fn an_export_is_an_import() {
    let scene = Scene::open("export");
    let table = format!(
        "{HEAD}{}{}",
        anne("consultation|urgences 2026-01-01/2100-01-01", "CPS 8025 2026-01-10"),
        nurse(NEW, r#""NINA ""NINOU"" ROUX""#)
    );
    good(&scene.import(&table));
    let list = scene.list();
    for name in ["sortie.csv", "sortie.json"] {
        good(&scene.practitioners(&["export", "--out", name], &[]));
        let again = scene.practitioners(&["export", "--out", name], &[]);
        assert_eq!(again.status.code(), Some(2), "{}", said(&again));
        let dry = json(&scene.practitioners(&["import", name, "--dry-run", "--json"], &[]));
        let changes = [&dry["added"], &dry["changed"], &dry["removed"]];
        assert_eq!(changes, [0, 0, 0].map(serde_json::Value::from).each_ref(), "{name}");
        good(&scene.practitioners(&["import", name], &["alice"]));
        assert_eq!(scene.list(), list);
    }
    let table = said(&scene.practitioners(&["list"], &[]));
    for part in
        ["2 professionnel(s), registre du journal", "NINA \"NINOU\" ROUX  60  en règle", "moyen : CPS 8025"]
    {
        assert!(table.contains(part), "{part} in\n{table}");
    }
}

/// The file of the configuration may be taken over once it has the evidence that the ledger asks for.
#[test]
fn the_file_of_the_configuration_is_exported_and_completed() {
    let scene = Scene::open("take-over");
    good(&scene.practitioners(&["export", "--out", "fichier.json"], &[]));
    let refused = scene.practitioners(&["import", "fichier.json"], &["alice"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("enrolled_by (enrolment-incomplete)"), "{}", said(&refused));
    let path = scene.establishment.folder.join("fichier.json");
    let mut all: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    for one in all.as_array_mut().unwrap() {
        for (member, value) in [("by", "Bureau des cartes"), ("how", "cps"), ("on", "2026-01-10")] {
            one[format!("enrolled_{member}")] = value.into();
        }
    }
    scene.file("fichier.json", serde_json::to_vec_pretty(&all).unwrap());
    let before = scene.ids();
    good(&scene.practitioners(&["import", "fichier.json"], &["alice"]));
    assert_eq!((scene.ids(), scene.list()["source"].as_str()), (before, Some("ledger")));
}

#[test]
fn an_import_is_printed_signed_elsewhere_and_submitted_with_its_file() {
    let scene = Scene::open("elsewhere");
    scene.file("professionnels.csv", format!("{HEAD}{}", anne("consultation", "")));
    let order = scene.practitioners(&["import", "professionnels.csv"], &[]);
    good(&order);
    scene.file("ordre.json", &order.stdout);
    let sceau = crate::support::program::program("sceau");
    let sign = ["order", "sign", "--key", "alice", "ordre.json"];
    good(&scene.run(sceau.to_str().unwrap(), &sign, ""));
    let submit = ["order", "submit", "ordre.json", "--signature", "ordre.json.alice.sig"];
    let without = scene.sceau(&submit);
    assert_eq!(without.status.code(), Some(2));
    assert!(said(&without).contains("--document"), "{}", said(&without));
    assert_eq!(scene.changes(), 0);
    good(&scene.sceau(&[&submit[..], &["--document", "professionnels.csv"]].concat()));
    assert_eq!((scene.ids(), scene.changes()), (vec![ANNE.to_owned()], 1));
}

#[test]
fn a_review_tells_rights_that_end_that_ended_and_that_nobody_uses() {
    let scene = Scene::open("review");
    let soon = time::OffsetDateTime::now_utc().date() + time::Duration::days(10);
    let late =
        nurse(NEW, "NINA ROUX").replace("consultation", &format!("consultation /{soon}|urgences /2026-01-31"));
    good(&scene.import(format!("{HEAD}{}{late}", anne("consultation", ""))));
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let reasons = |arguments: &[&str]| {
        let review = json(&scene.practitioners(&[&["review", "--json"], arguments].concat(), &[]));
        let findings = review["findings"].as_array().unwrap().clone();
        findings
            .iter()
            .map(|one| {
                (one["practitioner"].as_str().unwrap().to_owned(), one["reason"].as_str().unwrap().to_owned())
            })
            .collect::<Vec<_>>()
    };
    let finding = |id: &str, reason: &str| (id.to_owned(), reason.to_owned());
    let of_new = [finding(NEW, "due"), finding(NEW, "outlived"), finding(NEW, "unused")];
    // A session alone is no use of a right.
    assert_eq!(reasons(&[]), [&[finding(ANNE, "unused")], &of_new[..]].concat());
    client.consult(&session, PATIENTS[0]).unwrap();
    assert_eq!(reasons(&[]), of_new);
    assert_eq!(reasons(&["--within", "5"]), of_new[1..]);
    assert_eq!(reasons(&["--within", "5", "--unused", "0"])[0], finding(ANNE, "unused"));
    let words = said(&scene.practitioners(&["review"], &[]));
    assert!(words.contains("urgences /2026-01-31 est fini ; retirez-le"), "{words}");
    assert_eq!(json!(scene.changes()), 1);
}
