//! A file that is to become the register: taken whole, or refused with every line that is bad.

use super::record::{Around, Demands, Record};
use super::register::Practitioners;
use super::{csv, json};

/// Largest file in bytes: 20,000 practitioners with all their members fit in half of it, and two at once in the memory of the
/// smallest appliance.
pub const FILE_LEN_MAX: usize = 16 * 1024 * 1024;
/// Most practitioners: some times the largest hospital; what the ledger keeps of them fits in one record of a backup.
pub const RECORDS_MAX: usize = 50_000;
/// Largest register in the ledger, in bytes: one record of a backup holds it with its name and what encrypts it.
pub const DOCUMENT_LEN_MAX: usize = 31 * 1024 * 1024;
/// Lines between two calls of `progress`.
const PROGRESS_EVERY: usize = 256;

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
    pub(super) fn of(line: u64, column: impl Into<String>, rule: &'static str, cause: impl Into<String>) -> Self {
        Self { line, column: column.into(), rule, cause: cause.into() }
    }
}

/// Lines that could be read, each with its number, and what is wrong with the others.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) records: Vec<(u64, Record)>,
    pub(super) slips: Vec<Slip>,
}

/// Judges a file beside the configuration; `progress` learns how many lines of how many are judged.
///
/// `current` is the register of now if orders made it: an authenticator that is revoked there stays so for its holder, whatever
/// the file says. Suspensions by order are a register of their own ([`crate::policy::suspensions`]).
///
/// # Errors
/// Everything that is wrong, by line.
pub fn judge(
    bytes: &[u8],
    format: Format,
    around: &Around,
    current: Option<&Practitioners>,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Practitioners, Vec<Slip>> {
    let text = text(bytes).map_err(|slip| vec![slip])?;
    let Lines { records, mut slips } = match format {
        Format::Csv => csv::read(text),
        Format::Json => json::read(text),
    };
    if records.is_empty() && slips.is_empty() {
        let cause =
            "ce fichier ne nomme personne ; un registre vide refuserait tout le monde, vérifiez le fichier";
        slips.push(Slip::of(1, "", "empty", cause));
    }
    if records.len() > RECORDS_MAX {
        let cause = format!(
            "ce fichier nomme plus de {RECORDS_MAX} professionnels ; vérifiez qu'il est celui de l'établissement"
        );
        return Err(vec![Slip::of(1, "", "too-many", cause)]);
    }
    let (lines, mut records): (Vec<u64>, Vec<Record>) = records.into_iter().unzip();
    if let Some(current) = current {
        keep(&mut records, current);
    }
    let families: Vec<&str> = around.physician_specialties.iter().map(String::as_str).collect();
    let (total, mut judged) = (lines.len(), 0);
    let demands = Demands {
        physician_specialties: &families,
        structure_exists: &|id| around.structures.contains(id),
        service_exists: &|name| around.services.contains(name),
        evidence: true,
    };
    let told = records.iter().inspect(|_| {
        judged += 1;
        if judged % PROGRESS_EVERY == 0 && judged < total {
            progress(judged, total);
        }
    });
    let practitioners = Practitioners::of(told, demands, &mut |entry, _, rule, field, cause| {
        if let Some(line) = lines.get(entry) {
            slips.push(Slip::of(*line, field, rule, cause));
        }
    });
    progress(total, total);
    for breach in practitioners.of_unknown_providers(|name| around.providers.contains(name)) {
        if let Some(line) = breach.entry.and_then(|entry| lines.get(entry)) {
            slips.push(Slip::of(*line, breach.field, breach.rule, breach.cause));
        }
    }
    if practitioners.document("").map_or(usize::MAX, |document| document.len()) > DOCUMENT_LEN_MAX {
        let cause = "le registre dépasse 31 Mio ; retirez les moyens révoqués et les droits échus de longue date";
        slips.push(Slip::of(1, "", "too-large", cause));
    }
    if slips.is_empty() {
        return Ok(practitioners);
    }
    slips.sort_by_key(|slip| slip.line);
    Err(slips)
}

/// Takes over what no import undoes.
fn keep(records: &mut [Record], current: &Practitioners) {
    for record in records {
        let Some(known) = current.named(&record.id) else { continue };
        for revoked in known.record.authenticator.iter().filter(|one| one.revoked) {
            match record.authenticator.iter_mut().find(|one| one.method == revoked.method && one.id == revoked.id)
            {
                Some(one) => one.revoked = true,
                None => record.authenticator.push(revoked.clone()),
            }
        }
    }
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

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
