//! Coded values: the role, the purpose of use, the confidentiality code (vihf.md §3).

use super::finding::{Findings, quoted};
use super::rule::Rule;
use super::shape::{self, XSI};
use crate::vihf::codes::{
    CodeError, PHARMACIST, PHYSICIAN, Profession, Purpose, Qualification, Role, Section, Specialty,
};
use crate::vihf::profile::Profile;
use crate::xmldsig::Element;

const HL7: &str = "urn:hl7-org:v3";
const PROFESSIONS: &str = "1.2.250.1.71.1.2.7";
const SPECIALTIES: &str = "1.2.250.1.71.4.2.5";
const SECTIONS: &str = "1.2.250.1.71.4.2.6";

/// Judges one or two role values; the profile says which specialties a physician may carry, and the systems' names.
pub(super) fn check(
    attribute: Element<'_>,
    values: &[Element<'_>],
    profile: Option<&Profile>,
    findings: &mut Findings,
) {
    let roles: Vec<_> =
        values.iter().filter_map(|value| coded(*value, "Role", Rule::RoleForm, findings)).collect();
    if roles.len() != values.len() {
        return;
    }
    let Some((first, more)) = roles.split_first() else { return };
    let profession = Profession::parse(first.code).ok().filter(|_| first.system == PROFESSIONS);
    let Some(profession) = profession else {
        let message =
            format!("le code {} du système {} n'est pas une profession", quoted(first.code), quoted(first.system));
        return findings.at(Rule::RoleUnknown, attribute, message);
    };
    told(attribute, first, profession.display_name(), profession.deprecated_since(), findings);
    named(attribute, first, profile, findings);
    let Some(second) = more.first() else {
        if matches!(profession.code(), PHYSICIAN | PHARMACIST) {
            let message = format!("la profession {} n'a pas de deuxième valeur", profession.code());
            findings.at(Rule::SpecialtyMissing, attribute, message);
        }
        return;
    };
    let qualification = match second.system {
        SPECIALTIES => Specialty::parse(second.code).ok().map(Qualification::Specialty),
        SECTIONS => Section::parse(second.code).ok().map(Qualification::Section),
        _ => None,
    };
    if !matches!(profession.code(), PHYSICIAN | PHARMACIST) {
        let message =
            format!("la profession {} porte une deuxième valeur {}", profession.code(), quoted(second.code));
        return findings.at(Rule::SpecialtySuperfluous, attribute, message);
    }
    let Some(qualification) = qualification else {
        let message = format!(
            "le code {} du système {} n'est ni spécialité ni section",
            quoted(second.code),
            quoted(second.system)
        );
        return findings.at(Rule::RoleUnknown, attribute, message);
    };
    told(attribute, second, qualification.display_name(), qualification.deprecated_since(), findings);
    named(attribute, second, profile, findings);
    let permitted = match profile {
        Some(profile) => Role::new(profession, Some(qualification), &profile.physician_specialties).map(|_| ()),
        None => Ok(()),
    };
    if let Err(CodeError::SpecialtyFamily { .. } | CodeError::QualificationNotAllowed { .. }) = permitted {
        let message =
            format!("la profession {} ne porte pas {} dans ce profil", profession.code(), quoted(second.code));
        findings.at(Rule::SpecialtyNotPermitted, attribute, message);
    }
}

fn told(attribute: Element<'_>, coded: &Coded<'_>, label: &str, withdrawn: Option<&str>, findings: &mut Findings) {
    if let Some(day) = withdrawn {
        findings.at(
            Rule::RoleWithdrawn,
            attribute,
            format!("le code {} est retiré depuis le {day}", quoted(coded.code)),
        );
    }
    if coded.display_name != label {
        let message =
            format!("le libellé de {} est {} ; attendu {}", coded.code, quoted(coded.display_name), quoted(label));
        findings.at(Rule::RoleLabel, attribute, message);
    }
}

/// Holds the system's name against the profile's, where both give one.
fn named(attribute: Element<'_>, coded: &Coded<'_>, profile: Option<&Profile>, findings: &mut Findings) {
    let expected = profile.map_or("", |profile| match coded.system {
        PROFESSIONS => &profile.profession_system_name,
        SPECIALTIES => &profile.specialty_system_name,
        _ => &profile.section_system_name,
    });
    if let Some(name) = coded.system_name.filter(|name| *name != expected && !expected.is_empty()) {
        let message =
            format!("codeSystemName de {} est {} ; attendu {}", coded.code, quoted(name), quoted(expected));
        findings.at(Rule::RoleLabel, attribute, message);
    }
}

/// Judges a purpose of use.
pub(super) fn purpose(value: Element<'_>, findings: &mut Findings) {
    let Some(coded) = coded(value, "PurposeOfUse", Rule::PurposeForm, findings) else { return };
    let known = Purpose::parse(coded.code).ok().filter(|purpose| purpose.system() == coded.system);
    let Some(purpose) = known else {
        let message = format!(
            "le code {} du système {} n'est pas un mode d'accès",
            quoted(coded.code),
            quoted(coded.system)
        );
        return findings.at(Rule::PurposeUnknown, value, message);
    };
    if coded.display_name != purpose.display_name() || coded.system_name != Some(purpose.system_name()) {
        findings.at(
            Rule::PurposeLabel,
            value,
            format!("attendu « {} », « {} »", purpose.display_name(), purpose.system_name()),
        );
    }
}

/// Judges a confidentiality code: its element is open, its code is not.
pub(super) fn confidentiality(value: Element<'_>, findings: &mut Findings) {
    let child = value.children().next();
    let code = |child: Element<'_>| {
        (child.attribute("code").unwrap_or_default().to_owned(), child.attribute("codeSystem").map(str::to_owned))
    };
    let expected = ("INVISIBLE_REPRESENTANTS_LEGAUX".to_owned(), Some("1.2.250.1.213.1.1.5.97".to_owned()));
    if child.map(code) != Some(expected) {
        findings.at(
            Rule::Confidentiality,
            value,
            "le code de confidentialité n'est pas celui d'une connexion secrète",
        );
    }
}

