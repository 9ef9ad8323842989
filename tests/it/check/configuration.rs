//! The configuration spoiled in one place each, and in several at once.

use super::{Case, assert_each_is_found, case, check, plan};

const FILE: &str = "sceau.toml";

#[test]
fn each_spoiled_configuration_is_found_at_its_line() {
    const CASES: &[Case] = &[
        case("toml-syntax", FILE, &[("mode = \"production\"", "mode = ¤production")]),
        case("toml-syntax", FILE, &[("[trust]", "[trust¤")]),
        case("duplicate-key", FILE, &[("mode = \"production\"", "mode = \"production\"\n¤mode = \"test\"")]),
        case("duplicate-key", FILE, &[("[trust]", "[trust]\n[¤trust]")]),
        case("unknown-key", FILE, &[("mode = \"production\"", "mode = \"production\"\n¤modus_operandi = 1")]),
        case("unknown-key", FILE, &[("mode = \"production\"", "¤moed = \"production\"")]),
        case("unknown-key", FILE, &[("[trust]", "[trust]\n¤polycy_oid = \"1.2\"")]),
        case("unknown-key", FILE, &[("[trust]", "[¤limites]\nidle_ms = 1\n\n[trust]")]),
        case("unknown-key", FILE, &[("[[service]]", "[[¤servise]]"), ("[[service]]", "[[servise]]")]),
        case("unknown-key", FILE, &[("sector = \"SA01\"", "¤secteur = \"SA01\"")]),
        case("unknown-key", FILE, &[("pin_file = ", "¤pin_fil = ")]),
        case("missing-key", FILE, &[("[[structure]]", "¤[[structure]]"), ("sector = \"SA01\"", "")]),
        case("missing-key", FILE, &[("[[seal]]", "¤[[seal]]"), ("pin_file = \"secrets/seal-a.pin\"", "")]),
        case("missing-key", FILE, &[("[audit]", "¤[audit]"), ("pin_file = …", "")]),
        case("missing-key", FILE, &[("[audit]", "¤[audit]"), ("origin = …", "")]),
        case("bad-value", FILE, &[("origin = …", "¤origin = \"Le journal\"")]),
        case("bad-value", FILE, &[("origin = ", "¤processes = 0\norigin = ")]),
        case("bad-value", FILE, &[("[sockets]", "[limits]\n¤checkpoint_entries_max = 0\n\n[sockets]")]),
        case("bad-value", FILE, &[("[sockets]", "[limits]\n¤checkpoint_ms_max = 0\n\n[sockets]")]),
        case("declared-twice", FILE, &[("key = \"audit\"", "¤key = \"seal-a\"")]),
        case(
            "contradiction",
            FILE,
            &[("origin = …", "origin = \"autre/journal\""), ("public_key", "¤public_key")],
        ),
        case("missing-key", FILE, &[("[[service]]", "¤[[service]]"), ("lifetime_ms = …", "")]),
        case("wrong-type", FILE, &[("lifetime_ms = 30000", "lifetime_ms = ¤\"30000\"")]),
        case("wrong-type", FILE, &[("key = \"seal-a\"", "key = ¤1")]),
        case("wrong-type", FILE, &[("policy_oid = …", "policy_oid = ¤true")]),
        case("wrong-type", FILE, &[("anchors = …", "anchors = ¤\"pki/ca.pem\"")]),
        case("wrong-type", FILE, &[("anchors = …", "anchors = [\"pki/ca.pem\", ¤1]")]),
        case("wrong-type", FILE, &[("processes = 1", "processes = ¤1.5")]),
        case("wrong-type", FILE, &[("mode = \"production\"", "mode = ¤2026-01-01")]),
        case("bad-value", FILE, &[("processes = 1", "processes = ¤-1")]),
        case("bad-value", FILE, &[("processes = 1", "¤processes = 99")]),
        case("bad-value", FILE, &[("processes = 1", "¤processes = 0")]),
        case("bad-value", FILE, &[("processes = 1", "processes = ¤70000")]),
        case("bad-value", FILE, &[("key = \"seal-a\"", "¤key = \"Seal A\"")]),
        case("bad-value", FILE, &[("lifetime_ms = 30000", "¤lifetime_ms = 10")]),
        case("bad-value", FILE, &[("login_age_max_ms = …", "¤login_age_max_ms = 0")]),
        case("bad-value", FILE, &[("purposes = …", "¤purposes = []")]),
        case("bad-value", FILE, &[("[sockets]", "[limits]\n¤emergency_share_percent = 51\n\n[sockets]")]),
        case("bad-value", FILE, &[("pin_file = …", "¤pin_credential = \"a/b\"")]),
        case("bad-value", FILE, &[("[sockets]", "[limits]\n¤idle_ms = 0\n\n[sockets]")]),
        case("bad-value", FILE, &[("contactless_delay_ms = …", "¤contactless_delay_ms = 999999999")]),
        case("unknown-value", FILE, &[("mode = \"production\"", "mode = ¤\"essai\"")]),
        case("unknown-value", FILE, &[("rights = …", "rights = ¤\"toutes\"")]),
        case("unknown-value", FILE, &[("purposes = …", "purposes = [\"normal\", ¤\"urgence\"]")]),
        case("unknown-value", FILE, &[("methods = …", "methods = [\"CPS\", ¤\"CPSS\"]")]),
        case("bad-identifier", FILE, &[("id = \"1690781810\"", "¤id = \"1690781811\"")]),
        case("bad-identifier", FILE, &[("sector = \"SA01\"", "¤sector = \"ZZ99\"")]),
        case("unknown-structure", FILE, &[("structure = \"1690781810\"", "¤structure = \"1750712184\"")]),
        case("declared-twice", FILE, &[("name = \"urgences\"", "¤name = \"consultation\"")]),
        case("contradiction", FILE, &[("pin_file = ", "¤pin_credential = \"x\"\npin_file = ")]),
        case("contradiction", FILE, &[("contactless_delay_ms = …", ""), ("methods = [", "¤methods = [")]),
        case("unknown-profile", FILE, &[("default = \"dmp-air\"", "¤default = \"dmp-aire\"")]),
        case("method-without-profile", FILE, &[("methods = [", "¤methods = [\"BLUETOOTH_PIN\", ")]),
        case("policy-unchecked", FILE, &[("policy_oid = …", "¤policy_oid = \"\"")]),
        case("token-uri", FILE, &[("uri = \"pkcs11:", "¤uri = \"pkcs11:objet=x;")]),
        case("token-uri", FILE, &[("uri = …", "¤uri = \"pkcs11:object=k?pin-value=1234\"")]),
        case("module-missing", FILE, &[("module = …", "¤module = \"/nulle/part.so\"")]),
        case("module-unusable", FILE, &[("module = …", "¤module = \"applications.toml\"")]),
        case("module-unusable", FILE, &[("module = …", "¤module = \"pki\"")]),
        case("file-missing", FILE, &[("pin_file = …", "¤pin_file = \"secrets/absent.pin\"")]),
        case("file-unusable", FILE, &[("pin_file = …", "¤pin_file = \"secrets\"")]),
    ];
    assert_each_is_found(CASES);
}

