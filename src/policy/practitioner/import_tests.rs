//! Files that are to become the register: every bad line is told, and nothing is taken from a file that has one.
#![allow(clippy::unwrap_used)]

use super::super::NotChanged;
use super::*;
use crate::policy::register::{Written as _, csv};
use crate::vihf::method::Method;

const HEAD: &str = "id;name;profession;specialty;services;structures;enrolled_by;enrolled_how;enrolled_on;authenticator;trained_on;subject;suspended\n";
const ANNE: &str = "899900063480;ANNE DUPONT;10;SM26;consultation|urgences 2026-01-01/2026-06-30;;Bureau des cartes;cps;2026-01-10;CPS 80250001 2026-01-10|OTP_SMS anne;2026-01-15;sso 4d6f;\n";
const NOEL: &str = "899700735741;JEAN-NOËL NGUYỄN;60;;consultation;;Bureau des cartes;identity-document;2026-01-10;;2026-01-15;;oui\n";

fn around() -> Around {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Around {
        physician_specialties: vec!["SM".to_owned()],
        structures: set(&["1690781810"]),
        services: set(&["consultation", "urgences"]),
        providers: set(&["sso"]),
        ..Around::default()
    }
}

fn judged(text: &str, format: Format, current: Option<&Practitioners>) -> Result<Practitioners, Vec<Slip>> {
    judge(text.as_bytes(), format, &around(), current, &mut |_, _| {})
}

fn told(text: &str, format: Format) -> Vec<(u64, String, &'static str)> {
    let slips = judged(text, format, None).unwrap_err();
    slips.into_iter().map(|slip| (slip.line, slip.column, slip.rule)).collect()
}

#[test]
fn a_table_and_an_array_are_the_same_register() {
    let table = judged(&format!("\u{feff}{HEAD}{ANNE}\n{NOEL}"), Format::Csv, None).unwrap();
    let anne = table.named("899900063480").unwrap();
    assert!(anne.enrolled && anne.is_paired("sso", "4d6f") && anne.services.len() == 2);
    assert_eq!(anne.has(Method::Cps), Ok(()));
    assert!(anne.has(Method::AppMobileAuth).is_err());
    assert!(table.named("899700735741").unwrap().suspended);
    let records: Vec<_> = table.all().iter().map(|one| one.record.clone()).collect();
    let array = judged(&serde_json::to_string_pretty(&records).unwrap(), Format::Json, None).unwrap();
    let again = csv::write(records.iter()).unwrap();
    let again = judged(std::str::from_utf8(&again).unwrap(), Format::Csv, None).unwrap();
    for other in [array, again] {
        assert!(other.all().iter().map(|one| &one.record).eq(records.iter()));
    }
    let commas = "id,name,profession,services\n899900012347,MARIE LE GOFF,50,consultation\n";
    assert_eq!(judged(commas, Format::Csv, None).unwrap().all().len(), 1);
}

#[test]
fn every_bad_line_is_told_with_its_column() {
    let bad = [
        "1;A;10;SM26;consultation;;;;;;;;\n",
        "899900012347;A;50;;consultation;;Bureau;;;;;;\n",
        "899900023450;A;99;;nulle part;x;B;photo;2026-02-30;CPS;2026-1-1;autre z;peut-être\n",
        ANNE,
        "899900034564;A;50;;consultation 2026-06-30/2026-01-01;;;;;CPS 80250001;;autre z;\n",
        "trop;peu\n",
    ];
    let text = format!("{HEAD}{ANNE}{}", bad.concat());
    let slips = told(&text, Format::Csv);
    let of = |line: u64| -> Vec<_> {
        slips.iter().filter(|slip| slip.0 == line).map(|(_, column, rule)| (column.as_str(), *rule)).collect()
    };
    assert_eq!(of(3), [("id", "bad-identifier")]);
    assert_eq!(of(4), [("enrolled_by", "enrolment-incomplete")]);
    assert_eq!(of(5), [("authenticator", "bad-value"), ("suspended", "bad-value")]);
    assert_eq!(of(6), [("subject", "subject-twice")]);
    assert_eq!(of(7), [("services", "bad-value")]);
    assert_eq!(of(8), [("", "csv-cells")]);
    let two = format!("{HEAD}899900023450;A;99;;nulle part;x;B;photo;2026-02-30;;2026-1-1;autre z;\n");
    let columns: Vec<_> = told(&two, Format::Csv).into_iter().map(|slip| slip.1).collect();
    assert_eq!(columns, ["structures", "services", "trained_on", "enrolled_on", "enrolled_how", "profession"]);
    let unknown = format!("{HEAD}899900034564;A;50;;consultation;;;;;;;autre z;\n");
    assert_eq!(told(&unknown, Format::Csv), [(2, "subject".to_owned(), "unknown-provider")]);
}

