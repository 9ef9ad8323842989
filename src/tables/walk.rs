//! One walk over a parsed file against its schema: every unknown key, wrong type and missing key, with its place.
//!
//! What is wrong is replaced by an empty value of the right type, so that the rest can still be read into typed tables;
//! the section (and the entry) where that happened is remembered, and nothing is concluded from it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeInteger, DeTable, DeValue};

use super::document::FAULTS_MAX;
use super::key::{Key, Kind};

/// Longest part of an unknown key that is repeated, in characters: enough to recognise it.
const SHOWN_MAX: usize = 60;
/// From this likeness on (Jaro-Winkler, 0 to 1) a known key is suggested for an unknown one.
const LIKENESS_MIN: f64 = 0.85;

/// What a walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Rule, place (bytes) and cause of each fault.
    pub(super) faults: Vec<(&'static str, Range<usize>, String)>,
    /// Sections, and entries of them, in which something was replaced.
    pub(super) spoiled: BTreeSet<(String, Option<usize>)>,
}

impl Walk {
    /// Walks the file's top table and mends it.
    pub(super) fn over(table: &mut Spanned<DeTable<'_>>, keys: &[Key]) -> Self {
        let mut walk = Self::default();
        walk.table(table.get_mut(), keys, "", &(0..0));
        for key in keys {
            let Some(value) = table.get_mut().get_mut(key.name) else { continue };
            let before = walk.faults.len();
            walk.section(key, value);
            if walk.faults.len() > before {
                walk.spoiled.insert((key.name.to_owned(), None));
            }
        }
        walk
    }

    /// Whether something within these bytes was replaced.
    pub(super) fn touched(&self, span: &Range<usize>) -> bool {
        self.faults.iter().any(|(_, place, _)| span.contains(&place.start))
    }

    fn fault(&mut self, rule: &'static str, span: &Range<usize>, cause: String) {
        self.faults.push((rule, span.clone(), cause));
    }

    /// What stands under a key of the top table.
    fn section(&mut self, key: &Key, value: &mut Spanned<DeValue<'_>>) {
        let span = value.span();
        match (key.kind, value.get_mut()) {
            (Kind::Table(keys), DeValue::Table(table)) => {
                let at = format!("[{}] ", key.name);
                self.members(table, keys, &at, &span);
            }
            (Kind::Tables(keys), DeValue::Array(entries)) => {
                for number in self.entries(entries, keys, key.name) {
                    self.spoiled.insert((key.name.to_owned(), Some(number)));
                }
            }
            (Kind::Named(names, keys), DeValue::Table(table)) => {
                let at = format!("[{}] ", key.name);
                let known = names();
                let strangers: Vec<_> =
                    table.keys().filter(|name| !known.contains(&name.get_ref().as_ref())).cloned().collect();
                for name in strangers {
                    let cause = format!(
                        "{at}{} n'est pas admis ; les valeurs admises sont {}",
                        shown(name.get_ref()),
                        known.join(", ")
                    );
                    self.fault("unknown-value", &name.span(), cause);
                    table.remove(name.get_ref().as_ref());
                }
                for (name, form) in table.iter_mut() {
                    let span = form.span();
                    if let DeValue::Table(form) = form.get_mut() {
                        self.members(form, keys, &format!("{at}{} ", name.get_ref()), &span);
                    } else {
                        let cause = format!("{at}c'est {} ; écrivez une table", called(form.get_ref()));
                        self.fault("wrong-type", &span, cause);
                        *form.get_mut() = DeValue::Table(filled(keys));
                    }
                }
            }
            (kind, _) => self.value(key.name, kind, value, ""),
        }
    }

