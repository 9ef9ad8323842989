//! A TOML file of the configuration: read within limits, parsed, walked, and typed as far as it is right.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, Lines};
use super::key::Key;
use super::walk::Walk;
use crate::policy::breach::Breach;
use crate::traces::digest::Digest;

/// Largest configuration or register file in bytes: 20,000 practitioners fit in a quarter of it.
const FILE_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Longest file in bytes of which every slip is looked for: a larger one that is no TOML is told by its first.
const RECOVERY_LEN_MAX: usize = 1024 * 1024;
/// Most faults told of one file: a file of another kind has as many as lines, and nobody reads them.
pub(crate) const FAULTS_MAX: usize = 100;

/// A file as far as it was right.
#[derive(Debug)]
pub(crate) struct Document<T> {
    path: PathBuf,
    text: String,
    /// The typed content; where a value was wrong, an empty one. None if nothing could be made of the file.
    pub(crate) value: Option<T>,
    /// What is wrong with its shape.
    pub(crate) faults: Vec<Fault>,
    walk: Walk,
    /// Something in it could not even be parsed: nothing may be concluded from what is missing.
    torn: bool,
}

impl<T: for<'de> Deserialize<'de>> Document<T> {
    /// Reads a file against its schema; never fails, [`Document::faults`] says what is wrong.
    pub(crate) fn read(path: &Path, keys: &[Key]) -> Self {
        match read_text(path) {
            Ok(text) => Self::parse(path, text, keys),
            Err(fault) => Self::unread(path, fault),
        }
    }

    fn unread(path: &Path, fault: Fault) -> Self {
        let path = path.to_owned();
        Self { path, text: String::new(), value: None, faults: vec![fault], walk: Walk::default(), torn: true }
    }

    /// The same for a text that was read already; `path` is where faults are told.
    pub(crate) fn parse(path: &Path, text: String, keys: &[Key]) -> Self {
        let (mut table, errors) = match DeTable::parse(&text) {
            Ok(table) => (table, Vec::new()),
            Err(_) if text.len() <= RECOVERY_LEN_MAX => DeTable::parse_recoverable(&text),
            Err(error) => (Spanned::new(0..0, DeTable::new()), vec![error]),
        };
        let lines = Lines::of(&text);
        let mut faults = Vec::new();
        let mut told = BTreeSet::new();
        for error in &errors {
            let start = error.span().map_or(0, |span| span.start);
            // One slip of the pen can be several errors to the parser: the first of a line is the cause.
            if faults.len() >= FAULTS_MAX || !told.insert(lines.line(start)) {
                continue;
            }
            let (rule, cause) = french(error.message());
            faults.push(Fault { position: Some(lines.position(start)), ..Fault::of(rule, path, cause) });
        }
        let torn = !errors.is_empty();
        let walk = Walk::over(&mut table, keys);
        if !torn {
            for (rule, span, cause) in walk.faults.iter().take(FAULTS_MAX) {
                let position = Some(lines.position(span.start));
                faults.push(Fault { position, ..Fault::of(rule, path, cause.clone()) });
            }
        }
        faults.truncate(FAULTS_MAX);
        faults.sort_by_key(|fault| fault.position);
        let value = match T::deserialize(toml::Deserializer::from(table)) {
            Ok(value) => Some(value),
            Err(error) if faults.is_empty() => {
                // The schema and the typed tables differ: the reader is told the place, in our words.
                let position = error.span().map(|span| lines.position(span.start));
                let cause = "cette valeur n'est pas de la forme attendue ; corrigez-la d'après l'exemple commenté";
                faults.push(Fault { position, ..Fault::of("wrong-type", path, cause) });
                None
            }
            Err(_) => None,
        };
        Self { path: path.to_owned(), text, value, faults, walk, torn }
    }
}

impl<T> Document<T> {
    /// Whether everything of that section was read as it stands: only then may something be concluded from it.
    pub(crate) fn is_whole(&self, section: &str) -> bool {
        !self.torn && !self.walk.spoiled.iter().any(|(name, _)| name == section)
    }

    /// Whether that entry was read as it stands.
    pub(crate) fn is_whole_entry(&self, section: &str, entry: usize) -> bool {
        !self.torn && !self.walk.spoiled.contains(&(section.to_owned(), Some(entry)))
    }

    /// Takes the value and leaves what tells the places.
    pub(crate) fn take(&mut self) -> Option<T> {
        self.value.take()
    }

