//! A document, parsed once within limits.

use uppsala::{Parser, XmlError};

use super::Element;
use super::element::Position;
use super::width;

/// Largest document in bytes: a VIHF has 5 kB, a SOAP message that feeds a record some megabytes.
pub const DOCUMENT_LEN_MAX: usize = 4 * 1024 * 1024;
/// Deepest nesting of elements: a VIHF inside SOAP reaches 9, clinical documents in a body some tens.
const DEPTH_MAX: u32 = 96;

/// Why a document cannot be judged; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Over [`DOCUMENT_LEN_MAX`].
    TooLarge,
    /// Not UTF-8, or another encoding or version is declared.
    Encoding,
    /// It carries a document type declaration, hence maybe entities.
    Doctype(Position),
    /// Nested, wide or populous beyond any VIHF.
    Limits(Position),
    /// Not well-formed XML, or a prefix without declaration.
    Malformed(Position),
}

/// A well-formed document without DTD, within limits.
#[derive(Debug)]
pub struct Document<'a> {
    pub(super) tree: uppsala::Document<'a>,
    root: uppsala::NodeId,
}

impl<'a> Document<'a> {
    /// Parses a document: UTF-8 XML 1.0 with namespaces, no DTD.
    ///
    /// Time and memory grow with the length alone. A byte order mark is skipped.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        if bytes.len() > DOCUMENT_LEN_MAX {
            return Err(Unreadable::TooLarge);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::Encoding)?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Some(offset) = width::beyond(text) {
            return Err(Unreadable::Limits(Position::of(text, offset)));
        }
        let tree = Parser::new()
            .with_max_depth(DEPTH_MAX)
            .with_max_entity_expansion(0)
            .with_forbid_dtd(true)
            .parse(text)
            .map_err(|error| unreadable(&error))?;
        if let Some(declaration) = &tree.xml_declaration {
            let encoding = declaration.encoding.as_deref().unwrap_or("UTF-8");
            if !encoding.eq_ignore_ascii_case("UTF-8") || declaration.version != "1.0" {
                return Err(Unreadable::Encoding);
            }
        }
        let root = tree.document_element().ok_or(Unreadable::Malformed(Position::START))?;
        Ok(Self { tree, root })
    }

    /// The document element.
    #[must_use]
    pub fn root(&self) -> Element<'_> {
        Element::new(&self.tree, self.root)
    }

    /// Every element, in document order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'_>> {
        self.root().elements()
    }

    /// The text that was parsed, without byte order mark.
    #[must_use]
    pub fn source(&self) -> &str {
        self.tree.input_text()
    }
}

/// The parser has one kind of error for all and tells its limits by their words, which a test holds it to.
fn unreadable(error: &XmlError) -> Unreadable {
    let (message, line, column) = match error {
        XmlError::WellFormedness(e) => (e.message.as_str(), e.line, e.column),
        XmlError::Namespace(e) => (e.message.as_str(), e.line, e.column),
        XmlError::Parse(e) => (e.message.as_str(), e.line, e.column),
        _ => ("", 1, 1),
    };
    // Where there is no text it counts from nought.
    let at = Position { line: line.max(1), column: column.max(1) };
    if message.starts_with("DOCTYPE") {
        Unreadable::Doctype(at)
    } else if message.starts_with("Element nesting") {
        Unreadable::Limits(at)
    } else {
        Unreadable::Malformed(at)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn refusal(text: &str) -> Unreadable {
        Document::parse(text.as_bytes()).err().unwrap_or_else(|| panic!("{text} was read"))
    }

    #[test]
    fn tells_its_limits_apart() {
        assert!(matches!(refusal("<!DOCTYPE a []><a/>"), Unreadable::Doctype(_)));
        assert!(matches!(refusal("<a/><!DOCTYPE a []>"), Unreadable::Doctype(_) | Unreadable::Malformed(_)));
        assert!(matches!(refusal(&"<a>".repeat(200)), Unreadable::Limits(_)));
        assert!(matches!(refusal("<a"), Unreadable::Malformed(_)));
        assert_eq!(refusal(""), Unreadable::Malformed(Position::START));
        assert!(matches!(refusal("<x:a/>"), Unreadable::Malformed(_)));
        assert!(matches!(refusal("<a>&b;</a>"), Unreadable::Malformed(_)));
        assert_eq!(refusal("<?xml version='1.0' encoding='ISO-8859-1'?><a/>"), Unreadable::Encoding);
        assert_eq!(refusal("<?xml version='1.1'?><a/>"), Unreadable::Encoding);
        assert_eq!(Document::parse(b"\xff\xfe<\0a\0/\0>\0").err(), Some(Unreadable::Encoding));
        assert_eq!(Document::parse(&vec![b' '; DOCUMENT_LEN_MAX + 1]).err(), Some(Unreadable::TooLarge));
        assert!(Document::parse("\u{feff}<?xml version='1.0' encoding='utf-8'?><a/>".as_bytes()).is_ok());
    }
}
