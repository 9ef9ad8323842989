//! The register as a table of cells, as spreadsheets read and write one.

use csv::{ReaderBuilder, StringRecord, WriterBuilder};

use super::{Cell, Lines, Slip, Written};

/// Reads every line that can be read.
pub(super) fn read<R: Written>(text: &str) -> Lines<R> {
    let mut lines = Lines::default();
    // Spreadsheets of a French machine write semicolons.
    let first = text.lines().next().unwrap_or_default();
    let delimiter = if first.contains(';') { b';' } else { b',' };
    let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text.as_bytes());
    let Some(columns) = header::<R>(&mut reader, &mut lines.slips) else { return lines };
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
        if !lines.count() {
            return lines;
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
fn header<R: Written>(reader: &mut csv::Reader<&[u8]>, slips: &mut Vec<Slip>) -> Option<Vec<&'static str>> {
    let before = slips.len();
    let names = reader.headers().cloned().unwrap_or_default();
    let known: Vec<Option<&'static str>> =
        names.iter().map(|name| R::COLUMNS.iter().copied().find(|known| *known == name.trim())).collect();
    for (name, known) in names.iter().zip(&known) {
        if known.is_none() {
            let cause = format!("la colonne {name:?} est inconnue ; les colonnes sont {}", R::COLUMNS.join(", "));
            slips.push(Slip::of(1, name.escape_debug().to_string(), "unknown-column", cause));
        }
    }
    for column in R::COLUMNS.iter().copied() {
        let times = known.iter().filter(|known| **known == Some(column)).count();
        if times == 0 && R::REQUIRED.contains(&column) {
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
fn record<R: Written>(
    columns: &[&'static str],
    row: &StringRecord,
    line: u64,
    slips: &mut Vec<Slip>,
) -> Option<R> {
    let before = slips.len();
    let mut record = R::default();
    for (column, cell) in columns.iter().copied().zip(row) {
        if let Err(cause) = record.take(column, Cell::of(cell)) {
            slips.push(Slip::of(line, column, "bad-value", cause));
        }
    }
    (slips.len() == before).then_some(record)
}

/// The register as a table, with semicolons and the mark that lets spreadsheets know UTF-8. None: an entry does not fit in
/// cells ([`Written::cells`]).
#[must_use]
pub fn write<'r, R: Written + 'r>(records: impl Iterator<Item = &'r R>) -> Option<Vec<u8>> {
    let mut writer = WriterBuilder::new().delimiter(b';').from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(R::COLUMNS).ok()?;
    for record in records {
        writer.write_record(record.cells()?).ok()?;
    }
    writer.into_inner().ok()
}