#[test]
fn all_faults_are_told_at_once_and_registers_beside_them() {
    let establishment = plan().build();
    let spoil = |file: &str, from: &str, to: &str| {
        let path = establishment.folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from} is not in {text}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    };
    spoil("sceau.toml", "mode = \"production\"", "mode = \"production\"\nmodus = 1");
    spoil("sceau.toml", "lifetime_ms = 30000", "lifetime_ms = \"30000\"");
    spoil("sceau.toml", "processes = 1", "processes = 0");
    spoil("sceau.toml", "[sockets]", "[limits]\nidle_ms = 0\nqueue_ms = 0\nqueue = 1\n\n[sockets]");
    spoil("applications.toml", "may_declare", "may_declair");
    spoil("practitioners.toml", "profession = \"10\"", "profession = 10");
    let rules =
        |out: &[super::Seen]| out.iter().map(|(rule, file, ..)| format!("{rule} {file}")).collect::<Vec<_>>();
    let checked = check(&establishment, &["--json"]);
    let mut seen = rules(&checked.seen());
    seen.sort();
    let mut expected = [
        "bad-value sceau.toml",
        "bad-value sceau.toml",
        "bad-value sceau.toml",
        "unknown-key applications.toml",
        "unknown-key sceau.toml",
        "unknown-key sceau.toml",
        "wrong-type practitioners.toml",
        "wrong-type sceau.toml",
    ];
    expected.sort_unstable();
    assert_eq!(seen, expected, "{}", checked.out);
    // A configuration that is no TOML hides nothing of the registers.
    spoil("sceau.toml", "mode = \"production\"", "mode = production");
    let checked = check(&establishment, &["--json"]);
    let seen = rules(&checked.seen());
    assert_eq!(
        seen,
        ["toml-syntax sceau.toml", "unknown-key applications.toml", "wrong-type practitioners.toml"],
        "{}",
        checked.out
    );
    // sceaud and the signer refuse with the same words.
    let error = sceau::config::Config::load(&establishment.config()).unwrap_err();
    assert_eq!(error.faults().len(), 1);
    assert!(error.to_string().contains("ligne 1, colonne 8 : un texte n'est pas entre guillemets"), "{error}");
}

