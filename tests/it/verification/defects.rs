//! One defective token a rule: each is found by its rule's name, and by no other.

use std::collections::BTreeSet;

use sceau::lint::Rule;

use super::foreign::{STRUCTURE, WORKSHOP, Workshop};
use crate::support::certificate::SealCertificate;
use crate::support::pki::CaNames;

/// What is done to a right token.
enum Defect {
    /// A text of the unsigned token is replaced; then it is sealed.
    Before(&'static str, &'static str),
    /// A text of the sealed token is replaced.
    After(&'static str, &'static str),
    /// It is sealed with a certificate of this kind.
    Certificate(fn(SealCertificate) -> SealCertificate),
    /// The verifier is asked with these arguments.
    Arguments(&'static [&'static str]),
}
use Defect::{After, Arguments, Before, Certificate};

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SM26: &str = r#"<saml2:AttributeValue><Role xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" code="SM26" codeSystem="1.2.250.1.71.4.2.5" codeSystemName="specialites RPPS" displayName="Qualifié en médecine générale (SM)"/></saml2:AttributeValue>"#;
const PROFESSION: &str =
    r#"code="10" codeSystem="1.2.250.1.71.1.2.7" codeSystemName="professions" displayName="Médecin""#;
const VERSION: &str =
    r#"<saml2:Attribute Name="VIHF_Version"><saml2:AttributeValue>3.0</saml2:AttributeValue></saml2:Attribute>"#;
const SUBJECT: &str = "<saml2:Subject><saml2:NameID>899900063480</saml2:NameID></saml2:Subject>";
const SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";

