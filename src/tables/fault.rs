//! What is wrong with a file of the configuration: which rule, where, why, and what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A place in a text file, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

/// Where the lines of a text begin, found once.
#[derive(Debug)]
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let ends = memchr::memchr_iter(b'\n', text.as_bytes());
        Self { text, starts: std::iter::once(0).chain(ends.map(|end| end + 1)).collect() }
    }

    /// The line of the byte `offset`, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The place of the byte `offset`.
    pub(super) fn position(&self, offset: usize) -> Position {
        let line = self.line(offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.text.get(start..offset).unwrap_or_default().chars().count() + 1;
        Position { line, column }
    }
}

/// One thing that is wrong with one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Stable name of the rule, kebab-case.
    pub rule: &'static str,
    /// The file.
    pub file: PathBuf,
    /// Where in it, if it is a text with lines.
    pub position: Option<Position>,
    /// Cause and, behind a semicolon, remedy; holds nothing of the line itself, where a PIN may have been written by mistake.
    pub cause: String,
}

impl Fault {
    /// A fault of a file as a whole.
    #[must_use]
    pub fn of(rule: &'static str, file: &Path, cause: impl Into<String>) -> Self {
        Self { rule, file: file.to_owned(), position: None, cause: cause.into() }
    }

    /// The file cannot be read.
    #[must_use]
    pub fn unread(file: &Path, cause: &io::Error) -> Self {
        let rule = match cause.kind() {
            io::ErrorKind::NotFound => "file-missing",
            io::ErrorKind::PermissionDenied => "file-unreadable",
            _ => "file-unusable",
        };
        let cause =
            format!("il ne peut pas être lu ({}) ; vérifiez son chemin et ses droits", system_words(cause));
        Self::of(rule, file, cause)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "le fichier {} est refusé", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ", ligne {line}, colonne {column}")?;
        }
        write!(f, " : {}", self.cause)
    }
}

/// What the system said, in French where it is one of the usual causes.
#[must_use]
pub fn system_words(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::NotFound => "il n'existe pas".to_owned(),
        io::ErrorKind::PermissionDenied => "accès refusé".to_owned(),
        io::ErrorKind::IsADirectory => "c'est un dossier".to_owned(),
        io::ErrorKind::NotADirectory => "un élément de son chemin n'est pas un dossier".to_owned(),
        io::ErrorKind::ConnectionRefused => "personne n'y répond".to_owned(),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "pas de réponse à temps".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "la connexion a été fermée".to_owned()
        }
        _ => cause
            .raw_os_error()
            .map_or_else(|| "erreur du système".to_owned(), |n| format!("erreur du système n° {n}")),
    }
}

/// Why a configuration was not taken: everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(Vec<Fault>);

impl ConfigError {
    /// `Err` with everything that is wrong, or `Ok` if there is nothing.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub(crate) fn unless_empty(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() { Ok(()) } else { Err(Self(faults)) }
    }

    /// What is wrong, in the order in which it was read.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.0
    }
}

impl From<Vec<Fault>> for ConfigError {
    fn from(faults: Vec<Fault>) -> Self {
        Self(faults)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}
