//! What `sceau check` looks for: each rule with its name, its weight, what it means and what mends it.

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Something does not work, or protects nothing.
    Error,
    /// Something soon will not work, or serves nobody.
    Warning,
    /// Something to know.
    Note,
}

impl Severity {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }

    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "erreur",
            Self::Warning => "avertissement",
            Self::Note => "note",
        }
    }
}

/// What an error of a rule makes of the whole (contract, exit codes); in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Nothing wrong.
    Good,
    /// A negative verdict that is none of the others: rights, sandbox, homologation.
    Wrong,
    /// Signer, token, service or clock is not there.
    Unavailable,
    /// Configuration, register or certificate is refused.
    Misconfigured,
    /// `sceaud` halted on an integrity failure.
    Halted,
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Stable name.
    pub name: &'static str,
    /// Weight of its findings.
    pub severity: Severity,
    /// What an error of it makes of the whole.
    pub verdict: Verdict,
    /// What is wrong, for the guide.
    pub meaning: &'static str,
    /// What mends it, where a finding does not know better.
    pub remedy: &'static str,
}

const fn error(name: &'static str, verdict: Verdict, meaning: &'static str, remedy: &'static str) -> Rule {
    Rule { name, severity: Severity::Error, verdict, meaning, remedy }
}

const fn warning(name: &'static str, meaning: &'static str, remedy: &'static str) -> Rule {
    Rule { name, severity: Severity::Warning, verdict: Verdict::Good, meaning, remedy }
}

const fn note(name: &'static str, meaning: &'static str, remedy: &'static str) -> Rule {
    Rule { name, severity: Severity::Note, verdict: Verdict::Good, meaning, remedy }
}

use Verdict::{Halted, Misconfigured, Unavailable, Wrong};

