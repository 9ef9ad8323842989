//! `sceau keys import-certificate`: a certificate is checked against its key and the configuration, then installed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::KeysError;
use super::certificate::{certificates, other_kind, other_subject, read};
use super::choice::{Choice, Chosen};
use super::held::Held;
use super::install::{install, replaceable};
use super::judgement::{Reason, judge};
use super::next;
use super::table::plain;
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::Config;
use crate::sys::clock;

/// Vérifie le certificat reçu et l'installe pour la clé du token.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    choice: Choice,
    /// Le certificat reçu de l'IGC-Santé, PEM ou DER.
    #[arg(value_name = "CERTIFICAT")]
    file: PathBuf,
    /// Struct_IdNat de la structure, avec --uri ; avec --key, c'est celui de [[seal]].
    #[arg(long, value_name = "STRUCT_IDNAT", conflicts_with = "key", required_unless_present = "key")]
    structure: Option<String>,
    /// Où l'installer ; avec --key, au lieu du fichier que nomme [[seal]] certificate.
    #[arg(long, value_name = "FICHIER", required_unless_present = "key")]
    out: Option<PathBuf>,
    /// Exige le même sujet que l'autre certificat, ou l'autre demande, de la structure (PEM).
    #[arg(long, value_name = "FICHIER")]
    same_subject_as: Option<PathBuf>,
    /// Met aussi le certificat dans le token, à côté de sa clé.
    #[arg(long)]
    into_token: bool,
    /// Imprimer un document JSON.
    #[arg(long)]
    json: bool,
}

