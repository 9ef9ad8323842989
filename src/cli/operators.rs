//! `sceau operators`: who may sign orders.

use std::io;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::order::{Signing, read_value};
use super::{AdminDoor, NotDone, show};
use crate::policy::operator::Role;
use crate::policy::order::Verb;

/// Montre, ajoute ou révoque les opérateurs, qui signent les ordres.
#[derive(Debug, Args)]
pub(super) struct Operators {
    #[command(subcommand)]
    verb: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(List),
    Add(Add),
    Revoke(Revoke),
    Bootstrap(Bootstrap),
}

/// Montre le journal et ses opérateurs.
#[derive(Debug, Args)]
struct List {
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    door: AdminDoor,
}

/// Ajoute un opérateur : ordre d'un administrateur, de deux personnes si le nouveau décide (administrator, approver).
#[derive(Debug, Args)]
struct Add {
    /// Nom, unique pour toujours.
    #[arg(long, value_name = "NOM")]
    name: String,
    /// Rôle : administrator, approver ou auditor ; à répéter.
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// Fichier .pub de sa clé.
    #[arg(long, value_name = "FICHIER")]
    key: String,
    #[command(flatten)]
    signing: Signing,
}

/// Révoque un opérateur : sa signature ne compte plus.
#[derive(Debug, Args)]
struct Revoke {
    /// Son nom.
    #[arg(long, value_name = "NOM")]
    name: String,
    #[command(flatten)]
    signing: Signing,
}

/// Inscrit les premiers opérateurs d'un journal neuf : en root, signé par chacun d'eux.
#[derive(Debug, Args)]
struct Bootstrap {
    /// Opérateur, par exemple alice:administrator,auditor:alice.pub ; 1 à 5.
    #[arg(long = "operator", value_name = "NOM:ROLES:FICHIER", required = true)]
    operators: Vec<String>,
    #[command(flatten)]
    signing: Signing,
}

impl Operators {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        match self.verb {
            What::List(list) => list.run(),
            What::Add(Add { name, roles, key, signing }) => {
                let operator = operator(&name, roles.iter().map(String::as_str), &key)?;
                signing.give(Verb::OperatorAdd, operator, None)
            }
            What::Revoke(Revoke { name, signing }) => {
                signing.give(Verb::OperatorRevoke, Map::from_iter([("name".to_owned(), name.into())]), None)
            }
            What::Bootstrap(Bootstrap { operators, signing }) => {
                let operators = operators.iter().map(|text| {
                    let parts: Vec<&str> = text.splitn(3, ':').collect();
                    match parts.as_slice() {
                        [name, roles, key] => operator(name, roles.split(','), key),
                        _ => Err(NotDone::Usage("un opérateur s'écrit NOM:ROLES:FICHIER".to_owned())),
                    }
                });
                let operators: Vec<_> = operators.collect::<Result<_, _>>()?;
                let arguments = Map::from_iter([("operators".to_owned(), json!(operators))]);
                signing.give(Verb::OperatorsBootstrap, arguments, None)
            }
        }
    }
}

fn operator<'r>(
    name: &str,
    roles: impl Iterator<Item = &'r str>,
    key: &str,
) -> Result<Map<String, Value>, NotDone> {
    let unknown = || NotDone::Usage("un rôle est administrator, approver ou auditor".to_owned());
    let roles = roles.map(|role| Role::parse(role).map(Role::name).ok_or_else(unknown));
    let roles: Vec<_> = roles.collect::<Result<_, _>>()?;
    let key = read_value(&format!("@{key}"))?;
    // The comment often names its holder's mailbox: the register has no use for it.
    let key: Vec<&str> = key.split_whitespace().take(2).collect();
    let members = [("name", json!(name)), ("roles", json!(roles)), ("key", json!(key.join(" ")))];
    Ok(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

impl List {
    fn run(self) -> Result<u8, NotDone> {
        let mut client = self.door.connect()?;
        let mut document = client.call_admin("Instance", &json!({}))?;
        let operators = client.call_admin("Operators", &json!({}))?;
        if let (Some(document), Some(operators)) = (document.as_object_mut(), operators.get("operators")) {
            document.insert("operators".to_owned(), operators.clone());
        }
        show(&document, self.json, table)?;
        Ok(0)
    }
}

fn table(document: &Value, out: &mut impl io::Write) -> io::Result<()> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let generation = document.get("generation").and_then(Value::as_u64).unwrap_or_default();
    writeln!(out, "Journal     {} (génération {generation})", text(document, "ledger"))?;
    if let Some(cause) = document.get("halted").and_then(Value::as_str) {
        writeln!(out, "Arrêté      {cause}")?;
    }
    let operators = document.get("operators").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if operators.is_empty() {
        writeln!(out, "Aucun opérateur : root inscrit les premiers avec sceau operators bootstrap")?;
    }
    for operator in operators {
        let roles = operator.get("roles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let roles: Vec<_> = roles.iter().filter_map(Value::as_str).collect();
        writeln!(out, "Opérateur   {} : {}", text(operator, "name"), roles.join(", "))?;
        writeln!(out, "            {} depuis le {}", text(operator, "fingerprint"), text(operator, "since"))?;
        if let Some(revoked) = operator.get("revoked").and_then(Value::as_str) {
            writeln!(out, "            RÉVOQUÉ le {revoked}")?;
        }
    }
    Ok(())
}