/// Defects that a replacement makes. Times come from the workshop and are dealt with below.
#[rustfmt::skip]
const DEFECTS: &[(Rule, Defect)] = &[
    (Rule::DocumentEncoding, After("<saml2:Assertion ", "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><saml2:Assertion ")),
    (Rule::DocumentDoctype, After("<saml2:Assertion ", "<!DOCTYPE a [<!ENTITY b \"c\">]><saml2:Assertion ")),
    (Rule::DocumentMalformed, After("</saml2:Assertion>", "")),
    (Rule::AssertionMissing, After(SAML, "urn:oasis:names:tc:SAML:1.0:assertion")),
    (Rule::ElementUnexpected, Before("<saml2:Conditions ", "<saml2:Advice/><saml2:Conditions ")),
    (Rule::ElementMissing, Before(SUBJECT, "<saml2:Subject/>")),
    (Rule::ElementRepeated, Before("<saml2:NameID>899900063480</saml2:NameID>", "<saml2:NameID>899900063480</saml2:NameID><saml2:NameID>899900063480</saml2:NameID>")),
    (Rule::ElementOrder, Before("<saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI</saml2:AuthnContextClassRef><saml2:AuthnContextDecl>CPS</saml2:AuthnContextDecl>",
        "<saml2:AuthnContextDecl>CPS</saml2:AuthnContextDecl><saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI</saml2:AuthnContextClassRef>")),
    (Rule::AttributeUnexpected, Before("<saml2:Subject>", "<saml2:Subject role=\"x\">")),
    (Rule::AttributeUnexpected, After("<KeyInfo>", "<KeyInfo Id=\"x\">")),
    (Rule::AttributeSuperfluous, Before("<saml2:AuthnStatement ", "<saml2:AuthnStatement SessionIndex=\"1\" ")),
    (Rule::TextUnexpected, Before("<saml2:Subject>", "<saml2:Subject>texte")),
    (Rule::CommentInside, Before("899900063480</", "8999<!-- -->00063480</")),
    (Rule::CommentInside, Before("899900063480</", "8999<?coupe ?>00063480</")),
    (Rule::Version, Before("Version=\"2.0\"", "Version=\"1.1\"")),
    (Rule::IdNotNcname, Before("_8c1f60a5", "8c1f60a5")),
    (Rule::IssuerFormat, Before("Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\"", "Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\"")),
    (Rule::IssuerFormat, Before(" Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\"", "")),
    (Rule::IssuerNotCertificate, Before("CN=SCEAU DEMONSTRATION,OU", "CN=AUTRE LOGICIEL,OU")),
    (Rule::IssuerNotCertificate, Before("CN=SCEAU DEMONSTRATION,OU=1690781810,O=", "CN=SCEAU DEMONSTRATION, OU=1690781810, O=")),
    (Rule::IssuerNotCertificate, Before("ST=Rhône", "S=Rhône")),
    (Rule::NameIdInternal, Before("899900063480</", "31690781810/0042</")),
    (Rule::NameIdForm, Before("899900063480</", "99900063480</")),
    (Rule::NameIdForm, Before("899900063480</", " 899900063480</")),
    (Rule::NameIdKey, Before("899900063480</", "899900063481</")),
    (Rule::NameIdAttributes, Before("<saml2:NameID>", "<saml2:NameID Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified\">")),
    (Rule::SubjectConfirmation, Before("</saml2:NameID>", "</saml2:NameID><saml2:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:sender-vouches\"/>")),
    (Rule::AuthnClassUnknown, Before("classes:SmartcardPKI<", "classes:SmartCardPKI<")),
    (Rule::AuthnClassUnknown, Before("urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI<", "SmartcardPKI<")),
    (Rule::AuthnDeclMissing, Before("<saml2:AuthnContextDecl>CPS</saml2:AuthnContextDecl>", "")),
    (Rule::AuthnDeclUnknown, Before("Decl>CPS<", "Decl>CPE<")),
    (Rule::AuthnDeclUnknown, Before("Decl>CPS<", "Decl>BLUETOOTH_PIN<")),
    (Rule::AuthnPair, Before("classes:SmartcardPKI<", "classes:MobileTwoFactorContract<")),
    (Rule::AuthnPair, Before("Decl>CPS<", "Decl>OTP_SMS<")),
    (Rule::AttributeMissing, Before(VERSION, "")),
    (Rule::AttributeMissing, Before("<saml2:Attribute Name=\"LPS_ID_HOMOLOGATION_DMP\"><saml2:AttributeValue>HOM-0001</saml2:AttributeValue></saml2:Attribute>", "")),
    (Rule::AttributeMissing, Before("<saml2:Attribute Name=\"Authentification_mode\"><saml2:AttributeValue>INDIRECTE_RENFORCEE</saml2:AttributeValue></saml2:Attribute>", "")),
    (Rule::AttributeRepeated, Before("<saml2:Attribute Name=\"LPS_Nom\">", "<saml2:Attribute Name=\"Ressource_URN\"><saml2:AttributeValue>urn:dmp</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"LPS_Nom\">")),
    (Rule::AttributeUnknown, Before("<saml2:Attribute Name=\"LPS_Nom\">", "<saml2:Attribute Name=\"Autre\"><saml2:AttributeValue>x</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"LPS_Nom\">")),
    (Rule::AttributeValues, Before("<saml2:AttributeValue>1.0<", "<saml2:AttributeValue>0.9</saml2:AttributeValue><saml2:AttributeValue>1.0<")),
    (Rule::AttributeValues, Before("<saml2:AttributeValue>1.0</saml2:AttributeValue>", "")),
    (Rule::AttributeEmpty, Before("<saml2:AttributeValue>1.0<", "<saml2:AttributeValue> <")),
    (Rule::ValueTyped, Before("<saml2:AttributeValue>1.0<", "<saml2:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xsi:type=\"xs:string\">1.0<")),
    (Rule::VihfVersion, Before(">3.0<", ">2.0<")),
    (Rule::VihfVersion, Before(">3.0<", ">4.0<")),
    (Rule::ModeUnknown, Before("INDIRECTE_RENFORCEE", "INDIRECT")),
    (Rule::ModeNotOfProfile, Arguments(&["--profile", "dmp-indirecte"])),
    (Rule::ModeSpelling, Before("Authentification_mode", "Authentification_Mode")),
    (Rule::StructureForm, Certificate(|c| c)),
    (Rule::StructureKey, Certificate(|c| c)),
    (Rule::Sector, Before("SA01^", "SA62^")),
    (Rule::Sector, Before("SA01^1.2.250.1.71.4.2.4", "SA01")),
    (Rule::RoleForm, Before("xsi:type=\"CE\" code=\"10\"", "code=\"10\"")),
    (Rule::RoleForm, Before("<Role xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CE\" code=\"10\"", "<Role xmlns=\"urn:hl7-org:v2\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"CE\" code=\"10\"")),
    (Rule::RoleUnknown, Before("code=\"10\"", "code=\"11\"")),
    (Rule::RoleUnknown, Before("code=\"SM26\"", "code=\"SM999\"")),
    (Rule::RoleUnknown, Before("codeSystem=\"1.2.250.1.71.1.2.7\"", "codeSystem=\"1.2.250.1.71.1.2.8\"")),
    (Rule::RoleLabel, Before("displayName=\"Médecin\"", "displayName=\"MEDECIN\"")),
    (Rule::SpecialtyMissing, Before(SM26, "")),
    (Rule::SpecialtySuperfluous, Before(PROFESSION, "code=\"60\" codeSystem=\"1.2.250.1.71.1.2.7\" codeSystemName=\"professions\" displayName=\"Infirmier\"")),
    (Rule::SpecialtyNotPermitted, Before("code=\"SM26\" codeSystem=\"1.2.250.1.71.4.2.5\" codeSystemName=\"specialites RPPS\" displayName=\"Qualifié en médecine générale (SM)\"", "code=\"A\" codeSystem=\"1.2.250.1.71.4.2.6\" displayName=\"Pharmacien titulaire d'officine\"")),
    (Rule::PatientForm, Before("^^^&amp;1.2", "^^^1.2")),
    (Rule::PatientForm, Before("207058575627097", "2070585756270")),
    (Rule::PatientKey, Before("207058575627097", "207058575627098")),
    (Rule::PatientSystem, Before("1.2.250.1.213.1.4.8&", "1.2.250.1.213.1.4.2&")),
    (Rule::PatientTest, Before("1.2.250.1.213.1.4.8&", "1.2.250.1.213.1.4.10&")),
    (Rule::ResourceUrn, Before(">urn:dmp<", ">urn:autre<")),
    (Rule::PurposeForm, Before("xsi:type=\"CE\" code=\"normal\"", "code=\"normal\"")),
    (Rule::PurposeUnknown, Before("code=\"normal\"", "code=\"urgence\"")),
    (Rule::PurposeUnknown, Before("1.2.250.1.213.1.1.4.248", "1.2.250.1.213.1.1.4.249")),
    (Rule::PurposeLabel, Before("displayName=\"Accès normal\"", "displayName=\"Acces normal\"")),
    (Rule::PurposeLabel, Before(" codeSystemName=\"mode acces VIHF 2.0\"", "")),
    (Rule::RoleLabel, Before("codeSystemName=\"professions\"", "codeSystemName=\"metiers\"")),
    (Rule::TextUnexpected, Before("</saml2:Issuer>", "</saml2:Issuer>\u{a0}")),
    (Rule::Confidentiality, Before("<saml2:Attribute Name=\"LPS_Nom\">", "<saml2:Attribute Name=\"urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code\"><saml2:AttributeValue>N</saml2:AttributeValue></saml2:Attribute><saml2:Attribute Name=\"LPS_Nom\">")),
    (Rule::LifetimeMissing, Certificate(|c| c)),
    (Rule::AudiencePresent, Before("NotOnOrAfter=\"{end}\"/>", "NotOnOrAfter=\"{end}\"><saml2:AudienceRestriction><saml2:Audience>urn:dmp</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions>")),
    (Rule::SignatureAlgorithm, After(SHA256, "http://www.w3.org/2000/09/xmldsig#hmac-sha1")),
    (Rule::SignatureSha1, Before(SHA256, "http://www.w3.org/2000/09/xmldsig#rsa-sha1")),
    (Rule::SignatureSha1, Before("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1")),
    (Rule::SignatureCanonicalization, Before("<CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", "<CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>")),
    (Rule::SignatureTransforms, Before("<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", "<Transform Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>")),
    (Rule::SignatureTransforms, Before("<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>", "")),
    (Rule::SignatureReference, Before("<Reference URI=\"#_8c1f60a5-2d3b-4f69-9d0e-64c1b9c7f6aa\">", "<Reference URI=\"\">")),
    (Rule::SignatureDigest, After(">CAMILLE ESSAI<", ">CAMILLE ESSAY<")),
    (Rule::SignatureDigest, After(">DOSSIER ESSAI<", ">DOSSIER  ESSAI<")),
    (Rule::SignatureBase64, After("<SignatureValue>", "<SignatureValue>.")),
    (Rule::KeyInfo, After("</X509Data>", "</X509Data><KeyName>x</KeyName>")),
    (Rule::CertificateNotSeal, Certificate(SealCertificate::authentication)),
    (Rule::CertificateNotSeal, Certificate(|c| c.key_usages(&[]))),
    (Rule::CertificateExpired, Certificate(SealCertificate::expired)),
    (Rule::CertificateNotYetValid, Certificate(SealCertificate::not_yet_valid)),
    (Rule::TrustMissing, Arguments(&[])),
];

