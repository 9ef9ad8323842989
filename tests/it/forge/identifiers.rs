//! Identifiers with right keys, made here by rules written out again, and what becomes of wrong ones.

use proptest::prelude::*;
use serde_json::json;

use sceau::vihf::identity::{Finess, Form, Ins, PsIdNat, Rpps, Siren, Siret, StructIdNat};

use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::varlink::login;

/// The digit that completes `body` by Luhn's formula.
fn luhn(body: &str) -> char {
    let double = |digit: u32| if digit > 4 { 2 * digit - 9 } else { 2 * digit };
    let digits = body.chars().rev().map(|c| c.to_digit(10).unwrap());
    let sum: u32 = digits.enumerate().map(|(at, digit)| if at % 2 == 0 { double(digit) } else { digit }).sum();
    char::from_digit((10 - sum % 10) % 10, 10).unwrap()
}

fn completed(body: String) -> String {
    let digit = luhn(&body);
    body + &digit.to_string()
}

/// 10 digits, not all zero, and their check digit.
fn rpps() -> impl Strategy<Value = String> {
    "[1-9][0-9]{9}".prop_map(completed)
}

pub(super) fn ps_id_nat() -> impl Strategy<Value = String> {
    prop_oneof![rpps().prop_map(|rpps| format!("8{rpps}")), "0[1-9][0-9A-D][0-9]{7}"]
}

pub(super) fn struct_id_nat(form: Form) -> impl Strategy<Value = String> {
    let siren = || "[1-9][0-9]{7}".prop_map(completed);
    let siret = (siren(), "[0-9]{4}").prop_map(|(siren, rank)| completed(siren + &rank));
    let finess = match form {
        Form::Strict => prop_oneof!["[1-9][0-9]{7}".prop_map(completed), "2[AB][0-9]{7}"].boxed(),
        Form::Test => "[0-9A-Z]{8}[1-9]".boxed(),
    };
    prop_oneof![
        4 => finess.prop_map(|finess| format!("1{finess}")),
        1 => siren().prop_map(|siren| format!("2{siren}")),
        1 => siret.prop_map(|siret| format!("3{siret}")),
        1 => (rpps(), "[0-9]{3}").prop_map(|(rpps, rank)| format!("4{rpps}{rank}")),
    ]
}

/// 13 characters and the key; one in four of Corsica.
pub(super) fn ins() -> impl Strategy<Value = String> {
    let body = (
        proptest::sample::select(&["2A", "2B", "75", "13", "69", "97", "99", "01"][..]),
        "[1-9][0-9]{4}",
        "[0-9]{6}",
    );
    body.prop_map(|(department, birth, rest)| with_key(&format!("{birth}{department}{rest}")))
}

fn with_key(body: &str) -> String {
    let number: u64 = body.replace("2A", "19").replace("2B", "18").parse().unwrap();
    format!("{body}{:02}", 97 - number % 97)
}

proptest! {
    #[test]
    fn every_other_key_of_an_identifier_is_refused(
        rpps in rpps(), siren in "[1-9][0-9]{7}", rank in "[0-9]{4}", ins in ins()
    ) {
        let last = |right: &str, parse: &dyn Fn(&str) -> bool| {
            assert!(parse(right), "{right}");
            let (body, key) = right.split_at(right.len() - 1);
            ('0'..='9').filter(|digit| !key.contains(*digit)).all(|digit| !parse(&format!("{body}{digit}")))
        };
        let (ps, practice) = (format!("8{rpps}"), format!("4{rpps}"));
        let in_practice = |id: &str| StructIdNat::parse(&format!("{id}001"), Form::Test).is_ok();
        prop_assert!(last(&rpps, &|rpps| Rpps::parse(rpps).is_ok()));
        prop_assert!(last(&ps, &|id| PsIdNat::parse(id).is_ok()));
        prop_assert!(last(&practice, &in_practice));
        let siren = completed(siren);
        prop_assert!(last(&siren, &|siren| Siren::parse(siren).is_ok()));
        prop_assert!(last(&siren, &|finess| Finess::parse(finess, Form::Strict).is_ok()));
        // La Poste alone leaves Luhn's formula.
        if siren != "356000000" {
            prop_assert!(last(&completed(siren + &rank), &|siret| Siret::parse(siret).is_ok()));
        }
        let right = &ins[13..];
        for key in (0..100).map(|key| format!("{key:02}")) {
            prop_assert_eq!(Ins::parse(&format!("{}{key}", &ins[..13])).is_ok(), key == right, "{}", ins);
        }
    }
}

/// At the socket and in the register: an identifier whose key is wrong gets nowhere, in test mode as in production.
#[test]
fn an_identifier_with_a_wrong_key_is_refused() {
    let plan = || Plan::new("identifiers").key_type(KeyType::P256);
    let establishment = plan().build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let right = &establishment.practitioners[0].id;
    let body = &right[..right.len() - 1];
    for digit in ('0'..='9').filter(|digit| !right.ends_with(*digit)) {
        let refused = client.open_session(login(&format!("{body}{digit}"), "CPS", "consultation")).unwrap_err();
        assert_eq!(refused.brief(), ("Malformed", "practitioner"));
    }
    let session = client.open_session(login(right, "CPS", "consultation")).unwrap();
    for wrong in ["207058575627098", "180032A02040123", "207058575627000"] {
        let refused = client.consult(&session, wrong).unwrap_err();
        assert_eq!(refused.brief(), ("Malformed", "patient.ins"));
        assert!(!json!(refused.parameters).to_string().contains(&wrong[..13]), "{refused:?}");
    }
    client.consult(&session, "207058575627097").unwrap();
    drop(daemons);

    let wrong = format!("{body}{}", if right.ends_with('1') { '2' } else { '1' });
    let entry = wrong.clone();
    let establishment =
        plan().edit_practitioners(move |register| register["practitioner"][0]["id"] = entry.into()).build();
    let refusal = run_until_exit(&establishment, "sceaud", &[], std::time::Duration::from_secs(30));
    assert_eq!(refusal.code, Some(2), "{}", refusal.said);
    for part in ["practitioners.toml", "practitioner n° 1", &wrong, "id : "] {
        assert!(refusal.said.contains(part), "{part:?} is not in {}", refusal.said);
    }
}
