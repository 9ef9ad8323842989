//! What may be ordered, and by how many persons of which roles.

use crate::policy::operator::Role;

/// What may be ordered; the names are part of the contract of `admin.sock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verb {
    /// The first operators of an empty register.
    OperatorsBootstrap,
    /// One more operator.
    OperatorAdd,
    /// An operator's signature counts no longer.
    OperatorRevoke,
    /// The clock is right although it jumped.
    ClockAccept,
    /// The time is right, although one person alone took it back.
    ClockConfirm,
    /// The ledger is the right one although the counter says otherwise.
    CounterAccept,
    /// Traces of practitioners or one patient leave as a signed archive.
    TracesExport,
    /// A patient's DMP is closed: its ten years begin.
    TracesCloseDmp,
    /// What is due is destroyed.
    TracesPurge,
    /// The ledger leaves as an encrypted backup.
    TracesBackup,
    /// The generation that a restoration began and declared is the ledger's: two persons know of it, and the ledger says so.
    LedgerRestore,
    /// Nothing is issued for a practitioner until resumed.
    PractitionerSuspend,
    /// Issuing for a practitioner goes on.
    PractitionerResume,
    /// Nothing is issued to an application until resumed.
    ApplicationSuspend,
    /// Issuing to an application goes on.
    ApplicationResume,
    /// Nothing is issued until resumed.
    EstablishmentSuspend,
    /// Issuing goes on.
    EstablishmentResume,
    /// A file becomes the register of practitioners.
    PractitionersImport,
    /// A file becomes the register of applications.
    ApplicationsImport,
    /// A practitioner's authenticator is lost: it never serves again.
    AuthenticatorRevoke,
    /// A connector's image runs beside the doors that the order names.
    ConnectorAttach,
    /// A connector ends.
    ConnectorDetach,
    /// A vendor's PKCS#11 module is there for the signers.
    ModuleAttach,
    /// It is there no longer.
    ModuleDetach,
    /// An application server may propose a certificate for a remote application, once.
    ApplicationInvite,
    /// The gate admits a certificate for a remote application.
    ApplicationCertificate,
    /// It admits it no longer.
    ApplicationCertificateRevoke,
    /// The appliance's console makes a key that is to follow one with a certificate.
    KeyRenew,
}

/// What one signer must be: a holder of one of these roles.
pub(super) type Slot = &'static [Role];

