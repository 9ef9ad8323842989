//! Archives: good ones are good, spoilt ones are named, spreadsheets and openssl open them.

use std::fs;
use std::path::Path;
use std::process::Command;

use sceau::envelope::Recipient;
use sceau::vihf::identity::InsOid;
use sceau::vihf::instant::Instant;
use serde_json::Value;

use super::rig::Rig;
use crate::support::practitioners::PATIENTS;

/// Reads a CSV as Python's own module does: what it has to say of heading, rows and cells.
const READ_CSV: &str = "
import csv, io, json, sys, zipfile
raw = zipfile.ZipFile(sys.argv[1]).read('traces.csv')
assert raw.startswith(b'\\xef\\xbb\\xbf') and raw.count(b'\\n') == raw.count(b'\\r\\n')
print(json.dumps(list(csv.DictReader(io.StringIO(raw.decode('utf-8-sig'), newline=''), delimiter=';'))))
";

fn rows(archive: &Path) -> Vec<Value> {
    let output = Command::new("python3").args(["-c", READ_CSV]).arg(archive).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_practitioners_archive_is_judged_complete_by_the_officers_program() {
    let rig = Rig::new();
    let reader = rig.reader();
    let archive = rig.export("a.zip", rig.of_practitioner(&reader), &[], None);
    let (code, said) = rig.judge(&archive, &[]);
    assert_eq!(code, Some(0), "{said}");
    for words in ["BON", "complet, entrées n° 1 à", "non vérifié  : retour en arrière", &rig.practitioner] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let (code, json) = rig.judge(&archive, &["--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["verdict"], &json["since"]), (Some(0), &"good".into(), &"not-given".into()));
    assert_eq!(json["complete"][0]["from_number"], 1);
    assert_eq!(json["entries"], json["covered"]);
}

#[test]
fn an_independent_reader_sees_every_act_with_what_became_of_it() {
    let rig = Rig::new();
    let archive = rig.export("a.zip", rig.of_practitioner(&rig.reader()), &[], None);
    let rows = rows(&archive);
    let acts: Vec<_> = rows.iter().map(|row| row["Acte"].as_str().unwrap()).collect();
    assert_eq!(acts, ["ouverture de session", "assertion", "assertion", "assertion", "assertion", "refus"]);
    for (row, got) in rows[1..5].iter().zip(&rig.received) {
        assert_eq!(row["Identifiant de l'assertion"], got.id.as_str());
        assert_eq!(row["Entrée"], got.entry.to_string());
        assert_eq!((&row["Suite"], &row["Finalité"]), (&"remise".into(), &"normal".into()));
        // Fifteen digits stay a text in a spreadsheet.
        assert_eq!(row["Professionnel"], format!("'{}", rig.practitioner));
    }
    let patients: Vec<_> = rows[1..5].iter().map(|row| row["Patient (INS)"].as_str().unwrap()).collect();
    let expected = [PATIENTS[0], PATIENTS[1], PATIENTS[0], PATIENTS[2]];
    assert!(patients.iter().zip(expected).all(|(cell, ins)| cell.trim_start_matches('\'') == ins));
    assert_eq!(rows[5]["Motif du refus"], "transaction-not-allowed");
}

#[test]
fn a_patients_archive_says_that_it_cannot_be_complete() {
    let rig = Rig::new();
    let oid = rows(&rig.export("a.zip", rig.of_practitioner(&rig.reader()), &[], None))[1]
        ["Système d'identifiants (OID)"]
        .as_str()
        .unwrap()
        .to_owned();
    let oid = InsOid::parse(&oid).unwrap();
    let archive = rig.export("p.zip", Rig::of_patient(&rig.reader(), PATIENTS[0], oid), &[], None);
    let (code, said) = rig.judge(&archive, &[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("la complétude ne peut pas l'être"), "{said}");
    assert_eq!(rows(&archive).len(), 2);
    let text = fs::read(&archive).unwrap();
    assert!(!text.windows(15).any(|window| window == PATIENTS[1].as_bytes()));
}

#[test]
fn an_encrypted_archive_is_opened_by_openssl_alone() {
    let rig = Rig::new();
    let folder = &rig.establishment.folder;
    let openssl = |arguments: &str| {
        Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap().status.success()
    };
    assert!(openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout cle.pem -out cert.pem -days 30 -subj /CN=auditeur"
    ));
    let later = Instant::from_ms(sceau_now() + 86_400_000);
    let recipient = Recipient::from_pem(&fs::read(folder.join("cert.pem")).unwrap(), later).unwrap();
    let sealed = rig.export("a.p7m", rig.of_practitioner(&rig.reader()), &[recipient], None);
    let (code, said) = rig.judge(&sealed, &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("openssl cms -decrypt"), "{said}");
    assert!(openssl("cms -decrypt -binary -inform DER -in a.p7m -recip cert.pem -inkey cle.pem -out clair.zip"));
    let (code, said) = rig.judge(&folder.join("clair.zip"), &[]);
    assert_eq!(code, Some(0), "{said}");
}

fn sceau_now() -> i64 {
    i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

#[test]
fn a_kept_checkpoint_judges_rollback_and_fork() {
    let rig = Rig::new();
    let reader = rig.reader();
    let now = rig.signed(&reader);
    let size = now.checkpoint().size;
    fs::write(rig.path("kept.txt"), now.note().to_string()).unwrap();
    let archive = rig.export("a.zip", rig.of_practitioner(&reader), &[], Some(size));
    let kept = rig.path("kept.txt");
    let (code, said) = rig.judge(&archive, &["--since", kept.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("retour en arrière"), "{said}");
    // Another key's checkpoint is refused before anything is judged.
    let forged = now.note().to_string().replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 1), 1);
    fs::write(&kept, forged).unwrap();
    let (code, said) = rig.judge(&archive, &["--since", kept.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn a_spoilt_archive_is_bad_and_what_is_no_archive_is_told() {
    let rig = Rig::new();
    let archive = rig.export("a.zip", rig.of_practitioner(&rig.reader()), &[], None);
    let spoil = "
import sys, zipfile
source, target = zipfile.ZipFile(sys.argv[1]), zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED)
for name in source.namelist():
    data = source.read(name)
    target.writestr(name, data.replace(b'remise', b'expiree') if name == 'traces.csv' else data)
target.close()
";
    let spoilt = rig.path("spoilt.zip");
    let done = Command::new("python3").args(["-c", spoil]).arg(&archive).arg(&spoilt).status().unwrap();
    assert!(done.success());
    let (code, said) = rig.judge(&spoilt, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("MAUVAIS"), "{said}");
    for (file, words) in [("ledger/ledger.sqlite", "sceau traces verify"), ("ledger", "dossier"), ("none", "lu")] {
        let (code, said) = rig.judge(&rig.path(file), &[]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
    fs::write(rig.path("AUDIT.pub"), "ch-exemple.fr/sceau/1+00000000+AQ==\n").unwrap();
    assert_eq!(rig.judge(&archive, &[]).0, Some(2));
}

/// An archive of format 1 stays readable; it was made once and is never made again.
#[test]
fn the_golden_archive_is_good() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/traces");
    let mut verifier = Command::new(crate::support::program::program("sceau-verify"));
    verifier.arg("traces").arg(golden.join("archive.zip")).arg("--key").arg(golden.join("AUDIT.pub"));
    let output = verifier.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(rows(&golden.join("archive.zip")).len(), 4);
}
