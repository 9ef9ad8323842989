//! The attribute statement: which attributes, and the plain ones' values (vihf.md §3).

use std::collections::BTreeSet;

use super::facts::{Facts, MODE_NAMES};
use super::finding::{Findings, quoted};
use super::judgement::Mode;
use super::role;
use super::rule::{Rule, Severity};
use super::shape::{self, SAML, Slot, XSI};
use crate::vihf::codes::Sector;
use crate::vihf::identity::{Form, IdentityError, Ins, InsOid, StructIdNat};
use crate::vihf::profile::Profile;
use crate::xmldsig::Element;

const ROLE: &str = "urn:oasis:names:tc:xacml:2.0:subject:role";
const PURPOSE: &str = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse";
const PATIENT: &str = "urn:oasis:names:tc:xacml:2.0:resource:resource-id";
const CONFIDENTIALITY: &str = "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code";
const STRUCTURE: &str = "Identifiant_Structure";
const VERSION: &str = "VIHF_Version";
const SECTOR: &str = "Secteur_Activite";
const RESOURCE: &str = "Ressource_URN";

/// Attributes that every VIHF of an establishment carries, beside the mode, whose spelling varies.
const REQUIRED: [&str; 10] = [
    VERSION,
    STRUCTURE,
    SECTOR,
    "urn:oasis:names:tc:xspa:1.0:subject:subject-id",
    ROLE,
    RESOURCE,
    PURPOSE,
    "LPS_Nom",
    "LPS_Version",
    "LPS_ID_HOMOLOGATION_DMP",
];
/// Attributes that the direct mode may leave out: what it says of a structure the card does not prove.
const NOT_IN_DIRECT: [&str; 2] = [STRUCTURE, SECTOR];
const OPTIONAL: [&str; 3] = [PATIENT, CONFIDENTIALITY, "LPS_ID"];
/// Versions of the VIHF that some mapping names (vihf.md §3).
const VERSIONS: [&str; 2] = ["3.0", "4.0"];

/// The structure that the VIHF names, where it has one.
pub(super) fn structure<'d>(facts: &Facts<'d>) -> Option<(Element<'d>, String)> {
    Some((facts.attribute(STRUCTURE)?, facts.value(STRUCTURE)?))
}

/// Judges every attribute; `test` waives the form of FINESS, as a test profile or a test certificate does.
pub(super) fn check(
    facts: &Facts<'_>,
    mode: Option<Mode>,
    profile: Option<&Profile>,
    test: bool,
    findings: &mut Findings,
) {
    let statements = facts.assertion.children().filter(|child| child.is(SAML, "AttributeStatement"));
    for statement in statements {
        shape::check(statement, &[Slot(SAML, "Attribute", 1, usize::MAX)], &[], findings);
    }
    missing(facts, mode, findings);
    let mut seen = BTreeSet::new();
    for attribute in facts.attributes.iter().copied() {
        shape::check(attribute, &[Slot(SAML, "AttributeValue", 0, usize::MAX)], &["Name"], findings);
        let name = attribute.attribute("Name").unwrap_or_default();
        if !seen.insert(name) {
            findings.at(
                Rule::AttributeRepeated,
                attribute,
                format!("l'attribut {} figure deux fois", quoted(name)),
            );
            continue;
        }
        let values: Vec<_> = attribute.children().filter(|child| child.is(SAML, "AttributeValue")).collect();
        let most = if name == ROLE { 2 } else { 1 };
        if !(1..=most).contains(&values.len()) {
            let message = format!(
                "{attribute} a {} valeurs ; attendu 1{}",
                values.len(),
                if most > 1 { " ou 2" } else { "" }
            );
            findings.at(Rule::AttributeValues, attribute, message);
        }
        match name {
            ROLE => role::check(attribute, &values, profile, findings),
            PURPOSE => values.iter().for_each(|value| role::purpose(*value, findings)),
            CONFIDENTIALITY => values.iter().for_each(|value| role::confidentiality(*value, findings)),
            _ => values.iter().for_each(|value| plain(attribute, *value, findings)),
        }
        let known = REQUIRED.contains(&name) || OPTIONAL.contains(&name) || MODE_NAMES.contains(&name);
        if !known {
            findings.at(
                Rule::AttributeUnknown,
                attribute,
                format!("l'attribut {} n'est pas du VIHF", quoted(name)),
            );
        }
    }
    values(facts, mode, profile, test, findings);
}

fn missing(facts: &Facts<'_>, mode: Option<Mode>, findings: &mut Findings) {
    let Some(statement) = facts.assertion.child(SAML, "AttributeStatement") else { return };
    let direct = mode == Some(Mode::Direct);
    let wanted = REQUIRED.into_iter().filter(|name| !(direct && NOT_IN_DIRECT.contains(name)));
    for name in wanted.filter(|name| facts.attribute(name).is_none()) {
        findings.at(Rule::AttributeMissing, statement, format!("l'attribut {name} manque"));
    }
    if facts.mode().is_none() && MODE_NAMES.iter().all(|name| facts.attribute(name).is_none()) {
        findings.at(Rule::AttributeMissing, statement, "l'attribut Authentification_mode manque");
    }
}

