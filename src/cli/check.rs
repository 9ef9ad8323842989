//! `sceau check`: what is wrong with this machine and what to do.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::client::{CallError, Client};
use super::{EXIT_HALTED, EXIT_NEGATIVE, EXIT_UNAVAILABLE, EXIT_USAGE, NotDone};
use crate::check::{Answer, Report, Verdict, examine, nagios};

/// Vérifie configuration, registres, clés, certificats, horloge, droits et unités ; dit chaque défaut avec son remède.
///
/// Ne change rien et n'essaie jamais un PIN. Ce que vous n'avez pas le droit de lire est dit « non vérifié » : relancez en root.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Fichier de configuration.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Racine d'un système préparé, dont les unités systemd sont vérifiées au lieu de celles de cette machine.
    #[arg(long, value_name = "DOSSIER")]
    units: Option<PathBuf>,
    /// Imprimer un document JSON.
    #[arg(long, conflicts_with = "nagios")]
    json: bool,
    /// Imprimer une ligne pour Nagios, avec ses codes de sortie (0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN).
    #[arg(long)]
    nagios: bool,
}

impl Check {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        if let Some(root) = self.units.as_deref().filter(|root| !root.is_dir()) {
            let cause = format!("--units : {} n'est pas un dossier ; donnez la racine préparée", root.display());
            if self.nagios {
                println!("UNKNOWN - {}", cause.replace('|', "/"));
                return Ok(nagios::State::Unknown.exit_code());
            }
            return Err(NotDone::Usage(cause));
        }
        let report = examine(&self.config, self.units.as_deref(), ask);
        let mut out = io::stdout().lock();
        if self.nagios {
            writeln!(out, "{}", nagios::line(&report))?;
        } else if self.json {
            writeln!(out, "{}", report.json())?;
        } else {
            report.write_text(&mut out)?;
        }
        out.flush()?;
        Ok(if self.nagios { nagios::State::of(&report).exit_code() } else { exit_code(&report) })
    }
}

fn exit_code(report: &Report) -> u8 {
    match report.verdict() {
        Verdict::Good => 0,
        Verdict::Wrong => EXIT_NEGATIVE,
        Verdict::Misconfigured => EXIT_USAGE,
        Verdict::Unavailable => EXIT_UNAVAILABLE,
        Verdict::Halted => EXIT_HALTED,
    }
}

/// What `sceaud` says of itself.
fn ask(socket: &Path) -> Answer {
    let status = Client::connect(socket).and_then(|mut client| client.call("Status", &json!({})));
    match status {
        Ok(status) => {
            let text =
                |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
            let ready = |value: &Value| value.get("ready").and_then(Value::as_bool).unwrap_or_default();
            let seals = status.get("seals").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let unready = seals.iter().filter(|seal| !ready(seal)).map(|seal| text(seal, "key")).collect();
            let troubles = status.get("troubles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let troubles = troubles.iter().map(|told| (text(told, "reason"), text(told, "message"))).collect();
            let audit_unready = status.get("audit").filter(|audit| !ready(audit)).map(|audit| text(audit, "key"));
            let attached = status.get("attached").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let kind = |row: &Value| if text(row, "kind") == "module" { "module" } else { "connecteur" };
            let attached = attached.iter().map(|row| (kind(row).to_owned(), text(row, "name"))).collect();
            Answer::Status {
                state: text(&status, "state"),
                ready: ready(&status),
                unready,
                troubles,
                audit_unready,
                attached,
            }
        }
        Err(error @ CallError::Refused { .. }) if error.exit_code() == EXIT_HALTED => {
            Answer::Halted(error.to_string())
        }
        Err(error) => Answer::Silent(error.cause()),
    }
}
