//! For any number: kept if valid, each single error found; for any text: no panic.

use proptest::prelude::*;

use super::super::*;
use super::{with_key, with_luhn};

/// Every text that differs from `value` by one character of `alphabet`.
fn neighbours<'a>(value: &'a str, alphabet: &'a str) -> impl Iterator<Item = String> + 'a {
    (0..value.len()).flat_map(move |i| {
        alphabet
            .chars()
            .filter(move |&c| value.as_bytes()[i] != c as u8)
            .map(move |c| format!("{}{c}{}", &value[..i], &value[i + 1..]))
    })
}

proptest! {
    #[test]
    fn a_valid_number_is_kept_and_each_single_error_found(body in "[1-9][0-9]{9}") {
        let rpps = with_luhn(&body);
        prop_assert_eq!(Rpps::parse(&rpps).unwrap().to_string(), rpps.clone());
        prop_assert_eq!(PsIdNat::parse(&format!("8{rpps}")).unwrap().to_string(), format!("8{rpps}"));
        for wrong in neighbours(&rpps, "0123456789") {
            prop_assert!(Rpps::parse(&wrong).is_err(), "{wrong}");
        }
        let number = with_luhn(&body[..8]);
        prop_assert_eq!(Siren::parse(&number).unwrap().to_string(), number.clone());
        prop_assert_eq!(Finess::parse(&number, Form::Strict).unwrap().to_string(), number.clone());
        for wrong in neighbours(&number, "0123456789") {
            prop_assert!(Siren::parse(&wrong).is_err() && Finess::parse(&wrong, Form::Strict).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_siret_is_bound_to_its_siren(body in "[1-9][0-9]{7}", nic in "[0-9]{4}") {
        let siret = with_luhn(&format!("{}{nic}", with_luhn(&body)));
        prop_assert_eq!(Siret::parse(&siret).unwrap().to_string(), siret.clone());
        prop_assume!(!siret.starts_with("356000000"));
        for wrong in neighbours(&siret, "0123456789") {
            prop_assert!(Siret::parse(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_ins_shows_each_single_error(body in "[1-9][0-9]{4}([0-9]{2}|2[AB])[0-9]{6}") {
        let ins = with_key(&body);
        let read = Ins::parse(&ins).unwrap();
        prop_assert_eq!(read.as_str(), &ins);
        // A prime modulus: no change of one character keeps n mod 97.
        for wrong in neighbours(&ins, "0123456789ABCZ") {
            prop_assert!(Ins::parse(&wrong).is_err(), "one character of the number was changed");
        }
    }

    #[test]
    fn arbitrary_text_is_kept_or_refused(value in prop_oneof![any::<String>(), "[0-9AB/é]{0,16}", "[0-8][0-9]{8,14}"]) {
        let kept = |read: Result<String, IdentityError>| read.is_err() || read.as_ref() == Ok(&value);
        prop_assert!(kept(Rpps::parse(&value).map(|id| id.to_string())));
        prop_assert!(kept(Adeli::parse(&value).map(|id| id.to_string())));
        prop_assert!(kept(PsIdNat::parse(&value).map(|id| id.to_string())));
        prop_assert!(kept(Siren::parse(&value).map(|id| id.to_string())));
        prop_assert!(kept(Siret::parse(&value).map(|id| id.to_string())));
        for form in [Form::Strict, Form::Test] {
            prop_assert!(kept(Finess::parse(&value, form).map(|id| id.to_string())));
            prop_assert!(kept(StructIdNat::parse(&value, form).map(|id| id.to_string())));
        }
        prop_assert!(kept(Ins::parse(&value).map(|id| id.as_str().to_owned())));
        prop_assert!(kept(InsOid::parse(&value).map(|id| id.to_string())));
    }
}