    /// SHA-256 of the file as it was read.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&[self.text.as_bytes()])
    }

    /// The file's text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The breaches with their places, without those that come of the mending.
    pub(crate) fn locate(&self, breaches: Vec<Breach>) -> Vec<Fault> {
        if breaches.is_empty() || self.torn {
            return Vec::new();
        }
        let Ok(parsed) = DeTable::parse(&self.text) else { return Vec::new() };
        let lines = Lines::of(&self.text);
        let mut faults = Vec::new();
        for breach in breaches {
            let (place, value) = find(parsed.get_ref(), &breach);
            let mended = match (&value, breach.rule) {
                // A value that stands alone is judged alone.
                (Some(value), rule) if !OF_SEVERAL_VALUES.contains(&rule) => self.walk.touched(value),
                _ => match breach.entry {
                    Some(entry) => !self.is_whole_entry(breach.section, entry),
                    None => !breach.section.is_empty() && !self.is_whole(breach.section),
                },
            };
            if !mended && faults.len() < FAULTS_MAX {
                let position = Some(lines.position(place));
                faults.push(Fault { position, ..Fault::of(breach.rule, &self.path, breach.cause) });
            }
        }
        faults
    }
}

/// Rules that look at several values of an entry at once.
const OF_SEVERAL_VALUES: [&str; 4] = ["contradiction", "missing-key", "bad-code", "method-without-profile"];

/// Where a breach stands (its key, else its entry, else its section, else the file's first byte), and its value's span.
fn find(table: &DeTable<'_>, breach: &Breach) -> (usize, Option<Range<usize>>) {
    let member = |table: &DeTable<'_>| member(table, breach.field);
    if breach.section.is_empty() {
        return member(table).unwrap_or((0, None));
    }
    let Some(section) = table.get(breach.section) else { return (0, None) };
    let entry: &Spanned<DeValue<'_>> = match (section.get_ref(), breach.entry) {
        (DeValue::Array(entries), Some(entry)) => entries.get(entry).unwrap_or(section),
        (DeValue::Array(entries), None) => entries.last().unwrap_or(section),
        _ => section,
    };
    let inner = entry.get_ref().as_table().and_then(member);
    inner.unwrap_or((entry.span().start, None))
}

/// The place of a key, dotted below tables of the section, and its value's span.
fn member(table: &DeTable<'_>, field: &str) -> Option<(usize, Option<Range<usize>>)> {
    let (name, rest) = field.split_once('.').map_or((field, None), |(name, rest)| (name, Some(rest)));
    let (key, value) = table.get_key_value(name)?;
    match rest {
        Some(rest) => member(value.get_ref().as_table()?, rest),
        None => Some((key.span().start, Some(value.span()))),
    }
}

/// Reads a regular file of at most [`FILE_LEN_MAX`] bytes; opens nothing that could make it wait.
///
/// # Errors
/// What is wrong with the file.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, Fault> {
    let unread = |cause| Fault::unread(path, &cause);
    // Asked before opening: opening a FIFO would wait for its writer.
    let metadata = path.metadata().map_err(unread)?;
    if !metadata.is_file() {
        return Err(Fault::of(
            "file-unusable",
            path,
            "ce n'est pas un fichier ordinaire ; donnez le chemin d'un fichier",
        ));
    }
    if metadata.len() > FILE_LEN_MAX {
        let cause = format!("il a {} octets ; le maximum est {FILE_LEN_MAX}", metadata.len());
        return Err(Fault::of("file-unusable", path, cause));
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(unread)?.take(FILE_LEN_MAX).read_to_end(&mut bytes).map_err(unread)?;
    Ok(bytes)
}

pub(crate) fn read_text(path: &Path) -> Result<String, Fault> {
    let text = String::from_utf8(read_bytes(path)?);
    match text {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(Fault::of("file-unusable", path, "ce n'est pas un texte UTF-8 ; donnez un fichier TOML")),
    }
}

/// The parser's words in French; what it may say beyond is told as a slip of the pen.
fn french(message: &str) -> (&'static str, &'static str) {
    let has = |part: &str| message.contains(part);
    if has("duplicate key") {
        return ("duplicate-key", "cette clé ou cette section est donnée deux fois ; gardez-en une");
    }
    let cause = if has("recurs") {
        "les listes ou les tables sont emboîtées trop profondément ; simplifiez l'écriture"
    } else if has("string values must be quoted") {
        "un texte n'est pas entre guillemets ; ajoutez-les"
    } else if has("unclosed") || has("missing array") || has("missing inline table") || has("missing table open") {
        "un crochet ou une accolade manque ; fermez ce qui est ouvert"
    } else if has("quote") {
        "un guillemet manque ; fermez le texte"
    } else if has("missing value") || has("key with no value") {
        "la clé n'a pas de valeur ; écrivez clé = valeur"
    } else if has("comma") {
        "une virgule manque ou est de trop ; corrigez la liste"
    } else if has("number") || has("overflow") || has("leading zero") || has("digits") {
        "ce nombre n'est pas écrit comme TOML le veut ; corrigez-le"
    } else {
        "l'écriture n'est pas du TOML ; corrigez la ligne d'après l'exemple commenté"
    };
    ("toml-syntax", cause)
}