#[test]
fn a_bad_object_has_its_line() {
    let good = r#"{"id":"899900012347","name":"MARIE LE GOFF","profession":"50","services":["consultation"]}"#;
    let text = format!(
        "[\n{good},\n{{\"id\":\"1\",\n\"nom\":1}},\n{{\"id\":\"1\"}},\n{}\n]",
        good.replace("\"name\"", "\"id\"")
    );
    let slip = |line, column: &str, rule| (line, column.to_owned(), rule);
    assert_eq!(
        told(&text, Format::Json),
        [slip(4, "", "unknown-key"), slip(5, "name", "missing-key"), slip(6, "id", "duplicate-key")]
    );
    assert_eq!(told(&format!("[{good}\n{good}]"), Format::Json), [slip(2, "", "json-syntax")]);
    assert_eq!(told(&format!("[{good}] x"), Format::Json), [slip(1, "", "json-syntax")]);
    for none in ["", "{}", "[1]", "[", "[{}", "nul"] {
        assert!(judged(none, Format::Json, None).is_err(), "{none}");
    }
    assert_eq!(told("[]", Format::Json), [slip(1, "", "empty")]);
}

#[test]
fn another_encoding_is_refused_with_words() {
    let windows =
        [HEAD.as_bytes(), ANNE.as_bytes(), b"899700735741;JEAN-NO\xCBL;60;;consultation;;;;;;;;\n"].concat();
    let slips = judge(&windows, Format::Csv, &around(), None, &mut |_, _| {}).unwrap_err();
    assert!(slips[0].line == 3 && slips[0].cause.contains("Windows-1252") && slips[0].cause.contains("CSV UTF-8"));
    let wide = judge(b"\xFF\xFEi\0d\0", Format::Csv, &around(), None, &mut |_, _| {}).unwrap_err();
    assert!(wide[0].cause.contains("UTF-16"));
}

#[test]
fn no_import_gives_a_lost_card_back() {
    let table = format!("{HEAD}{ANNE}{NOEL}");
    let first = judged(&table, Format::Csv, None).unwrap();
    let now = first.revoking("899900063480", Method::Cps, "80250001").unwrap();
    for text in [table.clone(), table.replace("CPS 80250001 2026-01-10|", "")] {
        let again = judged(&text, Format::Csv, Some(&now)).unwrap();
        let anne = again.named("899900063480").unwrap();
        assert!(anne.has(Method::Cps).is_err() && anne.has(Method::OtpSms).is_ok());
    }
    assert!(matches!(now.revoking("899900063480", Method::Cps, "80250001"), Err(NotChanged::AsItIs)));
    assert!(matches!(now.revoking("899900063480", Method::OtpSms, "x"), Err(NotChanged::AuthenticatorUnknown)));
    assert!(matches!(now.revoking("1", Method::OtpSms, "x"), Err(NotChanged::Unknown)));
}

/// A profile that no longer admits somebody takes neither the entry nor its lost card out of the ledger.
#[test]
fn whom_the_profile_leaves_out_stays_in_the_register_with_what_is_revoked() {
    let marie = "899900012347;MARIE LE GOFF;50;;consultation;;Bureau;cps;2026-01-10;CPS 80250002 2026-01-10;2026-01-15;;\n";
    let table = format!("{HEAD}{ANNE}{marie}");
    let first = judged(&table, Format::Csv, None).unwrap();
    let now = first.revoking("899900063480", Method::Cps, "80250001").unwrap();
    let (fewer, lost) = Practitioners::parse(&now.document("").unwrap(), &["XX".to_owned()]).unwrap();
    assert!(lost == 1 && fewer.named("899900063480").is_none());
    let changed = fewer.revoking("899900012347", Method::Cps, "80250002").unwrap();
    let (again, lost) = Practitioners::parse(&changed.document("").unwrap(), &["SM".to_owned()]).unwrap();
    assert_eq!((again.all().len(), lost), (2, 0));
    let imported = judged(&table, Format::Csv, Some(&changed)).unwrap();
    for register in [again, imported] {
        for id in ["899900063480", "899900012347"] {
            assert!(register.named(id).unwrap().has(Method::Cps).is_err(), "{id}");
        }
    }
}

/// A file of another kind has millions of lines, and none of them is kept to be told.
#[test]
fn no_more_lines_are_read_than_a_register_has() {
    let over = Record::ENTRIES_MAX + 1;
    let table = format!("{HEAD}{}", "x\n".repeat(over + 10));
    assert_eq!(told(&table, Format::Csv), [(1, String::new(), "too-many")]);
    let array = format!("[{}{{}}]", "{},".repeat(over + 10));
    assert_eq!(told(&array, Format::Json), [(1, String::new(), "too-many")]);
    assert_eq!(told(&format!("{HEAD}x\nx\n"), Format::Csv).len(), 2);
}
