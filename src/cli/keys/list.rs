//! `sceau keys list`: every private key of the tokens, with its certificate and what is wrong with either.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::KeysError;
use super::choice::guard;
use super::entry::describe;
use super::error::{exit_code, told};
use super::sealed::described;
use super::table::{attribute, plain};
use crate::cli::NotDone;
use crate::config::{Config, PinSource, SealKey, SignerKey};
use crate::seal::key::TokenIdentity;
use crate::sealed::{SealedError, SealedKey, WrappingKey};
use crate::token::{KeyEntry, KeyUri, PinGuard, Reached, TokenError};

/// Liste les clés privées des tokens, leurs certificats et leurs échéances.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Fichier de configuration ; avec --uri, il peut ne pas exister encore.
    #[arg(long, value_name = "FICHIER", default_value = "/etc/sceau/sceau.toml")]
    config: PathBuf,
    /// Bibliothèque PKCS#11 du fabricant, avec --uri.
    #[arg(long, value_name = "FICHIER", requires = "uri")]
    module: Option<PathBuf>,
    /// Token hors configuration : 'pkcs11:token=…' (RFC 7512), entre apostrophes ; jamais de PIN ici.
    #[arg(long, value_name = "URI", requires = "pin_file")]
    uri: Option<String>,
    /// Fichier du PIN (droits 0400 ou 0600), avec --uri.
    #[arg(long, value_name = "FICHIER", requires = "uri")]
    pin_file: Option<PathBuf>,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

/// A key that the configuration names.
pub(super) struct Configured {
    pub(super) signer: SignerKey,
    /// Its `[[seal]]`; none: it is the audit key.
    pub(super) seal: Option<SealKey>,
}

impl Configured {
    fn of(config: Option<&Config>) -> Vec<Self> {
        let seals = config.iter().flat_map(|config| &config.seals);
        let seals = seals.map(|seal| Self { signer: seal.signer(), seal: Some(seal.clone()) });
        let audit = config.and_then(|config| config.audit.as_ref());
        seals.chain(audit.map(|audit| Self { signer: audit.signer.clone(), seal: None })).collect()
    }
}

/// A token to look into.
struct Place {
    module: Option<PathBuf>,
    uri: KeyUri,
    pin: PinSource,
}

/// How a token is told from another: library, serial number, label.
type Name = (PathBuf, String, String);

/// A token that was looked into.
struct Seen {
    name: Name,
    keys: Vec<Value>,
    /// Keys that the configuration expects there and that are not.
    missing: Vec<String>,
}

impl List {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let config = match (&self.uri, self.config.exists()) {
            (Some(_), false) => None,
            _ => Some(Config::load(&self.config)?),
        };
        let guard = guard(config.as_ref())?;
        let keys = Configured::of(config.as_ref());
        let (mut seen, mut tried, mut errors, mut code) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for place in self.places(&keys)? {
            match look(&place, &guard, &mut tried, &keys) {
                Ok(token) => seen.extend(token),
                Err(error) => {
                    code = code.max(exit_code(&error));
                    errors.push(told(&error));
                }
            }
        }
        let mut sealed = Vec::new();
        for Configured { signer, .. } in keys.iter().filter(|_| self.uri.is_none()) {
            match signer.sealed_file().map(|path| look_into_file(signer, path)) {
                Some(Ok(seen)) => sealed.push(seen),
                Some(Err(error)) => {
                    let error = KeysError::from(error);
                    code = code.max(error.exit_code());
                    errors.push(error.to_string());
                }
                None => {}
            }
        }
        let mut out = io::stdout().lock();
        if self.json {
            let tokens: Vec<_> = seen
                .iter()
                .map(|token| {
                    let (module, serial, label) = &token.name;
                    json!({"label": label, "serial": serial, "module": module, "keys": token.keys, "missing": token.missing})
                })
                .collect();
            writeln!(out, "{}", json!({"tokens": tokens, "sealed": sealed, "errors": errors}))?;
        } else {
            for token in &seen {
                table(token, &mut out)?;
            }
            for key in &sealed {
                let text = |name: &str| plain(key.get(name).and_then(Value::as_str).unwrap_or("-"));
                writeln!(out, "Fichier scellé {} (pas un HSM)", text("file"))?;
                let (configured, kind) = (text("configured"), text("type"));
                writeln!(
                    out,
                    "  {kind} ; usage : {} ; dans la configuration : key = \"{configured}\"",
                    text("use")
                )?;
            }
        }
        out.flush()?;
        for error in errors {
            eprintln!("sceau : {error}");
        }
        Ok(code)
    }

    fn places(&self, keys: &[Configured]) -> Result<Vec<Place>, KeysError> {
        if let (Some(uri), Some(pin)) = (&self.uri, &self.pin_file) {
            let uri = KeyUri::parse(uri).map_err(TokenError::Uri)?;
            return Ok(vec![Place { module: self.module.clone(), uri, pin: PinSource::File(pin.clone()) }]);
        }
        let in_tokens = keys.iter().filter(|key| key.signer.keyring().is_token());
        let place = |Configured { signer, .. }: &Configured| {
            let uri = KeyUri::parse(&signer.uri).map_err(TokenError::Uri)?;
            Ok(Place { module: signer.module.clone(), uri, pin: signer.pin.clone() })
        };
        in_tokens.map(place).collect()
    }
}

