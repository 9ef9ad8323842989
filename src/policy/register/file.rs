//! The lines of a file that is to become a register, and what is wrong with them.

use super::{Written, csv, json};

/// Form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A table of cells with a line of names: `,` or `;` between them.
    Csv,
    /// An array of objects.
    Json,
}

impl Format {
    /// Its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    /// The format of a word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Csv, Self::Json].into_iter().find(|format| format.name() == name)
    }
}

/// What is wrong in one place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    /// Line, from 1.
    pub line: u64,
    /// Column of the table, member of the object; empty: the line as a whole.
    pub column: String,
    /// Stable name of the rule, kebab-case.
    pub rule: &'static str,
    /// Cause and, behind a semicolon, remedy.
    pub cause: String,
}

impl Slip {
    pub(in crate::policy) fn of(
        line: u64,
        column: impl Into<String>,
        rule: &'static str,
        cause: impl Into<String>,
    ) -> Self {
        Self { line, column: column.into(), rule, cause: cause.into() }
    }
}

/// Lines that could be read, each with its number, and what is wrong with the others.
pub(in crate::policy) struct Lines<R> {
    pub(in crate::policy) records: Vec<(u64, R)>,
    pub(in crate::policy) slips: Vec<Slip>,
    entries: usize,
}

impl<R> Default for Lines<R> {
    fn default() -> Self {
        Self { records: Vec::new(), slips: Vec::new(), entries: 0 }
    }
}

impl<R: Written> Lines<R> {
    /// Counts an entry, good or bad; false: it is one too many, and nothing of the file is worth keeping.
    pub(super) fn count(&mut self) -> bool {
        self.entries += 1;
        !self.are_too_many()
    }

    fn are_too_many(&self) -> bool {
        self.entries > R::ENTRIES_MAX
    }
}

/// A file's entries, where each stands, and what is wrong with it so far.
pub(in crate::policy) struct File<R> {
    pub(in crate::policy) lines: Vec<u64>,
    pub(in crate::policy) records: Vec<R>,
    pub(in crate::policy) slips: Vec<Slip>,
}

impl<R: Written> File<R> {
    /// Reads every entry that can be read.
    ///
    /// # Errors
    /// What keeps the whole from being read.
    pub(in crate::policy) fn read(bytes: &[u8], format: Format) -> Result<Self, Vec<Slip>> {
        let text = text(bytes).map_err(|slip| vec![slip])?;
        let lines: Lines<R> = match format {
            Format::Csv => csv::read(text),
            Format::Json => json::read(text),
        };
        if lines.are_too_many() {
            let cause = format!(
                "ce fichier a plus de {} entrées ; vérifiez qu'il est celui de l'établissement",
                R::ENTRIES_MAX
            );
            return Err(vec![Slip::of(1, "", "too-many", cause)]);
        }
        let Lines { records, mut slips, .. } = lines;
        if records.is_empty() && slips.is_empty() {
            let cause =
                "ce fichier n'a aucune entrée ; un registre vide refuserait tout le monde, vérifiez le fichier";
            slips.push(Slip::of(1, "", "empty", cause));
        }
        let (lines, records) = records.into_iter().unzip();
        Ok(Self { lines, records, slips })
    }
}

/// The register, or everything that is wrong, by line.
pub(in crate::policy) fn conclude<T>(register: T, mut slips: Vec<Slip>) -> Result<T, Vec<Slip>> {
    if slips.is_empty() {
        return Ok(register);
    }
    slips.sort_by_key(|slip| slip.line);
    Err(slips)
}

/// The text of a file, without the mark that some programs put before it.
fn text(bytes: &[u8]) -> Result<&str, Slip> {
    const REMEDY: &str = "enregistrez-le de nouveau en UTF-8 (Excel : « CSV UTF-8 »)";
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(Slip::of(1, "", "encoding", format!("ce fichier est en UTF-16 ; {REMEDY}")));
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(text).map_err(|error| {
        let (good, bad) = text.split_at(error.valid_up_to());
        let line = memchr::memchr_iter(b'\n', good).count() as u64 + 1;
        let byte = bad.first().copied().unwrap_or_default();
        let cause = format!(
            "ce fichier n'est pas en UTF-8 (octet {byte:02X}), sans doute en Windows-1252, l'écriture habituelle d'Excel ; {REMEDY}"
        );
        Slip::of(line, "", "encoding", cause)
    })
}
