//! The establishment's terms as this machine has them: a file of their own with its signatures, or inside `sceau.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::file::File;
use super::schema::CONVENTION_FILE;
use super::{Config, Fault};
use crate::policy::breach::Breach;
use crate::policy::convention::{Convention, Declared, Scope, Service, StructureTable, Tables, TitleTable};
use crate::policy::declaration::{Declaration, ExceptionTable};
use crate::policy::guard::Budgets;
use crate::policy::sshsig::ENVELOPE_LEN_MAX;
use crate::tables::{Document, read_text};
use crate::traces::digest::Digest;
use crate::vihf::identity::Form;
use crate::vihf::method::Method;

/// Longest convention in bytes: one of three hundred services has half of it, and an operator's tool reads it in one answer.
pub const CONVENTION_LEN_MAX: usize = 64 * 1024;
/// Most signature files that are read.
const SIGNATURES_MAX: usize = 32;

/// Where the terms are.
#[derive(Clone, Debug)]
pub enum Terms {
    /// Inside `sceau.toml`, which test mode alone takes; empty where there are none.
    Inline(Box<Convention>),
    /// In a file of their own, signed by approvers.
    File(PathBuf),
}

/// `[convention]` of `sceau.toml`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConventionTable {
    file: Option<PathBuf>,
    methods: Vec<Method>,
    rights: Scope,
    contactless_delay_ms: u64,
    sealed_keys: bool,
}

/// `[convention]` of a file of its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeadTable {
    format: u64,
    number: u64,
    establishment: String,
    from: String,
    until: String,
    methods: Vec<Method>,
    rights: Scope,
    #[serde(default)]
    contactless_delay_ms: u64,
    #[serde(default)]
    sealed_keys: bool,
}

/// The typed tables of a convention's file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConventionFile {
    convention: HeadTable,
    structure: Vec<StructureTable>,
    service: Vec<Service>,
    #[serde(default)]
    declaration: Declaration,
    #[serde(default)]
    exception: Vec<ExceptionTable>,
    #[serde(default)]
    guard: Budgets,
}

/// A convention as it was read, judged by nobody yet.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The terms.
    pub convention: Convention,
    /// The exact bytes that were read; none for terms inside `sceau.toml`.
    pub text: String,
    /// SHA-256 of those bytes, or of `sceau.toml`: what traces name the convention by.
    pub digest: Digest,
    /// Armoured signatures that lie beside the file, by their file's name.
    pub signatures: Vec<(String, String)>,
}

impl Presented {
    /// The signatures without their files' names.
    pub fn armours(&self) -> Vec<&str> {
        self.signatures.iter().map(|(_, armour)| armour.as_str()).collect()
    }

    /// Reads a convention and the signatures beside it; `test`: test structures are admitted.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn read(path: &Path, test: bool) -> Result<Self, Vec<Fault>> {
        let text = read_text(path).map_err(|fault| vec![fault])?;
        let convention = convention(path, &text, test)?;
        let digest = Digest::of(&[text.as_bytes()]);
        Ok(Self { convention, text, digest, signatures: signatures(path) })
    }
}

/// The convention of that text; `path` is where faults are told.
///
/// # Errors
/// Everything that is wrong with it.
pub fn convention(path: &Path, text: &str, test: bool) -> Result<Convention, Vec<Fault>> {
    if text.len() > CONVENTION_LEN_MAX {
        let cause = format!("il a {} octets ; une convention en a {CONVENTION_LEN_MAX} au plus", text.len());
        return Err(vec![Fault::of("file-unusable", path, cause)]);
    }
    let mut document: Document<ConventionFile> = Document::parse(path, text.to_owned(), CONVENTION_FILE);
    let Some(file) = document.take() else { return Err(document.faults) };
    let ConventionFile { convention: head, structure, service, declaration, exception, guard } = file;
    let HeadTable {
        format,
        number,
        establishment,
        from,
        until,
        methods,
        rights,
        contactless_delay_ms,
        sealed_keys,
    } = head;
    let empty = [("structure", structure.is_empty()), ("service", service.is_empty())];
    let tables = Tables {
        title: Some(TitleTable { format, number, establishment, from, until }),
        declared: Declared { methods, rights, contactless_delay_ms, sealed_keys },
        structures: structure,
        services: service,
        declaration,
        exceptions: exception,
        guard,
    };
    let (convention, mut breaches) = tables.check(if test { Form::Test } else { Form::Strict }, test);
    for (section, _) in empty.into_iter().filter(|(_, empty)| *empty) {
        let cause = format!("[[{section}]] : il n'y en a aucun ; une convention en déclare au moins un");
        breaches.push(Breach::of("missing-key", "", section, cause));
    }
    let mut faults = std::mem::take(&mut document.faults);
    faults.extend(document.locate(breaches));
    faults.sort_by_key(|fault| fault.position);
    if faults.is_empty() { Ok(convention) } else { Err(faults) }
}

