//! What the commands of both registers have in common: reading one from `sceaud`, writing it into a file, importing one.

mod export;
mod import;
mod list;
mod progress;
mod read;

pub(super) use export::Export;
pub(super) use import::Import;
pub(super) use list::List;
pub(super) use read::read;

use std::io;

use crate::config::{Config, Named};
use crate::policy::order::Verb;
use crate::policy::register::{Format, Slip, Written};

/// One of the registers.
pub(super) trait Register {
    /// Its entries as they are written.
    type Record: Written + PartialEq;
    /// The method that gives its pages.
    const METHOD: &'static str;
    /// What answers call its entries.
    const MEMBER: &'static str;
    /// The order that makes it.
    const IMPORT: Verb;
    /// Its entries in French, counted.
    const ENTRIES: &'static str;

    /// What tells an entry from the others.
    fn key(record: &Self::Record) -> &str;

    /// Writes an entry for people, on as many lines as it needs.
    ///
    /// # Errors
    /// What the system said.
    fn show(record: &Self::Record, out: &mut impl io::Write) -> io::Result<()>;

    /// Whether what the file becomes depends on what the register has now.
    const KEEPS: bool = false;

    /// Judges a file as `sceaud` will, beside the register of now where it is known; `progress` learns how many entries of how
    /// many are judged.
    ///
    /// # Errors
    /// Everything that is wrong, by line.
    fn judge(
        config: &Config,
        named: &Named,
        file: (&[u8], Format),
        now: &[Self::Record],
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Vec<Self::Record>, Vec<Slip>>;
}
