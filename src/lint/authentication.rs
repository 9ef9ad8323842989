//! The primary authentication: class and declaration, a pair of annexe 2 (vihf.md §2).

use super::facts::Facts;
use super::finding::{Findings, quoted};
use super::rule::Rule;
use super::shape::{self, SAML, Slot};
use crate::vihf::method::Method;
use crate::vihf::profile::Profile;
use crate::xmldsig::Element;

/// The classes of SAML 2.0 (Authentication Context §3.4).
const CLASSES: [&str; 25] = [
    "AuthenticatedTelephony",
    "InternetProtocol",
    "InternetProtocolPassword",
    "Kerberos",
    "MobileOneFactorContract",
    "MobileOneFactorUnregistered",
    "MobileTwoFactorContract",
    "MobileTwoFactorUnregistered",
    "NomadTelephony",
    "PGP",
    "Password",
    "PasswordProtectedTransport",
    "PersonalTelephony",
    "PreviousSession",
    "SPKI",
    "SecureRemotePassword",
    "Smartcard",
    "SmartcardPKI",
    "SoftwarePKI",
    "TLSClient",
    "Telephony",
    "TimeSyncToken",
    "X509",
    "XMLDSig",
    "unspecified",
];

/// The shape of an authentication statement.
pub(super) fn shape(statement: Element<'_>, findings: &mut Findings) {
    shape::check(statement, &[Slot(SAML, "AuthnContext", 1, 1)], &["AuthnInstant"], findings);
    let Some(context) = statement.child(SAML, "AuthnContext") else { return };
    // Whether a declaration is wanted is the profile's to say.
    let slots = [Slot(SAML, "AuthnContextClassRef", 1, 1), Slot(SAML, "AuthnContextDecl", 0, 1)];
    shape::check(context, &slots, &[], findings);
    for child in context.children().filter(|child| child.namespace() == SAML) {
        shape::text(child, &[], findings);
    }
}

/// Holds class and declaration against the profile; none: the direct mode, whose class alone is judged.
pub(super) fn check(facts: &Facts<'_>, profile: Option<&Profile>, findings: &mut Findings) {
    let Some(statement) = facts.authn_statement else { return };
    let Some(class_text) = &facts.class else { return };
    let class = facts.short_class().filter(|class| CLASSES.contains(class));
    if class.is_none() {
        findings.at(Rule::AuthnClassUnknown, statement, format!("la classe {} n'existe pas", quoted(class_text)));
    }
    let Some(profile) = profile else { return };
    let wants_decl = profile.methods.values().any(|form| !form.decl.is_empty());
    let Some(decl) = facts.decl.as_deref() else {
        if profile.authentication_required {
            findings.at(
                Rule::AuthnDeclMissing,
                statement,
                format!("AuthnContextDecl manque (profil {})", profile.name),
            );
        }
        return;
    };
    if !wants_decl {
        let message = format!("AuthnContextDecl vaut {} (profil {})", quoted(decl), profile.name);
        return findings.at(Rule::AuthnDeclSuperfluous, statement, message);
    }
    let Some(form) = profile.methods.values().find(|form| form.decl == decl) else {
        let known = if Method::parse(decl).is_some() { ", que ce profil n'admet pas" } else { "" };
        return findings.at(
            Rule::AuthnDeclUnknown,
            statement,
            format!("AuthnContextDecl vaut {}{known}", quoted(decl)),
        );
    };
    // A profile that says "unspecified" leaves the class open (vihf.md §2, AIR simplifié).
    if let Some(class) = class.filter(|class| *class != form.class && form.class != "unspecified") {
        let message =
            format!("la classe {} ne va pas avec {} : attendu {}", quoted(class), quoted(decl), form.class);
        findings.at(Rule::AuthnPair, statement, message);
    }
}
