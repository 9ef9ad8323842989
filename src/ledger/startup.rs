//! What a start tells: itself, and what came into force since the start before.

use rusqlite::Connection;

use super::line::{Beside, Line};
use super::memories;
use super::store::StoreError;
use crate::traces::digest::Digest;
use crate::traces::entry::event::{Configuration, Event};
use crate::traces::entry::key::LookupKey;
use crate::traces::entry::word::Word;
use crate::vihf::assertion::Patient;
use crate::vihf::identity::PsIdNat;

/// The file of a register, as it was read for a start.
#[derive(Clone, Debug)]
pub struct RegisterFile {
    /// What its changes are told under.
    pub name: Word,
    /// SHA-256 of its bytes.
    pub content: Digest,
    /// Whether it names people: then what is told is keyed.
    pub names_people: bool,
}

/// The entry of a start, and the files of registers.
#[derive(Clone, Debug)]
pub struct Startup {
    /// The entry; its hashes are those of configuration and convention.
    pub start: Event<PsIdNat, Patient>,
    /// The files.
    pub files: Vec<RegisterFile>,
}

impl From<Event<PsIdNat, Patient>> for Startup {
    /// A start that read no register.
    fn from(start: Event<PsIdNat, Patient>) -> Self {
        Self { start, files: Vec::new() }
    }
}

impl Startup {
    /// The lines of one commit: the start, then whatever is not as it was last told. A ledger `is_new` is told by its start.
    pub(super) fn lines(
        self,
        connection: &Connection,
        lookup: &LookupKey,
        is_new: bool,
    ) -> Result<Vec<Line>, StoreError> {
        let Event::Start(start) = &self.start else { return Ok(vec![Line::plain(self.start)]) };
        let (configuration, convention) = (start.configuration, start.convention);
        let begun = Line { event: self.start, chain: None, beside: in_force(configuration, convention) };
        let mut lines = vec![begun];
        if !is_new && !is_told(connection, &in_force(configuration, convention))? {
            lines.push(Line::configuration(Configuration { configuration, convention, mandate: None }));
        }
        for RegisterFile { name: register, content, names_people } in self.files {
            let content = if names_people { lookup.file(&content) } else { content };
            let line = Line::file(register, content);
            if !is_told(connection, &line.beside)? {
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

/// What is remembered of a configuration and a convention once they are told.
pub(super) fn in_force(configuration: Digest, convention: Digest) -> Beside {
    Beside::Told { name: memories::CONFIGURATION.to_owned(), value: format!("{configuration} {convention}") }
}

fn is_told(connection: &Connection, beside: &Beside) -> Result<bool, StoreError> {
    let Beside::Told { name, value } = beside else { return Ok(false) };
    Ok(memories::read(connection, name)?.as_ref() == Some(value))
}
