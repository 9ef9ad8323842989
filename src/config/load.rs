//! Reading `sceau.toml`: text to [`Config`], with the file and line of what is wrong.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::seal::SealTable;
use super::{Config, Limits, Mode, Profiles, Registers, STRUCTURES_MAX, SealKey, Sockets, Structure, Trust};
use crate::policy::convention::{Convention, Service};
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, StructIdNat};

/// Largest configuration or register file in bytes: 20,000 practitioners fit in a quarter of it.
const FILE_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Most seal keys: two (old and new while certificates overlap) for each structure.
const SEALS_MAX: usize = 2 * STRUCTURES_MAX;

/// Why a configuration file was not taken; the text names file, place, cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("le fichier {path} ne peut pas être lu ({cause}) : vérifiez son chemin et ses droits")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is not TOML of the expected shape; the text names line and column and shows nothing of the line itself,
    /// where a PIN may have been written by mistake.
    #[error("le fichier {path} n'est pas correct : {}", place_and_cause(cause))]
    Shape {
        /// The file.
        path: PathBuf,
        /// Line, column and what was expected.
        cause: Box<toml::de::Error>,
    },
    /// A value contradicts another or breaks a rule.
    #[error("le fichier {path} est refusé : {cause}")]
    Rule {
        /// The file.
        path: PathBuf,
        /// Which value, why, and what is expected.
        cause: String,
    },
}

/// `ligne 3, colonne 5 : unknown field …`, on one line; control characters of the file are shown as escapes, for they would
/// write into the terminal or the log that shows them.
fn place_and_cause(error: &toml::de::Error) -> String {
    let shown = error.to_string();
    let place = shown.lines().next().and_then(|line| line.strip_prefix("TOML parse error at line "));
    let place = place.map(|place| format!("ligne {} : ", place.replace("column", "colonne"))).unwrap_or_default();
    let mut out = place;
    for character in error.message().chars() {
        match character {
            '\n' => out.push(' '),
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

impl ConfigError {
    /// A broken rule in `path`.
    #[must_use]
    pub fn rule(path: &Path, cause: impl Into<String>) -> Self {
        Self::Rule { path: path.to_owned(), cause: cause.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    structure: Vec<StructureTable>,
    #[serde(default)]
    seal: Vec<SealTable>,
    #[serde(default)]
    trust: Trust,
    #[serde(default)]
    convention: Convention,
    #[serde(default)]
    service: Vec<Service>,
    #[serde(default)]
    profiles: Profiles,
    #[serde(default)]
    registers: Registers,
    #[serde(default)]
    sockets: Sockets,
    #[serde(default)]
    limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StructureTable {
    id: String,
    sector: String,
}

/// Reads a TOML file of at most [`FILE_LEN_MAX`] bytes into `T`.
///
/// # Errors
/// [`ConfigError::Read`] or [`ConfigError::Shape`].
pub(super) fn read_toml<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ConfigError> {
    let read = |cause| ConfigError::Read { path: path.to_owned(), cause };
    let len = fs::metadata(path).map_err(read)?.len();
    if len > FILE_LEN_MAX {
        return Err(ConfigError::rule(path, format!("{len} octets, le maximum est {FILE_LEN_MAX}")));
    }
    let text = fs::read_to_string(path).map_err(read)?;
    toml::from_str(&text).map_err(|cause| ConfigError::Shape { path: path.to_owned(), cause: Box::new(cause) })
}

impl Config {
    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`]; nothing but the file was read.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let path =
            std::path::absolute(path).map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
        let file: File = read_toml(&path)?;
        let base = path.parent().unwrap_or(Path::new("/")).to_owned();
        check(file, &path, &base).map_err(|cause| ConfigError::Rule { path: path.clone(), cause })
    }
}

fn check(file: File, path: &Path, base: &Path) -> Result<Config, String> {
    // Letters in a structure's number are the mark of test structures: production never takes them.
    let form = if file.mode == Mode::Test { Form::Test } else { Form::Strict };
    let structures = file.structure.iter().map(|table| structure(table, form)).collect::<Result<Vec<_>, _>>()?;
    if structures.len() > STRUCTURES_MAX {
        return Err(format!(
            "[[structure]] : {} déclarées, la convention (annexe 3) en admet {STRUCTURES_MAX}",
            structures.len()
        ));
    }
    unique("[[structure]] id", structures.iter().map(|s| s.id.as_str()))?;
    let seals = file.seal.into_iter().map(|table| table.check(base)).collect::<Result<Vec<_>, _>>()?;
    check_seals(&seals, &structures)?;
    unique("[[service]] name", file.service.iter().map(|s| s.name.as_str()))?;
    for service in &file.service {
        service.check()?;
    }
    if !seals.is_empty() && file.service.is_empty() {
        return Err("[[service]] : aucun service n'est déclaré ; déclarez-en au moins un".to_owned());
    }
    file.convention.check()?;
    file.limits.check()?;
    let absolute = |paths: Vec<PathBuf>| paths.into_iter().map(|p| base.join(p)).collect::<Vec<_>>();
    Ok(Config {
        path: path.to_owned(),
        mode: file.mode,
        structures,
        seals,
        trust: Trust {
            anchors: absolute(file.trust.anchors),
            intermediates: absolute(file.trust.intermediates),
            policy_oid: file.trust.policy_oid,
        },
        convention: file.convention,
        services: file.service,
        profiles: Profiles { default: file.profiles.default, files: absolute(file.profiles.files) },
        registers: Registers {
            applications: base.join(file.registers.applications),
            practitioners: base.join(file.registers.practitioners),
        },
        sockets: Sockets {
            token: base.join(file.sockets.token),
            signers: base.join(file.sockets.signers),
            signer_client: file.sockets.signer_client,
        },
        limits: file.limits,
    })
}

fn structure(table: &StructureTable, form: Form) -> Result<Structure, String> {
    Ok(Structure {
        id: StructIdNat::parse(&table.id, form).map_err(|e| format!("[[structure]] id = {:?} : {e}", table.id))?,
        sector: Sector::parse(&table.sector)
            .map_err(|e| format!("[[structure]] sector = {:?} : {e}", table.sector))?,
    })
}

fn check_seals(seals: &[SealKey], structures: &[Structure]) -> Result<(), String> {
    if seals.len() > SEALS_MAX {
        return Err(format!("[[seal]] : {} clés, le maximum est {SEALS_MAX}", seals.len()));
    }
    unique("[[seal]] key", seals.iter().map(|s| s.key.as_str()))?;
    // One key pair and one certificate per structure (vihf.md §6).
    unique("[[seal]] uri", seals.iter().map(|s| s.uri.as_str()))?;
    unique("[[seal]] certificate", seals.iter().filter_map(|s| s.certificate.to_str()))?;
    for seal in seals {
        if !structures.iter().any(|s| s.id.as_str() == seal.structure) {
            return Err(format!(
                "[[seal]] key = {:?} : la structure {:?} n'est pas déclarée ; ajoutez-la en [[structure]]",
                seal.key.as_str(),
                seal.structure
            ));
        }
    }
    for structure in structures {
        let keys = seals.iter().filter(|s| s.structure == structure.id.as_str()).count();
        if !seals.is_empty() && !(1..=2).contains(&keys) {
            return Err(format!(
                "[[structure]] id = {:?} : {keys} clé(s) de cachet ; il en faut une, ou deux pendant un renouvellement",
                structure.id.as_str()
            ));
        }
    }
    Ok(())
}

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!("{what} = {name:?} est donné deux fois"));
        }
    }
    Ok(())
}
