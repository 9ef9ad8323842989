//! Published vectors and the cases that made a rule.

use super::super::*;
use super::with_key;

#[test]
fn published_vectors() {
    let mut taken = 0;
    for line in include_str!("../../data/identifiers.tsv").lines().filter(|l| !l.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, value, expected] = fields[..] else { panic!("{line}") };
        let read = match kind {
            "RPPS" => Rpps::parse(value).map(|id| id.to_string()),
            "FINESS" => Finess::parse(value, Form::Strict).map(|id| id.to_string()),
            "SIREN" => Siren::parse(value).map(|id| id.to_string()),
            "SIRET" => Siret::parse(value).map(|id| id.to_string()),
            "STRUCT_IDNAT" => StructIdNat::parse(value, Form::Test).map(|id| id.to_string()),
            "INS" => Ins::parse(value).map(|id| id.as_str().to_owned()),
            "PS_IDNAT" => PsIdNat::parse(value).map(|id| id.to_string()),
            _ => panic!("{line}"),
        };
        match (kind, expected) {
            (_, "valid" | "valid AIR" | "accepted form") => {
                assert_eq!(read.as_deref(), Ok(value), "{line}")
            }
            ("RPPS", "invalid") => {
                let error = IdentityError::CheckDigit { identifier: Identifier::Rpps, value: value.to_owned() };
                assert_eq!(read, Err(error));
            }
            ("INS", "invalid") => assert_eq!(read, Err(IdentityError::InsKey), "{line}"),
            ("PS_IDNAT", "ROR automate") => {
                assert_eq!(read, Err(IdentityError::InternalIdentifier))
            }
            _ => panic!("{line}"),
        }
        taken += 1;
    }
    assert_eq!(taken, 23);
}

#[test]
fn a_test_profile_waives_the_form_of_finess_alone() {
    let strict = |value| StructIdNat::parse(value, Form::Strict);
    let test = |value| StructIdNat::parse(value, Form::Test);
    assert_eq!(strict("10B0127189"), Err(IdentityError::Character { identifier: Identifier::Finess, index: 1 }));
    assert_eq!(test("10B0127189").unwrap().kind(), StructKind::Finess);
    assert_eq!(test("10B0127189").unwrap().number(), "0B0127189");
    assert!(strict("1750712184").is_ok() && strict("1750712185").is_err() && test("1750712185").is_ok());
    assert!(test("10b0127189").is_err(), "lower case is another spelling");
    for (value, kind) in [
        ("2187512751", StructKind::Siren),
        ("318751275100020", StructKind::Siret),
        ("499700735741008", StructKind::RppsPractice),
        ("075900001201", StructKind::AdeliPractice),
        ("02A9000012001", StructKind::AdeliPractice),
    ] {
        assert_eq!(strict(value).unwrap().kind(), kind);
        assert_eq!(test(value).unwrap().as_str(), value);
    }
    for value in [
        "2187512752",
        "318751275100021",
        "499700735742008",
        "49970073574100",
        "49970073574100A",
        "07590000120",
        "5750712184",
        "A750712184",
        "",
        "1",
        "é750712184",
    ] {
        assert!(strict(value).is_err() && test(value).is_err(), "{value}");
    }
}

#[test]
fn corsican_numbers() {
    for value in ["2A0000014", "2B0000020"] {
        assert_eq!(Finess::parse(value, Form::Strict).unwrap().as_str(), value);
    }
    for value in ["2C0000014", "2a0000014", "3A0000014", "2A000001A", "A20000014"] {
        assert!(Finess::parse(value, Form::Strict).is_err(), "{value}");
    }
    for value in ["2A9000012", "2B9000012", "9D9000012", "759000012"] {
        assert_eq!(PsIdNat::parse(&format!("0{value}")).unwrap(), Adeli::parse(value).unwrap().into());
    }
    for value in ["A29000012", "75A000012", "2a9000012", "75900001", "7590000122"] {
        assert!(Adeli::parse(value).is_err(), "{value}");
    }
}

#[test]
fn la_poste_has_its_own_rule() {
    // The head office satisfies Luhn, the others a sum of digits that is a multiple of 5.
    assert!(Siret::parse("35600000000048").is_ok());
    assert!(Siret::parse("35600000000010").is_ok());
    assert!(Siret::parse("35600000000011").is_err());
    assert!(Siret::parse("18751275100024").is_err(), "sum 50, but not La Poste");
}

#[test]
fn zeros_are_a_placeholder() {
    let zeros = "0".repeat(14);
    assert_eq!(Rpps::parse(&zeros[..11]), Err(IdentityError::AllZero { identifier: Identifier::Rpps }));
    assert!(Adeli::parse(&zeros[..9]).is_err());
    assert!(Siren::parse(&zeros[..9]).is_err());
    assert!(Siret::parse(&zeros).is_err());
    assert!(Finess::parse(&zeros[..9], Form::Strict).is_err());
    assert!(Finess::parse(&zeros[..9], Form::Test).is_err());
}

#[test]
fn a_practitioner_keeps_both_spellings() {
    let rpps = Rpps::parse("99900063480").unwrap();
    let id = PsIdNat::parse("899900063480").unwrap();
    assert_eq!(PsIdNat::from(rpps), id);
    assert_eq!(id.rpps(), Some(rpps));
    assert_eq!(PsIdNat::parse("0759000012").unwrap().rpps(), None);
    for value in ["", "2187512751/26", "18751275100020", "99900063480", "8", "88", "899900063481", "8 99900063480"]
    {
        let error = PsIdNat::parse(value).unwrap_err();
        assert_ne!(error, IdentityError::InternalIdentifier, "{value}");
    }
    assert_eq!(serde_json::from_str::<PsIdNat>(r#""899900063480""#).unwrap(), id);
    assert!(serde_json::from_str::<PsIdNat>(r#""899900063481""#).is_err());
}

#[test]
fn systems_of_an_ins() {
    for oid in InsOid::ALL {
        assert_eq!(InsOid::parse(oid.as_str()), Ok(oid));
    }
    for value in ["", "1.2.250.1.213.1.4.1", "1.2.250.1.213.1.4.8 ", "1.2.250.1.213.1.4.12"] {
        assert_eq!(InsOid::parse(value), Err(IdentityError::UnknownOid));
    }
}

#[test]
fn unusual_births_are_patients_too() {
    for body in ["7990322000012", "1802075123456", "2805099999001", "3809999351001", "180032A020401"] {
        assert!(Ins::parse(&with_key(body)).is_ok(), "{body}");
    }
    assert!(Ins::parse(&with_key("0800375123456")).is_err());
    assert!(Ins::parse("180032b02040123").is_err());
    // 19 and 2A share their key: both are numbers of their own.
    assert_eq!(with_key("1800319020401")[13..], with_key("180032A020401")[13..]);
}

#[test]
fn messages_are_french_name_the_remedy_and_withhold_the_patient() {
    let error = Rpps::parse("10002345678").unwrap_err().to_string();
    assert!(
        error.starts_with("le RPPS 10002345678 a une clé de contrôle fausse") && error.contains("Annuaire Santé")
    );
    let length = PsIdNat::parse("8123").unwrap_err().to_string();
    assert!(length.starts_with("le RPPS doit compter 11 caractères, et non 3"), "{length}");
    for value in ["181036322045660", "18103632204566", "1810363220456X0", "081036322045660"] {
        let error = Ins::parse(value).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains("1810") && !shown.contains("0456"), "{shown}");
        }
    }
    let ins = Ins::parse("207058575627097").unwrap();
    assert_eq!(format!("{ins:?}"), "Ins(…)");
}