/// A value of plain text.
fn plain(attribute: Element<'_>, value: Element<'_>, findings: &mut Findings) {
    if value.attribute_ns(XSI, "type").is_some() {
        findings.at(Rule::ValueTyped, value, format!("la valeur de {attribute} porte xsi:type"));
    }
    let others = value.attributes().filter(|(namespace, local, _)| !(*namespace == XSI && *local == "type"));
    if let Some((_, local, _)) = others.into_iter().next() {
        findings.at(
            Rule::AttributeUnexpected,
            value,
            format!("l'attribut {} n'a pas sa place ici", quoted(local)),
        );
    }
    if let Some(child) = value.children().next() {
        findings.at(Rule::ElementUnexpected, child, format!("la valeur de {attribute} doit être du texte simple"));
    } else if value.text().trim().is_empty() {
        findings.at(Rule::AttributeEmpty, value, format!("la valeur de {attribute} est vide"));
    }
}

fn values(facts: &Facts<'_>, mode: Option<Mode>, profile: Option<&Profile>, test: bool, findings: &mut Findings) {
    let at = |name: &str| Some((facts.attribute(name)?, facts.value(name).filter(|text| !text.is_empty())?));
    if let Some((attribute, version)) = at(VERSION) {
        let expected = profile.map_or(VERSIONS[0], |profile| profile.vihf_version.as_str());
        if version != expected {
            let severity = if VERSIONS.contains(&version.as_str()) { Severity::Warning } else { Severity::Error };
            let message = format!("VIHF_Version vaut {} ; attendu {expected}", quoted(&version));
            findings.excused(Rule::VihfVersion, severity, attribute, message);
        }
    }
    // In both spellings a reader of one may see another mode than a reader of the other.
    if let [Some(_), Some(second)] = MODE_NAMES.map(|name| facts.attribute(name)) {
        findings.at(Rule::AttributeRepeated, second, "le mode est donné deux fois, sous deux orthographes");
    }
    if let Some((attribute, text)) = facts.mode() {
        self::mode(attribute, &text, mode, profile, findings);
    }
    if let Some((attribute, structure)) = at(STRUCTURE) {
        identifier(attribute, &structure, test, findings);
    }
    if let Some((attribute, sector)) = at(SECTOR)
        && !sector
            .split_once('^')
            .is_some_and(|(code, _)| Sector::parse(code).is_ok_and(|known| known.to_string() == sector))
    {
        findings.at(Rule::Sector, attribute, format!("Secteur_Activite vaut {}", quoted(&sector)));
    }
    if let Some((attribute, urn)) = at(RESOURCE)
        && urn != "urn:dmp"
    {
        findings.at(Rule::ResourceUrn, attribute, format!("Ressource_URN vaut {}", quoted(&urn)));
    }
    if let Some((attribute, patient)) = at(PATIENT) {
        self::patient(attribute, &patient, findings);
    }
}

fn mode(
    attribute: Element<'_>,
    text: &str,
    mode: Option<Mode>,
    profile: Option<&Profile>,
    findings: &mut Findings,
) {
    if mode.is_none() {
        return findings.at(Rule::ModeUnknown, attribute, format!("le mode {} n'existe pas", quoted(text)));
    }
    let Some(profile) = profile else { return };
    if text != profile.mode {
        let message = format!("le mode est {} ; le profil {} attend {}", quoted(text), profile.name, profile.mode);
        findings.at(Rule::ModeNotOfProfile, attribute, message);
    }
    let name = attribute.attribute("Name").unwrap_or_default();
    if name != profile.mode_attribute {
        let message =
            format!("l'attribut est écrit {} ; le profil l'écrit {}", quoted(name), profile.mode_attribute);
        findings.at(Rule::ModeSpelling, attribute, message);
    }
}

fn identifier(attribute: Element<'_>, structure: &str, test: bool, findings: &mut Findings) {
    let form = if test { Form::Test } else { Form::Strict };
    // A practice's identifier holds its practitioner's number, which is not repeated.
    let found = if structure.starts_with(['0', '4']) {
        "Identifiant_Structure est celui d'un cabinet, incorrect".to_owned()
    } else {
        format!("Identifiant_Structure vaut {}", quoted(structure))
    };
    match StructIdNat::parse(structure, form) {
        Ok(_) => {}
        Err(IdentityError::CheckDigit { .. }) => findings.at(Rule::StructureKey, attribute, found),
        Err(_) => findings.at(Rule::StructureForm, attribute, found),
    }
}

/// The identifier is a patient's: nothing of it is repeated.
fn patient(attribute: Element<'_>, text: &str, findings: &mut Findings) {
    let parts = text.split_once("^^^&").and_then(|(ins, rest)| Some((ins, rest.strip_suffix("&ISO^NH")?)));
    let Some((ins, oid)) = parts else {
        return findings.at(Rule::PatientForm, attribute, "l'identifiant du patient n'a pas la forme attendue");
    };
    match Ins::parse(ins) {
        Ok(_) => {}
        Err(IdentityError::InsKey) => findings.at(Rule::PatientKey, attribute, "la clé de l'INS est fausse"),
        Err(_) => findings.at(Rule::PatientForm, attribute, "l'INS n'a pas la forme attendue"),
    }
    match InsOid::parse(oid) {
        Ok(InsOid::Nir | InsOid::Nia) => {}
        Ok(InsOid::Test | InsOid::Demo) => {
            findings.at(
                Rule::PatientTest,
                attribute,
                format!("le système {} est de test ou de démonstration", quoted(oid)),
            );
        }
        Err(_) => {
            findings.at(Rule::PatientSystem, attribute, format!("le système {} n'est pas de l'INS", quoted(oid)))
        }
    }
}
