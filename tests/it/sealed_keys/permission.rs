//! Off by default: the signed convention permits them, and every place says so.

use serde_json::{Value, json};

use super::sceau;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::varlink::login;
use crate::support::wait::{eventually, until};
use sceau::traces::entry::event::Event;

fn plan(name: &str, keys: KeyOrigin) -> Plan {
    Plan::new(name).key_type(KeyType::P256).keys(keys)
}

/// What an assertion comes to.
fn issue(of: &Establishment) -> Result<u64, String> {
    let mut client = of.client();
    let session = client.open_session(login(&Practitioner::physician().id, "CPS", "consultation")).unwrap();
    match client.consult(&session, PATIENTS[0]) {
        Ok(issued) => Ok(issued.entry),
        Err(refused) => Err(format!("{:?}", refused.brief())),
    }
}

fn troubles(of: &Establishment) -> Vec<Value> {
    let status = of.client().status();
    status["troubles"].as_array().unwrap().iter().map(|told| told["reason"].clone()).collect()
}

/// The rules that `sceau check` names.
fn rules(of: &Establishment) -> Vec<String> {
    let (_, said) = sceau(&of.folder, &["check", "--json", "--config", "sceau.toml"]);
    let report: Value = serde_json::from_str(said.lines().find(|line| line.starts_with('{')).unwrap()).unwrap();
    report["findings"].as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap().to_owned()).collect()
}

/// The word of the entry at an index.
fn keyring(of: &Establishment, entry: u64) -> Option<String> {
    let entry = entries(of).into_iter().find(|one| one.index == entry).unwrap();
    let Event::Issued(issued) = entry.event else { panic!("{entry:?}") };
    issued.keyring.map(|word| word.to_string())
}

#[test]
fn production_seals_with_them_by_the_signed_convention_alone() {
    let of = plan("permission", KeyOrigin::Sealed).production().build();
    // As approvers sign it that were not asked: without the line, which is false by default.
    of.renew_convention(|table| drop(table["convention"].as_table_mut().unwrap().remove("sealed_keys")));
    let signers: Vec<_> =
        of.signer_instances().iter().map(|name| crate::support::daemon::Daemon::signer(&of, name, &[])).collect();
    let audit = crate::support::daemon::Daemon::signer(&of, &of.audit_instance().unwrap(), &[]);
    let daemons =
        Daemons { sceaud: crate::support::daemon::Daemon::sceaud(&of, &[]), signers, audit: Some(audit) };
    until("the door", || crate::support::varlink::Client::connect(&of.admin_socket()).is_ok());
    of.enforce_convention();
    until("the trouble is told", || troubles(&of).contains(&json!("sealed-keys-not-declared")));
    assert!(rules(&of).contains(&"sealed-keys-not-declared".to_owned()));
    assert_eq!(of.client().status()["ready"], false);
    assert_eq!(issue(&of), Err(r#"("Unavailable", "convention")"#.to_owned()));
    // Two approvers sign the line: from the next request on it is so, nothing is restarted.
    of.renew_convention(|table| {
        table["convention"].as_table_mut().unwrap().insert("sealed_keys".into(), true.into());
    });
    of.take_convention().unwrap();
    until("ready", || of.client().status()["ready"] == true);
    let entry = issue(&of).unwrap();
    assert_eq!(keyring(&of, entry).as_deref(), Some("sealed"));
    assert!(!troubles(&of).contains(&json!("sealed-keys-not-declared")));
    // And taken back.
    of.renew_convention(|table| table["convention"]["sealed_keys"] = false.into());
    of.take_convention().unwrap();
    assert_eq!(issue(&of), Err(r#"("Unavailable", "convention")"#.to_owned()));
    assert_eq!(daemons.sceaud.starts(), 1);
}

#[test]
fn one_sealed_key_of_whatever_use_needs_the_line() {
    let of = plan("audit-alone", KeyOrigin::Sealed).edit_config(|config| {
        config["convention"]["sealed_keys"] = false.into();
    });
    // The seal itself is in a token.
    let structure = crate::support::plan::STRUCTURES[0];
    let of = of.seal(crate::support::seal::SealPlan::of(structure, "seal-a", KeyType::P256)).build();
    let signers = vec![crate::support::daemon::Daemon::signer(&of, "seal-a-1", &[])];
    let _daemons = Daemons { sceaud: crate::support::daemon::Daemon::sceaud(&of, &[]), signers, audit: None };
    until("the door", || crate::support::varlink::Client::connect(&of.token_socket()).is_ok());
    until("the trouble is told", || troubles(&of).contains(&json!("sealed-keys-not-declared")));
    assert_eq!(issue(&of), Err(r#"("Unavailable", "convention")"#.to_owned()));
}

#[test]
fn check_status_and_every_entry_say_it_and_say_nothing_of_a_token() {
    for (keys, word) in KeyOrigin::KEYRINGS.into_iter().zip(["pkcs11", "sealed"]) {
        let of = plan("told", keys).build();
        let _daemons = Daemons::start(&of);
        let status = eventually("ready", || Some(of.client().status()).filter(|status| status["ready"] == true));
        let (_, page) = sceau(&of.folder, &["status", "--config", "sceau.toml"]);
        let is_sealed = keys == KeyOrigin::Sealed;
        assert_eq!(page.contains("Sans HSM    seal-a"), is_sealed, "{page}");
        let named = if is_sealed { json!(["seal-a", "audit"]) } else { Value::Null };
        assert_eq!(status["sealed_keys"], named, "{status}");
        assert_eq!(rules(&of).contains(&"key-without-token".to_owned()), is_sealed);
        let entry = issue(&of).unwrap();
        assert_eq!(keyring(&of, entry), is_sealed.then(|| word.to_owned()));
        let (code, list) = sceau(&of.folder, &["keys", "list", "--config", "sceau.toml", "--json"]);
        let list: Value = serde_json::from_str(list.trim()).unwrap();
        let (sealed, tokens) = (list["sealed"].as_array().unwrap(), list["tokens"].as_array().unwrap());
        assert_eq!(code, Some(0));
        assert_eq!((sealed.is_empty(), tokens.is_empty()), (!is_sealed, is_sealed), "{list}");
    }
}
