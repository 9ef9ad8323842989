//! What holds for any bytes.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static MADE: LazyLock<(Providers, Vec<String>)> = LazyLock::new(|| {
    let signer = Signer::new();
    let of = |alg, kid| {
        let header = json!({ "alg": alg, "kid": kid }).to_string();
        signer.sign(alg, &header, &claims().to_string())
    };
    (signer.providers(), vec![of("RS256", "rsa"), of("ES256", "ec"), of("EdDSA", "ed")])
});

proptest! {
    #[test]
    fn no_change_of_a_character_is_taken(which in 0..3usize, at in any::<prop::sample::Index>(), to in any::<char>()) {
        let (providers, tokens) = &*MADE;
        let mut changed: Vec<char> = tokens[which].chars().collect();
        let at = at.index(changed.len());
        prop_assume!(changed[at] != to);
        changed[at] = to;
        let changed: String = changed.into_iter().collect();
        prop_assert!(judge(providers, &changed).is_err());
    }

    #[test]
    fn no_piece_is_taken(which in 0..3usize, from in any::<prop::sample::Index>(), len in any::<prop::sample::Index>()) {
        let (providers, tokens) = &*MADE;
        let token = &tokens[which];
        let from = from.index(token.len());
        let to = from + len.index(token.len() - from + 1);
        prop_assume!(to - from < token.len());
        prop_assert!(judge(providers, &token[from..to]).is_err());
        let rest = [&token[..from], &token[to..]].concat();
        prop_assert!(from == to || judge(providers, &rest).is_err());
    }

    #[test]
    fn any_text_is_judged_without_panic(text in ".{0,200}", parts in prop::collection::vec("[A-Za-z0-9_-]{0,80}", 3)) {
        let (providers, _) = &*MADE;
        prop_assert!(judge(providers, &text).is_err());
        prop_assert!(judge(providers, &parts.join(".")).is_err());
    }

    #[test]
    fn any_json_of_the_right_issuer_is_judged_without_panic(
        header in "[{}\\[\\]\",:a-z0-9 ]{0,60}",
        claims in "[{}\\[\\]\",:a-z0-9 ]{0,60}",
    ) {
        let (providers, _) = &*MADE;
        let claims = format!(r#"{{"iss":"{ISSUER}",{claims}}}"#);
        let text = [b64(header), b64(claims), "AAAA".to_owned()].join(".");
        prop_assert!(judge(providers, &text).is_err());
    }

    #[test]
    fn what_is_too_long_is_not_read(extra in 1..1000usize) {
        let (providers, _) = &*MADE;
        prop_assert_eq!(judge(providers, &".".repeat(PROOF_LEN_MAX + extra)).unwrap_err(), Refusal::TooLong);
        prop_assert_ne!(judge(providers, &".".repeat(PROOF_LEN_MAX)).unwrap_err(), Refusal::TooLong);
    }

    #[test]
    fn any_file_is_a_key_set_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(KeySet::parse(&bytes, &Algorithm::ALL).is_err());
    }
}