    /// The entries of an array of tables, whose dotted name is `name`; gives those in which something was replaced.
    fn entries(&mut self, entries: &mut DeArray<'_>, keys: &[Key], name: &str) -> Vec<usize> {
        let at = format!("[[{name}]] ");
        let mut spoiled = Vec::new();
        for (number, entry) in entries.iter_mut().enumerate() {
            let before = self.faults.len();
            let span = entry.span();
            if let DeValue::Table(table) = entry.get_mut() {
                self.members(table, keys, &at, &span);
            } else {
                let cause = format!("{at}c'est {} ; écrivez une table", called(entry.get_ref()));
                self.fault("wrong-type", &span, cause);
                *entry.get_mut() = DeValue::Table(filled(keys));
            }
            if self.faults.len() > before {
                spoiled.push(number);
            }
        }
        spoiled
    }

    fn members(&mut self, table: &mut DeTable<'_>, keys: &[Key], at: &str, span: &Range<usize>) {
        self.table(table, keys, at, span);
        for key in keys {
            let Some(value) = table.get_mut(key.name) else { continue };
            match (key.kind, value.get_mut()) {
                // Tables of tables, as `[[identity_provider.method]]`.
                (Kind::Tables(keys), DeValue::Array(entries)) => {
                    let outer = at.trim_end().trim_matches(['[', ']']);
                    self.entries(entries, keys, &format!("{outer}.{}", key.name));
                }
                // Tables within tables, as `[guard.practitioner]`.
                (Kind::Table(keys), DeValue::Table(table)) => {
                    let outer = at.trim_end().trim_matches(['[', ']']);
                    let span = span.clone();
                    self.members(table, keys, &format!("[{outer}.{}] ", key.name), &span);
                }
                _ => self.value(key.name, key.kind, value, at),
            }
        }
    }

