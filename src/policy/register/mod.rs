//! A register as files write it: a table of cells or an array of objects, taken whole or refused with every bad line.
//!
//! | file | noun |
//! |---|---|
//! | [`csv`], `json` | the two forms of a file |
//! | `around` | what of the configuration a register is judged beside |
//! | `cell` | what one cell of a table may hold |
//! | `file` | the lines of a file, and what is wrong with them |

mod around;
mod cell;
pub mod csv;
mod file;
mod json;

pub use around::Around;
pub use cell::{Cell, joined};
pub(super) use file::{File, Lines, conclude};
pub use file::{Format, Slip};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Largest file in bytes: 20,000 practitioners with all their members fit in half of it, and two at once in the memory of the
/// smallest appliance.
pub const FILE_LEN_MAX: usize = 16 * 1024 * 1024;

/// An entry of a register as it is written.
pub trait Written: Default + Serialize + DeserializeOwned {
    /// Names of a table's columns; the order is ours to write, anybody's to read.
    const COLUMNS: &'static [&'static str];
    /// Columns without which no line says enough.
    const REQUIRED: &'static [&'static str];
    /// Members that objects have beside the columns.
    const MEMBERS: &'static [&'static str];
    /// Most entries of a register.
    const ENTRIES_MAX: usize;

    /// Takes one cell.
    ///
    /// # Errors
    /// The form that it should have, in French.
    fn take(&mut self, column: &'static str, cell: Cell<'_>) -> Result<(), &'static str>;

    /// The cells of its line, one for each column; None: a value holds what separates two values of a cell, or two words of one.
    fn cells(&self) -> Option<Vec<String>>;
}