/// Rules whose tokens are made one by one in this folder's tests.
const ELSEWHERE: &[Rule] = &[
    Rule::DocumentTooLarge,   // hostile
    Rule::DocumentLimits,     // hostile
    Rule::AssertionRepeated,  // soap
    Rule::AssertionMisplaced, // soap
    Rule::SoapVersion,        // soap
    Rule::SoapStructure,      // soap
    Rule::SecurityContent,    // soap
    Rule::AddressingMissing,  // soap
    Rule::IdRepeated,         // soap
    Rule::CanonicalForm,      // ours
    Rule::InstantForm,        // below, like all that follow
    Rule::InstantPrecision,
    Rule::IssueWholeHours,
    Rule::IssueInFuture,
    Rule::NotYetValid,
    Rule::Expired,
    Rule::LifetimeTooLong,
    Rule::LifetimeEmpty,
    Rule::AuthnAfterIssue,
    Rule::AuthnDeclSuperfluous,
    Rule::RoleWithdrawn,
    Rule::SignatureMissing,
    Rule::SignatureMisplaced,
    Rule::SignatureRepeated,
    Rule::SignatureValue,
    Rule::CertificateUnreadable,
    Rule::CertificateKey,
    Rule::CertificateUnknownCa,
    Rule::CertificateNotCard,
    Rule::CertificateTest,
    Rule::CertificateStructure,
];

