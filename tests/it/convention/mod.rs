//! The convention: signed by two approvers or not taken, exchanged without dropping a request, over when its days are.

mod commands;
mod refusals;
mod start;
mod takes;
mod time_passes;

use sceau::traces::digest::Digest;
use sceau::traces::entry::event::{Event, Order};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::doorstep::{DoorAlone, physician_login};
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::varlink::Refused;

fn plan() -> Plan {
    Plan::new("convention").key_type(KeyType::P256)
}

/// The door of an establishment in production, its first convention in force.
fn door() -> DoorAlone {
    DoorAlone::in_production(plan())
}

/// That many days from now, as conventions write it.
fn day(days: i64) -> toml::Value {
    (OffsetDateTime::now_utc() + time::Duration::days(days)).date().to_string().into()
}

/// SHA-256 of the file as it stands.
fn hash(of: &Establishment) -> Digest {
    Digest::of(&[&std::fs::read(of.convention()).unwrap()])
}

/// What `sceaud` says of its convention.
fn told(of: &Establishment) -> Value {
    of.call_admin("Convention", json!({})).unwrap()
}

/// The reason of a refusal; `taken` where there is none.
fn reason<T>(answer: Result<T, Refused>) -> String {
    answer.map_or_else(|refused| refused.brief().1.to_owned(), |_| "taken".to_owned())
}

/// Reasons of the troubles in Status.
fn troubles(of: &Establishment) -> Vec<String> {
    let status = of.client().status();
    let troubles = status["troubles"].as_array().unwrap().iter();
    troubles.map(|told| told["reason"].as_str().unwrap().to_owned()).collect()
}

/// What opening a session comes to.
fn opens(of: &Establishment) -> String {
    match of.client().open_session(physician_login()) {
        Ok(_) => "opened".to_owned(),
        Err(refused) => format!("{:?}", refused.brief()),
    }
}

/// Every order in the ledger that presented a convention.
fn presented(of: &Establishment) -> Vec<Order> {
    let orders = entries(of).into_iter().filter_map(|entry| match entry.event {
        Event::Order(order) if order.verb.to_string() == "convention-take" => Some(order),
        _ => None,
    });
    orders.collect()
}

/// Rules of what the verifier finds in the ledger.
fn verify_findings(of: &Establishment) -> Vec<Value> {
    let mut command = std::process::Command::new(crate::support::program::program("sceau"));
    let output = command.args(["traces", "verify", "--json", "--config"]).arg(of.config()).output().unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    said["findings"].as_array().unwrap_or_else(|| panic!("{said}")).clone()
}
