//! Each rule, with the proof that breaks it alone.

use super::*;

fn refused(claims: &Value) -> Option<Refusal> {
    let signer = Signer::new();
    judge(&signer.providers(), &signer.token(claims)).err()
}

#[test]
fn a_proof_tells_who_when_and_how() {
    let signer = Signer::new();
    let providers = signer.providers();
    for (alg, kid) in [("RS256", "rsa"), ("PS512", "rsa"), ("ES256", "ec"), ("EdDSA", "ed")] {
        let header = json!({ "alg": alg, "kid": kid }).to_string();
        let proof = judge(&providers, &signer.sign(alg, &header, &claims().to_string())).expect(alg);
        assert_eq!((proof.provider(), proof.subject(), proof.login()), ("sso", "anne", at(NOW - 30)), "{alg}");
        assert_eq!(proof.shows(Method::Cps, at(NOW - 29), None), Ok((at(NOW - 30), None)));
        assert_eq!(proof.shows(Method::Cps, at(NOW - 27), None), Err(Refusal::LoginDiffers));
        assert_eq!(proof.shows(Method::Cps, at(NOW - 33), None), Err(Refusal::LoginDiffers));
        assert_eq!(proof.shows(Method::Cps, at(NOW - 30), Some(at(NOW - 40))), Err(Refusal::LoginDiffers));
        assert_eq!(proof.shows(Method::OtpSms, at(NOW - 30), None), Err(Refusal::Method));
    }
}

#[test]
fn the_reading_with_the_pin_is_the_providers() {
    let signer = Signer::new();
    let mut contactless = with("acr", "previous".into());
    contactless["pin_time"] = (NOW - 3600).into();
    let proof = judge(&signer.providers(), &signer.token(&contactless)).unwrap();
    let shown = (at(NOW - 30), Some(at(NOW - 3600)));
    assert_eq!(proof.shows(Method::CpsSansContact, at(NOW - 30), Some(at(NOW - 3601))), Ok(shown));
    for told in [None, Some(at(NOW - 3500))] {
        assert_eq!(proof.shows(Method::CpsSansContact, at(NOW - 30), told), Err(Refusal::LoginDiffers));
    }
    // The claim is missing.
    assert_eq!(refused(&with("acr", "previous".into())), Some(Refusal::Claim));
}

#[test]
fn each_claim_is_of_its_type_and_there() {
    for name in ["iss", "sub", "aud", "exp", "iat", "auth_time"] {
        assert_eq!(refused(&with(name, Value::Null)), Some(Refusal::Claim), "{name}");
        for wrong in [json!({}), json!(true), json!(""), json!([1])] {
            assert_eq!(refused(&with(name, wrong.clone())), Some(Refusal::Claim), "{name} {wrong}");
        }
    }
    for name in ["exp", "nbf", "iat", "auth_time"] {
        for wrong in [json!(NOW.to_string()), json!(-1), json!(1e300), json!(i64::MAX), json!(u64::MAX)] {
            assert_eq!(refused(&with(name, wrong.clone())), Some(Refusal::Claim), "{name} {wrong}");
        }
    }
    for (name, wrong) in
        [("jti", json!(7)), ("amr", json!("sc")), ("amr", json!([7])), ("acr", json!(2)), ("azp", json!([]))]
    {
        assert_eq!(refused(&with(name, wrong.clone())), Some(Refusal::Claim), "{name} {wrong}");
    }
    // Seconds with a fraction are a NumericDate too.
    assert_eq!(refused(&with("iat", json!(NOW as f64 - 4.5))), None);
}

#[test]
fn times_are_held_within_the_skew() {
    let cases = [
        ("exp", NOW - 1, None),
        ("exp", NOW - 2, Some(Refusal::Expired)),
        ("nbf", NOW + 2, None),
        ("nbf", NOW + 3, Some(Refusal::NotYetValid)),
        ("iat", NOW + 2, None),
        ("iat", NOW + 3, Some(Refusal::IssuedInFuture)),
        ("auth_time", NOW - 5, None),
        ("auth_time", NOW - 4, Some(Refusal::LoginAfterIssue)),
    ];
    for (name, value, refusal) in cases {
        assert_eq!(refused(&with(name, value.into())), refusal, "{name} {}", value - NOW);
    }
    let issued = |seconds: i64| {
        let mut claims = with("iat", seconds.into());
        claims["auth_time"] = (seconds - 10).into();
        refused(&claims)
    };
    assert_eq!((issued(NOW - 302), issued(NOW - 303)), (None, Some(Refusal::TooOld)));
}

