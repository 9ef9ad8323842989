//! The shipped profiles, and two of an establishment's own that use what the shipped ones leave open.

use std::sync::Arc;

use sceau::vihf::profile::{Profile, Profiles};

/// Every open point of vihf.md §9 settled the other way: PrefixList, no Conditions, guardians, other spellings.
const OPEN: &str = r##"
extends = "dmp-air"
name = "ouvert"
test = true
vihf_version = "4.0"
mode_attribute = "Authentification_Mode"
lifetime_max_ms = 5000
conditions = false
inclusive_namespaces = "ds saml #default xsi"
ins_oid = "1.2.250.1.213.1.4.10"
physician_specialties = ["SM", "CAPA", "SCD"]
profession_system_name = ""
specialty_system_name = "spécialités <RPPS> & \"autres\""
section_system_name = "sections 𝔄 'é'"
guardians_element = "ConfidentialityCode"
guardians_display_name = "Invisible aux \"représentants\" <légaux> & autres"
"##;

/// A list that names one prefix, with Conditions.
const ONE_PREFIX: &str = r#"
extends = "dmp-indirecte"
name = "un-prefixe"
inclusive_namespaces = "saml"
guardians_element = "Guardians"
guardians_display_name = "Invisible"
"#;

/// All five, the shipped ones first.
pub(super) fn all() -> Vec<Arc<Profile>> {
    let mut profiles = Profiles::shipped().unwrap();
    let own = [OPEN, ONE_PREFIX].map(|text| profiles.take(text).unwrap());
    let shipped =
        ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"].map(|name| Arc::clone(profiles.get(name).unwrap()));
    shipped.into_iter().chain(own).collect()
}

/// What a profile's file may not say, since an assertion could not carry it.
#[test]
fn a_profile_that_cannot_be_written_is_refused_with_its_field() {
    let fields =
        ["profession_system_name", "specialty_system_name", "section_system_name", "guardians_display_name"];
    for field in fields {
        for bad in [r"a\u0000", r"\u0001", r"a\tb", r"a\nb", r"\uFFFE", r"a\u202Eb"] {
            let text = format!("extends = \"dmp-air\"\nname = \"x\"\n{field} = \"{bad}\"\n");
            let refused = Profiles::shipped().unwrap().take(&text);
            assert!(refused.as_ref().is_err_and(|e| e.to_string().contains(field)), "{text}: {refused:?}");
        }
    }
    for (field, bad) in [
        ("mode", "\"INDIRECTE RENFORCEE\""),
        ("vihf_version", "\"\""),
        ("mode_attribute", "\"é\""),
        ("guardians_element", "\"Code\""),
        ("guardians_element", "\"a b\""),
        ("guardians_element", "\"x:y\""),
        ("inclusive_namespaces", "\"a\\\"b\""),
        ("methods", "{ \"CPS\" = { class = \"a b\" } }"),
        ("default_class", "\"\\u0001\""),
    ] {
        let text = format!("extends = \"dmp-air\"\nname = \"x\"\n{field} = {bad}\n");
        assert!(Profiles::shipped().unwrap().take(&text).is_err(), "{text}");
    }
}
