//! Identity providers, pairings and exceptions spoiled in one place each.

use toml::Table;

use super::{Case, assert_each_is_found, assert_seen, case, check, plan};
use crate::support::establishment::write;

const FILE: &str = "sceau.toml";
const CONVENTION: &str = "convention.toml";
const APPLICATIONS: &str = "applications.toml";
const PRACTITIONERS: &str = "practitioners.toml";

#[test]
fn each_fault_of_providers_and_exceptions_is_found() {
    const CASES: &[Case] = &[
        case(
            "unknown-key",
            CONVENTION,
            &[(
                "[declaration]",
                "[[exception]]\napplication = \"x\"\nreason = \"r\"\nuntil = \"2030-01-01\"\n¤since = 1\n\n[declaration]",
            )],
        ),
        case("bad-value", CONVENTION, &[("until = …", "¤until = \"demain\"")]),
        case("bad-value", CONVENTION, &[("reason = …", "¤reason = \" \"")]),
        case("bad-value", CONVENTION, &[("application = …", "¤application = \"a\\u001B[2J\"")]),
        case(
            "bad-value",
            CONVENTION,
            &[("login_age_max_ms = 14400000\nsessions", "¤login_age_max_ms = 86400000\nsessions")],
        ),
        case("bad-value", CONVENTION, &[("sessions_per_hour_max = …", "¤sessions_per_hour_max = 0")]),
        case(
            "unknown-provider",
            APPLICATIONS,
            &[(
                "may_declare = …",
                "may_declare = true\n¤audience = [{ provider = \"sso\", client_id = \"dpi\" }]",
            )],
        ),
        case(
            "missing-key",
            APPLICATIONS,
            &[("may_declare = …", "may_declare = true\naudience = [¤{ provider = \"sso\" }]")],
        ),
        case(
            "unknown-key",
            APPLICATIONS,
            &[(
                "may_declare = …",
                "may_declare = true\naudience = [{ provider = \"sso\", client_id = \"dpi\", ¤client_secret = \"x\" }]",
            )],
        ),
        case("wrong-type", APPLICATIONS, &[("may_declare = …", "may_declare = true\naudience = ¤\"dpi\"")]),
        case("wrong-type", APPLICATIONS, &[("may_declare = …", "may_declare = true\naudience = [¤\"dpi\"]")]),
        case(
            "unknown-provider",
            PRACTITIONERS,
            &[("enrolled = true", "enrolled = true\n¤subject = [{ provider = \"sso\", subject = \"a\" }]")],
        ),
    ];
    assert_each_is_found(CASES);
}

/// A right provider, with one key of its configuration changed.
fn provider(folder: &std::path::Path, change: impl FnOnce(&mut Table)) -> toml::Value {
    let mut provider: Table = format!(
        "name = \"sso\"\nissuer = \"https://sso.test\"\njwks = {:?}\nalgorithms = [\"EdDSA\"]\n\
         method = [{{ method = \"CPS\", amr = [\"sc\", \"pin\"] }}]",
        folder.join("keys.json").display()
    )
    .parse()
    .unwrap();
    change(&mut provider);
    provider.into()
}