#[test]
fn a_mistyped_key_is_told_with_what_was_meant() {
    let establishment = plan().build();
    let path = establishment.config();
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, suggestion) in [
        ("mode = ", "moed = ", Some("`mode`")),
        ("intermediates", "intermediate", Some("`intermediates`")),
        ("mode = ", "zzz = ", None),
    ] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let checked = check(&establishment, &[]);
        assert_eq!(suggestion.is_some(), checked.out.contains("vouliez-vous écrire"), "{}", checked.out);
        assert!(suggestion.is_none_or(|known| checked.out.contains(known)), "{}", checked.out);
    }
}

/// Neither a PIN written where none belongs nor a terminal's command comes out again.
#[test]
fn no_secret_of_a_wrong_file_is_repeated() {
    let establishment = plan().build();
    let path = establishment.config();
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("[[seal]]", "[[seal]]\npin = \"19283746\""),
        ("key = \"seal-a\"", "key = 19283746"),
        ("pin_file = ", "pin_file = \"19283746"),
        ("pkcs11:", "pkcs11:pin-value=19283746;"),
        ("[[seal]]", "[[seal]]\n\"\\u001B[2J\" = \"19283746\""),
    ] {
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        for form in [&[][..], &["--json"], &["--nagios"]] {
            let checked = check(&establishment, form);
            assert_ne!(checked.code, Some(0), "{}", checked.out);
            assert!(!checked.out.contains("19283746") && !checked.out.contains('\u{1b}'), "{}", checked.out);
        }
    }
}

/// Production signs its ledger: without an audit key, or without its public half, nothing starts.
#[test]
fn production_without_an_audit_key_is_found() {
    let without = plan().audit(None).build();
    super::assert_seen(&without, 2, &[("missing-key", FILE)]);
    assert!(check(&without, &[]).out.contains("sceau keys generate --use audit"));
    let test = crate::support::plan::Plan::new("check").audit(None).build();
    assert!(!check(&test, &[]).out.contains("[audit]"));
    let with = plan().build();
    let public = with.folder.join("pki/AUDIT.pub");
    std::fs::write(&public, "example.fr/sceau-test+00000000+AQ==\n").unwrap();
    super::assert_seen(&with, 2, &[("bad-value", "AUDIT.pub")]);
    std::fs::remove_file(&public).unwrap();
    super::assert_seen(&with, 2, &[("file-missing", "AUDIT.pub")]);
}