#[test]
fn a_right_token_of_other_making_is_good() {
    let judged = WORKSHOP.judge(&WORKSHOP.sealed(), &[]);
    assert_eq!((judged.rules(), judged.verdict(), judged.code), (vec![], "good", 0));
    let at = WORKSHOP.issued.plus_ms(1_000).to_string();
    assert_eq!(WORKSHOP.judge(&WORKSHOP.sealed(), &["--at", &at]).verdict(), "good");
    {
        let profile = "dmp-air";
        assert_eq!(WORKSHOP.judge(&WORKSHOP.sealed(), &["--profile", profile]).verdict(), "good");
    }
}

#[test]
fn every_rule_has_its_token() {
    let told: BTreeSet<_> = DEFECTS.iter().map(|(rule, _)| *rule).chain(ELSEWHERE.iter().copied()).collect();
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !told.contains(rule)).collect();
    assert!(missing.is_empty(), "no defective token for {missing:?}");
}

#[test]
fn each_defect_is_found_by_its_rule_and_only_by_it() {
    let right = SealCertificate::of(STRUCTURE);
    let mut faults = Vec::new();
    for (rule, defect) in DEFECTS {
        let judged = match defect {
            Before(from, to) => {
                let times = |text: &str| text.replace("{end}", &WORKSHOP.issued.plus_ms(30_000).to_string());
                let token = replaced(&WORKSHOP.template(), &times(from), &times(to));
                WORKSHOP.judge(&WORKSHOP.seal(&token, &right, "rsa-2048"), &[])
            }
            After(from, to) => WORKSHOP.judge(&replaced(&WORKSHOP.sealed(), from, to), &[]),
            Certificate(change) => certificate(*rule, *change, &right),
            Arguments([]) => WORKSHOP.judge_bytes(WORKSHOP.sealed().as_bytes(), &[]),
            Arguments(arguments) => {
                // The profile that does not fit wants no declaration either.
                let token =
                    WORKSHOP.template().replace("<saml2:AuthnContextDecl>CPS</saml2:AuthnContextDecl>", "");
                WORKSHOP.judge(&WORKSHOP.seal(&token, &right, "rsa-2048"), arguments)
            }
        };
        let expected = match rule {
            // A signature over something else than was told cannot hold either.
            Rule::SignatureBase64 => vec![rule.name(), Rule::SignatureValue.name()],
            _ => vec![rule.name()],
        };
        let severity = judged.report["findings"][0]["severity"].as_str().map(str::to_owned);
        let is_bad = *rule != Rule::TrustMissing && severity.as_deref() == Some("error");
        let verdict = if is_bad {
            "bad"
        } else if *rule == Rule::TrustMissing {
            "undecided"
        } else {
            "good"
        };
        if judged.rules() != expected || judged.verdict() != verdict {
            faults.push(format!("{rule}: {:?} {}", judged.rules(), judged.report["findings"]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Tokens whose defect is in the certificate, or in what the certificate must agree with.
fn certificate(
    rule: Rule,
    change: fn(SealCertificate) -> SealCertificate,
    right: &SealCertificate,
) -> super::foreign::Judged {
    let template = WORKSHOP.template();
    let end = WORKSHOP.issued.plus_ms(30_000);
    let (token, certificate) = match rule {
        Rule::StructureForm => (template.replace(STRUCTURE, "10B0127189"), SealCertificate::of("10B0127189")),
        Rule::StructureKey => (template.replace(STRUCTURE, "1690781811"), SealCertificate::of("1690781811")),
        Rule::LifetimeMissing => (
            replaced(
                &template,
                &format!("<saml2:Conditions NotBefore=\"{}\" NotOnOrAfter=\"{end}\"/>", WORKSHOP.issued),
                "",
            ),
            right.clone(),
        ),
        _ => (template, change(right.clone())),
    };
    WORKSHOP.judge(&WORKSHOP.seal(&token, &certificate, "rsa-2048"), &[])
}

fn found(token: &str, arguments: &[&str]) -> Vec<String> {
    let sealed = WORKSHOP.seal(token, &SealCertificate::of(STRUCTURE), "rsa-2048");
    WORKSHOP.judge(&sealed, arguments).rules().into_iter().map(str::to_owned).collect()
}

#[test]
fn instants_are_judged_against_the_instant_of_reception() {
    let issued = WORKSHOP.issued;
    let template = WORKSHOP.template();
    let at = |ms: i64| sceau::vihf::instant::Instant::from_ms(issued.ms() + ms).to_string();
    const HOUR: i64 = 3_600_000;
    for (ms, rule) in [
        (-HOUR, "issue-whole-hours"),
        (-2 * HOUR + 3_000, "issue-whole-hours"),
        (HOUR + 20_000, "issue-whole-hours"),
        (11 * HOUR, "issue-whole-hours"),
        (-HOUR / 2, "issue-in-future"),
        (-5_000, "not-yet-valid"),
        (30_000, "expired"),
        (HOUR / 2, "expired"),
        (30 * 24 * HOUR, "expired"),
    ] {
        assert_eq!(found(&template, &["--at", &at(ms)]), [rule], "received {ms} ms after issue");
    }
    for ms in [0, 29_999] {
        assert_eq!(found(&template, &["--at", &at(ms)]), [""; 0], "received {ms} ms after issue");
    }
    // Without an instant the token's own serves, and the clock still tells the future.
    let (text, ahead) = (issued.to_string(), |ms| issued.plus_ms(ms).to_string());
    let shifted = |hours_ms: u64| {
        template
            .replace(&issued.plus_ms(30_000).to_string(), &ahead(hours_ms + 30_000))
            .replace(&text, &ahead(hours_ms))
    };
    assert_eq!(found(&shifted(3_600_000), &[]), ["issue-whole-hours"]);
    assert_eq!(found(&shifted(7_200_000), &[]), ["issue-whole-hours"]);
    assert_eq!(found(&shifted(1_800_000), &[]), ["issue-in-future"]);
}

#[test]
fn instants_and_lifetimes_have_a_form() {
    let issued = WORKSHOP.issued;
    let template = WORKSHOP.template();
    let end = issued.plus_ms(30_000).to_string();
    let login = issued.minus_ms(60_000).to_string();
    let local = |text: &str| format!("{}+01:00", text.trim_end_matches('Z'));
    assert_eq!(found(&template.replace(&login, &local(&login)), &[]), ["instant-form"]);
    assert_eq!(found(&template.replace(&login, login.trim_end_matches('Z')), &[]), ["instant-form"]);
    assert_eq!(found(&template.replace(&end, &local(&end)), &[]), ["instant-form"]);
    assert_eq!(found(&template.replace(&login, "2016-12-31T23:59:60.000Z"), &[]), ["instant-form"]);
    let start = format!("NotBefore=\"{issued}\"");
    let earlier = |ms| template.replace(&start, &format!("NotBefore=\"{}\"", issued.minus_ms(ms)));
    assert_eq!(found(&earlier(300_000), &[]), [""; 0]);
    assert_eq!(found(&earlier(300_001), &[]), ["lifetime-too-long"]);
    let coarse = format!("{}Z", login.split_once('.').unwrap().0);
    assert_eq!(found(&template.replace(&login, &coarse), &[]), ["instant-precision"]);
    assert_eq!(found(&template.replace(&end, &issued.plus_ms(31_000).to_string()), &[]), ["lifetime-too-long"]);
    assert_eq!(
        found(&template.replace(&end, &issued.plus_ms(86_400_000).to_string()), &[]),
        ["lifetime-too-long"]
    );
    assert_eq!(found(&template.replace(&end, &issued.minus_ms(1).to_string()), &[]), ["lifetime-empty"]);
    assert_eq!(found(&template.replace(&format!(" NotOnOrAfter=\"{end}\""), ""), &[]), ["lifetime-missing"]);
    assert_eq!(found(&template.replace(&login, &issued.plus_ms(1).to_string()), &[]), ["authn-after-issue"]);
}

#[test]
fn modes_have_their_own_rules() {
    let template = WORKSHOP.template();
    let indirect = template.replace("INDIRECTE_RENFORCEE", "INDIRECTE");
    assert_eq!(found(&indirect, &[]), ["authn-decl-superfluous"]);
    let indirect = indirect.replace("<saml2:AuthnContextDecl>CPS</saml2:AuthnContextDecl>", "");
    assert_eq!(found(&indirect, &[]), [""; 0]);
    // Identifiers of the structure are plain indirect mode's, and never AIR's.
    assert_eq!(found(&indirect.replace("899900063480<", "31690781810/0042<"), &[]), [""; 0]);
    let simplified = template.replace(">CPS<", ">CONF_EXI_PGSSIS<");
    assert_eq!(found(&simplified, &[]), [""; 0]);
    assert_eq!(found(&template, &["--profile", "dmp-air-simplifie"]), ["authn-decl-unknown"]);
    // A professional's own card signs: no seal, no structure.
    let card = SealCertificate::of("autre")
        .common_name("899900063480")
        .key_usages(&[rcgen::KeyUsagePurpose::ContentCommitment]);
    let direct = template.replace("INDIRECTE_RENFORCEE", "DIRECTE");
    let of_card = direct.replace("OU=1690781810", "OU=autre").replace("SCEAU DEMONSTRATION", "899900063480");
    let judged = WORKSHOP.judge(&WORKSHOP.seal(&of_card, &card, "rsa-2048"), &[]);
    assert_eq!((judged.rules(), judged.verdict()), (vec![], "good"));
    assert!(!judged.report.to_string().contains("899900063480"), "{}", judged.report);
    // No cap is known for that mode: only the end that the assertion gives.
    let end = WORKSHOP.issued.plus_ms(30_000).to_string();
    let long = of_card.replace(&end, &WORKSHOP.issued.plus_ms(3_600_000).to_string());
    let at = WORKSHOP.issued.plus_ms(1_800_000).to_string();
    let judged = WORKSHOP.judge(&WORKSHOP.seal(&long, &card, "rsa-2048"), &["--at", &at]);
    assert_eq!((judged.rules(), judged.verdict()), (vec![], "good"));
    // An establishment's certificate is nobody's card, and its Issuer shows nobody's name.
    let authentication = SealCertificate::of(STRUCTURE).authentication();
    for certificate in [SealCertificate::of(STRUCTURE), authentication] {
        let judged = WORKSHOP.judge(&WORKSHOP.seal(&direct, &certificate, "rsa-2048"), &[]);
        assert_eq!((judged.rules(), judged.verdict()), (vec!["certificate-not-card"], "bad"));
    }
    // Both spellings, two modes: each reader would see his own.
    let mode = cut(&template, "<saml2:Attribute Name=\"Authentification_mode\">", "</saml2:Attribute>");
    let second = mode.replace("_mode", "_Mode").replace("INDIRECTE_RENFORCEE", "DIRECTE");
    assert_eq!(found(&template.replace(&mode, &format!("{mode}{second}")), &[]), ["attribute-repeated"]);
}

#[test]
fn professions_withdrawn_are_told() {
    let student = WORKSHOP.template().replace(SM26, "").replace(
        PROFESSION,
        r#"code="39" codeSystem="1.2.250.1.71.1.2.7" codeSystemName="professions" displayName="Assistant dentaire""#,
    );
    let rules = found(&student, &[]);
    assert!(rules.contains(&"role-withdrawn".to_owned()), "{rules:?}");
    assert!(rules.iter().all(|rule| rule.starts_with("role-")), "{rules:?}");
}

#[test]
fn signatures_and_certificates_that_do_not_fit() {
    let sealed = WORKSHOP.sealed();
    let rules = |document: &str| WORKSHOP.judge(document, &[]).rules().join(" ");
    let signature = cut(&sealed, "<Signature ", "</Signature>");
    assert_eq!(rules(&sealed.replace(&signature, "")), "signature-missing");
    let moved =
        sealed.replace(&signature, "").replace("</saml2:Subject>", &format!("</saml2:Subject>{signature}"));
    assert_eq!(rules(&moved), "signature-misplaced");
    let doubled = sealed.replace("</Signature>", &format!("</Signature>{signature}"));
    assert_eq!(rules(&doubled), "element-repeated signature-repeated");
    // Another token's signature value, over its own content.
    let other = WORKSHOP.seal(
        &WORKSHOP.template().replace("CAMILLE", "CAMILLA"),
        &SealCertificate::of(STRUCTURE),
        "rsa-2048",
    );
    let value = |token: &str| cut(token, "<SignatureValue>", "</SignatureValue>");
    assert_eq!(rules(&sealed.replace(&value(&sealed), &value(&other))), "signature-value");
    let certificate = cut(&sealed, "<X509Certificate>", "</X509Certificate>");
    assert_eq!(
        rules(&sealed.replace(&certificate, "<X509Certificate>AAAA</X509Certificate>")),
        "certificate-unreadable"
    );
    let weak = WORKSHOP.seal(&WORKSHOP.template(), &SealCertificate::of(STRUCTURE), "rsa-1024");
    assert_eq!(rules(&weak), "certificate-key");
    let elsewhere = SealCertificate::of(STRUCTURE).structure("1750712184");
    let token = WORKSHOP.template().replace("OU=1690781810", "OU=1750712184");
    assert_eq!(rules(&WORKSHOP.seal(&token, &elsewhere, "rsa-2048")), "certificate-structure");
}

#[test]
fn authorities_that_nobody_gave_or_that_are_for_tests() {
    let tests = Workshop::open(CaNames::Test);
    let sealed = tests.sealed();
    assert_eq!(WORKSHOP.judge(&sealed, &[]).rules(), ["certificate-unknown-ca"]);
    // Same names, other keys.
    assert_eq!(
        Workshop::open(CaNames::Production).judge(&WORKSHOP.sealed(), &[]).rules(),
        ["certificate-unknown-ca"]
    );
    // Whoever gives a test root knows that it is one; nobody else is told that all is well.
    let judged = tests.judge(&sealed, &[]);
    assert_eq!((judged.rules(), judged.verdict(), judged.code), (vec!["certificate-test"], "good", 0));
    let judged = tests.judge_bytes(sealed.as_bytes(), &[]);
    assert_eq!(
        (judged.rules(), judged.verdict(), judged.code),
        (vec!["certificate-test", "trust-missing"], "bad", 1)
    );
}

/// The prefixes of Sceau are others' too: what is not written as Sceau writes need not be canonical.
#[test]
fn other_makers_may_use_the_same_prefixes() {
    let signature = cut(&WORKSHOP.template(), "<Signature ", "</Signature>");
    let named = signature
        .replace("</", "\u{0}")
        .replace('<', "<ds:")
        .replace('\u{0}', "</ds:")
        .replace("xmlns=", "xmlns:ds=");
    let pretty = WORKSHOP.template().replace(&signature, &named).replace("saml2", "saml");
    let compact: String = pretty.lines().map(str::trim).collect();
    for token in [pretty, compact] {
        let sealed = WORKSHOP.seal(&token, &SealCertificate::of(STRUCTURE), "rsa-2048");
        for document in [sealed.clone(), format!("<?xml version=\"1.0\"?>\n{sealed}")] {
            let judged = WORKSHOP.judge(&document, &[]);
            assert_eq!((judged.rules(), judged.verdict()), (vec![], "good"), "{document}");
        }
    }
}

/// An ECDSA value has one spelling: no DER, no padded numbers (RFC 9231 §2.3.6).
#[test]
fn ecdsa_values_have_one_spelling() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let key = WORKSHOP.path().join("p-256");
    let made = std::process::Command::new("openssl")
        .args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let token = WORKSHOP.template().replace("#rsa-sha256", "#ecdsa-sha256");
    let sealed = WORKSHOP.seal(&token, &SealCertificate::of(STRUCTURE), "p-256");
    assert_eq!(WORKSHOP.judge(&sealed, &[]).verdict(), "good");
    let element = cut(&sealed, "<SignatureValue>", "</SignatureValue>");
    let text = element.trim_start_matches("<SignatureValue>").trim_end_matches("</SignatureValue>");
    let value = STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap();
    let (r, s) = value.split_at(32);
    let number = |n: &[u8]| [&[2, 33, 0], n].concat();
    for other in [[&[0], r, &[0], s].concat(), [&[0x30, 70], number(r).as_slice(), &number(s)].concat()] {
        let document = sealed.replace(text, &STANDARD.encode(other));
        assert_eq!(WORKSHOP.judge(&document, &[]).rules(), ["signature-value"]);
    }
}

pub(super) fn cut(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).unwrap_or_else(|| panic!("{from} is not in {text}"));
    let end = start + text[start..].find(to).unwrap() + to.len();
    text[start..end].to_owned()
}

fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in the token");
    text.replace(from, to)
}
