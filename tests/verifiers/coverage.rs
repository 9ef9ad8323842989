//! Coverage: the collection holds every profile, every type of key and every method, and its facts are true.

use std::collections::BTreeSet;

use crate::collection::{Document, Facts, collection};

const PROFILES: [&str; 3] = ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"];
const KEYS: [&str; 5] = ["p-256", "p-384", "rsa-2048", "rsa-3072", "rsa-4096"];
/// vihf.md §2; `BLUETOOTH_PIN` has no published value and is refused.
const METHODS: [&str; 7] = [
    "APP_BROWSER_AUTH",
    "APP_MOBILE_AUTH",
    "CARTE_ETS",
    "CONF_EXI_PGSSIS",
    "CPS",
    "CPS:CPSSANSCONTACT",
    "OTP_SMS",
];

fn every_document() -> Vec<Document> {
    collection().into_iter().flat_map(|establishment| establishment.documents).collect()
}

/// Asserts that `fact` takes each of the `wanted` values somewhere, and no other.
fn assert_covered(what: &str, wanted: &[&str], fact: impl Fn(&Facts) -> Option<String>) {
    let found: BTreeSet<_> = every_document().iter().filter_map(|document| fact(&document.facts)).collect();
    let wanted: BTreeSet<_> = wanted.iter().map(ToString::to_string).collect();
    assert_eq!(found, wanted, "the tests' assertions do not cover every {what}, or name an unknown one");
}

#[test]
fn every_profile_occurs() {
    assert_covered("profile", &PROFILES, |facts| Some(facts.profile.clone()));
}

/// That the embedded certificate has this key is checked by the signxml batch.
#[test]
fn every_key_type_occurs() {
    assert_covered("type of key", &KEYS, |facts| Some(facts.key.clone()));
}

#[test]
fn every_method_occurs() {
    let documents = every_document();
    for method in METHODS {
        // The claim alone does not count: the assertion has to say it.
        let says_so = |document: &&Document| {
            document.facts.method.as_deref() == Some(method) && document.text().contains(&format!(">{method}</"))
        };
        assert!(documents.iter().any(|document| says_so(&document)), "no assertion was made with method {method}");
    }
}

#[test]
fn every_fact_names_its_own_assertion() {
    for document in every_document() {
        let id = format!(" ID=\"{}\"", document.facts.id);
        assert!(document.text().contains(&id), "{} does not have the ID of its facts", document.path.display());
    }
}

/// Hostile names that have to survive sealing: escaped markup, a character beyond the basic plane, a combining mark.
#[test]
fn hostile_names_occur() {
    let texts: Vec<_> = every_document().iter().map(Document::text).collect();
    let occurs = |hostile: fn(char) -> bool| texts.iter().any(|text| text.chars().any(hostile));
    assert!(texts.iter().any(|text| text.contains("&lt;")), "no assertion carries escaped markup");
    assert!(occurs(|c| c > '\u{FFFF}'), "no assertion carries a character beyond the basic plane");
    assert!(occurs(|c| matches!(c, '\u{300}'..='\u{36F}')), "no assertion carries a combining mark");
}
