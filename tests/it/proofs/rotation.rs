//! A provider's keys change while `sceaud` runs: the new ones are taken without a restart, a bad file changes nothing.

use std::path::Path;

use serde_json::{Value, json};

use super::{Provider, claims, proved, rule};
use crate::doorstep::{DoorAlone, until};
use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::Client;
use sceau::traces::digest::Digest;
use sceau::traces::entry::Entry;
use sceau::traces::entry::event::Event;

/// The provider's key file is looked at all the time.
fn watched(plan: Plan) -> Plan {
    plan.edit_config(|config| {
        let limits = config.entry("limits").or_insert_with(|| toml::Table::new().into());
        limits.as_table_mut().unwrap().insert("jwks_reload_ms".into(), 10.into());
    })
}

fn keys(provider: &Provider) -> Value {
    provider.mint.ask(&json!({ "do": "jwks" }))
}

/// Replaces the file as a careful operator does: nobody reads half of it.
fn replace(file: &Path, keys: &Value) {
    replace_by(file, &keys.to_string(), 0o644);
}

fn replace_by(file: &Path, text: &str, mode: u32) {
    let new = file.with_extension("new");
    write(&new, text, mode);
    std::fs::rename(new, file).unwrap();
}

/// Contents of the provider's key file, as the ledger tells them.
fn told(of: &Establishment) -> Vec<Digest> {
    let content = |entry: Entry| match entry.event {
        Event::Register(told) if told.register.as_str() == "jwks:sso" && told.mandate.is_none() => {
            Some(told.content)
        }
        _ => None,
    };
    entries(of).into_iter().filter_map(content).collect()
}

/// What came of a session asked for with a new proof of that provider.
fn opens(client: &mut Client, provider: &Provider) -> String {
    let claims = claims();
    rule(client.open_session(proved(&claims, &provider.proof(&claims))))
}