    /// Unknown and missing keys of one table.
    fn table(&mut self, table: &mut DeTable<'_>, keys: &[Key], at: &str, span: &Range<usize>) {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let strangers: Vec<_> =
            table.keys().filter(|name| !names.contains(&name.get_ref().as_ref())).cloned().collect();
        let mut meant = Vec::new();
        for name in strangers {
            // Nobody reads more: what is left is taken away unsaid.
            if self.faults.len() >= FAULTS_MAX {
                table.remove(name.get_ref().as_ref());
                continue;
            }
            let word = name.get_ref();
            // A key that is already there cannot be what was meant.
            let free = names.iter().filter(|known| !table.contains_key(**known));
            let like = free
                .map(|known| (strsim::jaro_winkler(known, word), *known))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(likeness, _)| *likeness >= LIKENESS_MIN);
            let remedy = match like {
                Some((_, known)) => format!("vouliez-vous écrire `{known}` ?"),
                None => "retirez-la, ou corrigez son nom".to_owned(),
            };
            meant.extend(like.map(|(_, known)| known));
            self.fault(
                "unknown-key",
                &name.span(),
                format!("{at}la clé `{}` est inconnue ; {remedy}", shown(word)),
            );
            table.remove(name.get_ref().as_ref());
        }
        // What is meant under a wrong name is known to be there, and its fault is told already.
        if at.is_empty() {
            self.spoiled.extend(meant.iter().map(|known| ((*known).to_owned(), None)));
        }
        let standalone = !table.contains_key("extends");
        for key in keys.iter().filter(|key| key.required && standalone) {
            if table.contains_key(key.name) {
                continue;
            }
            if !meant.contains(&key.name) {
                let cause = format!("{at}la clé `{}` manque ; ajoutez-la", key.name);
                self.fault("missing-key", span, cause);
            }
            table.insert(Spanned::new(0..0, Cow::Borrowed(key.name)), Spanned::new(span.clone(), empty(key.kind)));
        }
    }

    /// The type, and for closed lists the value, of one key.
    fn value(&mut self, name: &str, kind: Kind, value: &mut Spanned<DeValue<'_>>, at: &str) {
        let span = value.span();
        let wanted = match (kind, value.get_mut()) {
            (Kind::Text, DeValue::String(_)) | (Kind::Boolean, DeValue::Boolean(_)) => return,
            (Kind::Count(max), DeValue::Integer(number)) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) if (0..=max).contains(&number) => return,
                    _ => {
                        let cause = format!(
                            "{at}{name} : ce nombre est hors limites ; donnez un nombre entier de 0 à {max}"
                        );
                        self.fault("bad-value", &span, cause);
                    }
                }
                *value.get_mut() = empty(kind);
                return;
            }
            (Kind::Word(words), DeValue::String(word)) => {
                if words().contains(&word.as_ref()) {
                    return;
                }
                let cause = format!("{at}{name} : cette valeur n'est pas admise ; donnez {}", words().join(", "));
                self.fault("unknown-value", &span, cause);
                *value.get_mut() = empty(kind);
                return;
            }
            (Kind::Texts | Kind::Words(_), DeValue::Array(items)) => {
                let before = self.faults.len();
                for item in items.iter() {
                    match (kind, item.get_ref()) {
                        (Kind::Words(words), DeValue::String(word)) if !words().contains(&word.as_ref()) => {
                            let cause = format!(
                                "{at}{name} : cette valeur n'est pas admise ; donnez {}",
                                words().join(", ")
                            );
                            self.fault("unknown-value", &item.span(), cause);
                        }
                        (_, DeValue::String(_)) => {}
                        (_, other) => {
                            let cause = format!(
                                "{at}{name} : la liste contient {} ; écrivez des textes entre guillemets",
                                called(other)
                            );
                            self.fault("wrong-type", &item.span(), cause);
                        }
                    }
                }
                if self.faults.len() > before {
                    *value.get_mut() = empty(kind);
                }
                return;
            }
            (Kind::Text | Kind::Word(_), _) => "un texte entre guillemets",
            (Kind::Boolean, _) => "true ou false, sans guillemets",
            (Kind::Count(_), _) => "un nombre entier, sans guillemets",
            (Kind::Texts | Kind::Words(_), _) => "une liste de textes, entre crochets",
            (Kind::Table(_) | Kind::Named(..), _) => "une table",
            (Kind::Tables(_), _) => "une suite de tables entre doubles crochets",
        };
        let cause = format!("{at}{name} : c'est {} ; écrivez {wanted}", called(value.get_ref()));
        self.fault("wrong-type", &span, cause);
        *value.get_mut() = empty(kind);
    }
}

/// A key as it was written, short and harmless to a terminal.
fn shown(word: &str) -> String {
    let mut out = String::new();
    for character in word.chars().take(SHOWN_MAX) {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if word.chars().nth(SHOWN_MAX).is_some() {
        out.push('…');
    }
    out
}

fn called(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "un texte",
        DeValue::Integer(_) => "un nombre entier",
        DeValue::Float(_) => "un nombre à virgule",
        DeValue::Boolean(_) => "true ou false",
        DeValue::Datetime(_) => "une date sans guillemets",
        DeValue::Array(_) => "une liste",
        DeValue::Table(_) => "une table",
    }
}

fn empty(kind: Kind) -> DeValue<'static> {
    match kind {
        Kind::Text => DeValue::String(Cow::Borrowed("")),
        Kind::Word(words) => DeValue::String(Cow::Borrowed(words().first().copied().unwrap_or_default())),
        Kind::Boolean => DeValue::Boolean(false),
        Kind::Count(_) => DeValue::Integer(DeInteger::default()),
        Kind::Texts | Kind::Words(_) | Kind::Tables(_) => DeValue::Array(DeArray::new()),
        Kind::Table(_) | Kind::Named(..) => DeValue::Table(DeTable::new()),
    }
}

fn filled(keys: &[Key]) -> DeTable<'static> {
    let required = keys.iter().filter(|key| key.required);
    required
        .map(|key| (Spanned::new(0..0, Cow::Borrowed(key.name)), Spanned::new(0..0, empty(key.kind))))
        .collect()
}