/// Opens a sealed key, which proves it.
fn look_into_file(signer: &SignerKey, path: &Path) -> Result<Value, SealedError> {
    let key = SealedKey::open(path, &signer.purpose, &WrappingKey::read(&signer.pin)?)?;
    let mut seen = described(&key, signer.purpose.section());
    if let Some(members) = seen.as_object_mut() {
        members.insert("configured".to_owned(), signer.key.as_str().into());
    }
    Ok(seen)
}

/// Looks into a token, unless it was tried before: a PIN refused there must not be followed by another's.
fn look(
    place: &Place,
    guard: &PinGuard,
    tried: &mut Vec<Name>,
    configured: &[Configured],
) -> Result<Option<Seen>, TokenError> {
    let reached = Reached::find(place.module.as_deref(), &place.uri)?;
    let identity = reached.identity().clone();
    let module = std::fs::canonicalize(reached.module()).unwrap_or_else(|_| reached.module().to_owned());
    let name = (module, identity.serial.clone(), identity.label.clone());
    if tried.contains(&name) {
        return Ok(None);
    }
    tried.push(name.clone());
    let entries = reached.login(&place.pin, guard)?.inventory()?;
    let here: Vec<_> = configured
        .iter()
        .filter_map(|key| KeyUri::parse(&key.signer.uri).ok().map(|uri| (key, uri)))
        .filter(|(_, uri)| is_of(uri, &identity))
        .collect();
    let missing = here
        .iter()
        .filter(|(_, uri)| !entries.iter().any(|entry| is_key(uri, entry)))
        .map(|(key, _)| key.signer.key.as_str().to_owned())
        .collect();
    let keys = entries
        .iter()
        .map(|entry| describe(entry, here.iter().find(|(_, uri)| is_key(uri, entry)).map(|(key, _)| *key)))
        .collect();
    Ok(Some(Seen { name, keys, missing }))
}

fn is_of(uri: &KeyUri, token: &TokenIdentity) -> bool {
    let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
    is(&uri.token, &token.label)
        && is(&uri.serial, &token.serial)
        && is(&uri.manufacturer, &token.manufacturer)
        && is(&uri.model, &token.model)
}

fn is_key(uri: &KeyUri, entry: &KeyEntry) -> bool {
    uri.object.as_ref().is_none_or(|label| *label == entry.label)
        && uri.id.as_ref().is_none_or(|id| *id == entry.id)
}

fn table(token: &Seen, out: &mut impl io::Write) -> io::Result<()> {
    let (module, serial, label) = &token.name;
    writeln!(out, "Token {} (serial {}, module {})", plain(label), plain(serial), module.display())?;
    if token.keys.is_empty() {
        writeln!(out, "  aucune clé privée")?;
    }
    let text = |value: &Value, name: &str| plain(value.get(name).and_then(Value::as_str).unwrap_or("-"));
    let flag = |value: &Value, name: &str| attribute(value.get(name).and_then(Value::as_bool));
    for key in &token.keys {
        writeln!(out, "  {}  id {}  {}", text(key, "label"), text(key, "id"), text(key, "type"))?;
        let (sensitive, extractable) = (flag(key, "sensitive"), flag(key, "extractable"));
        writeln!(
            out,
            "    secrète : {sensitive} ; exportable : {extractable} ; née dans le token : {}",
            flag(key, "local")
        )?;
        let key_use = match text(key, "use").as_str() {
            "seal" => "cachet",
            "authentication" => "authentification",
            "audit" => "audit",
            _ => "inconnu",
        };
        let configured = match key.get("configured").and_then(Value::as_str) {
            Some(name) if text(key, "use") == "audit" => format!("[audit] key = \"{name}\""),
            Some(name) => format!("[[seal]] key = \"{name}\""),
            None => "non".to_owned(),
        };
        writeln!(out, "    usage : {key_use} ; dans la configuration : {configured}")?;
        if key.get("verifier_key").is_some_and(Value::is_string) {
            writeln!(out, "    clé publique : {}", text(key, "verifier_key"))?;
        }
        for certificate in key.get("certificates").and_then(Value::as_array).into_iter().flatten() {
            let path = certificate.get("path").and_then(Value::as_str).unwrap_or("dans le token");
            let days = certificate.get("days_left").and_then(Value::as_i64).unwrap_or_default();
            writeln!(out, "    certificat : {} ({path})", text(certificate, "subject"))?;
            writeln!(out, "      jusqu'au {} ({days} jours)", text(certificate, "not_after"))?;
        }
        for warning in key.get("warnings").and_then(Value::as_array).into_iter().flatten() {
            writeln!(out, "    ATTENTION : {}", plain(warning.as_str().unwrap_or_default()))?;
        }
    }
    for key in &token.missing {
        writeln!(
            out,
            "  ATTENTION : la clé de la configuration \"{key}\" n'est pas dans ce token ; générez-la ou corrigez uri"
        )?;
    }
    Ok(())
}
