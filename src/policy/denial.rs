//! A refusal: understood, not permitted, and told why (contract, `Denied`).

/// Why a request was refused: the closed list of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub enum Reason {
    ApplicationUnknown,
    ApplicationSuspended,
    HomologationExpired,
    PractitionerUnknown,
    PractitionerSuspended,
    PractitionerNotEnrolled,
    TrainingMissing,
    AuthenticatorRevoked,
    MethodNotDeclared,
    MethodNotAllowed,
    ProofRequired,
    ProofInvalid,
    LoginTooOld,
    LoginInFuture,
    ContactlessDelayExceeded,
    ServiceNotAllowed,
    StructureNotDeclared,
    ChannelNotAllowed,
    ProfileNotAllowed,
    SessionUnknown,
    SessionExpired,
    TransactionNotAllowed,
    PurposeNotAllowed,
    PatientRequired,
    PatientNotExpected,
    QuotaExceeded,
    EstablishmentSuspended,
    AssertionUnknown,
}

impl Reason {
    /// The reason on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ApplicationUnknown => "application-unknown",
            Self::ApplicationSuspended => "application-suspended",
            Self::HomologationExpired => "homologation-expired",
            Self::PractitionerUnknown => "practitioner-unknown",
            Self::PractitionerSuspended => "practitioner-suspended",
            Self::PractitionerNotEnrolled => "practitioner-not-enrolled",
            Self::TrainingMissing => "training-missing",
            Self::AuthenticatorRevoked => "authenticator-revoked",
            Self::MethodNotDeclared => "method-not-declared",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::ProofRequired => "proof-required",
            Self::ProofInvalid => "proof-invalid",
            Self::LoginTooOld => "login-too-old",
            Self::LoginInFuture => "login-in-future",
            Self::ContactlessDelayExceeded => "contactless-delay-exceeded",
            Self::ServiceNotAllowed => "service-not-allowed",
            Self::StructureNotDeclared => "structure-not-declared",
            Self::ChannelNotAllowed => "channel-not-allowed",
            Self::ProfileNotAllowed => "profile-not-allowed",
            Self::SessionUnknown => "session-unknown",
            Self::SessionExpired => "session-expired",
            Self::TransactionNotAllowed => "transaction-not-allowed",
            Self::PurposeNotAllowed => "purpose-not-allowed",
            Self::PatientRequired => "patient-required",
            Self::PatientNotExpected => "patient-not-expected",
            Self::QuotaExceeded => "quota-exceeded",
            Self::EstablishmentSuspended => "establishment-suspended",
            Self::AssertionUnknown => "assertion-unknown",
        }
    }
}

/// A refusal with its reason, and a French sentence that names cause and remedy without telling about others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Which of the closed list.
    pub reason: Reason,
    /// For the person in front of the screen.
    pub message: String,
}

impl Denial {
    /// A refusal.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// Words that are missing or wrong, found only once the registers were asked (contract, `Malformed`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Dotted path of the member; empty for a frame that cannot be read.
    pub field: String,
    /// Cause and remedy in French.
    pub message: String,
}

impl Malformed {
    /// A wrong member.
    #[must_use]
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// What policy says: yes with what the next step needs, or no with a reason; all are answers, none is a fault.
#[derive(Clone, Debug)]
#[must_use]
pub enum Decision<T> {
    /// Permitted.
    Approved(T),
    /// Refused; to be recorded and answered.
    Denied(Denial),
    /// The caller's words leave the question open.
    Malformed(Malformed),
}

/// The two ways of saying no, while a decision is being made.
pub(super) enum No {
    Denied(Denial),
    Malformed(Malformed),
}

impl From<Denial> for No {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<Malformed> for No {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl<T> From<Result<T, No>> for Decision<T> {
    fn from(result: Result<T, No>) -> Self {
        match result {
            Ok(approved) => Self::Approved(approved),
            Err(No::Denied(denial)) => Self::Denied(denial),
            Err(No::Malformed(malformed)) => Self::Malformed(malformed),
        }
    }
}
