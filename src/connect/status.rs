//! `sceau-connect status`: what each appliance answers now, asked by this command itself.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::appliance::Health;
use super::arguments;
use super::identity::Identity;
use super::run::{NotRun, appliances};
use super::settings::Settings;
use crate::usage::{self, EXIT_UNAVAILABLE, EXIT_USAGE};

/// Runs it: 0 where one appliance at least delivers assertions, 3 where none does, 2 where nothing can be asked.
pub(super) fn main(given: &arguments::Status) -> ExitCode {
    let done = run(given).map(|delivers| if delivers { 0 } else { EXIT_UNAVAILABLE });
    usage::exit("sceau-connect status", done, |_| EXIT_USAGE)
}

fn run(given: &arguments::Status) -> Result<bool, NotRun> {
    let settings = Settings::read(&given.config)?;
    let appliances = appliances(&settings)?;
    let fingerprint = Identity::read(&settings.folder)?.fingerprint();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    for appliance in &appliances {
        let (health, said) = runtime.block_on(appliance.ask_once());
        rows.push((appliance.address.clone(), health, said));
    }
    if given.json {
        let rows: Vec<Value> =
            rows.iter().map(|(address, health, said)| row(address, *health, said.as_ref())).collect();
        println!("{}", json!({ "fingerprint": fingerprint.to_string(), "appliances": rows }));
    } else {
        println!("Empreinte de ce serveur : {} (code court {})", fingerprint, fingerprint.short());
        for (address, health, _) in &rows {
            println!("{address} : {}", health.words());
        }
    }
    Ok(rows.iter().any(|(_, health, _)| *health == Health::Ready))
}

fn row(address: &str, health: Health, said: Option<&Value>) -> Value {
    json!({
        "address": address,
        "ready": health == Health::Ready,
        "answers": health.answers(),
        "status": said.and_then(|said| said.get("parameters")),
        "message": health.words(),
    })
}
