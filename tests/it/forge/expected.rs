//! The elements that an assertion must hold, written down from its facts a second time (vihf.md §1, §3, §4).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use sceau::vihf::signature::SignatureAlgorithm;

use super::sample::{ID, Sample};
use super::sealer::Sealer;

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
const HL7: &str = "urn:hl7-org:v3";
const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const XSI_TYPE: &str = "{http://www.w3.org/2001/XMLSchema-instance}type";

/// Code, system and label of each role, read from the table as it is.
pub(super) static SUBJECT_ROLE: LazyLock<Vec<(&str, &str, &str)>> = LazyLock::new(|| {
    let lines =
        include_str!("../../../src/vihf/data/subject-role.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            (cells[0], cells[1], cells[2])
        })
        .collect()
});

/// One element: expanded name, attributes, text before its first child.
#[derive(Clone, Debug, Eq, Deserialize)]
pub(super) struct Element(String, BTreeMap<String, String>, String);

impl PartialEq for Element {
    /// Digest and signature values are for xmlsec1 to judge: `*` stands for any.
    fn eq(&self, other: &Element) -> bool {
        let text = self.2 == other.2 || [&self.2, &other.2].into_iter().any(|text| text == "*");
        (&self.0, &self.1) == (&other.0, &other.1) && text
    }
}

impl Element {
    /// Name and names of attributes: what injected markup would change.
    pub(super) fn shape(&self) -> (&str, Vec<&str>) {
        (&self.0, self.1.keys().map(String::as_str).collect())
    }
}

fn element(namespace: &str, name: &str, attributes: &[(&str, &str)], text: &str) -> Element {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Element(format!("{{{namespace}}}{name}"), attributes, text.to_owned())
}

fn coded(name: &str, code: &str, system: &str, system_name: &str, label: &str) -> Element {
    let mut attributes = vec![("code", code), ("codeSystem", system), ("displayName", label), (XSI_TYPE, "CE")];
    if !system_name.is_empty() {
        attributes.push(("codeSystemName", system_name));
    }
    element(HL7, name, &attributes, "")
}

/// Every element of the sealed assertion in document order.
pub(super) fn elements(sample: &Sample, sealer: &Sealer) -> Vec<Element> {
    let profile = &sample.profile;
    let saml = |name: &str, attributes: &[(&str, &str)], text: &str| element(SAML, name, attributes, text);
    let issued_at = sample.issued_at.to_string();
    let expires_at = sample.issued_at.plus_ms(sample.lifetime_ms).to_string();
    let x509 = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName";
    let mut all = vec![
        saml("Assertion", &[("ID", ID), ("IssueInstant", &issued_at), ("Version", "2.0")], ""),
        saml("Issuer", &[("Format", x509)], sealer.certificate.issuer_field()),
    ];
    all.extend(signature(sample, sealer));
    all.push(saml("Subject", &[], ""));
    all.push(saml("NameID", &[], sample.practitioner.as_str()));
    if profile.conditions {
        all.push(saml("Conditions", &[("NotBefore", &issued_at), ("NotOnOrAfter", &expires_at)], ""));
    }
    all.push(saml("AuthnStatement", &[("AuthnInstant", &sample.authn.instant.to_string())], ""));
    all.push(saml("AuthnContext", &[], ""));
    let class = format!("urn:oasis:names:tc:SAML:2.0:ac:classes:{}", sample.authn.class);
    all.push(saml("AuthnContextClassRef", &[], &class));
    if !sample.authn.decl.is_empty() {
        all.push(saml("AuthnContextDecl", &[], &sample.authn.decl));
    }
    all.push(saml("AttributeStatement", &[], ""));
    for (name, values) in attributes(sample) {
        all.push(saml("Attribute", &[("Name", &name)], ""));
        for value in values {
            match value {
                Value::Text(text) => all.push(saml("AttributeValue", &[], &text)),
                Value::Coded(coded) => all.extend([saml("AttributeValue", &[], ""), coded]),
            }
        }
    }
    all
}

enum Value {
    Text(String),
    Coded(Element),
}