/// An HL7 coded element.
struct Coded<'d> {
    code: &'d str,
    system: &'d str,
    system_name: Option<&'d str>,
    display_name: &'d str,
}

/// Reads the one coded element of a value; its form is `rule`'s to tell.
fn coded<'d>(value: Element<'d>, name: &str, rule: Rule, findings: &mut Findings) -> Option<Coded<'d>> {
    let mut children = value.children();
    let (Some(element), None) = (children.next(), children.next()) else {
        findings.at(rule, value, format!("la valeur n'est pas faite d'un élément {name}"));
        return None;
    };
    shape::only(value, &[], findings);
    let typed = element.attribute_ns(XSI, "type").map(|kind| kind.rsplit(':').next() == Some("CE"));
    let texts =
        value.text().trim().is_empty() && element.text().trim().is_empty() && element.children().next().is_none();
    let fields = (element.attribute("code"), element.attribute("codeSystem"), element.attribute("displayName"));
    let ((Some(code), Some(system), Some(display_name)), true) =
        (fields, element.is(HL7, name) && typed == Some(true) && texts)
    else {
        findings.at(
            rule,
            element,
            format!("{name} n'est pas un élément CE de {HL7} avec code, codeSystem et displayName"),
        );
        return None;
    };
    let known = ["code", "codeSystem", "codeSystemName", "displayName"];
    let strange = |(namespace, local, _): &(&str, &str, &str)| {
        !(namespace.is_empty() && known.contains(local) || *namespace == XSI && *local == "type")
    };
    if let Some((_, local, _)) = element.attributes().find(strange) {
        findings.at(
            Rule::AttributeUnexpected,
            element,
            format!("l'attribut {} n'a pas sa place sur {name}", quoted(local)),
        );
    }
    Some(Coded { code, system, system_name: element.attribute("codeSystemName"), display_name })
}
