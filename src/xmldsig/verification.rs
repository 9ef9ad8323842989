//! Does an XML signature hold, with one given certificate's key (XML Signature Syntax and Processing §3.2)?

use bergshamra_c14n::C14nMode;
use bergshamra_dsig::{DsigContext, VerifyResult};
use bergshamra_keys::{KeysManager, loader};
use bergshamra_xml::nodeset::NodeSet;

use super::{Document, Element};

/// Why a signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The signed element is not what was signed.
    Digest,
    /// The signature value is not the key's over this `SignedInfo`.
    Value,
    /// The key is of a kind that cannot be used.
    Key,
}

/// Verifies the only signature of a document, which must cover `signed`.
///
/// `spki` is the signer's key (DER); keys in the document are ignored, nothing outside the document is read. The caller has made sure
/// that the document has this one `Signature` and that its references are to the document itself.
///
/// After `Ok` the canonical content of `signed`, and nothing but it, was digested, and the signature over that digest is the key's.
///
/// # Errors
/// [`Fault`].
pub fn verify(
    document: &Document<'_>,
    signature: Element<'_>,
    signed: Element<'_>,
    spki: &[u8],
) -> Result<(), Fault> {
    let mut keys = KeysManager::new();
    keys.add_key(loader::load_spki_der(spki).map_err(|_| Fault::Key)?);
    let context = DsigContext::new(keys);
    match bergshamra_dsig::verify::verify_document(&context, &document.tree) {
        Ok(VerifyResult::Valid { signature_node, references, .. }) => {
            let covers = matches!(references.as_slice(), [one] if one.digest_verified && one.resolved_node == Some(signed.id));
            if signature_node == signature.id && covers { Ok(()) } else { Err(Fault::Digest) }
        }
        // The library tells a digest from a signature by its words, which the mutation tests hold it to.
        Ok(VerifyResult::Invalid { reason }) if reason.starts_with("Reference digest") => Err(Fault::Digest),
        Ok(VerifyResult::Invalid { .. }) | Err(_) => Err(Fault::Value),
    }
}

/// The exclusive canonical form of an element, comments left out (Exclusive XML Canonicalization 1.0).
#[must_use]
pub fn canonical(element: Element<'_>) -> Vec<u8> {
    let nodes = NodeSet::tree_without_comments(element.id, element.tree);
    bergshamra_c14n::canonicalize_doc::<&str>(element.tree, C14nMode::Exclusive, Some(&nodes), &[])
        .unwrap_or_default()
}