impl Import {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let chosen = self.choice.choose()?;
        let key_use = chosen.key_use.certified()?;
        // An authentication key and a key before its [[seal]] are held against the same authorities as the seals.
        let config = match &chosen.configured {
            Some((config, _)) => config.clone(),
            None => Config::load(&self.choice.config)?,
        };
        let structure = self.structure(&chosen, &config)?;
        let target = self.target(&chosen, &config)?;
        // All that can be wrong before the token is asked for anything.
        replaceable(&target)?;
        let bytes = read(&self.file)?;
        if let Some(cause) = other_kind(&bytes) {
            return self.refused(vec![("unreadable", cause.to_owned())]);
        }
        let offered = certificates(&bytes);
        let other = match &self.same_subject_as {
            Some(path) => Some(other_subject(path, &read(path)?)?),
            None => None,
        };
        if self.into_token && chosen.sealed.is_some() {
            let cause = "--into-token : une clé scellée n'est dans aucun token ; retirez l'option";
            return Err(KeysError::Usage(cause.to_owned()).into());
        }
        let token = chosen.open()?;
        let key = token.key(&chosen.uri)?;
        let judged = judge(&offered, &key, key_use, &config, &structure, other.as_ref())?;
        let (pem, certificate) = match judged {
            Ok(taken) => taken,
            Err(reasons) => return self.refused(reasons),
        };
        let kept = install(&target, pem.as_bytes())?;
        if let Held::Token(key) = &key
            && self.into_token
        {
            key.store_certificate(certificate.der())
                .map_err(|cause| KeysError::NotInToken { path: target.clone(), cause })?;
        }
        let next = next::steps(&chosen, &config, &structure, &target, &certificate);
        let mut out = io::stdout().lock();
        if self.json {
            let document = json!({
                "installed": true,
                "certificate": target,
                "previous": kept,
                "into_token": self.into_token,
                "key": key.name(),
                "use": chosen.key_use.name(),
                "structure": structure,
                "subject": certificate.issuer_field(),
                "not_before": certificate.not_before().to_string(),
                "not_after": certificate.not_after().to_string(),
                "days_left": certificate.days_left(clock::now()),
                "seal_toml": next.toml,
            });
            writeln!(out, "{document}")?;
        } else {
            writeln!(out, "Certificat {} vérifié et installé : {}", key_use.offer(), target.display())?;
            writeln!(out, "  sujet    {}", certificate.issuer_field())?;
            writeln!(out, "  valide   du {} au {}", certificate.not_before(), certificate.not_after())?;
            if let Some(kept) = &kept {
                writeln!(out, "  l'ancien est gardé : {}", kept.display())?;
            }
            if self.into_token {
                writeln!(out, "  il est aussi dans le token {}", plain(&token.place()))?;
            }
            write!(out, "{}", next.text)?;
        }
        out.flush()?;
        Ok(0)
    }

    fn refused(&self, reasons: Vec<Reason>) -> Result<u8, NotDone> {
        if self.json {
            let refusals: Vec<_> =
                reasons.iter().map(|(reason, message)| json!({"reason": reason, "message": message})).collect();
            let mut out = io::stdout().lock();
            writeln!(out, "{}", json!({"installed": false, "refusals": refusals}))?;
            out.flush()?;
            return Ok(EXIT_NEGATIVE);
        }
        let reasons = reasons.into_iter().map(|(_, message)| message).collect();
        Err(KeysError::Refused { path: self.file.clone(), reasons }.into())
    }

    fn structure(&self, chosen: &Chosen, config: &Config) -> Result<String, KeysError> {
        let structure = match (&chosen.configured, &self.structure) {
            (Some((_, seal)), _) => seal.structure.clone(),
            (None, given) => given.clone().unwrap_or_default(),
        };
        // A convention that is not there yet declares nothing, and refuses nothing either: it comes after the certificate,
        // whose fingerprint it has.
        let presented = config.present_convention();
        if presented.is_err() && !structure.is_empty() {
            return Ok(structure);
        }
        let declared = presented.map(|presented| presented.convention.structures).unwrap_or_default();
        if declared.iter().any(|declared| declared.id.as_str() == structure) {
            return Ok(structure);
        }
        let declared: Vec<_> = declared.iter().map(|declared| declared.id.as_str()).collect();
        Err(KeysError::Usage(format!(
            "--structure n'est pas une structure de {} ; déclarées : {} ; ajoutez [[structure]] ou corrigez",
            config.convention_file().unwrap_or(&config.path).display(),
            if declared.is_empty() { "aucune".to_owned() } else { declared.join(", ") }
        )))
    }

    /// Where the certificate goes: never where another key's certificate is.
    fn target(&self, chosen: &Chosen, config: &Config) -> Result<PathBuf, KeysError> {
        let own = chosen.configured.as_ref().map(|(_, seal)| seal);
        let named = self.out.clone().or_else(|| own.map(|seal| seal.certificate.clone())).unwrap_or_default();
        let target = real(&named);
        for seal in &config.seals {
            let is_own = own.is_some_and(|own| own.key == seal.key) || seal.uri == chosen.uri_text;
            if !is_own && real(&seal.certificate) == target {
                return Err(KeysError::Usage(format!(
                    "{} est le certificat d'une autre clé ([[seal]] key = \"{}\") ; donnez un autre nom à --out",
                    named.display(),
                    seal.key
                )));
            }
        }
        for authority in config.trust.anchors.iter().chain(&config.trust.intermediates) {
            if real(authority) == target {
                let named = named.display();
                return Err(KeysError::Usage(format!(
                    "{named} est une autorité de [trust] ; donnez un autre nom"
                )));
            }
        }
        Ok(target)
    }
}

/// The file behind a name: a link is followed, so that it stays a link.
fn real(path: &Path) -> PathBuf {
    let absolute = || std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    std::fs::canonicalize(path).or_else(|_| awaited(&absolute())).unwrap_or_else(|_| absolute())
}

/// The file that a link names and that is not there yet.
fn awaited(link: &Path) -> io::Result<PathBuf> {
    let named = link.with_file_name(std::fs::read_link(link)?);
    match (named.parent(), named.file_name()) {
        (Some(folder), Some(name)) => Ok(std::fs::canonicalize(folder)?.join(name)),
        _ => Err(io::ErrorKind::InvalidFilename.into()),
    }
}
