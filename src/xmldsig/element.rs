//! An element of a document: its name, attributes, children, text, and where it stands.

use std::fmt;

use uppsala::{NodeId, NodeKind};

/// A place in a text, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line.
    pub line: usize,
    /// Character of the line.
    pub column: usize,
}

impl Position {
    /// The first byte.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The position of a byte offset; past the end it is the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }
}

/// One element; cheap to copy.
#[derive(Clone, Copy)]
pub struct Element<'d> {
    pub(super) tree: &'d uppsala::Document<'d>,
    pub(super) id: NodeId,
}

impl<'d> Element<'d> {
    pub(super) fn new(tree: &'d uppsala::Document<'d>, id: NodeId) -> Self {
        Self { tree, id }
    }

    fn data(self) -> Option<&'d uppsala::Element<'d>> {
        self.tree.element(self.id)
    }

    /// Name without prefix.
    #[must_use]
    pub fn local(self) -> &'d str {
        self.data().map_or("", |data| &data.name.local_name)
    }

    /// Namespace of the name; empty: none.
    #[must_use]
    pub fn namespace(self) -> &'d str {
        self.data().and_then(|data| data.name.namespace_uri.as_deref()).unwrap_or_default()
    }

    /// Whether the element has this name.
    #[must_use]
    pub fn is(self, namespace: &str, local: &str) -> bool {
        self.local() == local && self.namespace() == namespace
    }

    /// Value of the attribute of that name without namespace.
    #[must_use]
    pub fn attribute(self, local: &str) -> Option<&'d str> {
        self.attribute_ns("", local)
    }

    /// Value of the attribute of that name.
    #[must_use]
    pub fn attribute_ns(self, namespace: &str, local: &str) -> Option<&'d str> {
        self.attributes().find(|(ns, name, _)| *ns == namespace && *name == local).map(|(_, _, value)| value)
    }

    /// All attributes but namespace declarations: namespace, name, value.
    pub fn attributes(self) -> impl Iterator<Item = (&'d str, &'d str, &'d str)> {
        let attributes = self.data().map(|data| data.attributes.as_slice()).unwrap_or_default();
        attributes
            .iter()
            .map(|a| (a.name.namespace_uri.as_deref().unwrap_or_default(), &*a.name.local_name, &*a.value))
    }

    /// Child elements in order.
    pub fn children(self) -> impl Iterator<Item = Self> {
        self.tree.children_iter(self.id).map(|id| Self::new(self.tree, id)).filter(|child| child.data().is_some())
    }

    /// The element and every element inside, in document order.
    pub fn elements(self) -> impl Iterator<Item = Self> {
        let inside = self.tree.descendants(self.id).into_iter().map(move |id| Self::new(self.tree, id));
        std::iter::once(self).chain(inside).filter(|element| element.data().is_some())
    }

    /// The first child of that name.
    #[must_use]
    pub fn child(self, namespace: &str, local: &str) -> Option<Self> {
        self.children().find(|child| child.is(namespace, local))
    }

    /// The element that holds this one.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        self.tree.parent(self.id).map(|id| Self::new(self.tree, id)).filter(|parent| parent.data().is_some())
    }

    /// All text directly inside, as canonicalization joins it: comments do not split it.
    #[must_use]
    pub fn text(self) -> String {
        let mut text = String::new();
        for id in self.tree.children_iter(self.id) {
            if let Some(NodeKind::Text(piece) | NodeKind::CData(piece)) = self.tree.node_kind(id) {
                text.push_str(piece);
            }
        }
        text
    }

    /// Where the first comment or processing instruction inside stands, if there is one.
    #[must_use]
    pub fn comment(self) -> Option<Position> {
        let is_comment = |id: &NodeId| {
            matches!(self.tree.node_kind(*id), Some(NodeKind::Comment(_) | NodeKind::ProcessingInstruction(_)))
        };
        let id = self.tree.descendants(self.id).into_iter().find(is_comment)?;
        Some(Self::new(self.tree, id).position())
    }

    /// Where the element begins.
    #[must_use]
    pub fn position(self) -> Position {
        Position::of(self.tree.input_text(), self.offset())
    }

    /// The byte where the element begins in the document's source.
    #[must_use]
    pub fn offset(self) -> usize {
        self.tree.node_range(self.id).map_or(0, |range| range.start)
    }

    /// The element as it is written.
    #[must_use]
    pub fn source(self) -> &'d str {
        self.tree.node_source(self.id).unwrap_or_default()
    }

    /// Names from the document element down, such as `Assertion/AttributeStatement/Attribute[LPS_Nom]`.
    #[must_use]
    pub fn path(self) -> String {
        let mut names = Vec::new();
        let mut at = Some(self);
        while let Some(element) = at {
            names.push(element.to_string());
            at = element.parent();
        }
        names.reverse();
        names.join("/")
    }
}

impl PartialEq for Element<'_> {
    /// The same node of the same document.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && std::ptr::eq(self.tree, other.tree)
    }
}

/// Whether a character moves the cursor, breaks a line or reorders it: unwelcome on a terminal.
#[must_use]
pub fn moves(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The name, with the `Name` of a SAML attribute; harmless on a terminal.
impl fmt::Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let harmless = |text: &str| text.chars().filter(|c| !moves(*c)).take(64).collect::<String>();
        f.write_str(&harmless(self.local()))?;
        match self.attribute("Name") {
            Some(name) => write!(f, "[{}]", harmless(name)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}
