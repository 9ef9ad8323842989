//! Negative twins: a throw-away establishment with one good assertion of the collection and one spoiled copy.

use std::fs;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;
use x509_parser::asn1_rs::Tag;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;

use crate::collection::{Document, Establishment, collection};

/// Two documents under one root, `good.xml` and `spoiled.xml`; vanishes when dropped.
pub(crate) struct Twin {
    folder: TempDir,
}

impl Twin {
    /// Copies an assertion of the collection twice, the second time through `spoil`, which must change it. It is the first
    /// without a PrefixList: the `xmllint` command cannot express one, and every verifier shall see the twin.
    pub(crate) fn new(spoil: impl FnOnce(&str) -> String) -> Self {
        let establishments = collection();
        let all = establishments
            .iter()
            .flat_map(|source| source.documents.iter().map(move |document| (source, document)));
        let plain = |(_, document): &(&Establishment, &Document)| !document.text().contains("PrefixList=");
        let (source, document) = all.into_iter().find(plain).expect("every assertion has a PrefixList");
        let (good, facts) = (document.text(), document.path.with_extension("json"));
        let spoiled = spoil(&good);
        assert_ne!(good, spoiled, "the twin was not spoiled");

        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::copy(source.ca(), file("ca.pem")).unwrap();
        fs::copy(source.intermediate(), file("intermediate.pem")).unwrap();
        for (stem, text) in [("good", good), ("spoiled", spoiled)] {
            fs::write(file(&format!("{stem}.xml")), text).unwrap();
            fs::copy(&facts, file(&format!("{stem}.json"))).unwrap();
        }
        Self { folder }
    }

    /// A twin whose content is changed by one digit of the practitioner's identifier.
    pub(crate) fn with_content_changed() -> Self {
        Self::new(|text| changed_after(text, "NameID>", 2))
    }

    /// A twin whose signature is changed by one base64 character.
    pub(crate) fn with_signature_changed() -> Self {
        Self::new(|text| changed_after(text, "SignatureValue>", 8))
    }

    /// A twin whose good signature stands inside a foreign root element, as signature wrapping does it.
    pub(crate) fn with_foreign_root_element() -> Self {
        Self::new(|text| {
            format!("<e:Envelope xmlns:e=\"urn:example:envelope\" ID=\"_envelope\">{text}</e:Envelope>")
        })
    }

    /// A twin whose trusted root has the right names and another key: it never signed the intermediate.
    pub(crate) fn with_impostor_root() -> Self {
        let twin = Self::with_content_changed();
        let root = twin.folder.path().join("ca.pem");
        let impostor = impostor_of(&fs::read(&root).unwrap());
        fs::write(&root, impostor).unwrap();
        twin
    }

    /// The twin as the verifiers take it.
    pub(crate) fn establishments(&self) -> Vec<Establishment> {
        vec![Establishment::open(self.folder.path())]
    }
}

/// A self-signed CA in PEM with the subject and the key identifier of the CA `pem`, and a key of its own.
fn impostor_of(pem: &[u8]) -> String {
    let (_, section) = parse_x509_pem(pem).unwrap();
    let original = section.parse_x509().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = DistinguishedName::new();
    for attribute in original.subject().iter_attributes() {
        let arcs: Vec<u64> = attribute.attr_type().iter().unwrap().collect();
        let text = attribute.as_str().unwrap();
        let value = match attribute.attr_value().tag() {
            Tag::PrintableString => DnValue::PrintableString(text.try_into().unwrap()),
            _ => DnValue::Utf8String(text.to_owned()),
        };
        params.distinguished_name.push(DnType::from_oid(&arcs), value);
    }
    for extension in original.extensions() {
        if let ParsedExtension::SubjectKeyIdentifier(identifier) = extension.parsed_extension() {
            params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.0.to_vec());
        }
    }
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
}

/// `text` with one byte changed, `offset` bytes after the first `mark`; digits stay digits, letters stay letters.
fn changed_after(text: &str, mark: &str, offset: usize) -> String {
    let position = text.find(mark).unwrap_or_else(|| panic!("no {mark} in the assertion")) + mark.len() + offset;
    let replacement = match text.as_bytes()[position] {
        b'9' => "0",
        b'0'..=b'8' => "9",
        b'A' => "B",
        _ => "A",
    };
    let mut changed = text.to_owned();
    changed.replace_range(position..=position, replacement);
    changed
}
