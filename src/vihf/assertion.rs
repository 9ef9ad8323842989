//! The assertion: typed facts in, canonical bytes out, in one pass with one hash (vihf.md §1, §3, §4).
//!
//! What is written is already in exclusive canonical form: no parser and no document tree stands between the facts
//! and the bytes that the seal covers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::codes::{Purpose, Qualification, Role, Sector};
use super::identity::{Ins, InsOid, PsIdNat, StructIdNat};
use super::instant::Instant;
use super::profile::{CLASS_PREFIX, Profile};
use super::signature::{SignatureAlgorithm, signed_info, within_signature};
use super::text::Text;
use super::xml;

/// Room for an assertion without its signature: typical facts need 3 kB, long names grow the buffer.
const ASSERTION_CAPACITY: usize = 4096;

/// The software that asks, as the DMP's homologation knows it.
#[derive(Clone, Debug)]
pub struct Lps {
    /// Name of the software.
    pub name: Text,
    /// Its version.
    pub version: Text,
    /// Installation number, where the editor gives one.
    pub id: Option<Text>,
    /// Homologation number.
    pub homologation: Text,
}

/// How the professional logged in, as the assertion tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authn {
    /// Last part of the class URN.
    pub class: String,
    /// `AuthnContextDecl`; empty: none.
    pub decl: String,
    /// The primary login.
    pub instant: Instant,
}

/// The patient whose record is opened.
#[derive(Clone, Debug)]
pub struct Patient {
    /// National health identity.
    pub ins: Ins,
    /// Its identifier system.
    pub oid: InsOid,
}

/// Everything an assertion says, each value already of a type that cannot be wrong.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names are those of vihf.md §1 and §3, the types say the rest")]
pub struct Facts<'a> {
    pub profile: &'a Profile,
    /// RFC 2253 name of the seal certificate's subject.
    pub issuer: &'a str,
    /// `_` and a UUID.
    pub id: &'a str,
    pub issued_at: Instant,
    pub expires_at: Instant,
    pub practitioner: &'a PsIdNat,
    pub display_name: &'a Text,
    pub role: &'a Role,
    pub structure: &'a StructIdNat,
    pub sector: &'a Sector,
    pub authn: &'a Authn,
    pub patient: Option<&'a Patient>,
    pub purpose: Purpose,
    /// Secret connection of a minor: only with a profile that gives the element.
    pub invisible_to_guardians: bool,
    pub lps: &'a Lps,
}

/// A canonical assertion that waits for its signature.
#[derive(Clone, Debug)]
#[must_use]
pub struct Unsealed {
    /// The canonical assertion without signature.
    text: String,
    /// Where the signature goes: directly after `Issuer`.
    seam: usize,
    /// The canonical `SignedInfo` to be signed.
    signed_info: String,
    /// SHA-256 of `text`: its DigestValue.
    digest: [u8; 32],
}

/// Writes the assertion and hashes it once.
///
/// Trusts the facts' types. The result's `SignedInfo` is the one that the signer recognises.
pub fn forge(facts: &Facts<'_>, algorithm: SignatureAlgorithm) -> Unsealed {
    let mut out = String::with_capacity(ASSERTION_CAPACITY);
    open(&mut out, facts);
    let seam = out.len();
    subject(&mut out, facts);
    if facts.profile.conditions {
        conditions(&mut out, facts);
    }
    authn_statement(&mut out, facts.authn);
    attribute_statement(&mut out, facts);
    out.push_str("</saml:Assertion>");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, out.as_bytes());
    let digest: [u8; 32] = digest.as_ref().try_into().unwrap_or_default();
    let signed_info = signed_info(algorithm, facts.id, &digest, facts.profile.prefix_list());
    Unsealed { text: out, seam, signed_info, digest }
}

impl Unsealed {
    /// SHA-256 of the canonical assertion without signature: what the seal will cover.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The bytes to sign.
    #[must_use]
    pub fn signed_info(&self) -> &str {
        &self.signed_info
    }

    /// Places the signature and the certificate (base64 of its DER): the finished assertion.
    ///
    /// `signature` is raw (PKCS#1 v1.5, or r‖s); the caller has verified it.
    #[must_use]
    pub fn sealed(&self, signature: &[u8], certificate_base64: &str) -> String {
        let (head, tail) = self.text.split_at_checked(self.seam).unwrap_or((&self.text, ""));
        let (opening, signed_info) = within_signature(&self.signed_info);
        let encoded = STANDARD.encode(signature);
        [
            head,
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">",
            opening,
            signed_info,
            "<ds:SignatureValue>",
            &encoded,
            "</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>",
            certificate_base64,
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
            tail,
        ]
        .concat()
    }
}

