//! A profile of the establishment's own: what the shipped ones leave open, settled by a file.

use serde_json::json;

use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, login};

const OWN: &str = r##"
extends = "dmp-air"
name = "dmp-air"
vihf_version = "4.0"
mode_attribute = "Authentification_Mode"
conditions = false
inclusive_namespaces = "ds saml #default xsi"
section_system_name = "sections <\"&\">"
guardians_element = "ConfidentialityCode"
guardians_display_name = "Invisible aux représentants légaux"
"##;

/// A file of the shipped profile's name settles what is open the other way; the verifiers meet a PrefixList, an assertion
/// without Conditions, and the secret connection of a minor.
#[test]
fn an_establishments_own_profile_is_sealed() {
    for key in [KeyType::Rsa2048, KeyType::P256] {
        let establishment = Plan::new("issuance-own").key_type(key).build();
        write(&establishment.folder.join("dmp-air.toml"), OWN, 0o644);
        establishment.edit_file("sceau.toml", |config| config["profiles"]["files"] = vec!["dmp-air.toml"].into());
        let _daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        for practitioner in &establishment.practitioners {
            let session = client.open_session(login(&practitioner.id, "CPS", "consultation")).unwrap();
            for invisible in [false, true] {
                let patient = json!({ "ins": PATIENTS[0] });
                let mut ask =
                    json!({ "session": session, "transaction": "3.1", "purpose": "normal", "patient": patient });
                ask["invisible_to_guardians"] = invisible.into();
                let text = client.issue(ask).unwrap().assertion;
                for part in [
                    "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"ds saml #default xsi\">",
                    "Name=\"VIHF_Version\"><saml:AttributeValue>4.0<",
                    "Name=\"Authentification_Mode\">",
                ] {
                    assert!(text.contains(part), "{part} is not in {text}");
                }
                assert!(!text.contains("Conditions"), "{text}");
                assert_eq!(text.contains(" code=\"INVISIBLE_REPRESENTANTS_LEGAUX\""), invisible, "{text}");
            }
        }
    }
    // The shipped profile has no element for it: nothing is invented.
    let establishment = Plan::new("issuance-own").key_type(KeyType::P256).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(login(&establishment.practitioners[0].id, "CPS", "consultation")).unwrap();
    let patient = json!({ "ins": PATIENTS[0] });
    let ask = json!({ "session": session, "transaction": "3.1", "purpose": "normal", "patient": patient, "invisible_to_guardians": true });
    assert_eq!(client.issue(ask).unwrap_err().brief(), ("Denied", "profile-not-allowed"));
}

/// No value is published for Bluetooth + PIN: it is refused until a profile gives one, and nothing else is needed then.
#[test]
fn bluetooth_is_refused_until_a_profile_gives_its_value() {
    let plan = || Plan::new("bluetooth").key_type(KeyType::P256).methods(&["CPS", "BLUETOOTH_PIN"]);
    let asked = |establishment: &Establishment| {
        let _daemons = Daemons::start(establishment);
        // Not collected: the value is this test's own.
        let mut client = Client::connect(&establishment.token_socket()).unwrap();
        let session =
            client.open_session(login(&establishment.practitioners[0].id, "BLUETOOTH_PIN", "consultation"))?;
        client.consult(&session, PATIENTS[0])
    };
    let refused = asked(&plan().build()).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "method-not-allowed"));
    assert!(refused.parameters["message"].as_str().unwrap().contains("aucune valeur n'est encore publiée"));
    let establishment = plan().build();
    let given = "extends = \"dmp-air\"\nname = \"dmp-air\"\n[methods]\nBLUETOOTH_PIN = { class = \"MobileTwoFactorContract\", decl = \"BT_PIN\" }\n";
    write(&establishment.folder.join("dmp-air.toml"), given, 0o644);
    establishment.edit_file("sceau.toml", |config| config["profiles"]["files"] = vec!["dmp-air.toml"].into());
    let issued = asked(&establishment).unwrap();
    for part in [":classes:MobileTwoFactorContract<", "AuthnContextDecl>BT_PIN<"] {
        assert!(issued.assertion.contains(part), "{part} is not in {}", issued.assertion);
    }
}