#[test]
fn a_proof_is_for_this_application_at_this_provider() {
    let cases = [
        ("aud", json!("autre"), Some(Refusal::Audience)),
        ("aud", json!(["autre"]), Some(Refusal::Audience)),
        ("aud", json!([]), Some(Refusal::Audience)),
        ("aud", json!(["dpi", "autre"]), None),
        ("azp", json!("autre"), Some(Refusal::AuthorizedParty)),
        ("azp", Value::Null, None),
        ("iss", json!("https://sso.example.test/"), Some(Refusal::Issuer)),
        ("iss", json!("HTTPS://sso.example.test"), Some(Refusal::Issuer)),
        ("typ", json!("Bearer"), Some(Refusal::Type)),
        ("events", json!({}), Some(Refusal::Type)),
    ];
    for (name, value, refusal) in cases {
        assert_eq!(refused(&with(name, value.clone())), refusal, "{name} {value}");
    }
    let mut several = with("aud", json!(["autre", "dpi"]));
    several.as_object_mut().unwrap().remove("azp");
    assert_eq!(refused(&several), Some(Refusal::AuthorizedParty));
    // The same client_id at another provider is another application.
    let signer = Signer::new();
    let elsewhere = [Audience { provider: "psc".to_owned(), client_id: "dpi".to_owned() }];
    let judged = verify(&signer.providers(), &elsewhere, &signer.token(&claims()), at(NOW));
    assert_eq!(judged.unwrap_err(), Refusal::Audience);
    let nobody = verify(&Providers::default(), &audiences(), &signer.token(&claims()), at(NOW));
    assert_eq!(nobody.unwrap_err(), Refusal::NoProvider);
}

#[test]
fn acr_and_amr_show_a_method_together() {
    let signer = Signer::new();
    let providers = signer.providers();
    for (name, value) in
        [("acr", json!("eidas1")), ("acr", Value::Null), ("amr", json!(["sc"])), ("amr", Value::Null)]
    {
        let proof = judge(&providers, &signer.token(&with(name, value.clone()))).unwrap();
        assert_eq!(proof.shows(Method::Cps, at(NOW - 30), None), Err(Refusal::Method), "{name} {value}");
    }
}

#[test]
fn a_header_is_what_it_may_be() {
    let signer = Signer::new();
    let providers = signer.providers();
    let judge = |header: &str| judge(&providers, &signer.sign("ES256", header, &claims().to_string())).err();
    assert_eq!(judge(r#"{"alg":"ES256","kid":"ec","typ":"jwt","x5t":"a","x5t#S256":"b"}"#), None);
    let cases = [
        (r#"{"alg":"none","kid":"ec"}"#, Refusal::Algorithm),
        (r#"{"alg":"es256","kid":"ec"}"#, Refusal::Algorithm),
        (r#"{"alg":"HS256","kid":"ec"}"#, Refusal::Algorithm),
        (r#"{"alg":"ES384","kid":"ec"}"#, Refusal::Algorithm),
        (r#"{"kid":"ec"}"#, Refusal::Algorithm),
        (r#"{"alg":["ES256"],"kid":"ec"}"#, Refusal::Header),
        (r#"{"alg":"ES256"}"#, Refusal::KeyUnknown),
        (r#"{"alg":"ES256","kid":""}"#, Refusal::KeyUnknown),
        (r#"{"alg":"ES256","kid":"ecc"}"#, Refusal::KeyUnknown),
        (r#"{"alg":"ES256","kid":7}"#, Refusal::Header),
        (r#"{"alg":"ES256","kid":"rsa"}"#, Refusal::KeyUse),
        (r#"{"alg":"EdDSA","kid":"ec"}"#, Refusal::KeyUse),
        (r#"{"alg":"RS256","kid":"rsa"}"#, Refusal::Signature),
        (r#"{"alg":"ES256","kid":"ec","typ":"at+jwt"}"#, Refusal::Type),
        (r#"{"alg":"ES256","kid":"ec","jwk":{}}"#, Refusal::EmbeddedKey),
        (r#"{"alg":"ES256","kid":"ec","x5c":[]}"#, Refusal::EmbeddedKey),
        (r#"{"alg":"ES256","kid":"ec","crit":["exp"]}"#, Refusal::Critical),
        (r#"{"alg":"ES256","kid":"ec","b64":true}"#, Refusal::Critical),
        (r#"{"alg":"ES256","kid":"ec","zip":"DEF"}"#, Refusal::Header),
        (r#"{"alg":"none","alg":"ES256","kid":"ec"}"#, Refusal::DuplicateMember),
        (r#"["ES256"]"#, Refusal::Json),
        ("{", Refusal::Json),
    ];
    for (header, refusal) in cases {
        assert_eq!(judge(header), Some(refusal), "{header}");
    }
}

#[test]
fn a_proof_has_one_mark_whatever_its_signature() {
    let signer = Signer::new();
    let providers = signer.providers();
    let mark = |claims: &Value| judge(&providers, &signer.token(claims)).unwrap().mark();
    // Two signatures of one ECDSA key differ each time.
    assert_ne!(signer.token(&claims()), signer.token(&claims()));
    let unnamed = with("jti", Value::Null);
    assert_eq!(mark(&claims()), mark(&claims()));
    assert_eq!(mark(&unnamed), mark(&unnamed));
    assert_eq!(mark(&claims()), mark(&with("exp", (NOW + 61).into())), "jti names it");
    assert_ne!(mark(&claims()), mark(&with("jti", "j-2".into())));
    let mut later = unnamed.clone();
    later["exp"] = (NOW + 61).into();
    assert_ne!(mark(&unnamed), mark(&later));
}

#[test]
fn every_refusal_has_a_name_and_a_remedy_of_its_own() {
    let names: std::collections::BTreeSet<_> = Refusal::ALL.iter().map(|refusal| refusal.name()).collect();
    assert_eq!(names.len(), Refusal::ALL.len());
    for refusal in Refusal::ALL {
        let said = refusal.to_string();
        assert!(said.contains(&format!("(règle {})", refusal.name())), "{said}");
        assert!(said.contains(" ; ") || refusal == Refusal::NoProvider, "{said}");
    }
}
