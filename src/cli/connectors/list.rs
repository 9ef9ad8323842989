//! `sceau connectors list`: what is attached, connectors and modules.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{AdminDoor, NotDone, show};

/// Montre les connecteurs et les modules attachés, et les connecteurs détachés, dont l'utilisateur reste réservé.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl List {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let told = self.door.connect()?.call_admin("Connectors", &json!({}))?;
        show(&told, self.json, table)?;
        Ok(0)
    }
}

fn table(told: &Value, out: &mut impl io::Write) -> io::Result<()> {
    let rows = |name: &str| told.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |row: &Value, name: &str| row.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let words = |row: &Value, name: &str| {
        let words = row.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    if rows("connectors").is_empty() && rows("modules").is_empty() {
        writeln!(out, "Rien n'est attaché")?;
    }
    for row in rows("connectors") {
        let (name, user) = (text(row, "name"), text(row, "user"));
        if row.get("attached").and_then(Value::as_bool) != Some(true) {
            writeln!(out, "Détaché     {name} (utilisateur {user} réservé)")?;
            continue;
        }
        writeln!(out, "Connecteur  {name}, utilisateur {user}, depuis le {}", text(row, "since"))?;
        writeln!(out, "            image {}", text(row, "image"))?;
        let doors = words(row, "doors");
        writeln!(out, "            portes : {}", if doors.is_empty() { "aucune" } else { &doors })?;
        if row.get("interface").is_some() {
            let listen = row.get("listen").and_then(Value::as_u64);
            let listen = listen.map_or("n'écoute pas".to_owned(), |port| format!("écoute au port {port}"));
            writeln!(
                out,
                "            réseau {}, avec {} ; {listen}",
                text(row, "interface"),
                words(row, "peers")
            )?;
        }
        if row.get("device").is_some() {
            writeln!(out, "            périphérique {}", text(row, "device"))?;
        }
        let settings = words(row, "settings");
        if !settings.is_empty() {
            writeln!(out, "            réglages : {settings}")?;
        }
    }
    for row in rows("modules") {
        writeln!(out, "Module      {} depuis le {}", text(row, "name"), text(row, "since"))?;
        writeln!(out, "            image {}", text(row, "image"))?;
    }
    Ok(())
}