fn open(out: &mut String, facts: &Facts<'_>) {
    out.push_str("<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"");
    xml::attribute(out, facts.id);
    out.push_str("\" IssueInstant=\"");
    facts.issued_at.write(out);
    out.push_str(
        "\" Version=\"2.0\"><saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\">",
    );
    xml::text(out, facts.issuer);
    out.push_str("</saml:Issuer>");
}

fn subject(out: &mut String, facts: &Facts<'_>) {
    out.push_str("<saml:Subject><saml:NameID>");
    xml::text(out, facts.practitioner.as_str());
    out.push_str("</saml:NameID></saml:Subject>");
}

fn conditions(out: &mut String, facts: &Facts<'_>) {
    out.push_str("<saml:Conditions NotBefore=\"");
    facts.issued_at.minus_ms(facts.profile.not_before_skew_ms).write(out);
    out.push_str("\" NotOnOrAfter=\"");
    facts.expires_at.write(out);
    out.push_str("\"></saml:Conditions>");
}

fn authn_statement(out: &mut String, authn: &Authn) {
    out.push_str("<saml:AuthnStatement AuthnInstant=\"");
    authn.instant.write(out);
    out.push_str("\"><saml:AuthnContext><saml:AuthnContextClassRef>");
    out.push_str(CLASS_PREFIX);
    xml::text(out, &authn.class);
    out.push_str("</saml:AuthnContextClassRef>");
    if !authn.decl.is_empty() {
        out.push_str("<saml:AuthnContextDecl>");
        xml::text(out, &authn.decl);
        out.push_str("</saml:AuthnContextDecl>");
    }
    out.push_str("</saml:AuthnContext></saml:AuthnStatement>");
}

fn attribute_statement(out: &mut String, facts: &Facts<'_>) {
    let profile = facts.profile;
    out.push_str("<saml:AttributeStatement>");
    xml::saml_attribute(out, "VIHF_Version", &profile.vihf_version);
    xml::saml_attribute(out, &profile.mode_attribute, &profile.mode);
    xml::saml_attribute(out, "Identifiant_Structure", facts.structure.as_str());
    xml::saml_attribute(out, "Secteur_Activite", &facts.sector.to_string());
    xml::saml_text(out, "urn:oasis:names:tc:xspa:1.0:subject:subject-id", facts.display_name);
    role(out, facts);
    if let Some(patient) = facts.patient {
        resource_id(out, patient);
    }
    xml::saml_attribute(out, "Ressource_URN", "urn:dmp");
    xml::open_attribute(out, "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse");
    let purpose = facts.purpose;
    xml::coded(
        out,
        "PurposeOfUse",
        purpose.code(),
        purpose.system(),
        purpose.system_name(),
        purpose.display_name(),
    );
    xml::close_attribute(out);
    if facts.invisible_to_guardians {
        xml::open_attribute(out, "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code");
        let display_name = &profile.guardians_display_name;
        xml::coded(out, &profile.guardians_element, GUARDIANS_CODE, GUARDIANS_SYSTEM, "", display_name);
        xml::close_attribute(out);
    }
    if let Some(id) = &facts.lps.id {
        xml::saml_text(out, "LPS_ID", id);
    }
    xml::saml_text(out, "LPS_Nom", &facts.lps.name);
    xml::saml_text(out, "LPS_Version", &facts.lps.version);
    xml::saml_text(out, "LPS_ID_HOMOLOGATION_DMP", &facts.lps.homologation);
    out.push_str("</saml:AttributeStatement>");
}

const GUARDIANS_CODE: &str = "INVISIBLE_REPRESENTANTS_LEGAUX";
const GUARDIANS_SYSTEM: &str = "1.2.250.1.213.1.1.5.97";

fn role(out: &mut String, facts: &Facts<'_>) {
    let profile = facts.profile;
    xml::open_attribute(out, "urn:oasis:names:tc:xacml:2.0:subject:role");
    let profession = facts.role.profession();
    let name = &profile.profession_system_name;
    xml::coded(out, "Role", profession.code(), profession.system(), name, profession.display_name());
    if let Some(qualification) = facts.role.qualification() {
        xml::next_value(out);
        let name = if matches!(qualification, Qualification::Section(_)) {
            &profile.section_system_name
        } else {
            &profile.specialty_system_name
        };
        xml::coded(out, "Role", qualification.code(), qualification.system(), name, qualification.display_name());
    }
    xml::close_attribute(out);
}

/// HL7 CX: the number, two empty components, its assigning authority, its type.
fn resource_id(out: &mut String, patient: &Patient) {
    xml::open_attribute(out, "urn:oasis:names:tc:xacml:2.0:resource:resource-id");
    xml::text(out, patient.ins.as_str());
    out.push_str("^^^&amp;");
    xml::text(out, patient.oid.as_str());
    out.push_str("&amp;ISO^NH");
    xml::close_attribute(out);
}