fn attributes(sample: &Sample) -> Vec<(String, Vec<Value>)> {
    let profile = &sample.profile;
    let mut all: Vec<(String, Vec<Value>)> = Vec::new();
    let mut add = |name: &str, values: Vec<Value>| all.push((name.to_owned(), values));
    let text = |text: &str| vec![Value::Text(text.to_owned())];
    add("VIHF_Version", text(&profile.vihf_version));
    add(&profile.mode_attribute, text(&profile.mode));
    add("Identifiant_Structure", text(sample.structure.as_str()));
    add("Secteur_Activite", text(&format!("{}^1.2.250.1.71.4.2.4", sample.sector.code())));
    add("urn:oasis:names:tc:xspa:1.0:subject:subject-id", text(sample.display_name.as_str()));
    let label =
        |code: &str, system: &str| SUBJECT_ROLE.iter().find(|row| (row.0, row.1) == (code, system)).unwrap().2;
    let role = |code: &str, system: &str, name: &str| {
        Value::Coded(coded("Role", code, system, name, label(code, system)))
    };
    let mut roles =
        vec![role(sample.role.profession().code(), "1.2.250.1.71.1.2.7", &profile.profession_system_name)];
    roles.extend(sample.role.qualification().map(|qualification| match sample.role.profession().code() {
        "10" => role(qualification.code(), "1.2.250.1.71.4.2.5", &profile.specialty_system_name),
        _ => role(qualification.code(), "1.2.250.1.71.4.2.6", &profile.section_system_name),
    }));
    add("urn:oasis:names:tc:xacml:2.0:subject:role", roles);
    if let Some(patient) = &sample.patient {
        let value = format!("{}^^^&{}&ISO^NH", patient.ins.as_str(), patient.oid.as_str());
        add("urn:oasis:names:tc:xacml:2.0:resource:resource-id", text(&value));
    }
    add("Ressource_URN", text("urn:dmp"));
    let (code, label) = match sample.purpose.code() {
        code @ "normal" => (code, "Accès normal"),
        code @ "bris_de_glace" => (code, "Accès en bris de glace"),
        code => (code, "Accès par un centre de régulation médicale"),
    };
    let purpose = coded("PurposeOfUse", code, "1.2.250.1.213.1.1.4.248", "mode acces VIHF 2.0", label);
    add("urn:oasis:names:tc:xspa:1.0:subject:purposeofuse", vec![Value::Coded(purpose)]);
    if sample.invisible_to_guardians {
        let (code, system) = ("INVISIBLE_REPRESENTANTS_LEGAUX", "1.2.250.1.213.1.1.5.97");
        let invisible = coded(&profile.guardians_element, code, system, "", &profile.guardians_display_name);
        add(
            "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code",
            vec![Value::Coded(invisible)],
        );
    }
    let lps = &sample.lps;
    lps.id.iter().for_each(|id| add("LPS_ID", text(id.as_str())));
    for (name, value) in
        [("LPS_Nom", &lps.name), ("LPS_Version", &lps.version), ("LPS_ID_HOMOLOGATION_DMP", &lps.homologation)]
    {
        add(name, text(value.as_str()));
    }
    all
}

fn signature(sample: &Sample, sealer: &Sealer) -> Vec<Element> {
    let ds = |name: &str, attributes: &[(&str, &str)], text: &str| element(DS, name, attributes, text);
    let algorithm = match sealer.certificate.algorithm() {
        SignatureAlgorithm::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        SignatureAlgorithm::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        SignatureAlgorithm::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
    };
    let mut all = vec![
        ds("Signature", &[], ""),
        ds("SignedInfo", &[], ""),
        ds("CanonicalizationMethod", &[("Algorithm", EXC_C14N)], ""),
        ds("SignatureMethod", &[("Algorithm", algorithm)], ""),
        ds("Reference", &[("URI", &format!("#{ID}"))], ""),
        ds("Transforms", &[], ""),
        ds("Transform", &[("Algorithm", ENVELOPED)], ""),
        ds("Transform", &[("Algorithm", EXC_C14N)], ""),
    ];
    let prefixes = &sample.profile.inclusive_namespaces;
    if !prefixes.is_empty() {
        all.push(element(EXC_C14N, "InclusiveNamespaces", &[("PrefixList", prefixes)], ""));
    }
    all.extend([
        ds("DigestMethod", &[("Algorithm", "http://www.w3.org/2001/04/xmlenc#sha256")], ""),
        ds("DigestValue", &[], "*"),
        ds("SignatureValue", &[], "*"),
        ds("KeyInfo", &[], ""),
        ds("X509Data", &[], ""),
        ds("X509Certificate", &[], sealer.certificate.base64()),
    ]);
    all
}