/// `convention.toml.sig`, as ssh-keygen names it, and every `convention.toml.*.sig`: in the order of their names. One that
/// cannot be read counts as none.
fn signatures(path: &Path) -> Vec<(String, String)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let is_of = |file: &String| {
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".sig"))
    };
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(is_of).collect();
    names.sort();
    let armour = |name: String| {
        let path = folder.join(&name);
        let is_short = path.metadata().is_ok_and(|metadata| metadata.len() <= ENVELOPE_LEN_MAX as u64);
        let text = if is_short { read_text(&path).ok() } else { None };
        text.map(|text| (name, text))
    };
    names.into_iter().take(SIGNATURES_MAX).filter_map(armour).collect()
}

/// The terms of `sceau.toml`: where they are, what is wrong with those that stand in it, and whether any do.
pub(super) fn terms(file: &mut File, base: &Path, form: Form, test: bool) -> (Terms, Vec<Breach>, bool) {
    let ConventionTable { file: of_its_own, methods, rights, contactless_delay_ms, sealed_keys } =
        std::mem::take(&mut file.convention);
    let declared = !methods.is_empty() || rights != Scope::default() || contactless_delay_ms > 0 || sealed_keys;
    let tables = [
        ("[convention] methods, rights, contactless_delay_ms ou sealed_keys", declared),
        ("[[structure]]", !file.structure.is_empty()),
        ("[[service]]", !file.service.is_empty()),
        ("[[exception]]", !file.exception.is_empty()),
        ("[declaration]", file.declaration.is_some()),
        ("[guard]", file.guard.is_some()),
    ];
    let inline: Vec<&str> = tables.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if let Some(path) = of_its_own {
        let mut breaches = Vec::new();
        if !inline.is_empty() {
            let cause = format!(
                "[convention] file nomme un fichier, et {} est ici ; mettez les termes dans ce fichier seul",
                inline.join(", ")
            );
            breaches.push(Breach::of("contradiction", "convention", "file", cause));
        }
        return (Terms::File(base.join(path)), breaches, false);
    }
    let tables = Tables {
        title: None,
        declared: Declared { methods, rights, contactless_delay_ms, sealed_keys },
        structures: std::mem::take(&mut file.structure),
        services: std::mem::take(&mut file.service),
        declaration: file.declaration.unwrap_or_default(),
        exceptions: std::mem::take(&mut file.exception),
        guard: file.guard.unwrap_or_default(),
    };
    let (convention, breaches) = tables.check(form, test);
    (Terms::Inline(Box::new(convention)), breaches, !inline.is_empty())
}

impl Config {
    /// The convention's file, if the terms have one of their own.
    #[must_use]
    pub fn convention_file(&self) -> Option<&Path> {
        match &self.terms {
            Terms::Inline(_) => None,
            Terms::File(path) => Some(path),
        }
    }

    /// The terms as this machine has them, signed or not.
    ///
    /// # Errors
    /// Everything that is wrong with the file.
    pub fn present_convention(&self) -> Result<Presented, Vec<Fault>> {
        match &self.terms {
            Terms::File(path) => Presented::read(path, self.is_test()),
            Terms::Inline(convention) => Ok(Presented {
                convention: Convention::clone(convention),
                text: String::new(),
                digest: self.digest,
                signatures: Vec::new(),
            }),
        }
    }
}
