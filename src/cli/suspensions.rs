//! `sceau suspend`, `sceau resume`, `sceau suspensions`: who is kept from assertions, and who is let back.

use std::io;

use clap::Args;
use serde_json::{Map, Value, json};

use super::order::{Signing, read_value};
use super::{AdminDoor, NotDone, show};
use crate::policy::order::Verb;

/// Suspend un professionnel, une application ou l'établissement : ordre d'un administrateur ou d'un approbateur.
#[derive(Debug, Args)]
pub(super) struct Suspend {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    signing: Signing,
}

/// Lève une suspension : ordre d'un administrateur et d'un second (administrateur ou approbateur).
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    who: Who,
    #[command(flatten)]
    signing: Signing,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// « - » : l'identifiant national est lu sur l'entrée standard, jamais donné en argument.
    #[arg(long, value_name = "-")]
    practitioner: Option<String>,
    /// Utilisateur Unix de l'application, comme au registre.
    #[arg(long, value_name = "NOM")]
    application: Option<String>,
    /// Tout l'établissement.
    #[arg(long)]
    establishment: bool,
}

/// Montre les suspensions, et les niveaux d'alerte atteints.
#[derive(Debug, Args)]
pub(super) struct Suspensions {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

impl Suspend {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let verbs = [Verb::PractitionerSuspend, Verb::ApplicationSuspend, Verb::EstablishmentSuspend];
        self.who.give(verbs, &self.signing)
    }
}

impl Resume {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let verbs = [Verb::PractitionerResume, Verb::ApplicationResume, Verb::EstablishmentResume];
        self.who.give(verbs, &self.signing)
    }
}

impl Who {
    /// Gives the verb of whom it names, with its argument.
    fn give(
        self,
        [practitioner, application, establishment]: [Verb; 3],
        signing: &Signing,
    ) -> Result<u8, NotDone> {
        let argument = |name: &str, value: String| Map::from_iter([(name.to_owned(), value.into())]);
        match (self.practitioner.as_deref(), self.application) {
            (Some("-"), _) => signing.give(practitioner, argument("practitioner", read_value("@-")?), None),
            (Some(_), _) => {
                let message = "un professionnel ne se donne jamais en argument ; écrivez --practitioner - et donnez l'identifiant national sur l'entrée standard";
                Err(NotDone::Usage(message.to_owned()))
            }
            (None, Some(name)) => signing.give(application, argument("application", name), None),
            (None, None) => signing.give(establishment, Map::new(), None),
        }
    }
}

impl Suspensions {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let watched = self.door.connect()?.call_admin("Suspensions", &json!({}))?;
        show(&watched, self.json, table)?;
        Ok(0)
    }
}

fn table(watched: &Value, out: &mut impl io::Write) -> io::Result<()> {
    let rows = |name: &str| watched.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if rows("suspensions").is_empty() {
        writeln!(out, "Aucune suspension")?;
    }
    for row in rows("suspensions") {
        let cause = match text(row, "cause") {
            "order" => "par ordre",
            "tokens" => "trop d'assertions",
            "patients" => "trop de patients",
            _ => "cause inconnue",
        };
        writeln!(out, "Suspendu    {} depuis le {} : {cause}", who(row), text(row, "since"))?;
    }
    for row in rows("alarms") {
        let measure = if text(row, "cause") == "patients" { "patients" } else { "assertions" };
        writeln!(out, "Alerte      {} : {measure}", who(row))?;
    }
    Ok(())
}

fn text<'r>(row: &'r Value, name: &str) -> &'r str {
    row.get(name).and_then(Value::as_str).unwrap_or("?")
}

fn who(row: &Value) -> String {
    match text(row, "kind") {
        "establishment" => "l'établissement".to_owned(),
        "application" => format!("application {}", text(row, "application")),
        _ if row.get("practitioner").is_none() => "professionnel absent du registre".to_owned(),
        _ => format!("professionnel {}", text(row, "practitioner")),
    }
}
