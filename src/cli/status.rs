//! `sceau status`: what an operator wants at a glance.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::{Door, EXIT_HALTED, EXIT_UNAVAILABLE, NotDone, show};
use crate::sys::clock;
use crate::vihf::instant::Instant;

/// Days before a certificate's end at which the table says so.
const RENEWAL_DAYS: i64 = 60;

/// Montre l'état du service, de ses clés de cachet et de leurs certificats.
///
/// Codes de retour : 0 prêt ; 3 pas prêt ; 4 arrêté.
#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    door: Door,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

impl Status {
    /// Runs the verb.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let mut client = Client::connect(&self.door.path()?)?;
        let status = client.call("Status", &json!({}))?;
        show(&status, self.json, table)?;
        let state = status.get("state").and_then(Value::as_str).unwrap_or_default();
        let ready = status.get("ready").and_then(Value::as_bool).unwrap_or_default();
        Ok(match (state, ready) {
            ("halted", _) => EXIT_HALTED,
            (_, true) => 0,
            _ => EXIT_UNAVAILABLE,
        })
    }
}

/// What to do about the cause of a halt.
fn remedy(cause: &str) -> &'static str {
    match cause {
        "ledger-broken" => {
            "le disque du journal a rendu une erreur ; arrêtez sceaud, vérifiez le disque, conservez le dossier"
        }
        "profile-breach" => "une assertion n'obéit pas à son profil ; vérifiez les profils, prévenez le support",
        "ledger-older" => {
            "une ancienne copie du journal a été remise en place ; remettez la plus récente, ou faites signer counter-accept \
             par deux opérateurs"
        }
        "counter-reset" => {
            "le compteur du journal a été remis à zéro ; retrouvez pourquoi, puis faites signer counter-accept par deux \
             opérateurs"
        }
        "no-random" => "le système ne donne plus d'octets aléatoires ; vérifiez la machine",
        _ => "voyez le journal de sceaud",
    }
}

/// How many sign at once, and why.
fn signers_words(signers: &Value) -> String {
    let number = |name: &str| signers.get(name).and_then(Value::as_u64);
    let of = |processes: &str, sessions: &str| {
        let [processes, sessions] = [processes, sessions].map(|name| number(name).unwrap_or_default());
        format!("{processes} × {sessions}")
    };
    let (chosen, most) = (of("processes", "sessions"), of("processes_max", "sessions_max"));
    match number("per_second") {
        Some(rate) => format!(
            "processus × sessions qui signent : {chosen} ({most} au plus ; {rate} signatures/s à l'essai du démarrage)"
        ),
        None => format!("processus × sessions qui signent : {chosen} (sans essai)"),
    }
}

fn table(status: &Value, out: &mut impl io::Write) -> io::Result<()> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    let is_ready = |value: &Value| value.get("ready").and_then(Value::as_bool).unwrap_or_default();
    let state = match text(status, "state").as_str() {
        "unprovisioned" => "non provisionné : pas de clé de cachet configurée, ou pas de convention en vigueur",
        "locked" => "verrouillé : aucune signature n'a encore pu être vérifiée",
        "operational" => "opérationnel",
        "halted" => "arrêté sur défaut d'intégrité : un exploitant doit agir",
        _ => "inconnu",
    };
    writeln!(out, "État        {state}")?;
    if let Some(cause) = status.get("halted").and_then(Value::as_str) {
        writeln!(out, "Cause       {cause} : {}", remedy(cause))?;
    }
    writeln!(out, "Prêt        {}", if is_ready(status) { "oui" } else { "non" })?;
    writeln!(out, "Version     {}", text(status, "version"))?;
    writeln!(out, "Profil      {}", text(status, "profile"))?;
    let entries = status.get("entries").and_then(Value::as_u64).unwrap_or_default();
    writeln!(out, "Entrées     {entries} au journal")?;
    let troubles = status.get("troubles").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for trouble in troubles {
        writeln!(out, "Alerte      {} : {}", text(trouble, "reason"), text(trouble, "message"))?;
    }
    let list = |name: &str| status.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for exceptional in list("exceptional") {
        let count = exceptional.get("count").and_then(Value::as_u64).unwrap_or_default();
        writeln!(out, "Exception   {count} assertion(s) en {} depuis le démarrage", text(exceptional, "purpose"))?;
    }
    for rights in list("rights") {
        writeln!(out, "Droits      table {} {}", text(rights, "table"), text(rights, "version"))?;
    }
    for attached in list("attached") {
        let kind = if text(attached, "kind") == "module" { "Module" } else { "Connecteur" };
        let image = text(attached, "image");
        writeln!(out, "{kind:<11} {} (image {}…)", text(attached, "name"), image.get(..16).unwrap_or(&image))?;
    }
    let seals = status.get("seals").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for seal in seals {
        let expires_at = text(seal, "certificate_expires_at");
        let ready = if is_ready(seal) { "prêt" } else { "PAS PRÊT : vérifiez le token et sceau-signer" };
        let renewal = match Instant::parse(&expires_at).map(|at| at.ms_since(clock::now()).div_euclid(86_400_000))
        {
            Some(days) if days < 0 => " ÉCHU : installez le certificat renouvelé".to_owned(),
            Some(days) if days <= RENEWAL_DAYS => format!(" à renouveler ({days} jours)"),
            _ => String::new(),
        };
        writeln!(out, "Cachet      {} structure {} : {ready}", text(seal, "key"), text(seal, "structure"))?;
        writeln!(out, "            certificat jusqu'au {}{renewal}", text(seal, "certificate_expires_at"))?;
        if let Some(signers) = seal.get("signers") {
            writeln!(out, "            {}", signers_words(signers))?;
        }
    }
    for key in list("sealed_keys") {
        let key = key.as_str().unwrap_or("?");
        writeln!(out, "Sans HSM    {key} : clé scellée dans un fichier de l'appliance")?;
    }
    if let Some(audit) = status.get("audit") {
        let ready = if is_ready(audit) {
            "prêt"
        } else {
            "PAS PRÊT : ni reçus ni points de contrôle ; vérifiez son signataire"
        };
        writeln!(out, "Audit       {} : {ready}", text(audit, "key"))?;
        if let Some(size @ 1..) = audit.get("checkpoint").and_then(Value::as_u64) {
            writeln!(out, "            dernier point de contrôle : {size} entrées")?;
        }
    }
    Ok(())
}