fn troubles(client: &mut Client) -> Vec<String> {
    let status = client.status();
    let troubles = status["troubles"].as_array().unwrap();
    troubles.iter().map(|trouble| trouble["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn new_keys_are_taken_without_a_restart_and_old_ones_no_longer_count() {
    let (old, new) = (Provider::new(), Provider::new());
    let establishment = watched(old.plan()).build();
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let before = claims();
    let session = client.open_session(proved(&before, &old.proof(&before))).unwrap();
    assert_eq!(opens(&mut client, &new), "signature");
    // While both overlap, both count: the new keys under names of their own.
    let mut both = keys(&old);
    for key in keys(&new)["keys"].as_array().unwrap() {
        let named = super::with(key.clone(), "kid", format!("{}-2", key["kid"].as_str().unwrap()).into());
        both["keys"].as_array_mut().unwrap().push(named);
    }
    let file = old.folder.path().join("keys.json");
    replace(&file, &both);
    let by_new = || {
        let claims = claims();
        let proof = new.sign("ec", &json!({ "alg": "ES256", "kid": "ec-2", "typ": "JWT" }), &claims);
        proved(&claims, &proof)
    };
    until("the new keys count", || client.open_session(by_new()).is_ok());
    assert_eq!(opens(&mut client, &old), "opened");
    // The old ones are withdrawn, and what they were called now names others.
    replace(&file, &keys(&new));
    until("the old keys are gone", || opens(&mut client, &new) == "opened");
    assert_eq!(opens(&mut client, &old), "signature");
    assert_eq!(rule(client.open_session(by_new())), "key-unknown");
    assert_eq!(troubles(&mut client), Vec::<String>::new());
    // The start's keys, then each change, whole and in its order; a session stands behind the keys that opened it.
    let contents = [keys(&old), both, keys(&new)].map(|keys| Digest::of(&[keys.to_string().as_bytes()]));
    assert_eq!(told(&establishment), contents);
    // A login that was proved needs no key any more: no assertion verifies a proof.
    client.consult(&session, PATIENTS[0]).unwrap();
    // A start tells nothing twice, and what changed while nobody looked.
    drop(client);
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(2);
    assert_eq!(told(&establishment).len(), contents.len());
    daemons.sceaud.kill_and_hold();
    replace(&file, &keys(&old));
    daemons.sceaud.release();
    daemons.sceaud.wait_ready(3);
    assert_eq!(told(&establishment).last(), Some(&contents[0]));
}

#[test]
fn a_bad_file_leaves_the_old_keys_in_force_and_is_told() {
    let (old, new) = (Provider::new(), Provider::new());
    let door = DoorAlone::open(watched(old.plan()));
    let mut client = door.client();
    let file = old.folder.path().join("keys.json");
    let half = keys(&new).to_string();
    let bad = [
        ("private", old.mint.ask(&json!({ "do": "secret" })).to_string()),
        ("weak", old.mint.ask(&json!({ "do": "small" })).to_string()),
        ("empty", String::new()),
        ("without keys", r#"{"keys":[]}"#.to_owned()),
        ("half written", half[..half.len() / 2].to_owned()),
    ];
    for (name, text) in &bad {
        replace_by(&file, text, 0o644);
        until(name, || troubles(&mut client) == ["jwks-unusable"]);
        assert_eq!(opens(&mut client, &old), "opened", "{name}");
        // Nobody is told where the file is, nor what is in it.
        let told = client.status()["troubles"][0]["message"].as_str().unwrap().to_owned();
        assert!(told.contains(" sso ") && !told.contains('/'), "{told}");
        // Back to what is in force: no change, and no trouble.
        replace(&file, &keys(&old));
        until("mended", || troubles(&mut client).is_empty());
    }
    std::fs::remove_file(&file).unwrap();
    until("missed", || troubles(&mut client) == ["jwks-unusable"]);
    assert_eq!(
        (opens(&mut client, &old), opens(&mut client, &new)),
        ("opened".to_owned(), "signature".to_owned())
    );
    // The next good file ends it.
    replace(&file, &keys(&new));
    until("taken", || opens(&mut client, &new) == "opened");
    assert_eq!(troubles(&mut client), Vec::<String>::new());
    let log = std::fs::read_to_string(door.establishment.folder.join("log/sceaud.log")).unwrap();
    // Each cause once, however often the file was looked at.
    assert_eq!(log.matches("cannot be read again").count(), bad.len() + 1, "{log}");
    assert_eq!(log.matches("keys have changed").count(), 1, "{log}");
}

#[test]
fn one_providers_bad_file_holds_up_no_other() {
    let (first, second, later) = (Provider::new(), Provider::new(), Provider::new());
    let issuer = "https://sso2.hopital.test";
    let file = second.folder.path().join("keys.json");
    let jwks = file.display().to_string();
    let plan = watched(first.plan())
        .edit_config(move |config| {
            let providers = config["identity_provider"].as_array_mut().unwrap();
            let mut second = providers[0].clone();
            let entries = [("name", "sso2"), ("issuer", issuer), ("jwks", &jwks)];
            second.as_table_mut().unwrap().extend(entries.map(|(name, value)| (name.to_owned(), value.into())));
            providers.push(second);
        })
        .edit_applications(|register| also(&mut register["application"][0], "audience"))
        .edit_practitioners(|register| also(&mut register["practitioner"][0], "subject"));
    let door = DoorAlone::open(plan);
    let mut client = door.client();
    replace_by(&first.folder.path().join("keys.json"), "{", 0o644);
    until("told", || troubles(&mut client) == ["jwks-unusable"]);
    replace(&file, &keys(&later));
    let by_second = |client: &mut Client, provider: &Provider| {
        let claims = super::with(claims(), "iss", issuer.into());
        rule(client.open_session(proved(&claims, &provider.proof(&claims))))
    };
    until("the second's new keys", || by_second(&mut client, &later) == "opened");
    assert_eq!(
        (by_second(&mut client, &second), opens(&mut client, &first)),
        ("signature".into(), "opened".into())
    );
}

/// The same audience or subject at the second provider.
fn also(entry: &mut toml::Value, what: &str) {
    let known = entry[what].as_array_mut().unwrap();
    let mut other = known[0].clone();
    other["provider"] = "sso2".into();
    known.push(other);
}

#[test]
fn production_takes_no_keys_that_others_may_write() {
    let (old, new) = (Provider::new(), Provider::new());
    let plan = old.registered(Plan::new("rotation").production().key_type(KeyType::P256).may_declare(false));
    let file = old.folder.path().join("keys.json");
    write(&file, &keys(&old).to_string(), 0o644);
    let door = DoorAlone::open(watched(plan));
    let mut client = door.client();
    replace_by(&file, &keys(&new).to_string(), 0o666);
    until("told", || troubles(&mut client).contains(&"jwks-unusable".to_owned()));
    assert_eq!(
        (opens(&mut client, &old), opens(&mut client, &new)),
        ("opened".to_owned(), "signature".to_owned())
    );
    replace(&file, &keys(&new));
    until("taken", || opens(&mut client, &new) == "opened");
}

#[test]
fn a_change_of_keys_drops_no_session() {
    const CHANGES: usize = 40;
    let (kept, other) = (Provider::new(), Provider::new());
    let door = DoorAlone::open(watched(kept.plan()));
    let file = kept.folder.path().join("keys.json");
    // The kept key is in every file, beside one that comes and goes.
    let alone = keys(&kept);
    let mut beside = alone.clone();
    beside["keys"].as_array_mut().unwrap().push(super::with(
        keys(&other)["keys"][0].clone(),
        "kid",
        "passing".into(),
    ));
    let log = door.establishment.folder.join("log/sceaud.log");
    let changes = || std::fs::read_to_string(&log).unwrap().matches("keys have changed").count();
    let mut client = door.client();
    for change in 0..CHANGES {
        replace(&file, if change % 2 == 0 { &beside } else { &alone });
        until("the change is seen", || {
            assert_eq!(opens(&mut client, &kept), "opened", "while the keys change for the {change}th time");
            changes() > change
        });
    }
}
