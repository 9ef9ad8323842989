//! The schema and the typed tables know the same keys.
#![allow(clippy::unwrap_used)]

use serde::de::DeserializeOwned;

use super::super::convention::ConventionFile;
use super::super::file::File;
use super::super::gate_file::GateFile;
use super::*;
use crate::policy::application::ApplicationsFile;
use crate::policy::practitioner::PractitionersFile;
use crate::tables::Document;
use crate::vihf::profile::Profile;

/// The keys that the typed table names when it meets one that it does not know.
fn typed<T: DeserializeOwned>(text: &str) -> Vec<String> {
    let message = toml::from_str::<T>(text).err().unwrap().message().to_owned();
    let mut names: Vec<_> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    names.sort();
    names
}

fn listed(keys: &[Key]) -> Vec<String> {
    let mut names: Vec<_> = keys.iter().map(|key| key.name.to_owned()).collect();
    names.sort();
    names
}

#[test]
fn every_table_has_the_keys_of_its_typed_twin() {
    assert_eq!(typed::<File>("zz = 1"), listed(CONFIGURATION));
    for key in CONFIGURATION {
        match key.kind {
            Kind::Table(keys) => assert_eq!(typed::<File>(&format!("[{}]\nzz = 1", key.name)), listed(keys)),
            Kind::Tables(keys) => assert_eq!(typed::<File>(&format!("[[{}]]\nzz = 1", key.name)), listed(keys)),
            _ => {}
        }
    }
    assert_eq!(typed::<ConventionFile>("zz = 1"), listed(CONVENTION_FILE));
    assert_eq!(typed::<GateFile>("zz = 1"), listed(GATE_FILE));
    for key in GATE_FILE {
        if let Kind::Table(keys) = key.kind {
            assert_eq!(typed::<GateFile>(&format!("[{}]\nzz = 1", key.name)), listed(keys));
        }
    }
    for key in CONVENTION_FILE {
        match key.kind {
            Kind::Table(keys) => {
                assert_eq!(typed::<ConventionFile>(&format!("[{}]\nzz = 1", key.name)), listed(keys))
            }
            Kind::Tables(keys) => {
                assert_eq!(typed::<ConventionFile>(&format!("[[{}]]\nzz = 1", key.name)), listed(keys));
            }
            _ => {}
        }
    }
    let entry = |keys: &[Key]| match keys {
        [Key { kind: Kind::Tables(keys), .. }] => listed(keys),
        _ => Vec::new(),
    };
    assert_eq!(typed::<ApplicationsFile>("[[application]]\nzz = 1"), entry(APPLICATIONS));
    assert_eq!(typed::<PractitionersFile>("[[practitioner]]\nzz = 1"), entry(PRACTITIONERS));
    let mut profile = typed::<Profile>("zz = 1");
    profile.push("extends".to_owned());
    profile.sort();
    assert_eq!(profile, listed(PROFILE));
}

/// A right value of each kind.
fn value(kind: Kind) -> String {
    match kind {
        Kind::Text => "\"x\"".to_owned(),
        Kind::Texts => "[\"x\"]".to_owned(),
        Kind::Count(max) => max.to_string(),
        Kind::Boolean => "true".to_owned(),
        Kind::Word(words) => format!("{:?}", words().last().unwrap()),
        Kind::Words(words) => format!("{:?}", words()),
        Kind::Table(keys) => table(keys),
        Kind::Tables(keys) => format!("[{}]", table(keys)),
        Kind::Named(names, keys) => {
            let forms: Vec<_> = names().iter().map(|name| format!("{name:?} = {}", table(keys))).collect();
            format!("{{ {} }}", forms.join(", "))
        }
    }
}

fn table(keys: &[Key]) -> String {
    let members: Vec<_> = keys.iter().map(|key| format!("{} = {}", key.name, value(key.kind))).collect();
    format!("{{ {} }}", members.join(", "))
}

#[test]
fn what_the_schema_admits_the_typed_tables_take() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.toml");
    let faults = |keys: &[Key], read: &dyn Fn() -> Vec<super::super::Fault>| {
        let text: Vec<_> = keys.iter().map(|key| format!("{} = {}\n", key.name, value(key.kind))).collect();
        std::fs::write(&path, text.concat()).unwrap();
        read()
    };
    assert_eq!(faults(CONFIGURATION, &|| Document::<File>::read(&path, CONFIGURATION).faults), []);
    assert_eq!(faults(CONVENTION_FILE, &|| Document::<ConventionFile>::read(&path, CONVENTION_FILE).faults), []);
    assert_eq!(faults(APPLICATIONS, &|| Document::<ApplicationsFile>::read(&path, APPLICATIONS).faults), []);
    assert_eq!(faults(PRACTITIONERS, &|| Document::<PractitionersFile>::read(&path, PRACTITIONERS).faults), []);
    let alone: Vec<Key> = PROFILE.iter().filter(|key| key.name != "extends").copied().collect();
    assert_eq!(faults(&alone, &|| Document::<Profile>::read(&path, PROFILE).faults), []);
}
