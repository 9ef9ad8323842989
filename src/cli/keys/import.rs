//! `sceau keys import-certificate`: a certificate is checked against its key and the configuration, then installed.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::KeysError;
use super::certificate::{certificates, other_subject, read};
use super::choice::{Choice, Chosen};
use super::next;
use crate::certificate::{OtherSubject, Refusal, Requirements, SealCertificate, appraise_for};
use crate::cli::{EXIT_NEGATIVE, NotDone};
use crate::config::Config;
use crate::seal::key::requirements;
use crate::sys::{clock, durable};
use crate::token::HeldKey;

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

/// A reason for not taking a certificate: its name in JSON, and the words for a person.
type Reason = (&'static str, String);

impl Import {
    /// Runs the step.
    pub(super) fn run(self) -> Result<u8, NotDone> {
        let chosen = self.choice.choose()?;
        // An authentication key and a key before its [[seal]] are held against the same authorities as the seals.
        let config = match &chosen.configured {
            Some((config, _)) => config.clone(),
            None => Config::load(&self.choice.config)?,
        };
        let structure = self.structure(&chosen, &config)?;
        let target = self.target(&chosen, &config)?;
        let offered = certificates(&read(&self.file)?);
        let other = match &self.same_subject_as {
            Some(path) => Some(other_subject(path, &read(path)?)?),
            None => None,
        };
        let token = chosen.open()?;
        let key = token.key(&chosen.uri).map_err(KeysError::from)?;
        let judged = judge(&offered, &key, &chosen, &config, &structure, other.as_ref())?;
        let (pem, certificate) = match judged {
            Ok(taken) => taken,
            Err(reasons) => return self.refused(reasons),
        };
        let kept = install(&target, pem.as_bytes())?;
        if self.into_token {
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
            writeln!(out, "Certificat {} vérifié et installé : {}", chosen.key_use.offer(), target.display())?;
            writeln!(out, "  sujet    {}", certificate.issuer_field())?;
            writeln!(out, "  valide   du {} au {}", certificate.not_before(), certificate.not_after())?;
            if let Some(kept) = &kept {
                writeln!(out, "  l'ancien est gardé : {}", kept.display())?;
            }
            if self.into_token {
                writeln!(out, "  il est aussi dans le token {}", token.identity().label)?;
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
        if config.structures.iter().any(|declared| declared.id.as_str() == structure) {
            return Ok(structure);
        }
        let declared: Vec<_> = config.structures.iter().map(|declared| declared.id.as_str()).collect();
        Err(KeysError::Usage(format!(
            "--structure n'est pas une structure de {} ; déclarées : {} ; ajoutez [[structure]] ou corrigez",
            config.path.display(),
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
    std::fs::canonicalize(path).unwrap_or_else(|_| absolute())
}

/// The certificate with its PEM if nothing stands against it, else every reason that does.
fn judge(
    offered: &[String],
    key: &HeldKey<'_>,
    chosen: &Chosen,
    config: &Config,
    structure: &str,
    other: Option<&OtherSubject>,
) -> Result<Result<(String, SealCertificate), Vec<Reason>>, KeysError> {
    let trust = config.load_trust()?;
    let parsed: Vec<_> =
        offered.iter().map(|pem| SealCertificate::parse(pem.as_bytes()).map(|read| (pem.clone(), read))).collect();
    // A file with its chain: the certificate of this key, whatever its place; else the first.
    let is_own = |read: &&Result<(String, SealCertificate), _>| {
        read.as_ref().is_ok_and(|(_, certificate)| certificate.spki() == key.spki())
    };
    let (pem, certificate) = match parsed.iter().find(is_own).or(parsed.first()) {
        Some(Ok(taken)) => taken.clone(),
        Some(Err(cause)) => return Ok(Err(vec![("unreadable", cause.to_string())])),
        None => {
            let cause = "il ne contient aucun certificat, ni PEM ni DER ; donnez le fichier reçu de l'IGC-Santé";
            return Ok(Err(vec![("unreadable", cause.to_owned())]));
        }
    };
    let mut reasons = Vec::new();
    if !config.is_test()
        && let Err(cause) = requirements(key.attributes())
    {
        reasons.push(("key-unfit", format!("la clé ne convient pas à la production : {cause}")));
    }
    let mut refusals = Vec::new();
    if certificate.spki() != key.spki() {
        refusals.push(Refusal::OtherKey);
    }
    let needs = Requirements {
        structure,
        trust: &trust,
        policy_oid: &config.trust.policy_oid,
        production: !config.is_test(),
    };
    refusals.extend(appraise_for(chosen.key_use, &certificate, &needs, clock::now()));
    if let Some(other) = other
        && OtherSubject::of_certificate(certificate.der()).as_ref().map(OtherSubject::der) != Some(other.der())
    {
        let (wanted, found) = (other.text().to_owned(), certificate.issuer_field().to_owned());
        refusals.push(Refusal::OtherSubject { wanted, found });
    }
    reasons.extend(refusals.iter().map(|refusal| (refusal.reason(), refusal.to_string())));
    Ok(if reasons.is_empty() { Ok((pem, certificate)) } else { Err(reasons) })
}

/// Installs the certificate; where another one was kept. A crash leaves the old one or the new one in its place.
fn install(target: &Path, pem: &[u8]) -> Result<Option<PathBuf>, KeysError> {
    let write = |path: &Path| {
        let path = path.to_owned();
        move |cause| KeysError::Write { path, cause }
    };
    let old = match std::fs::read(target) {
        Ok(old) if old == pem => return Ok(None),
        Ok(old) => Some(old),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
        Err(cause) => return Err(write(target)(cause)),
    };
    // First the copy, then the change: a crash between them leaves the old one twice.
    let kept = match &old {
        Some(old) => Some(keep(target, old)?),
        None => None,
    };
    durable::replace(target, pem, 0o644).map_err(write(target))?;
    Ok(kept)
}

/// `seal.pem` becomes `seal.20260131T120000Z.pem`, the instant of its replacement.
fn keep(target: &Path, old: &[u8]) -> Result<PathBuf, KeysError> {
    let now = clock::now().to_string();
    let stamp: String = now.chars().take_while(|c| *c != '.').filter(|c| c.is_ascii_alphanumeric()).collect();
    let stamp = format!("{}Z", stamp.trim_end_matches('Z'));
    let stem = target.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let extension = target.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let mut number = 1;
    loop {
        let turn = if number == 1 { String::new() } else { format!("-{number}") };
        let path = target.with_file_name(format!("{stem}.{stamp}{turn}{extension}"));
        match durable::create(&path, old, 0o644) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(cause) => return Err(KeysError::Write { path, cause }),
            Ok(()) => return Ok(path),
        }
    }
}
