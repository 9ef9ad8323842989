//! Files that are to become the register: every bad line is told, and nothing is taken from a file that has one.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::register::csv;

const HEAD: &str = "user;lps_name;lps_version;lps_id;homologation;homologation_expires_on;services;channels;methods;profiles;audience;may_declare;suspended\n";
const DPI: &str =
    "dpi;Dossier Patient;4.2;INST-1;DMP-1;2027-12-31;urgences|consultation;LPS|WEB_PS;CPS;dmp-air;sso dpi;non;\n";
const LABO: &str = "labo;Biologie;1.0;;DMP-2;2027-06-30;consultation;;CPS|OTP_SMS;dmp-air;;;oui\n";

fn judged(text: &str, format: Format) -> Result<Applications, Vec<Slip>> {
    judged_beside(text, format, &|_| None)
}

fn judged_beside(text: &str, format: Format, confirmed: Confirmed<'_>) -> Result<Applications, Vec<Slip>> {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let around = Around {
        services: set(&["consultation", "urgences"]),
        providers: set(&["sso"]),
        profiles: set(&["dmp-air"]),
        ..Around::default()
    };
    let known = [("dpi", 1001), ("labo", 1002), ("alias", 1001), ("1003", 1003), ("1001", 1001)];
    let uid = |user: &str| known.iter().find(|(name, _)| *name == user).map(|(_, uid)| *uid);
    let name =
        |uid: u32| known.iter().find(|(_, known)| *known == uid && uid != 1003).map(|(n, _)| (*n).to_owned());
    judge(text.as_bytes(), format, &around, Users { uid: &uid, name: &name }, confirmed)
}

fn told(text: &str, format: Format) -> Vec<(u64, String, &'static str)> {
    let slips = judged(text, format).unwrap_err();
    slips.into_iter().map(|slip| (slip.line, slip.column, slip.rule)).collect()
}

#[test]
fn a_table_and_an_array_are_the_same_register() {
    let table = judged(&format!("{HEAD}{DPI}{LABO}"), Format::Csv).unwrap();
    let [dpi, labo] = table.all() else { unreachable!() };
    assert_eq!((dpi.uid, dpi.channels.len(), dpi.may_declare, dpi.audiences.len()), (1001, 2, Some(false), 1));
    assert_eq!(
        (labo.record.channels.as_slice(), labo.may_declare, labo.suspended),
        (&["LPS".to_owned()][..], None, true)
    );
    let records: Vec<_> = table.all().iter().map(|one| one.record.clone()).collect();
    let array = judged(&serde_json::to_string_pretty(&records).unwrap(), Format::Json).unwrap();
    let again = csv::write(records.iter()).unwrap();
    let again = judged(std::str::from_utf8(&again).unwrap(), Format::Csv).unwrap();
    let (kept, lost) =
        Applications::parse(&table.document().unwrap(), |user| (user == "labo").then_some(7)).unwrap();
    assert_eq!((kept.all().len(), lost), (1, vec!["dpi".to_owned()]));
    for other in [array, again] {
        assert!(other.all().iter().map(|one| &one.record).eq(records.iter()));
    }
}

#[test]
fn certificates_come_and_go_by_their_own_orders() {
    let key = |letter: &str| format!("sha256:{}", letter.repeat(64));
    let confirmed = |user: &str| (user == "gate:dpi").then(|| vec![key("a"), key("b")]);
    let file = |user: &str, certificates: &str| {
        let head = HEAD.replace("suspended", "suspended;certificates");
        format!("{head}{user};A;1;;H;2027-12-31;consultation;;CPS;dmp-air;;;;{certificates}\n")
    };
    let had = |text: &str| {
        let taken = judged_beside(text, Format::Csv, &confirmed)?;
        Ok::<_, Vec<Slip>>(taken.all()[0].record.certificates.clone())
    };
    let without = format!("{HEAD}gate:dpi;A;1;;H;2027-12-31;consultation;;CPS;dmp-air;;;\n");
    assert_eq!(had(&without).unwrap(), [key("a"), key("b")], "a table without the column");
    assert_eq!(had(&file("gate:dpi", "")).unwrap(), [key("a"), key("b")], "an empty cell");
    assert_eq!(had(&file("gate:dpi", &[key("b"), key("a")].join("|"))).unwrap().len(), 2);
    assert_eq!(had(&file("gate:labo", &key("c"))).unwrap(), [key("c")], "a new application brings its own");
    for other in [key("a"), [key("a"), key("b"), key("c")].join("|"), key("c")] {
        let slips = had(&file("gate:dpi", &other)).unwrap_err();
        assert_eq!((slips[0].line, slips[0].rule), (2, "certificates-differ"), "{other}");
        assert!(slips[0].cause.contains("sceau applications "), "{}", slips[0].cause);
    }
}

#[test]
fn every_bad_line_is_told_with_its_column() {
    let bad = [
        "absent;A;1;;H;2027-12-31;consultation;;CPS;dmp-air;;;\n",
        "labo;A;1;;H;31/12/2027;nulle part;LPSS;CARTE;dmp-terre;autre x;peut-être;\n",
        "alias;A;1;;H;2027-12-31;consultation;;CPS;dmp-air;autre x;;\n",
        DPI,
        "labo;;1;;H;31/12/2027;nulle part;LPSS;CARTE;dmp-terre;;;\n",
        "1003;A;1;;H;2027-12-31;consultation;;CPS;dmp-air;sso;;\n",
    ];
    let slips = told(&format!("{HEAD}{}", bad.concat()), Format::Csv);
    let of = |line: u64| -> Vec<_> {
        slips.iter().filter(|slip| slip.0 == line).map(|(_, column, rule)| (column.as_str(), *rule)).collect()
    };
    assert_eq!(of(2), [("user", "unknown-user")]);
    assert_eq!(of(3), [("may_declare", "bad-value")]);
    assert_eq!(of(4), [("user", "user-other-name"), ("audience", "unknown-provider")]);
    assert_eq!(of(5), [("user", "application-twice")]);
    let columns: Vec<_> = of(6).into_iter().map(|(column, _)| column).collect();
    assert_eq!(columns, ["homologation_expires_on", "services", "profiles", "lps_name", "channels", "methods"]);
    assert_eq!(of(7), [("audience", "bad-value")]);
    // A number stands for itself where there is no name, and nowhere else.
    let number = |user: &str| format!("{HEAD}{}", LABO.replace("labo", user));
    assert!(judged(&number("1003"), Format::Csv).is_ok());
    assert_eq!(told(&number("1001"), Format::Csv), [(2, "user".to_owned(), "user-other-name")]);
}
