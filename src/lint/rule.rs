//! The rules: each with a name, a severity, its source and a remedy.

use std::fmt;

/// What a broken rule means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    Note,
    /// Accepted today or only in tests; changes no verdict.
    Warning,
    /// A defect: the verdict is bad.
    Error,
}

impl Severity {
    /// The word in JSON and SARIF.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! rules {
    ($($variant:ident $name:literal $severity:ident $source:literal $remedy:literal;)*) => {
        /// A rule of a VIHF; names are stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each rule's name and remedy say what it is")]
        pub enum Rule { $($variant,)* }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its stable name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What breaking it means.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Where the rule comes from.
            #[must_use]
            pub fn source(self) -> &'static str {
                match self { $(Self::$variant => $source,)* }
            }

            /// What to do, in French.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$variant => $remedy,)* }
            }
        }
    };
}

rules! {
    // The document.
    DocumentTooLarge "document-too-large" Error "limite de ce vérificateur" "donnez l'assertion ou le seul message qui la porte, de 4 Mio au plus";
    DocumentEncoding "document-encoding" Error "XML 1.0 §4.3.3" "écrivez le document en XML 1.0 et en UTF-8";
    DocumentDoctype "document-doctype" Error "SOAP 1.2 partie 1 §5" "retirez la déclaration DOCTYPE et ses entités";
    DocumentLimits "document-limits" Error "limite de ce vérificateur" "donnez un document d'au plus 96 niveaux, 128 attributs par élément et 300 000 balises, et une assertion de 2 000 éléments";
    DocumentMalformed "document-malformed" Error "XML 1.0 §2.1, Namespaces in XML §7" "corrigez le XML à l'endroit indiqué ; collez l'assertion telle que reçue";
    // The envelope.
    AssertionMissing "assertion-missing" Error "SAML 2.0 core §2.3.3" "donnez une assertion SAML 2.0, ou le message SOAP qui la porte";
    AssertionRepeated "assertion-repeated" Error "WS-Security SAML Token Profile 1.1 §3" "ne laissez qu'une assertion dans le message";
    AssertionMisplaced "assertion-misplaced" Error "WS-Security SAML Token Profile 1.1 §3.4" "placez l'assertion seule, ou directement dans Envelope/Header/Security";
    SoapVersion "soap-version" Error "SOAP 1.2 partie 1" "employez l'enveloppe SOAP 1.2";
    SoapStructure "soap-structure" Error "SOAP 1.2 partie 1 §5" "un en-tête Header qui porte un seul Security, puis un corps Body";
    SecurityContent "security-content" Error "guide d'intégration DMP, transport" "ne laissez dans Security que l'assertion : ni horodatage, ni jeton, ni signature du corps";
    AddressingMissing "addressing-missing" Error "WS-Addressing 1.0 §3" "ajoutez MessageID, To, ReplyTo et Action (WS-Addressing 2005/08)";
    IdRepeated "id-repeated" Error "XML Schema §3.3.8, XML Signature §4.4.3.2" "donnez à chaque élément un identifiant unique";
    // Structure.
    ElementUnexpected "element-unexpected" Error "schéma SAML 2.0, VIHF" "retirez cet élément";
    ElementMissing "element-missing" Error "schéma SAML 2.0, VIHF" "ajoutez l'élément manquant";
    ElementRepeated "element-repeated" Error "schéma SAML 2.0, VIHF" "ne laissez qu'un exemplaire";
    ElementOrder "element-order" Error "schéma SAML 2.0, VIHF" "respectez l'ordre Issuer, Signature, Subject, Conditions, AuthnStatement, AttributeStatement";
    AttributeUnexpected "attribute-unexpected" Error "schéma SAML 2.0, VIHF" "retirez cet attribut";
    AttributeSuperfluous "attribute-superfluous" Warning "VIHF" "retirez cet attribut : le schéma l'admet, le VIHF ne l'emploie pas";
    TextUnexpected "text-unexpected" Error "schéma SAML 2.0" "retirez le texte qui se trouve entre les éléments";
    CommentInside "comment-inside" Error "XML Signature §8.1, CVE-2018-0489" "retirez commentaires et instructions de traitement : la signature ne les couvre pas";
    CanonicalForm "canonical-form" Error "Exclusive XML Canonicalization 1.0" "collez l'assertion octet pour octet, sans la relire ni la réécrire";
    // Assertion.
    Version "version" Error "SAML 2.0 core §2.3.3" "écrivez Version=\"2.0\"";
    IdNotNcname "id-not-ncname" Error "XML Schema datatypes §3.3.8" "formez l'ID d'un tiret bas et d'un UUID : un UUID nu commence le plus souvent par un chiffre";
    IssuerFormat "issuer-format" Error "VIHF, Issuer" "écrivez Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName\"";
    IssuerNotCertificate "issuer-not-certificate" Error "VIHF, Issuer ; RFC 2253" "recopiez le sujet du certificat de cachet selon la RFC 2253, le plus spécifique d'abord, sans espace après les virgules";
    NameIdInternal "name-id-internal" Error "VIHF, mode AIR" "donnez le RPPS (8…) ou l'ADELI (0…) : un identifiant interne n'est pas admis en AIR";
    NameIdForm "name-id-form" Error "VIHF, PS_IdNat" "donnez 8 et les 11 chiffres du RPPS, ou 0 et les 9 caractères de l'ADELI";
    NameIdKey "name-id-key" Error "VIHF, PS_IdNat ; clé de Luhn" "vérifiez le RPPS : sa clé est fausse";
    NameIdAttributes "name-id-attributes" Error "VIHF, NameID" "retirez les attributs de NameID";
    SubjectConfirmation "subject-confirmation" Error "VIHF, Subject" "retirez SubjectConfirmation";
    AudiencePresent "audience-present" Error "VIHF, Conditions" "retirez AudienceRestriction";
    // Time.
    InstantForm "instant-form" Error "VIHF, dates ; SAML 2.0 core §1.3.3" "écrivez l'instant en UTC, terminé par Z";
    InstantPrecision "instant-precision" Warning "VIHF, dates" "écrivez les millisecondes";
    IssueWholeHours "issue-whole-hours" Error "SAML 2.0 core §1.3.3" "convertissez l'heure locale en UTC avant d'écrire Z";
    IssueInFuture "issue-in-future" Error "VIHF, IssueInstant" "synchronisez l'horloge (NTP)";
    NotYetValid "not-yet-valid" Error "SAML 2.0 core §2.5.1.2" "synchronisez l'horloge, ou attendez NotBefore";
    Expired "expired" Error "SAML 2.0 core §2.5.1.2 ; EX_AIR-040" "demandez une nouvelle assertion : une assertion sert à un appel, aussitôt";
    LifetimeMissing "lifetime-missing" Error "EX_AIR-040" "ajoutez Conditions avec NotBefore et NotOnOrAfter";
    LifetimeTooLong "lifetime-too-long" Error "EX_AIR-040" "ramenez la durée de vie au plafond du profil";
    LifetimeEmpty "lifetime-empty" Error "SAML 2.0 core §2.5.1.2" "placez NotOnOrAfter après NotBefore et IssueInstant";
    AuthnAfterIssue "authn-after-issue" Error "VIHF, AuthnInstant" "donnez l'instant de l'authentification primaire, antérieur à l'émission";
    // Authentication.
    AuthnClassUnknown "authn-class-unknown" Error "SAML 2.0 authentication context §3 ; convention, annexe 2" "donnez l'URN complet d'une classe SAML 2.0, par exemple urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI";
    AuthnDeclMissing "authn-decl-missing" Error "convention, annexe 2" "ajoutez AuthnContextDecl avec le moyen d'authentification";
    AuthnDeclSuperfluous "authn-decl-superfluous" Error "VIHF, modes" "retirez AuthnContextDecl : ce mode n'en porte pas";
    AuthnDeclUnknown "authn-decl-unknown" Error "convention, annexe 2" "donnez une valeur de l'annexe 2 : CPS, CARTE_ETS, CPS:CPSSANSCONTACT, OTP_SMS, APP_MOBILE_AUTH, APP_BROWSER_AUTH";
    AuthnPair "authn-pair" Error "convention, annexe 2" "associez à ce moyen la classe de l'annexe 2";
    // Attributes.
    AttributeMissing "attribute-missing" Error "VIHF, attributs" "ajoutez l'attribut obligatoire";
    AttributeRepeated "attribute-repeated" Error "VIHF, attributs" "réunissez l'attribut en un seul";
    AttributeUnknown "attribute-unknown" Warning "VIHF, attributs" "retirez l'attribut, ou vérifiez son nom";
    AttributeValues "attribute-values" Error "VIHF, attributs" "donnez à l'attribut le nombre de valeurs prévu";
    AttributeEmpty "attribute-empty" Error "VIHF, attributs" "renseignez la valeur";
    ValueTyped "value-typed" Error "VIHF, attributs" "écrivez la valeur en texte simple, sans xsi:type";
    VihfVersion "vihf-version" Error "VIHF, VIHF_Version" "écrivez la version du profil";
    ModeUnknown "mode-unknown" Error "VIHF, Authentification_mode" "écrivez DIRECTE, INDIRECTE ou INDIRECTE_RENFORCEE";
    ModeNotOfProfile "mode-not-of-profile" Error "VIHF, Authentification_mode" "choisissez le profil qui convient à ce jeton, ou corrigez le mode";
    ModeSpelling "mode-spelling" Warning "VIHF, Authentification_mode" "écrivez le nom de l'attribut comme dans le profil";
    StructureForm "structure-form" Error "VIHF, Struct_IdNat" "donnez 1 et le FINESS, ou 3 et le SIRET";
    StructureKey "structure-key" Error "VIHF, Struct_IdNat ; clé de Luhn" "vérifiez l'identifiant de structure : sa clé est fausse";
    Sector "sector" Error "VIHF, Secteur_Activite ; JDV_J61" "donnez un code du jeu de valeurs, suivi de ^1.2.250.1.71.4.2.4";
    RoleForm "role-form" Error "VIHF, role" "écrivez un élément Role de urn:hl7-org:v3, xsi:type=\"CE\", avec code, codeSystem et displayName";
    RoleUnknown "role-unknown" Error "VIHF, role ; JDV_J65" "donnez un code de la nomenclature, dans son système";
    RoleWithdrawn "role-withdrawn" Warning "nomenclature TRE_G15" "remplacez le code retiré de la nomenclature";
    RoleLabel "role-label" Warning "nomenclature" "recopiez le libellé de la nomenclature";
    SpecialtyMissing "specialty-missing" Error "VIHF, role" "ajoutez en deuxième valeur la spécialité du médecin, ou la section du pharmacien";
    SpecialtySuperfluous "specialty-superfluous" Error "VIHF, role" "retirez la deuxième valeur : seuls médecins et pharmaciens en portent une";
    SpecialtyNotPermitted "specialty-not-permitted" Error "VIHF, role" "donnez la spécialité ordinale du médecin (SM…), ou la section du pharmacien";
    PatientForm "patient-form" Error "VIHF, resource-id ; HL7 CX" "écrivez <INS>^^^&<OID>&ISO^NH, l'INS sur 15 caractères";
    PatientKey "patient-key" Error "référentiel INS" "vérifiez l'INS : sa clé est fausse";
    PatientSystem "patient-system" Error "référentiel INS" "donnez l'OID du NIR (….4.8) ou du NIA (….4.9)";
    PatientTest "patient-test" Warning "référentiel INS" "n'employez ce système d'identifiants que hors production";
    ResourceUrn "resource-urn" Error "VIHF, Ressource_URN" "écrivez urn:dmp";
    PurposeForm "purpose-form" Error "VIHF, purposeofuse" "écrivez un élément PurposeOfUse de urn:hl7-org:v3, xsi:type=\"CE\", avec code, codeSystem, codeSystemName et displayName";
    PurposeUnknown "purpose-unknown" Error "VIHF, purposeofuse" "donnez normal, bris_de_glace ou centre_15, du système 1.2.250.1.213.1.1.4.248";
    PurposeLabel "purpose-label" Warning "VIHF, purposeofuse" "recopiez le libellé et le nom de système de la nomenclature";
    Confidentiality "confidentiality" Error "VIHF, confidentiality-code" "donnez INVISIBLE_REPRESENTANTS_LEGAUX du système 1.2.250.1.213.1.1.5.97, ou retirez l'attribut";
    // Signature.
    SignatureMissing "signature-missing" Error "VIHF, Signature" "scellez l'assertion avec le certificat de cachet";
    SignatureMisplaced "signature-misplaced" Error "SAML 2.0 core §5.4.1" "placez Signature directement après Issuer";
    SignatureRepeated "signature-repeated" Error "SAML 2.0 core §5.4" "ne laissez dans le document qu'une signature, celle de l'assertion";
    SignatureAlgorithm "signature-algorithm" Error "RFC 9231 §2.3" "signez en RSA-SHA256 (ou ECDSA-SHA256)";
    SignatureSha1 "signature-sha1" Error "RFC 9231 §2.3 ; RGS" "signez et condensez en SHA-256";
    SignatureCanonicalization "signature-canonicalization" Error "SAML 2.0 core §5.4.3" "canonicalisez en http://www.w3.org/2001/10/xml-exc-c14n#";
    SignatureReference "signature-reference" Error "SAML 2.0 core §5.4.2" "une seule Reference, vers l'ID de l'assertion";
    SignatureTransforms "signature-transforms" Error "SAML 2.0 core §5.4.4" "enveloped-signature puis xml-exc-c14n, et rien d'autre";
    SignatureDigest "signature-digest" Error "XML Signature §3.2.1" "le contenu a changé après la signature : rescellez, et ne modifiez plus rien";
    SignatureValue "signature-value" Error "XML Signature §3.2.2" "la signature n'est pas celle de ce certificat : rescellez avec la clé du certificat joint";
    SignatureBase64 "signature-base64" Error "RFC 4648 §3.5" "écrivez le base64 sous sa forme canonique";
    KeyInfo "key-info" Error "VIHF, KeyInfo" "ne joignez dans KeyInfo/X509Data que le certificat de cachet, sans chaîne ni autre clé";
    // Certificate.
    CertificateUnreadable "certificate-unreadable" Error "RFC 5280 §4" "joignez le certificat X.509 en base64 DER";
    CertificateKey "certificate-key" Error "RGS ; IGC-Santé" "employez une clé RSA de 2048 bits ou plus, ou P-256, P-384";
    CertificateNotSeal "certificate-not-seal" Error "IGC-Santé, offre ORG_SIGN" "scellez avec le certificat ORG_SIGN (digitalSignature et nonRepudiation), non avec le certificat d'authentification";
    CertificateNotCard "certificate-not-card" Error "VIHF, mode DIRECTE" "signez avec la carte du professionnel que NameID désigne, ou déclarez le mode indirect";
    CertificateExpired "certificate-expired" Error "RFC 5280 §4.1.2.5" "renouvelez le certificat";
    CertificateNotYetValid "certificate-not-yet-valid" Error "RFC 5280 §4.1.2.5" "attendez le début de validité, ou corrigez l'horloge";
    CertificateUnknownCa "certificate-unknown-ca" Error "RFC 5280 §6" "employez un certificat de l'IGC-Santé, et donnez à --trust sa racine et ses intermédiaires";
    CertificateTest "certificate-test" Error "IGC-Santé" "en production, employez un certificat de l'IGC-Santé réelle";
    CertificateStructure "certificate-structure" Error "VIHF, Identifiant_Structure ; IGC-Santé" "scellez avec le certificat dont l'OU est la structure du jeton";
    TrustMissing "trust-missing" Note "ce vérificateur" "donnez par --trust la racine et les intermédiaires de l'IGC-Santé : sans eux aucun jeton n'est déclaré bon";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_kebab_case() {
        let names: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        assert_eq!(names.len(), Rule::ALL.len());
        let is_kebab =
            |name: &&str| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        assert!(names.iter().all(is_kebab));
    }
}