const ADMINISTRATOR: Slot = &[Role::Administrator];
const AUDITOR: Slot = &[Role::Auditor];
const DECIDER: Slot = &[Role::Administrator, Role::Approver];
const APPROVER: Slot = &[Role::Approver];

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 28] = [
        Self::OperatorsBootstrap,
        Self::OperatorAdd,
        Self::OperatorRevoke,
        Self::ClockAccept,
        Self::ClockConfirm,
        Self::CounterAccept,
        Self::TracesExport,
        Self::TracesCloseDmp,
        Self::TracesPurge,
        Self::TracesBackup,
        Self::LedgerRestore,
        Self::PractitionerSuspend,
        Self::PractitionerResume,
        Self::ApplicationSuspend,
        Self::ApplicationResume,
        Self::EstablishmentSuspend,
        Self::EstablishmentResume,
        Self::PractitionersImport,
        Self::ApplicationsImport,
        Self::AuthenticatorRevoke,
        Self::ConnectorAttach,
        Self::ConnectorDetach,
        Self::ModuleAttach,
        Self::ModuleDetach,
        Self::ApplicationInvite,
        Self::ApplicationCertificate,
        Self::ApplicationCertificateRevoke,
        Self::KeyRenew,
    ];

    /// Its word in orders and traces.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OperatorsBootstrap => "operators-bootstrap",
            Self::OperatorAdd => "operator-add",
            Self::OperatorRevoke => "operator-revoke",
            Self::ClockAccept => "clock-accept",
            Self::ClockConfirm => "clock-confirm",
            Self::CounterAccept => "counter-accept",
            Self::TracesExport => "traces-export",
            Self::TracesCloseDmp => "traces-close-dmp",
            Self::TracesPurge => "traces-purge",
            Self::TracesBackup => "traces-backup",
            Self::LedgerRestore => "ledger-restore",
            Self::PractitionerSuspend => "practitioner-suspend",
            Self::PractitionerResume => "practitioner-resume",
            Self::ApplicationSuspend => "application-suspend",
            Self::ApplicationResume => "application-resume",
            Self::EstablishmentSuspend => "establishment-suspend",
            Self::EstablishmentResume => "establishment-resume",
            Self::PractitionersImport => "practitioners-import",
            Self::ApplicationsImport => "applications-import",
            Self::AuthenticatorRevoke => "authenticator-revoke",
            Self::ConnectorAttach => "connector-attach",
            Self::ConnectorDetach => "connector-detach",
            Self::ModuleAttach => "module-attach",
            Self::ModuleDetach => "module-detach",
            Self::ApplicationInvite => "application-invite",
            Self::ApplicationCertificate => "application-certificate",
            Self::ApplicationCertificateRevoke => "application-certificate-revoke",
            Self::KeyRenew => "key-renew",
        }
    }

    /// The verb of a word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// Who must sign: one person for each slot, none for two.
    ///
    /// `needs_two`: the order adds an operator, or revokes one who decides, while two persons could decide it. One administrator
    /// alone could otherwise make the second person of all two-person orders, or an auditor of his own who reads every trace. The
    /// second may be an approver, so that the loss of one of two administrators' keys can be repaired; to revoke an auditor is
    /// urgent and needs one. Or it attaches a connector that reaches beyond the machine, or keeps something on it. A bootstrap is
    /// signed by everyone that it names, which the decision sees to.
    #[must_use]
    pub(super) const fn signers(self, needs_two: bool) -> &'static [Slot] {
        match self {
            Self::OperatorsBootstrap => &[],
            Self::OperatorAdd | Self::OperatorRevoke if needs_two => &[ADMINISTRATOR, DECIDER],
            Self::OperatorAdd | Self::OperatorRevoke => &[ADMINISTRATOR],
            Self::ConnectorAttach if needs_two => &[ADMINISTRATOR, DECIDER],
            Self::ConnectorAttach
            | Self::ClockAccept
            | Self::TracesBackup
            | Self::TracesCloseDmp
            | Self::PractitionersImport
            | Self::ApplicationsImport
            | Self::ApplicationInvite
            | Self::ApplicationCertificate
            // A key serves only with a certificate, and seals only with one that the convention's approvers name.
            | Self::KeyRenew => &[ADMINISTRATOR],
            Self::TracesExport => &[AUDITOR],
            Self::ClockConfirm | Self::CounterAccept | Self::LedgerRestore => &[ADMINISTRATOR, DECIDER],
            // A module is foreign code beside the keys.
            Self::ModuleAttach => &[ADMINISTRATOR, DECIDER],
            // What stopped somebody was perhaps right: nobody alone undoes it.
            Self::PractitionerResume | Self::ApplicationResume | Self::EstablishmentResume => {
                &[ADMINISTRATOR, DECIDER]
            }
            Self::TracesPurge => &[ADMINISTRATOR, APPROVER],
            // To stop is urgent: whoever may decide may stop.
            Self::PractitionerSuspend
            | Self::AuthenticatorRevoke
            | Self::ApplicationSuspend
            | Self::EstablishmentSuspend
            | Self::ConnectorDetach
            | Self::ModuleDetach
            | Self::ApplicationCertificateRevoke => &[DECIDER],
        }
    }

    /// Whether its answer is a document in chunks.
    #[must_use]
    pub const fn delivers(self) -> bool {
        matches!(self, Self::TracesExport | Self::TracesBackup)
    }

    /// Whether it is about a document that comes beside it, whose digest it has.
    #[must_use]
    pub const fn takes_document(self) -> bool {
        matches!(self, Self::PractitionersImport | Self::ApplicationsImport)
    }

    /// Members of its arguments that are lists; the others are texts.
    #[must_use]
    pub const fn lists(self) -> &'static [&'static str] {
        match self {
            Self::OperatorAdd => &["roles"],
            Self::TracesExport => &["practitioners"],
            Self::ConnectorAttach => &["doors", "peers", "settings"],
            _ => &[],
        }
    }
}
