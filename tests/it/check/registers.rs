//! Registers and profiles spoiled in one place each.

use super::{Case, assert_each_is_found, assert_seen, case, check, plan};
use crate::support::establishment::write;

const APPLICATIONS: &str = "applications.toml";
const PRACTITIONERS: &str = "practitioners.toml";

#[test]
fn each_spoiled_register_is_found_at_its_line() {
    const CASES: &[Case] = &[
        case("unknown-user", APPLICATIONS, &[("user = …", "¤user = \"personne-de-ce-nom\"")]),
        case("outside-convention", APPLICATIONS, &[("services = …", "¤services = [\"nulle-part\"]")]),
        case("unknown-profile", APPLICATIONS, &[("profiles = …", "¤profiles = [\"dmp-eau\"]")]),
        case(
            "bad-value",
            APPLICATIONS,
            &[("homologation_expires_on = …", "¤homologation_expires_on = \"31/12/2027\"")],
        ),
        case("bad-value", APPLICATIONS, &[("lps_name = …", "¤lps_name = \"a\\u0001\"")]),
        case(
            "homologation-expired",
            APPLICATIONS,
            &[("homologation_expires_on = …", "¤homologation_expires_on = \"2020-01-01\"")],
        ),
        case("unknown-key", APPLICATIONS, &[("may_declare = …", "¤may_declair = true")]),
        case("missing-key", APPLICATIONS, &[("[[application]]", "¤[[application]]"), ("lps_name = …", "")]),
        case("wrong-type", APPLICATIONS, &[("may_declare = …", "may_declare = ¤\"oui\"")]),
        case("unknown-value", APPLICATIONS, &[("channels = …", "channels = [¤\"LPSS\"]")]),
        case("unknown-value", APPLICATIONS, &[("methods = …", "methods = [¤\"CARTE\"]")]),
        case("method-without-profile", APPLICATIONS, &[("methods = …", "¤methods = [\"BLUETOOTH_PIN\"]")]),
        case("method-not-declared", APPLICATIONS, &[("methods = …", "¤methods = [\"CONF_EXI_PGSSIS\"]")]),
        case("toml-syntax", APPLICATIONS, &[("may_declare = …", "may_declare = ¤oui")]),
        case("bad-identifier", PRACTITIONERS, &[("id = …", "¤id = \"899900063481\"")]),
        case("practitioner-twice", PRACTITIONERS, &[("id = \"899900077985\"", "¤id = \"899900063480\"")]),
        case("bad-code", PRACTITIONERS, &[("profession = \"10\"", "¤profession = \"99\"")]),
        case("contradiction", PRACTITIONERS, &[("services = ", "¤section = \"H\"\nservices = ")]),
        case("outside-convention", PRACTITIONERS, &[("structures = …", "¤structures = [\"1750712184\"]")]),
        case("outside-convention", PRACTITIONERS, &[("services = …", "¤services = [\"nulle-part\"]")]),
        case("bad-value", PRACTITIONERS, &[("trained_on = …", "¤trained_on = \"hier\"")]),
        case("unknown-key", PRACTITIONERS, &[("specialty = ", "¤speciality = ")]),
        case("wrong-type", PRACTITIONERS, &[("enrolled = …", "enrolled = ¤\"oui\"")]),
        case("wrong-type", PRACTITIONERS, &[("[[practitioner]]", "[¤practitioner]")]),
        case("duplicate-key", PRACTITIONERS, &[("enrolled = …", "enrolled = true\n¤enrolled = true")]),
    ];
    // A second table of that name is then a fault of its own: the register has one entry too many for it.
    let (last, rest): (Vec<_>, Vec<_>) = CASES.iter().partition(|case| case.edits[0].1 == "[¤practitioner]");
    assert_eq!(last.len(), 1);
    let rest: Vec<Case> = rest.into_iter().map(|c| Case { rule: c.rule, file: c.file, edits: c.edits }).collect();
    assert_each_is_found(&rest);
}

#[test]
fn an_application_twice_is_found() {
    let establishment = plan()
        .edit_applications(|register| {
            let entries = register["application"].as_array_mut().unwrap();
            entries.push(entries[0].clone());
        })
        .build();
    assert_seen(&establishment, 2, &[("application-twice", APPLICATIONS)]);
}

#[test]
fn a_withdrawn_profession_and_a_homologation_near_its_end_are_warnings() {
    let soon = time::OffsetDateTime::now_utc() + time::Duration::days(20);
    let establishment = plan()
        .edit_applications(move |register| {
            register["application"][0]["homologation_expires_on"] = soon.date().to_string().into();
        })
        .build();
    assert_seen(&establishment, 0, &[("homologation-ends-soon", APPLICATIONS)]);
}

#[test]
fn each_spoiled_profile_is_found() {
    let establishment = plan().edit_config(|config| config["profiles"]["files"] = vec!["p.toml"].into()).build();
    let path = establishment.folder.join("p.toml");
    for (rule, text) in [
        ("unknown-key", "extends = \"dmp-air\"\nname = \"p\"\nlifetime = 1\n"),
        ("wrong-type", "extends = \"dmp-air\"\nname = \"p\"\nlifetime_max_ms = \"1\"\n"),
        ("bad-value", "extends = \"dmp-air\"\nname = \"p\"\nlifetime_max_ms = 31000\n"),
        ("unknown-profile", "name = \"p\"\n\nextends = \"dmp-terre\"\n"),
        ("test-profile", "extends = \"dmp-air\"\nname = \"p\"\ntest = true\n"),
        ("unknown-value", "extends = \"dmp-air\"\nname = \"p\"\nrights = \"toutes\"\n"),
        ("unknown-value", "extends = \"dmp-air\"\n[methods]\n\"CPSS\" = { class = \"X\", decl = \"X\" }\n"),
        ("toml-syntax", "extends = \"dmp-air\"\nname = \"p\"\nmode =\n"),
    ] {
        write(&path, text, 0o644);
        let checked = check(&establishment, &["--json"]);
        let seen = checked.seen();
        let [(found, file, line, _)] = &seen[..] else { panic!("{rule}: {}", checked.out) };
        assert_eq!((found.as_str(), file.as_str(), *line), (rule, "p.toml", Some(3)), "{}", checked.out);
        assert_eq!(checked.code, Some(2));
    }
    write(&path, "extends = \"dmp-air\"\nname = \"p\"\n", 0o644);
    assert_seen(&establishment, 0, &[]);
    write(&path, "name = \"p\"\n", 0o644);
    let rules: Vec<_> = check(&establishment, &["--json"]).seen().into_iter().map(|(rule, ..)| rule).collect();
    assert!(rules.len() == 22 && rules.iter().all(|rule| rule == "missing-key"), "{rules:?}");
}
