//! One cell of a table: a text, several texts, yes or no.

/// Between several values of one cell.
const SEPARATOR: char = '|';

/// What a cell holds, without the space around it.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'t>(&'t str);

impl<'t> Cell<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self(text.trim())
    }

    /// As it is.
    #[must_use]
    pub fn text(self) -> String {
        self.0.to_owned()
    }

    /// None if it is empty.
    #[must_use]
    pub fn optional(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.text())
    }

    /// Its values.
    pub fn values(self) -> impl Iterator<Item = &'t str> {
        self.0.split(SEPARATOR).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The same, owned.
    #[must_use]
    pub fn texts(self) -> Vec<String> {
        self.values().map(str::to_owned).collect()
    }

    /// Each of its values read; None: one is not of its form.
    pub fn read<T>(self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        self.values().map(read).collect()
    }

    /// Yes, no, or nothing said.
    ///
    /// # Errors
    /// The words that it may hold.
    pub fn flag(self) -> Result<Option<bool>, &'static str> {
        match self.0 {
            "" => Ok(None),
            "non" | "false" => Ok(Some(false)),
            "oui" | "true" => Ok(Some(true)),
            _ => Err("écrivez oui, non ou rien"),
        }
    }
}

/// Several values as one cell; None: one of them would be read as two, or otherwise than it is.
#[must_use]
pub fn joined<T: AsRef<str>>(values: &[T]) -> Option<String> {
    let values: Vec<&str> = values.iter().map(AsRef::as_ref).collect();
    let is_plain = values.iter().all(|value| !value.contains(SEPARATOR) && value.trim() == *value);
    is_plain.then(|| values.join("|"))
}