/// Every rule, in the order of the guide.
pub const RULES: &[Rule] = &[
    error("file-missing", Misconfigured, "un fichier nommé n'existe pas", "créez-le, ou corrigez son chemin"),
    error("file-unreadable", Misconfigured, "un fichier nommé ne peut pas être lu", "corrigez ses droits"),
    error(
        "file-unusable",
        Misconfigured,
        "un fichier nommé n'est pas un fichier de texte de taille raisonnable",
        "donnez le chemin du bon fichier",
    ),
    error("toml-syntax", Misconfigured, "l'écriture n'est pas du TOML", "corrigez la ligne"),
    error("duplicate-key", Misconfigured, "une clé ou une section est donnée deux fois", "gardez-en une"),
    error("unknown-key", Misconfigured, "une clé n'existe pas", "corrigez son nom, ou retirez-la"),
    error("missing-key", Misconfigured, "une clé nécessaire manque", "ajoutez-la"),
    error("wrong-type", Misconfigured, "une valeur n'est pas du bon type", "écrivez-la comme dans l'exemple"),
    error("unknown-value", Misconfigured, "une valeur n'est pas de la liste admise", "choisissez dans la liste"),
    error("bad-value", Misconfigured, "une valeur est hors de ses bornes ou de sa forme", "corrigez la valeur"),
    error("bad-identifier", Misconfigured, "un identifiant est faux (forme ou clé)", "corrigez l'identifiant"),
    error("bad-code", Misconfigured, "un code de profession, spécialité ou section est faux", "corrigez le code"),
    error("contradiction", Misconfigured, "deux valeurs se contredisent", "corrigez l'une des deux"),
    error("declared-twice", Misconfigured, "un nom est donné à deux entrées", "retirez l'une des deux"),
    error(
        "unknown-structure",
        Misconfigured,
        "une structure n'est pas déclarée",
        "déclarez-la en [[structure]], ou corrigez-la",
    ),
    error(
        "unknown-service",
        Misconfigured,
        "un service n'est pas déclaré",
        "déclarez-le en [[service]], ou corrigez-le",
    ),
    error("unknown-profile", Misconfigured, "un profil n'existe pas", "corrigez son nom, ou ajoutez son fichier"),
    error("test-profile", Misconfigured, "un profil de test en production", "retirez-le de [profiles] files"),
    error("unknown-user", Misconfigured, "un utilisateur Unix n'existe pas", "créez-le, ou corrigez le registre"),
    error(
        "application-twice",
        Misconfigured,
        "un utilisateur Unix est deux applications",
        "retirez l'une des deux",
    ),
    error(
        "certificate-twice",
        Misconfigured,
        "un certificat est celui de deux applications",
        "gardez-le à une seule",
    ),
    error(
        "reserved-user",
        Misconfigured,
        "le numéro d'un utilisateur Unix est réservé aux applications du portail",
        "donnez-lui un autre numéro",
    ),
    error("practitioner-twice", Misconfigured, "un professionnel est déclaré deux fois", "retirez l'une des deux"),
    error(
        "authenticator-twice",
        Misconfigured,
        "un moyen d'authentification est apparié deux fois",
        "laissez-le à son porteur",
    ),
    error(
        "enrolment-incomplete",
        Misconfigured,
        "l'enrôlement ne dit pas qui, comment et quand",
        "donnez `enrolled_by`, `enrolled_how` et `enrolled_on`",
    ),
    error(
        "unknown-provider",
        Misconfigured,
        "un fournisseur d'identité n'est pas déclaré",
        "déclarez-le en [[identity_provider]], ou corrigez son nom",
    ),
    error(
        "subject-twice",
        Misconfigured,
        "un compte d'un fournisseur d'identité est apparié deux fois",
        "retirez l'un des deux appariements",
    ),
    error(
        "one-factor",
        Misconfigured,
        "une méthode prouvée ne montre pas deux facteurs de natures différentes",
        "exigez d'autres valeurs d'amr, ou donnez factors",
    ),
    error(
        "jwks-unusable",
        Misconfigured,
        "le fichier JWKS d'un fournisseur n'a pas de clé qui serve, ou une clé faible ou fausse",
        "reprenez-le chez le fournisseur",
    ),
    error(
        "jwks-secret",
        Misconfigured,
        "le fichier JWKS contient une clé privée ou symétrique",
        "retirez-le, et faites changer cette clé",
    ),
    error(
        "convention-inline",
        Misconfigured,
        "en production, les termes ne sont pas dans un fichier de convention à part",
        "mettez-les dans le fichier que nomme [convention] file",
    ),
    error(
        "convention-unsigned",
        Misconfigured,
        "la convention n'est pas signée par deux clés, ou son texte a changé depuis",
        "sceau convention approve, par deux approbateurs",
    ),
    error(
        "convention-out-of-date",
        Misconfigured,
        "la convention n'a pas commencé, ou elle est finie",
        "faites-en signer une qui vaut",
    ),
    warning("convention-ends-soon", "elle finit dans 60, 30 ou 7 jours au plus", "faites-en signer une nouvelle"),
    error(
        "convention-not-in-force",
        Unavailable,
        "sceaud n'a pas de convention en vigueur, rien n'est délivré",
        "suivez le remède qu'il donne",
    ),
    warning(
        "convention-refused",
        "sceaud refuse la convention présentée, l'ancienne reste en vigueur",
        "sceau convention check",
    ),
    error(
        "certificate-not-declared",
        Misconfigured,
        "la convention ne déclare pas ce certificat, il ne scelle pas",
        "faites-le déclarer",
    ),
    error(
        "sealed-keys-not-declared",
        Misconfigured,
        "une clé est scellée dans un fichier, et la convention ne l'admet pas",
        "faites mettre sealed_keys = true dans la convention, ou utilisez un token",
    ),
    warning(
        "outside-convention",
        "un registre nomme un service ou une structure que la convention n'a pas",
        "retirez-le, ou faites-le déclarer",
    ),
    warning(
        "declaration-without-exception",
        "may_declare sans [[exception]] n'a pas d'effet en production",
        "donnez une exception à terme",
    ),
    warning(
        "exception-ends-soon",
        "une exception à la preuve est finie, ou finit dans 30 jours au plus",
        "faites prouver les connexions",
    ),
    warning(
        "application-without-proof",
        "une application ne peut ni prouver ni déclarer une connexion",
        "donnez-lui une [[application.audience]]",
    ),
    error(
        "homologation-expired",
        Wrong,
        "l'homologation DMP d'une application est échue",
        "renseignez la nouvelle",
    ),
    warning("homologation-ends-soon", "elle finit dans 60 jours au plus", "demandez la nouvelle à l'éditeur"),
    warning("method-without-profile", "aucun profil admis n'a cette méthode", "retirez-la, ou ajoutez un profil"),
    warning(
        "method-not-declared",
        "une application a une méthode que la convention n'a pas",
        "retirez-la, ou déclarez-la",
    ),
    warning("profession-withdrawn", "une profession est retirée de la nomenclature", "corrigez les professions"),
    error(
        "certificate-unreadable",
        Misconfigured,
        "un fichier ne contient pas de certificat",
        "donnez un certificat PEM",
    ),
    error("certificate-key-usage", Misconfigured, "ce n'est pas un certificat de cachet", "utilisez l'ORG_SIGN"),
    error(
        "certificate-structure",
        Misconfigured,
        "il est d'une autre structure",
        "demandez celui de la structure",
    ),
    error("certificate-not-yet-valid", Misconfigured, "il n'est pas encore valide", "vérifiez l'horloge"),
    error("certificate-expired", Misconfigured, "il est échu", "installez le certificat renouvelé"),
    error(
        "certificate-chain",
        Misconfigured,
        "aucune chaîne ne mène aux ancres",
        "donnez racine et intermédiaires",
    ),
    error("certificate-no-anchor", Misconfigured, "aucune racine n'est donnée", "donnez la racine IGC-Santé"),
    error("certificate-policy", Misconfigured, "il n'a pas la politique exigée", "vérifiez [trust] policy_oid"),
    error(
        "certificate-test-authority",
        Misconfigured,
        "une autorité de test en production",
        "utilisez un vrai certificat",
    ),
    error(
        "certificate-other-key",
        Misconfigured,
        "il n'est pas celui de la clé du token",
        "importez celui de cette clé",
    ),
    error(
        "audit-other-key",
        Misconfigured,
        "la clé d'audit du token n'est pas celle d'AUDIT.pub",
        "corrigez [audit] uri ou public_key",
    ),
    error(
        "revocation-list-missing",
        Unavailable,
        "une liste de révocation que le relais va chercher n'est jamais venue",
        "voyez le journal de sceau-relayd",
    ),
    error(
        "revocation-list-unusable",
        Misconfigured,
        "un fichier de crls n'est pas une liste de révocation",
        "donnez celle de l'autorité",
    ),
    error(
        "revocation-list-old",
        Unavailable,
        "une liste de révocation est trop vieille ou échue : rien n'est envoyé au DMP",
        "mettez-la à jour",
    ),
    warning(
        "revocation-list-ages",
        "une liste de révocation a passé la moitié de l'âge admis",
        "voyez pourquoi elle n'est plus renouvelée",
    ),
    warning(
        "certificate-ends-soon",
        "il finit dans 60, 30 ou 7 jours au plus",
        "faites-le renouveler (appliance : choix 0 de la console)",
    ),
    warning(
        "certificate-superseded",
        "il est hors de sa validité, un autre le remplace",
        "retirez-le de [[seal]]",
    ),
    note("certificates-overlap", "deux certificats valides d'une structure", "retirez l'ancien une fois échu"),
    note(
        "key-without-token",
        "une clé est scellée dans un fichier de l'appliance, et non dans un HSM",
        "gardez sa clé d'enveloppe sous le TPM, ou passez à un HSM",
    ),
    note("policy-unchecked", "la politique des certificats n'est pas vérifiée", "donnez [trust] policy_oid"),
    error("token-uri", Misconfigured, "l'URI PKCS#11 de la clé est fausse", "corrigez uri (RFC 7512)"),
    error("module-missing", Misconfigured, "le module PKCS#11 n'existe pas ou n'est pas nommé", "corrigez module"),
    error("module-unusable", Misconfigured, "le module n'est pas une bibliothèque partagée", "corrigez module"),
    error(
        "key-unprotected",
        Misconfigured,
        "la clé peut sortir de son token",
        "générez une nouvelle clé dans le token",
    ),
    error("signer-unreachable", Unavailable, "un signataire ne répond pas", "systemctl status 'sceau-signer@*'"),
    error(
        "pin-refused",
        Unavailable,
        "le PIN a été refusé ; il ne sera pas réessayé",
        "corrigez le fichier du PIN",
    ),
    error(
        "signature-invalid",
        Unavailable,
        "la signature d'essai est fausse",
        "vérifiez le token et son certificat",
    ),
    error(
        "service-halted",
        Halted,
        "sceaud s'est arrêté sur un défaut d'intégrité",
        "ne relancez pas sans comprendre",
    ),
    error(
        "audit-not-ready",
        Unavailable,
        "la clé d'audit ne signe pas ; les jetons sans reçu sont servis",
        "voyez le signataire de la clé d'audit",
    ),
    error("service-not-ready", Unavailable, "sceaud répond et ne peut pas sceller", "voyez les signataires"),
    error(
        "service-unreachable",
        Unavailable,
        "la socket existe et sceaud ne répond pas",
        "systemctl status sceaud",
    ),
    error(
        "service-trouble",
        Unavailable,
        "sceaud dit ce qui l'empêche de délivrer : horloge, place, journal",
        "suivez le remède qu'il donne",
    ),
    warning(
        "space-low",
        "il reste peu de place pour le journal",
        "libérez de la place ou agrandissez le disque du journal",
    ),
    warning("service-stopped", "sceaud n'est pas démarré", "systemctl start sceau.target"),
    error(
        "clock-unsynchronised",
        Unavailable,
        "l'horloge n'est pas synchronisée",
        "activez systemd-timesyncd ou chrony",
    ),
    error(
        "clock-before-build",
        Unavailable,
        "l'horloge est avant la sortie de ce logiciel",
        "mettez l'horloge à l'heure",
    ),
    error(
        "tpm-unreachable",
        Unavailable,
        "le service du TPM, qui tient le compteur du journal, ne répond pas",
        "systemctl status sceau-attestd",
    ),
    error("tpm-trouble", Unavailable, "le TPM ne fait pas ce qu'on lui demande", "suivez le remède qu'il donne"),
    error("tpm-not-enrolled", Unavailable, "le TPM n'a pas la clé ou le compteur de Sceau", "sceau attest enrol"),
    warning(
        "tpm-lockout",
        "le TPM est verrouillé après trop de PIN de démarrage faux",
        "tpm2_dictionarylockout --clear-lockout",
    ),
    warning(
        "tpm-lockout-unguarded",
        "aucun secret ne garde le verrou qui compte les PIN de démarrage faux",
        "tpm2_changeauth -c lockout, et ce secret au coffre",
    ),
    error("file-writable", Wrong, "un fichier qui décide est modifiable par d'autres", "chmod go-w"),
    error("folder-writable", Wrong, "un dossier de son chemin est modifiable par d'autres", "chmod go-w"),
    error("file-owner", Wrong, "un fichier qui décide, ou son dossier, est à un tiers", "chown root"),
    error(
        "register-readable",
        Wrong,
        "le registre des professionnels est lisible par tous",
        "chgrp sceau, chmod g+r,o-rwx",
    ),
    error("pin-readable", Wrong, "un fichier de PIN est accessible à d'autres", "chmod 0400"),
    error("pin-owner", Wrong, "un fichier de PIN n'est pas au signataire", "chown sceau-signer"),
    error("socket-mode", Wrong, "une socket n'a pas les droits voulus", "relancez l'unité qui la crée"),
    error("unit-weakened", Wrong, "une unité installée protège moins que celle livrée", "retirez le complément"),
    error("unit-masked", Wrong, "une unité est masquée", "systemctl unmask"),
    warning("unit-missing", "une unité n'est pas installée", "installez les unités livrées"),
    note("software-attached", "un connecteur ou un module est attaché", "vérifiez qu'il est voulu"),
    note("unit-exception", "un complément ouvre ce que le guide prévoit", "vérifiez qu'il est voulu"),
];

/// The rule of that name.
#[must_use]
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
