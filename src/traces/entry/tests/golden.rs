//! Golden bytes of each kind; who can read identities, and who cannot.

use std::path::Path;

use super::*;
use crate::traces::entry::clear::SealError;
use crate::traces::entry::identity::IdentityError;

fn hex(bytes: &[u8]) -> String {
    bytes.chunks(32).map(|line| line.iter().map(|byte| format!("{byte:02x}")).collect::<String>() + "\n").collect()
}

#[test]
fn each_kind_has_its_golden_bytes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/traces");
    let mut kinds: Vec<&str> = Vec::new();
    for (name, event) in each() {
        kinds.push(event.kind().name());
        let entry = sealed(event);
        let leaf = entry.encode().unwrap();
        let golden = std::fs::read_to_string(folder.join(format!("{name}.hex"))).unwrap_or_default();
        assert_eq!(hex(&leaf), golden, "{name}: format 1 is frozen");
        assert_eq!(Entry::decode(&leaf).unwrap(), entry, "{name}");
    }
    assert!(Kind::ALL.iter().all(|kind| kinds.contains(&kind.name())));
}

#[test]
fn nobody_is_clear_in_a_leaf() {
    let who = practitioner(1);
    let patient = patient();
    for leaf in leaves() {
        for identity in [who.as_str(), patient.ins.as_str(), &who.as_str()[1..], &patient.ins.as_str()[..13]] {
            assert!(!leaf.windows(identity.len()).any(|window| window == identity.as_bytes()));
        }
    }
}

#[test]
fn identities_open_with_their_key_at_their_place_alone() {
    let (who, whose) = keys();
    let entry = sealed(issued(1, 1));
    assert_eq!(entry.practitioner(&who), Ok(Some(practitioner(1))));
    assert_eq!(entry.patient(&whose).unwrap().unwrap().ins, patient().ins);
    assert_eq!(entry.practitioner(&whose), Err(IdentityError::NotOpened));
    assert!(matches!(entry.patient(&who), Err(IdentityError::NotOpened)));
    let moved = Entry { index: 8, ..entry.clone() };
    assert_eq!(moved.practitioner(&who), Err(IdentityError::NotOpened));
    // A destroyed key destroys the data; the entry verifies as before.
    let replaced = DataKey::new(70_000, [9; 32]);
    assert_eq!(entry.practitioner(&replaced), Err(IdentityError::NotOpened));
    assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
    assert_eq!(sealed(Event::Stop).practitioner(&who), Ok(None));
}

#[test]
fn a_lookup_needs_its_key_and_tells_systems_apart() {
    let other = LookupKey::new([7; 32]);
    assert_ne!(lookup_key().practitioner(&practitioner(1)), other.practitioner(&practitioner(1)));
    let nir = Patient { oid: InsOid::Nir, ..patient() };
    assert_ne!(lookup_key().patient(&patient()), lookup_key().patient(&nir));
}

#[test]
fn an_entry_is_sealed_for_its_own_practitioner_with_the_keys_it_needs() {
    let lookup = lookup_key();
    let clear = || Clear { time: Instant::from_ms(0), boot: 0, event: issued(1, 1) };
    let mine = Link::after(lookup.practitioner(&practitioner(1)), None);
    let other = Link::after(lookup.practitioner(&practitioner(2)), None);
    let none = DataKeys::default;
    assert!(matches!(
        clear().seal(2, Some(other), clear().lookups(&lookup), none()),
        Err(SealError::LinkOfAnother)
    ));
    assert!(matches!(clear().seal(2, None, clear().lookups(&lookup), none()), Err(SealError::LinkOfAnother)));
    assert!(matches!(clear().seal(2, Some(mine), clear().lookups(&lookup), none()), Err(SealError::NoKey)));
}
