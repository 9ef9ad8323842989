//! The report: printed as it grows, then left as table, JSON and plot in one folder.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::aims::Aim;
use crate::Failure;

/// Where it is left, from the root of the source tree.
const FOLDER: &str = "target/bench";

/// Sections in their order.
#[derive(Default)]
pub(super) struct Report {
    text: String,
    sections: Map<String, Value>,
}

impl Report {
    fn say(&mut self, line: &str) {
        println!("{line}");
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Some figures under a title.
    pub(super) fn section(&mut self, title: &str, figures: Value) {
        let words: Vec<String> = figures
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| format!("{name} {}", shown(value)))
            .collect();
        self.say(&format!("\n{title} : {}", words.join(" · ")));
        self.sections.insert(title.to_owned(), figures);
    }

    /// Rows of the same figures under a title.
    pub(super) fn table(&mut self, title: &str, rows: Vec<Value>) {
        self.say(&format!("\n{title}"));
        let mut names: Vec<String> = Vec::new();
        for name in rows.iter().filter_map(Value::as_object).flat_map(Map::keys) {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let cells = |row: &Value| names.iter().map(|name| shown(&row[name.as_str()])).collect::<Vec<_>>();
        let lines: Vec<Vec<String>> = std::iter::once(names.clone()).chain(rows.iter().map(cells)).collect();
        let widths: Vec<usize> = (0..names.len())
            .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or_default())
            .collect();
        for line in &lines {
            let padded: Vec<String> =
                line.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
            self.say(&padded.join("  "));
        }
        self.sections.insert(title.to_owned(), rows.into());
    }

    /// What could not be measured here, and why.
    pub(super) fn skip(&mut self, what: &str, why: &str) {
        self.say(&format!("\nNon mesuré : {what} ({why})"));
        self.sections.insert(what.to_owned(), json!({ "skipped": why }));
    }

    /// Every aim with its verdict.
    pub(super) fn aims(&mut self, aims: Vec<Aim>) {
        self.say("\nVisées");
        for aim in &aims {
            self.say(&aim.line());
        }
        self.sections.insert("aims".to_owned(), aims.iter().map(Aim::json).collect());
    }

    /// Leaves it all.
    pub(super) fn write(self, plot: &str) -> Result<(), Failure> {
        let json = format!("{:#}\n", Value::Object(self.sections));
        for (name, content) in
            [("report.txt", &self.text), ("report.json", &json), ("bench.svg", &plot.to_owned())]
        {
            let file = Path::new(FOLDER).join(name);
            fs::create_dir_all(FOLDER)
                .and_then(|()| fs::write(&file, content))
                .map_err(|e| Failure::negative(format!("{} : {e}", file.display())))?;
        }
        println!("\nRapport : {FOLDER}/report.txt, report.json, bench.svg");
        Ok(())
    }
}

/// A value as a person reads it: three digits that mean something.
fn shown(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            match number.abs() {
                100.0.. => format!("{number:.0}"),
                10.0.. => format!("{number:.1}"),
                _ if number.fract() == 0.0 => format!("{number:.0}"),
                _ => format!("{number:.2}"),
            }
        }
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "oui".to_owned(),
        other => other.to_string(),
    }
}
