//! A file becomes the register by one signed order, once, whole or not at all.

use std::time::Instant;

use serde_json::json;

use super::scene::*;
use crate::doorstep::{brief, physician_login, says};
use crate::support::practitioners::PATIENTS;

/// Practitioners of the largest hospitals.
const CROWD: usize = 20_000;

/// Whether these bytes are in any file of the ledger.
fn is_on_disk(scene: &Scene, bytes: &[u8]) -> bool {
    std::fs::read_dir(scene.ledger()).unwrap().any(|file| {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        memchr::memmem::find(&content, bytes).is_some()
    })
}

/// Twenty thousand lines are taken while assertions are asked for without a pause: none is refused, and nobody who is in the
/// register is in clear on the disk.
#[test]
fn twenty_thousand_lines_are_taken_while_tokens_flow() {
    let scene = Scene::open("crowd");
    let table = format!("\u{feff}{HEAD}{}{}", anne("consultation", ""), crowd(CROWD, "ZOE"));
    scene.file("professionnels.csv", &table);
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let dry = json(&scene.practitioners(&["import", "professionnels.csv", "--dry-run", "--json"], &[]));
    assert_eq!((&dry["good"], &dry["added"], &dry["removed"]), (&json!(true), &json!(CROWD), &json!(5)));
    assert_eq!(scene.changes(), 0);
    let mut slowest = std::time::Duration::ZERO;
    let (issued, took) = std::thread::scope(|scope| {
        let import = scope.spawn(|| {
            let began = Instant::now();
            good(&scene.practitioners(&["import", "professionnels.csv"], &["alice"]));
            began.elapsed()
        });
        let mut issued = 0;
        while issued == 0 || !import.is_finished() {
            let asked = Instant::now();
            client.consult(&session, PATIENTS[0]).unwrap();
            slowest = slowest.max(asked.elapsed());
            issued += 1;
        }
        (issued, import.join().unwrap())
    });
    println!("{CROWD} lines in {took:?}; {issued} assertions meanwhile, the slowest in {slowest:?}");
    assert_eq!(scene.changes(), 1);
    let ids = scene.ids();
    assert_eq!((ids.len(), ids[0].as_str(), ids[CROWD].as_str()), (CROWD + 1, ANNE, rpps(CROWD - 1).as_str()));
    // What is searched for is found where it is.
    assert!(is_on_disk(&scene, b"SQLite format 3"));
    for clear in ["ZOE NUMERO 7", "ANNE DUPONT", "Bureau des cartes", ANNE, &rpps(7)] {
        assert!(!is_on_disk(&scene, clear.as_bytes()), "{clear}");
    }
    scene.kill_and_wait();
    assert_eq!(scene.ids(), ids);
    scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn one_bad_line_and_nothing_changes() {
    let scene = Scene::open("bad-lines");
    let before = scene.list();
    assert_eq!(before["source"], "file");
    let bad = "1;X;60;;nulle part;Bureau;photo;2026-01-10;;hier;\n";
    let table = format!("{HEAD}{}{bad}{}", anne("consultation", ""), nurse(ANNE, "AUTRE PERSONNE"));
    scene.file("mauvais.csv", &table);
    for arguments in [&["import", "mauvais.csv", "--dry-run"][..], &["import", "mauvais.csv"]] {
        let output = scene.practitioners(arguments, &["alice"]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for part in [
            "ligne 3, colonne services (unknown-service) : services : \"nulle part\"",
            "ligne 3, colonne trained_on",
            "ligne 3, colonne enrolled_how",
            "ligne 3, colonne id (bad-identifier)",
            "ligne 4, colonne id (practitioner-twice)",
            "5 faute(s) : rien n'a changé",
        ] {
            assert!(said.contains(part), "{part} in\n{said}");
        }
    }
    let faults = json(&scene.practitioners(&["import", "mauvais.csv", "--dry-run", "--json"], &[]));
    assert_eq!((&faults["good"], &faults["faults"][0]["line"]), (&json!(false), &json!(3)));
    let mut windows = format!("{HEAD}{}", anne("consultation", "")).into_bytes();
    windows.extend(b"899700735741;JEAN-NO\xCBL;60;;consultation;;;;;;\n");
    scene.file("excel.csv", &windows);
    let output = scene.practitioners(&["import", "excel.csv"], &["alice"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("ligne 3") && said(&output).contains("Windows-1252"), "{}", said(&output));
    // Who goes round the command meets the same judgement, without a word of the file in the answer or the log.
    for bytes in [table.as_bytes(), &windows] {
        let submission = scene.import_order(bytes);
        let refused = submit(&mut scene.admin(), &submission, bytes);
        assert_eq!(brief(refused), says("Denied", "register-invalid"));
        assert_eq!(brief(submit(&mut scene.admin(), &submission, bytes)), says("Denied", "order-already-used"));
    }
    let log = scene.daemons.sceaud.log();
    assert!(log.contains("a file that was to become a register is refused"));
    assert!(!log.contains("AUTRE") && !log.contains("nulle part") && !log.contains(ANNE), "{log}");
    assert_eq!((scene.list(), scene.changes()), (before, 0));
}

#[test]
fn an_order_is_for_one_file_and_once() {
    let scene = Scene::open("one-file");
    let table = format!("{HEAD}{}{}", anne("consultation", ""), nurse(NEW, "NINA ROUX"));
    let other = table.replace("NINA", "NINO");
    let submission = scene.import_order(table.as_bytes());
    let mut client = scene.admin();
    // Without its file, or with another, nothing is recorded and the order stays good.
    assert_eq!(brief(client.call("fr.sceau.Admin.Submit", submission.clone())), says("Malformed", "document"));
    assert_eq!(brief(submit(&mut client, &submission, other.as_bytes())), says("Malformed", "document"));
    assert_eq!(scene.changes(), 0);
    // Roles are judged as for any order.
    let by_an_auditor =
        scene.sceau(&["practitioners", "import", "signed", "--format", "csv", "--sign-with", "carol"]);
    assert_eq!(by_an_auditor.status.code(), Some(1), "{}", said(&by_an_auditor));
    assert!(said(&by_an_auditor).contains("role-missing"), "{}", said(&by_an_auditor));
    let done = submit(&mut client, &submission, table.as_bytes()).unwrap();
    assert_eq!(done["done"]["practitioners"], 2);
    assert_eq!(brief(submit(&mut client, &submission, table.as_bytes())), says("Denied", "order-already-used"));
    good(&scene.import(format!("{HEAD}{}", anne("consultation", ""))));
    scene.kill_and_wait();
    let again = submit(&mut scene.admin(), &submission, table.as_bytes());
    assert_eq!(brief(again), says("Denied", "order-already-used"));
    assert_eq!((scene.ids(), scene.changes()), (vec![ANNE.to_owned()], 2));
}

/// What nobody has judged yet costs little: pieces are bounded, and so are those who send them.
#[test]
fn documents_on_their_way_are_bounded() {
    use base64::Engine as _;
    let scene = Scene::open("attachments");
    let chunk = base64::engine::general_purpose::STANDARD.encode(vec![b'x'; 45 * 1024]);
    let attach = |client: &mut crate::support::varlink::Client| {
        client.call("fr.sceau.Admin.Attach", json!({ "chunk": chunk }))
    };
    let (mut first, mut second, mut third) = (scene.admin(), scene.admin(), scene.admin());
    attach(&mut first).unwrap();
    attach(&mut second).unwrap();
    assert_eq!(brief(attach(&mut third)), says("Busy", ""));
    let pieces = 16 * 1024 / 45;
    for _ in 1..pieces {
        attach(&mut first).unwrap();
    }
    assert_eq!(brief(attach(&mut first)), says("Malformed", "chunk"));
    // Its place is free again.
    attach(&mut third).unwrap();
    let bad = first.call("fr.sceau.Admin.Attach", json!({ "chunk": "é" }));
    assert_eq!(brief(bad), says("Malformed", "chunk"));
}
