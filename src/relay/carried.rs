//! An assertion that the application placed itself: ours, unaltered, and whom it is about.

use crate::certificate::SealCertificate;
use crate::vihf::signature::is_assertion_id;
use crate::xmldsig::{Document, verify};

const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// Name of the attribute that holds the patient (vihf.md §3).
const RESOURCE_ID: &str = "urn:oasis:names:tc:xacml:2.0:resource:resource-id";

/// What is read of an assertion of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assertion {
    /// Its `@ID`.
    pub(super) id: String,
    /// `INS^^^&OID&ISO^NH`, if it is about a patient.
    pub(super) patient: Option<String>,
}

impl Assertion {
    /// Reads an assertion that is known to be ours, such as `sceaud` gives it.
    pub(super) fn read(text: &str) -> Option<Self> {
        let document = Document::parse(text.as_bytes()).ok()?;
        Self::of(&document)
    }

    /// Reads an assertion of unknown origin; None unless one of `seals` has signed it, whole.
    ///
    /// Its life and its first use are the ledger's to judge.
    pub(super) fn verified(text: &str, seals: &[SealCertificate]) -> Option<Self> {
        // A signature does not see comments, instructions and the borders of CDATA, and a reader that takes the first text
        // of an element for all of it reads another name there. What we sign has none; `<` is nowhere but in markup.
        if text.contains("<!") || text.contains("<?") {
            return None;
        }
        let document = Document::parse(text.as_bytes()).ok()?;
        let root = document.root();
        let mut signatures = document.elements().filter(|element| element.is(XMLDSIG, "Signature"));
        let (Some(signature), None) = (signatures.next(), signatures.next()) else { return None };
        if signature.parent() != Some(root) {
            return None;
        }
        seals.iter().find(|seal| verify(&document, signature, root, seal.spki()).is_ok())?;
        Self::of(&document)
    }

    fn of(document: &Document<'_>) -> Option<Self> {
        let root = document.root();
        let id = root.attribute("ID").filter(|id| is_assertion_id(id))?.to_owned();
        let mut attributes =
            root.elements().filter(|e| e.is(SAML, "Attribute") && e.attribute("Name") == Some(RESOURCE_ID));
        let patient = match (attributes.next(), attributes.next()) {
            (None, _) => None,
            (Some(one), None) => Some(one.child(SAML, "AttributeValue")?.text()),
            (Some(_), Some(_)) => return None,
        };
        Some(Self { id, patient })
    }
}
