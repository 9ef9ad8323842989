//! One key of a TOML file, and what it holds.

/// What a key holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// A list of texts.
    Texts,
    /// A whole number from 0 to this.
    Count(i64),
    /// `true` or `false`.
    Boolean,
    /// One of these texts.
    Word(fn() -> Vec<&'static str>),
    /// A list of these texts.
    Words(fn() -> Vec<&'static str>),
    /// A table of these keys.
    Table(&'static [Key]),
    /// An array of tables of these keys.
    Tables(&'static [Key]),
    /// Tables of these keys under names of this list.
    Named(fn() -> Vec<&'static str>, &'static [Key]),
}

/// One key of a table.
#[derive(Clone, Copy)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
}

/// A key that a table must have.
pub(crate) const fn must(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: true }
}

/// A key that a table may have.
pub(crate) const fn may(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, required: false }
}
