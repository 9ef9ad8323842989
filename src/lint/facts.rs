//! What a VIHF says, read once: the elements and values that several rules look at.

use super::shape::SAML;
use crate::vihf::profile::CLASS_PREFIX;
use crate::xmldsig::Element;

/// Spellings of the attribute that tells the mode (vihf.md §3).
pub(super) const MODE_NAMES: [&str; 2] = ["Authentification_mode", "Authentification_Mode"];

/// Elements of one assertion; what is missing is None.
#[derive(Clone, Debug)]
pub(super) struct Facts<'d> {
    pub(super) assertion: Element<'d>,
    pub(super) issuer: Option<Element<'d>>,
    pub(super) conditions: Option<Element<'d>>,
    pub(super) authn_statement: Option<Element<'d>>,
    /// Text of `AuthnContextClassRef`.
    pub(super) class: Option<String>,
    /// Text of `AuthnContextDecl`.
    pub(super) decl: Option<String>,
    /// Attributes of all attribute statements.
    pub(super) attributes: Vec<Element<'d>>,
}

impl<'d> Facts<'d> {
    pub(super) fn read(assertion: Element<'d>) -> Self {
        let authn_statement = assertion.child(SAML, "AuthnStatement");
        let context = authn_statement.and_then(|statement| statement.child(SAML, "AuthnContext"));
        let text = |name: &str| context.and_then(|context| context.child(SAML, name)).map(Element::text);
        Self {
            assertion,
            issuer: assertion.child(SAML, "Issuer"),
            conditions: assertion.child(SAML, "Conditions"),
            authn_statement,
            class: text("AuthnContextClassRef"),
            decl: text("AuthnContextDecl"),
            attributes: assertion
                .children()
                .filter(|child| child.is(SAML, "AttributeStatement"))
                .flat_map(Element::children)
                .filter(|child| child.is(SAML, "Attribute"))
                .collect(),
        }
    }

    /// The first attribute of that name.
    pub(super) fn attribute(&self, name: &str) -> Option<Element<'d>> {
        self.attributes.iter().copied().find(|attribute| attribute.attribute("Name") == Some(name))
    }

    /// Text of the first value of the attribute of that name.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        Some(self.attribute(name)?.child(SAML, "AttributeValue")?.text())
    }

    /// The attribute that tells the mode, and its text.
    pub(super) fn mode(&self) -> Option<(Element<'d>, String)> {
        MODE_NAMES.iter().find_map(|name| Some((self.attribute(name)?, self.value(name)?)))
    }

    /// The authentication context class without its URN's beginning.
    pub(super) fn short_class(&self) -> Option<&str> {
        self.class.as_deref()?.strip_prefix(CLASS_PREFIX)
    }
}
