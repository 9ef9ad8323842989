//! The register as a table of cells, as spreadsheets read and write one.

use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::Subject;
use super::authenticator::AuthenticatorRecord;
use super::import::{Lines, Slip};
use super::record::Record;

/// Names of the columns; the order is ours to write, anybody's to read.
pub(super) const COLUMNS: [&str; 14] = [
    "id",
    "name",
    "profession",
    "specialty",
    "section",
    "structures",
    "services",
    "enrolled_by",
    "enrolled_how",
    "enrolled_on",
    "authenticator",
    "trained_on",
    "subject",
    "suspended",
];
/// Columns without which no line says enough.
const REQUIRED: [&str; 4] = ["id", "name", "profession", "services"];
/// Between several values of one cell.
const SEPARATOR: char = '|';

/// Reads every line that can be read.
pub(super) fn read(text: &str) -> Lines {
    let mut lines = Lines::default();
    // Spreadsheets of a French machine write semicolons.
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let Some(columns) = header(&mut reader, &mut lines.slips) else { return lines };
    let mut row = StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => return lines,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                let cause = "cette ligne ne peut pas être lue ; vérifiez ses guillemets";
                lines.slips.push(Slip::of(line, "", "csv-syntax", cause));
                return lines;
            }
        }
        let line = row.position().map_or(1, csv::Position::line);
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if row.len() != columns.len() {
            let cause = format!(
                "cette ligne a {} cellules, l'en-tête en a {} ; vérifiez les guillemets et les séparateurs",
                row.len(),
                columns.len()
            );
            lines.slips.push(Slip::of(line, "", "csv-cells", cause));
            continue;
        }
        if let Some(record) = record(&columns, &row, line, &mut lines.slips) {
            lines.records.push((line, record));
        }
    }
}

/// The columns in the order of the file; None: without them nothing can be read.
fn header(reader: &mut csv::Reader<&[u8]>, slips: &mut Vec<Slip>) -> Option<Vec<&'static str>> {
    let before = slips.len();
    let names = reader.headers().cloned().unwrap_or_default();
    let known: Vec<Option<&'static str>> =
        names.iter().map(|name| COLUMNS.into_iter().find(|known| *known == name.trim())).collect();
    for (name, known) in names.iter().zip(&known) {
        if known.is_none() {
            let cause = format!("la colonne {name:?} est inconnue ; les colonnes sont {}", COLUMNS.join(", "));
            slips.push(Slip::of(1, name.escape_debug().to_string(), "unknown-column", cause));
        }
    }
    for column in COLUMNS {
        let times = known.iter().filter(|known| **known == Some(column)).count();
        if times == 0 && REQUIRED.contains(&column) {
            let cause = format!("la colonne {column} manque ; la première ligne nomme les colonnes");
            slips.push(Slip::of(1, column, "missing-column", cause));
        } else if times > 1 {
            let cause = format!("la colonne {column} est donnée deux fois ; gardez-en une");
            slips.push(Slip::of(1, column, "duplicate-column", cause));
        }
    }
    if slips.len() > before { None } else { known.into_iter().collect() }
}

/// The entry of one line; None: a cell is not of its form.
fn record(columns: &[&'static str], row: &StringRecord, line: u64, slips: &mut Vec<Slip>) -> Option<Record> {
    let before = slips.len();
    let mut record = Record::default();
    for (column, cell) in columns.iter().copied().zip(row) {
        let cell = cell.trim();
        let text = || (!cell.is_empty()).then(|| cell.to_owned());
        let values = || cell.split(SEPARATOR).map(str::trim).filter(|value| !value.is_empty());
        let texts = || values().map(str::to_owned).collect();
        let mut wrong = |cause: &str| slips.push(Slip::of(line, column, "bad-value", cause));
        match column {
            "id" => cell.clone_into(&mut record.id),
            "name" => cell.clone_into(&mut record.name),
            "profession" => cell.clone_into(&mut record.profession),
            "specialty" => record.specialty = text(),
            "section" => record.section = text(),
            "structures" => record.structures = texts(),
            "services" => record.services = texts(),
            "enrolled_by" => record.enrolled_by = text(),
            "enrolled_how" => record.enrolled_how = text(),
            "enrolled_on" => record.enrolled_on = text(),
            "trained_on" => record.trained_on = text(),
            "authenticator" => {
                let read: Option<Vec<_>> = values().map(AuthenticatorRecord::parse).collect();
                match read {
                    Some(read) => record.authenticator = read,
                    None => wrong(
                        "un moyen s'écrit METHODE IDENTIFIANT [AAAA-MM-JJ] [revoked] ; plusieurs sont séparés par |",
                    ),
                }
            }
            "subject" => {
                let pairing = |value: &str| {
                    let (provider, subject) = value.split_once(' ')?;
                    Some(Subject { provider: provider.to_owned(), subject: subject.trim().to_owned() })
                };
                let read: Option<Vec<_>> = values().map(pairing).collect();
                match read {
                    Some(read) => record.subject = read,
                    None => wrong("un appariement s'écrit FOURNISSEUR SUJET ; plusieurs sont séparés par |"),
                }
            }
            _ => match cell {
                "" | "non" | "false" => {}
                "oui" | "true" => record.suspended = true,
                _ => wrong("écrivez oui, non ou rien"),
            },
        }
    }
    (slips.len() == before).then_some(record)
}

/// The register as a table, with semicolons and the mark that lets spreadsheets know UTF-8. None: a value holds what separates
/// two values of a cell, or two words of one.
#[must_use]
pub fn write<'p>(practitioners: impl Iterator<Item = &'p Record>) -> Option<Vec<u8>> {
    let mut writer = WriterBuilder::new().delimiter(b';').from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(COLUMNS).ok()?;
    for record in practitioners {
        let cell = |values: Vec<String>| {
            let is_plain = values.iter().all(|value| !value.contains(SEPARATOR) && value.trim() == value);
            is_plain.then(|| values.join("|"))
        };
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let plain = |value: &Subject| !value.provider.contains(' ');
        if !record.subject.iter().all(plain) {
            return None;
        }
        let authenticators = record.authenticator.iter().map(AuthenticatorRecord::text).collect();
        let subjects = record.subject.iter().map(|one| format!("{} {}", one.provider, one.subject)).collect();
        let suspended = if record.suspended { "oui" } else { "" };
        writer
            .write_record([
                record.id.clone(),
                record.name.clone(),
                record.profession.clone(),
                text(&record.specialty),
                text(&record.section),
                cell(record.structures.clone())?,
                cell(record.services.clone())?,
                text(&record.enrolled_by),
                text(&record.enrolled_how),
                text(&record.enrolled_on),
                cell(authenticators)?,
                text(&record.trained_on),
                cell(subjects)?,
                suspended.to_owned(),
            ])
            .ok()?;
    }
    writer.into_inner().ok()
}
