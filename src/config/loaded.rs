//! Everything that the configuration names, read and checked: profiles, registers, authorities, certificates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::load::read_toml;
use super::{Config, ConfigError, SealKey};
use crate::certificate::{Refusal, Requirements, SealCertificate, Trust, appraise};
use crate::policy::application::Applications;
use crate::policy::practitioner::Practitioners;
use crate::vihf::instant::Instant;
use crate::vihf::profile::{ProfileError, Profiles};

/// Mode bits that production refuses on files which decide who may ask for what.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A seal key with its certificate.
#[derive(Clone, Debug)]
pub struct Seal {
    /// As configured.
    pub key: SealKey,
    /// As read.
    pub certificate: SealCertificate,
}

/// What the configuration names, in memory.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Shipped and configured profiles.
    pub profiles: Profiles,
    /// Who may ask.
    pub applications: Applications,
    /// For whom.
    pub practitioners: Practitioners,
    /// Keys and certificates; every certificate was appraised.
    pub seals: Vec<Seal>,
    /// What is not refused and should be known, for the log.
    pub remarks: Vec<String>,
}

impl Config {
    /// Reads what the configuration names; `uid` finds a Unix user's number, `now` judges certificates.
    ///
    /// # Errors
    /// The first file that is wrong, with cause and remedy. Test mode takes test authorities, test profiles and missing
    /// anchors, and does not look at the files' modes.
    pub fn load_named(&self, uid: impl Fn(&str) -> Option<u32>, now: Instant) -> Result<Loaded, ConfigError> {
        if !self.is_test() {
            self.refuse_writable()?;
        }
        let profiles = self.load_profiles()?;
        let Some(default) = profiles.get(&self.profiles.default) else {
            let names: Vec<_> = profiles.names().collect();
            let cause = format!(
                "[profiles] default = {:?} est inconnu ; choisissez parmi {}",
                self.profiles.default,
                names.join(", ")
            );
            return Err(ConfigError::rule(&self.path, cause));
        };
        let applications = Applications::check(
            read_toml(&self.registers.applications)?,
            uid,
            |name| self.service(name).is_some(),
            |name| profiles.get(name).is_some(),
        )
        .map_err(|cause| ConfigError::rule(&self.registers.applications, cause))?;
        let practitioners = Practitioners::check(
            read_toml(&self.registers.practitioners)?,
            &default.physician_specialties,
            |id| self.structures.iter().any(|structure| structure.id.as_str() == id),
            |name| self.service(name).is_some(),
        )
        .map_err(|cause| ConfigError::rule(&self.registers.practitioners, cause))?;
        let mut remarks: Vec<String> = practitioners.withdrawn_professions().map(|(code, since, number)| {
            format!("{number} professionnel(s) portent la profession {code}, retirée de la nomenclature depuis le {since} : corrigez leur profession")
        }).collect();
        let seals = self.load_seals(now, &mut remarks)?;
        Ok(Loaded { profiles, applications, practitioners, seals, remarks })
    }

    /// Reads the authorities of `[trust]`.
    ///
    /// # Errors
    /// The first file that is no PEM file of certificates.
    pub fn load_trust(&self) -> Result<Trust, ConfigError> {
        Ok(Trust {
            anchors: certificates(&self.trust.anchors)?,
            intermediates: certificates(&self.trust.intermediates)?,
        })
    }

    /// Who can write these files can make himself an application, or anybody a practitioner.
    fn refuse_writable(&self) -> Result<(), ConfigError> {
        let files = [&self.path, &self.registers.applications, &self.registers.practitioners];
        let seals = self.seals.iter().map(|seal| &seal.certificate);
        let named = self.profiles.files.iter().chain(&self.trust.anchors).chain(&self.trust.intermediates);
        for path in files.into_iter().chain(seals).chain(named) {
            let mode = read(path, fs::metadata)?.permissions().mode();
            if mode & WRITABLE_BY_OTHERS != 0 {
                let mode = mode & 0o777;
                let cause = format!(
                    "ses droits ({mode:o}) laissent d'autres que son propriétaire l'écrire ; faites chmod go-w"
                );
                return Err(ConfigError::rule(path, cause));
            }
        }
        Ok(())
    }

    fn load_profiles(&self) -> Result<Profiles, ConfigError> {
        let refuse = |path: &Path| {
            let path = path.to_owned();
            move |error| match error {
                ProfileError::Shape(cause) => ConfigError::Shape { path, cause },
                ProfileError::Rule(cause) => ConfigError::Rule { path, cause },
            }
        };
        let mut profiles = Profiles::shipped().map_err(refuse(&self.path))?;
        for path in &self.profiles.files {
            let profile = profiles.take(&read(path, fs::read_to_string)?).map_err(refuse(path))?;
            if profile.test && !self.is_test() {
                let cause =
                    format!("le profil {:?} est marqué test ; mode = \"production\" ne l'admet pas", profile.name);
                return Err(ConfigError::rule(path, cause));
            }
        }
        Ok(profiles)
    }

    fn load_seals(&self, now: Instant, remarks: &mut Vec<String>) -> Result<Vec<Seal>, ConfigError> {
        let trust = self.load_trust()?;
        let (mut seals, mut out_of_time) = (Vec::new(), Vec::new());
        for key in &self.seals {
            let pem = read(&key.certificate, fs::read)?;
            let certificate = SealCertificate::parse(&pem)
                .map_err(|cause| ConfigError::rule(&key.certificate, format!("{cause} (clé {})", key.key)))?;
            let needs = Requirements {
                structure: &key.structure,
                trust: &trust,
                policy_oid: &self.trust.policy_oid,
                production: !self.is_test(),
            };
            let (of_time, other): (Vec<_>, Vec<_>) =
                appraise(&certificate, &needs, now).into_iter().partition(Refusal::is_of_time);
            if let Some(refusal) = other.first() {
                return Err(ConfigError::rule(&key.certificate, format!("{refusal} (clé {})", key.key)));
            }
            out_of_time.extend(of_time.into_iter().map(|refusal| (key, refusal)));
            seals.push(Seal { key: key.clone(), certificate });
        }
        // While two certificates overlap, the one that has ended, or has yet to begin, must not stop the other.
        for (key, refusal) in out_of_time {
            let text = format!("{refusal} (clé {})", key.key);
            let in_time = |seal: &Seal| seal.key.structure == key.structure && seal.certificate.is_valid_at(now);
            if !seals.iter().any(in_time) {
                return Err(ConfigError::rule(&key.certificate, text));
            }
            remarks.push(format!("{} : {text}", key.certificate.display()));
        }
        if self.trust.policy_oid.is_empty() && !seals.is_empty() {
            remarks
                .push("[trust] policy_oid est vide : la politique des certificats n'est pas vérifiée".to_owned());
        }
        Ok(seals)
    }
}

fn read<T>(path: &Path, read: impl Fn(PathBuf) -> std::io::Result<T>) -> Result<T, ConfigError> {
    read(path.to_owned()).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })
}

fn certificates(paths: &[PathBuf]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let mut all = Vec::new();
    for path in paths {
        let pem = read(path, fs::read)?;
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        match found {
            Ok(found) if !found.is_empty() => all.extend(found),
            _ => {
                return Err(ConfigError::rule(
                    path,
                    "il ne contient aucun certificat PEM (-----BEGIN CERTIFICATE-----)",
                ));
            }
        }
    }
    Ok(all)
}
