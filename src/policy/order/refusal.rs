//! Why an order is not obeyed: the closed list of `admin.sock`.

use crate::policy::convention::NotTaken;
use crate::policy::sshsig::KeyError;

/// Why an order was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each has its sentence below")]
pub enum Refusal {
    OtherLedger,
    LifetimeTooLong,
    NotYetValid,
    Expired,
    AlreadyUsed,
    BootstrapRequired,
    BootstrapDone,
    BootstrapNotRoot,
    BootstrapCount,
    BootstrapTooFew,
    SignatureInvalid,
    SignatureNamespace,
    SignerUnknown,
    SignerRevoked,
    SignerTwice,
    SignersMissing,
    RoleMissing,
    OperatorName,
    OperatorRoles,
    OperatorKey(KeyError),
    OperatorExists,
    OperatorKeyKnown,
    OperatorUnknown,
    OperatorsFull,
    LastAdministrator,
    LastPair,
    NothingToAccept,
    SubjectUnknown,
    AlreadySuspended,
    NotSuspended,
    RegisterInvalid,
    RegisterNotImported,
    PractitionerUnknown,
    AuthenticatorUnknown,
    NothingToChange,
    ReachNotAllowed,
    GateOfAnother,
    NotAttached,
    AttachmentsFull,
    NotRemote,
    ApplicationsNotImported,
    CertificateOfAnother,
    CertificatesFull,
    KeyUnknown,
    Convention(NotTaken),
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 45] = [
        Self::OtherLedger,
        Self::LifetimeTooLong,
        Self::NotYetValid,
        Self::Expired,
        Self::AlreadyUsed,
        Self::BootstrapRequired,
        Self::BootstrapDone,
        Self::BootstrapNotRoot,
        Self::BootstrapCount,
        Self::BootstrapTooFew,
        Self::SignatureInvalid,
        Self::SignatureNamespace,
        Self::SignerUnknown,
        Self::SignerRevoked,
        Self::SignerTwice,
        Self::SignersMissing,
        Self::RoleMissing,
        Self::OperatorName,
        Self::OperatorRoles,
        Self::OperatorKey(KeyError::Kind),
        Self::OperatorExists,
        Self::OperatorKeyKnown,
        Self::OperatorUnknown,
        Self::OperatorsFull,
        Self::LastAdministrator,
        Self::LastPair,
        Self::NothingToAccept,
        Self::SubjectUnknown,
        Self::AlreadySuspended,
        Self::NotSuspended,
        Self::RegisterInvalid,
        Self::RegisterNotImported,
        Self::PractitionerUnknown,
        Self::AuthenticatorUnknown,
        Self::NothingToChange,
        Self::ReachNotAllowed,
        Self::GateOfAnother,
        Self::NotAttached,
        Self::AttachmentsFull,
        Self::NotRemote,
        Self::ApplicationsNotImported,
        Self::CertificateOfAnother,
        Self::CertificatesFull,
        Self::KeyUnknown,
        Self::Convention(NotTaken::Unsigned),
    ];

    /// The reason on the wire and in the trace.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::OtherLedger => "other-ledger",
            Self::LifetimeTooLong => "lifetime-too-long",
            Self::NotYetValid => "order-not-yet-valid",
            Self::Expired => "order-expired",
            Self::AlreadyUsed => "order-already-used",
            Self::BootstrapRequired => "bootstrap-required",
            Self::BootstrapDone => "bootstrap-done",
            Self::BootstrapNotRoot => "bootstrap-not-root",
            Self::BootstrapCount => "bootstrap-count",
            Self::BootstrapTooFew => "bootstrap-too-few",
            Self::SignatureInvalid => "signature-invalid",
            Self::SignatureNamespace => "signature-namespace",
            Self::SignerUnknown => "signer-unknown",
            Self::SignerRevoked => "signer-revoked",
            Self::SignerTwice => "signer-twice",
            Self::SignersMissing => "signers-missing",
            Self::RoleMissing => "role-missing",
            Self::OperatorName => "operator-name",
            Self::OperatorRoles => "operator-roles",
            Self::OperatorKey(_) => "operator-key",
            Self::OperatorExists => "operator-exists",
            Self::OperatorKeyKnown => "operator-key-known",
            Self::OperatorUnknown => "operator-unknown",
            Self::OperatorsFull => "operators-full",
            Self::LastAdministrator => "last-administrator",
            Self::LastPair => "last-pair",
            Self::NothingToAccept => "nothing-to-accept",
            Self::SubjectUnknown => "subject-unknown",
            Self::AlreadySuspended => "already-suspended",
            Self::NotSuspended => "not-suspended",
            Self::RegisterInvalid => "register-invalid",
            Self::RegisterNotImported => "register-not-imported",
            Self::PractitionerUnknown => "practitioner-unknown",
            Self::AuthenticatorUnknown => "authenticator-unknown",
            Self::NothingToChange => "nothing-to-change",
            Self::ReachNotAllowed => "reach-not-allowed",
            Self::GateOfAnother => "gate-of-another",
            Self::NotAttached => "not-attached",
            Self::AttachmentsFull => "attachments-full",
            Self::NotRemote => "not-remote",
            Self::ApplicationsNotImported => "applications-not-imported",
            Self::CertificateOfAnother => "certificate-of-another",
            Self::CertificatesFull => "certificates-full",
            Self::KeyUnknown => "key-unknown",
            Self::Convention(not_taken) => not_taken.code(),
        }
    }

    /// Cause and remedy, for the person who ordered.
    #[must_use]
    pub fn message(self) -> String {
        match self {
            Self::OtherLedger => "cet ordre est pour un autre journal ; refaites-le avec le nom que donne sceau operators list",
            Self::LifetimeTooLong => "un ordre vaut 24 heures au plus, et finit après son début ; refaites-le",
            Self::NotYetValid => "cet ordre commence plus tard ; vérifiez l'horloge du poste qui l'a fait et celle-ci",
            Self::Expired => "cet ordre est échu ; refaites-le et signez-le de nouveau",
            Self::AlreadyUsed => "cet ordre a déjà été exécuté ou jugé ; pour recommencer, faites-en un nouveau",
            Self::BootstrapRequired => {
                "aucun opérateur n'est encore inscrit ; root inscrit les premiers avec sceau operators bootstrap"
            }
            Self::BootstrapDone => "les premiers opérateurs sont déjà inscrits ; ajoutez-en avec sceau operators add",
            Self::BootstrapNotRoot => "les premiers opérateurs ne sont inscrits que par root sur cette machine ; relancez en root",
            Self::BootstrapCount => "les premiers opérateurs sont 1 à 5 ; ajoutez les autres ensuite",
            Self::BootstrapTooFew => {
                "il faut un administrateur ; en production, deux administrateurs et un troisième décideur (administrator ou approver), pour que la perte d'une clé se répare"
            }
            Self::SignatureInvalid => {
                "une signature n'est pas celle de cet ordre, octet pour octet, par la clé qu'elle nomme ; signez de nouveau le même fichier"
            }
            Self::SignatureNamespace => "une signature est faite pour un autre usage ; signez avec sceau order sign (espace de noms sceau-order)",
            Self::SignerUnknown => "une signature est d'une clé qui n'est à aucun opérateur ; sceau operators list les donne",
            Self::SignerRevoked => "une signature est d'un opérateur révoqué ; faites signer quelqu'un d'autre",
            Self::SignerTwice => "la même personne a signé deux fois ; il faut des personnes distinctes",
            Self::SignersMissing => "il manque une signature : cet ordre demande plus de personnes",
            Self::RoleMissing => "ceux qui ont signé n'ont pas les rôles que cet ordre demande",
            Self::OperatorName => "un nom d'opérateur a 1 à 64 caractères parmi A-Z a-z 0-9 . _ @ -, sans tiret au début",
            Self::OperatorRoles => "les rôles sont administrator, approver et auditor : au moins un, chacun une fois",
            Self::OperatorKey(error) => return error.to_string(),
            Self::OperatorExists => "ce nom est ou a été celui d'un opérateur ; donnez-en un autre, il ne sert qu'une fois",
            Self::OperatorKeyKnown => "cette clé est ou a été celle d'un opérateur ; faites une autre clé",
            Self::OperatorUnknown => "aucun opérateur actif n'a ce nom ; sceau operators list les donne",
            Self::OperatorsFull => "le registre des opérateurs est plein (256, révoqués compris)",
            Self::LastAdministrator => "c'est le dernier administrateur ; inscrivez-en un autre d'abord",
            Self::LastPair => {
                "il ne resterait qu'une personne pour les ordres qui en demandent deux ; inscrivez quelqu'un d'autre d'abord"
            }
            Self::NothingToAccept => "il n'y a rien à accepter : ce que l'ordre nomme est en ordre",
            Self::SubjectUnknown => "ce professionnel ou cette application n'est pas au registre ; vérifiez l'identifiant ou le nom",
            Self::AlreadySuspended => "la suspension est déjà en vigueur ; sceau suspensions les montre",
            Self::NotSuspended => "il n'y a pas de suspension à lever ; sceau suspensions les montre",
            Self::RegisterInvalid => {
                "une ligne au moins du fichier est refusée, rien n'a changé ; la même commande avec --dry-run les dit toutes"
            }
            Self::RegisterNotImported => {
                "le registre des professionnels est encore un fichier de la configuration ; importez-le d'abord (sceau practitioners import)"
            }
            Self::PractitionerUnknown => "aucun professionnel du registre n'a cet identifiant ; sceau practitioners list les donne",
            Self::AuthenticatorUnknown => "ce professionnel n'a pas ce moyen d'authentification ; sceau practitioners list les donne",
            Self::NothingToChange => "c'est déjà ainsi, il n'y a rien à changer",
            Self::ReachNotAllowed => {
                "la configuration ne permet pas cette interface ou ce périphérique aux connecteurs ; ajoutez-le à [connectors], ou choisissez-en un qui y est"
            }
            Self::GateOfAnother => {
                "cet ordre donnerait à un autre connecteur l'utilisateur que [gate] user réserve au portail ; attachez d'abord le connecteur gate"
            }
            Self::NotAttached => "rien n'est attaché sous ce nom ; sceau connectors list montre ce qui l'est",
            Self::AttachmentsFull => {
                "il n'y a plus de place : 16 noms de connecteurs en tout, détachés compris, et 4 modules ; reprenez un nom ou détachez un module"
            }
            Self::NotRemote => {
                "aucune application distante n'a ce nom au registre ; écrivez gate:NOM comme sceau applications list le donne"
            }
            Self::ApplicationsNotImported => {
                "le registre des applications est encore un fichier de la configuration ; importez-le d'abord (sceau applications import)"
            }
            Self::CertificateOfAnother => "ce certificat est celui d'une autre application ; faites une autre clé",
            Self::CertificatesFull => "cette application a déjà 64 certificats ; révoquez ceux qui ne servent plus",
            Self::KeyUnknown => {
                "la configuration n'a aucune clé à certificat de ce nom ; l'écran de l'appliance et sceau keys list les donnent"
            }
            Self::Convention(not_taken) => not_taken.message(),
        }
        .to_owned()
    }
}