#[test]
fn each_fault_of_a_provider_and_its_keys_is_found() {
    const KEY: &str =
        r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let folder = tempfile::tempdir().unwrap();
    let keys = |text: &str| write(&folder.path().join("keys.json"), text, 0o644);
    let set = |key: &str| format!(r#"{{"keys":[{key}]}}"#);
    let found = |change: &dyn Fn(&mut Table), rules: &[(&str, &str)]| {
        let registered = provider(folder.path(), change);
        let plan =
            plan().edit_config(|config| drop(config.insert("identity_provider".into(), vec![registered].into())));
        let code = if rules.is_empty() { 0 } else { 2 };
        assert_seen(&plan.build(), code, rules);
    };
    let put = |name: &'static str, value: toml::Value| {
        move |table: &mut Table| drop(table.insert(name.into(), value.clone()))
    };
    let method = |text: &str| put("method", vec![toml::Value::from(text.parse::<Table>().unwrap())].into());
    keys(&set(KEY));
    found(&|_| (), &[]);
    let bad = &[("bad-value", FILE)];
    found(&put("issuer", "http://sso.test".into()), bad);
    found(&put("issuer", "sso".into()), bad);
    found(&put("name", "SSO".into()), bad);
    found(&put("age_max_ms", 7_200_000.into()), bad);
    found(&put("clock_skew_ms", 600_000.into()), bad);
    found(&put("algorithms", toml::Value::Array(Vec::new())), bad);
    found(&put("method", toml::Value::Array(Vec::new())), bad);
    found(&put("algorithms", vec!["HS256"].into()), &[("unknown-value", FILE)]);
    found(&put("algorithms", vec!["none"].into()), &[("unknown-value", FILE)]);
    found(&method("method = \"CPS\"\namr = [\"sc\", \"otp\"]"), &[("one-factor", FILE)]);
    found(&method("method = \"CPS\"\namr = [\"mfa\"]"), &[("one-factor", FILE)]);
    found(&method("method = \"CPS\"\nacr = [\"eidas3\"]"), &[("one-factor", FILE)]);
    found(&method("method = \"CPS\"\nfactors = [\"knowledge\", \"possession\"]"), &[("contradiction", FILE)]);
    found(&method("method = \"CPS\"\namr = [\"sc\", \"pin\"]\ninitial_claim = \"t\""), &[("contradiction", FILE)]);
    found(&method("method = \"CPS:CPSSANSCONTACT\"\namr = [\"sc\", \"pin\"]"), &[("contradiction", FILE)]);
    found(&method("method = \"CPS\"\namr = [\"sc\", \"pin\"]\nlevel = 2"), &[("unknown-key", FILE)]);
    let unusable = &[("jwks-unusable", "keys.json")];
    for text in ["", "{}", &set(""), &set(&KEY.replace("Ed25519", "Ed448")), &set(&[KEY, KEY].join(","))] {
        keys(text);
        found(&|_| (), unusable);
    }
    keys(&set(&KEY.replace("\"x\"", "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\",\"x\"")));
    found(&|_| (), &[("jwks-secret", "keys.json")]);
    keys(&set(KEY));
    found(&put("jwks", "absent.json".into()), &[("file-missing", "absent.json")]);
}

#[test]
fn what_nobody_can_prove_or_declare_is_told() {
    let removed = |table: &mut Table| drop(table.remove("exception"));
    assert_seen(&plan().edit_config(removed).build(), 0, &[("declaration-without-exception", APPLICATIONS)]);
    let refused = plan().may_declare(false).edit_config(removed).build();
    assert_seen(&refused, 0, &[("application-without-proof", APPLICATIONS)]);
    let soon = (time::OffsetDateTime::now_utc() + time::Duration::days(9)).date().to_string();
    let ending = plan().edit_config(move |table| table["exception"][0]["until"] = soon.into()).build();
    assert_seen(&ending, 0, &[("exception-ends-soon", APPLICATIONS)]);
}

#[test]
fn an_account_of_two_people_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let key =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    write(&folder.path().join("keys.json"), key, 0o644);
    let registered = provider(folder.path(), |_| ());
    let pairing = |subject: &str| -> toml::Value {
        vec![Table::from_iter([("provider".to_owned(), "sso".into()), ("subject".to_owned(), subject.into())])]
            .into()
    };
    let establishment = plan()
        .edit_config(|config| drop(config.insert("identity_provider".into(), vec![registered].into())))
        .edit_practitioners(move |register| {
            for (place, subject) in ["a", "b", "a"].into_iter().enumerate() {
                register["practitioner"][place].as_table_mut().unwrap().insert("subject".into(), pairing(subject));
            }
        })
        .build();
    assert_seen(&establishment, 2, &[("subject-twice", PRACTITIONERS)]);
    assert!(!check(&establishment, &[]).out.contains("subject = \"a\""));
}
