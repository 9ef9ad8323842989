//! `sceau applications invite`, `enrolments`, `certificate` and `revoke-certificate`: applications of other machines.

use std::io::{self, Write as _};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::order::Signing;
use crate::cli::{AdminDoor, NotDone, show};
use crate::policy::order::Verb;

/// Invite un serveur d'application à proposer son certificat : ordre d'un administrateur. Imprime le code, une seule fois.
#[derive(Debug, Args)]
pub(super) struct Invite {
    /// Application distante, comme au registre : gate:NOM.
    #[arg(long, value_name = "gate:NOM")]
    application: String,
    #[command(flatten)]
    signing: Signing,
}

/// Certificat d'une application distante.
#[derive(Debug, Args)]
pub(super) struct Certificate {
    /// Application distante, comme au registre : gate:NOM.
    #[arg(long, value_name = "gate:NOM")]
    application: String,
    /// Empreinte de sa clé publique, comme sceau applications enrolments la donne.
    #[arg(long, value_name = "sha256:HEX")]
    certificate: String,
    #[command(flatten)]
    signing: Signing,
}

/// Montre les invitations ouvertes et les certificats proposés.
#[derive(Debug, Args)]
pub(super) struct Enrolments {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Invite {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let arguments = Map::from_iter([("application".to_owned(), self.application.clone().into())]);
        if !self.signing.signs() {
            return self.signing.give(Verb::ApplicationInvite, arguments, None);
        }
        let answer = self.signing.obtain(Verb::ApplicationInvite, arguments, None)?;
        let mut out = io::stdout().lock();
        if self.signing.wants_json() {
            writeln!(out, "{answer}")?;
        } else {
            let done = answer.get("done").unwrap_or(&Value::Null);
            writeln!(
                out,
                "Code d'invitation de {}, valable 24 heures au plus et une seule fois :",
                self.application
            )?;
            writeln!(out, "\n  {}\n", text(done, "code"))?;
            writeln!(out, "Clé du portail : {}", text(done, "gate"))?;
            writeln!(out, "Ensuite : sceau applications enrolments, puis sceau applications certificate")?;
        }
        out.flush()?;
        Ok(0)
    }
}

impl Certificate {
    /// Runs the verb.
    pub(super) fn run(self, verb: Verb) -> Result<u8, NotDone> {
        let arguments = [("application", self.application), ("certificate", self.certificate)];
        let arguments = arguments.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        self.signing.give(verb, arguments.collect(), None)
    }
}

impl Enrolments {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let told = self.door.connect()?.call_admin("Enrolments", &json!({}))?;
        show(&told, self.json, table)?;
        Ok(0)
    }
}

fn table(told: &Value, out: &mut impl io::Write) -> io::Result<()> {
    let rows = told.get("enrolments").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if rows.is_empty() {
        writeln!(out, "Aucune invitation n'est ouverte")?;
    }
    for row in rows {
        let minutes = row.get("left_ms").and_then(Value::as_u64).unwrap_or_default() / 60_000;
        if row.get("certificate").is_none() {
            writeln!(out, "Attendu     {}, encore {minutes} min", text(row, "application"))?;
        } else {
            writeln!(out, "Proposé     {} depuis {}", text(row, "application"), text(row, "address"))?;
            writeln!(out, "            code à comparer : {}", text(row, "short"))?;
            writeln!(out, "            certificat : {}", text(row, "certificate"))?;
        }
        let wrong = row.get("wrong_proofs").and_then(Value::as_u64).unwrap_or_default();
        if wrong > 0 {
            writeln!(out, "            {wrong} proposition(s) avec un code faux")?;
        }
    }
    Ok(())
}

fn text<'r>(row: &'r Value, name: &str) -> &'r str {
    row.get(name).and_then(Value::as_str).unwrap_or("?")
}
