//! Answers of `token.sock`: the closed list of the contract, put on the wire in one place.

use serde::Serialize;
use zeroize::Zeroizing;

use super::status::document::Status;
use crate::ledger::NotRecorded;
use crate::policy::denial::{Denial, Malformed};
use crate::seal::pool::Unready;
use crate::seal::seals::SealError;
use crate::seal::signed::Signed;
use crate::varlink::call::{error, reply};
use crate::varlink::members::MemberError;
use crate::varlink::service::invalid_parameter;

/// How long a caller should wait after `Busy`, in milliseconds: a few signatures of the slowest usual token.
const RETRY_AFTER_MS: u64 = 50;

/// What a method answers.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// `OpenSession`.
    Opened {
        /// The session's secret.
        session: Zeroizing<String>,
        /// RFC 3339.
        expires_at: String,
    },
    /// `Issue`, with the receipt where it was asked for.
    Issued(Box<Signed>, Option<String>),
    /// `Report`, `CloseSession`.
    Done,
    /// `Status`.
    Status(Box<Status>),
    /// Any of the errors.
    No(No),
}

/// The errors of the contract.
#[derive(Clone, Debug)]
pub enum No {
    /// A parameter is missing or of the wrong type.
    InvalidParameter(String),
    /// The caller's words are wrong.
    Malformed(Malformed),
    /// Refused by policy.
    Denied(Denial),
    /// The nonce or the proof was used before.
    Replayed(Replayed),
    /// The assertion was spent before; the relay alone is told so.
    Spent,
    /// The assertion's life is over; the relay alone is told so.
    Expired,
    /// Load is shed.
    Busy,
    /// Not usable now.
    Unavailable(Unavailable),
    /// Integrity failure.
    Halted,
}

/// What was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// The nonce of an `Issue`.
    Nonce,
    /// The proof of a login.
    Proof,
}

impl Replayed {
    fn message(self) -> &'static str {
        match self {
            Self::Nonce => "ce nonce a déjà servi ; redemandez avec un nonce neuf",
            Self::Proof => "cette preuve a déjà servi ; obtenez un jeton neuf du fournisseur d'identité",
        }
    }
}

/// Why nothing can be issued now: the reasons of the contract that this version can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Signer, module, token or key cannot be reached.
    TokenUnreachable,
    /// The token refused the PIN.
    PinRefused,
    /// The ledger cannot be written, or its audit key signs no receipt.
    Ledger,
    /// No room for the ledger.
    Space,
    /// The clock is not where it should be.
    ClockJump,
    /// Nothing has set the clock right for too long.
    ClockUnsynchronised,
    /// Far ahead of the newest trace since the machine was started, and not synchronised yet.
    ClockAhead,
    /// Every certificate of the structure is outside its validity.
    CertificateExpired,
    /// No signed convention holds, or it does not declare the seal's certificate.
    Convention,
}

impl Unavailable {
    /// The reason on the wire.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::TokenUnreachable => "token-unreachable",
            Self::PinRefused => "pin-refused",
            Self::Ledger => "ledger",
            Self::Space => "space",
            Self::ClockJump => "clock-jump",
            Self::ClockUnsynchronised | Self::ClockAhead => "clock-unsynchronised",
            Self::CertificateExpired => "certificate-expired",
            Self::Convention => "convention",
        }
    }

    /// Cause and remedy for a person.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::TokenUnreachable => {
                "le token qui porte la clé de cachet ne répond pas ; le service reprend seul à son retour, sinon vérifiez \
                 le HSM et sceau-signer"
            }
            Self::PinRefused => {
                "le token a refusé le code PIN, qui n'est pas essayé deux fois ; un exploitant doit le corriger"
            }
            Self::Ledger => {
                "le journal ne peut pas être écrit, ou sa clé d'audit ne signe pas de reçu : redemandez sans receipt, sinon \
                 vérifiez le disque du journal et le signataire de la clé d'audit ; le service reprend seul"
            }
            Self::Space => "il n'y a plus de place pour le journal ; libérez le disque, le service reprend seul",
            Self::ClockJump => {
                "l'horloge du serveur a sauté ; le service reprend seul si elle revient à l'heure, sinon un exploitant vérifie \
                 l'heure puis signe l'ordre clock-accept"
            }
            Self::ClockUnsynchronised => {
                "l'horloge du serveur n'est plus synchronisée depuis trop longtemps ; rétablissez NTP, le service reprend seul"
            }
            Self::ClockAhead => {
                "la machine a démarré plus de sept jours après la dernière trace et rien n'a encore réglé son heure ; rétablissez NTP, le \
                 service reprend seul, sinon un exploitant vérifie l'heure puis signe l'ordre clock-accept"
            }
            Self::CertificateExpired => {
                "le certificat de cachet de cette structure est échu ou pas encore valide ; installez le certificat renouvelé"
            }
            Self::Convention => {
                "aucune convention signée n'est en vigueur aujourd'hui, ou elle ne déclare pas le certificat de cette structure ; \
                 les approbateurs en signent une (sceau convention), sceau status dit la cause"
            }
        }
    }
}

impl From<MemberError> for No {
    fn from(error: MemberError) -> Self {
        match error {
            MemberError::Invalid { parameter } => Self::InvalidParameter(parameter),
            MemberError::Malformed { field, message } => Self::Malformed(Malformed { field, message }),
        }
    }
}

impl From<Denial> for No {
    fn from(denial: Denial) -> Self {
        Self::Denied(denial)
    }
}

impl From<SealError> for No {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Unready(Unready::TokenUnreachable) => Self::Unavailable(Unavailable::TokenUnreachable),
            SealError::Unready(Unready::PinRefused) => Self::Unavailable(Unavailable::PinRefused),
            SealError::CertificateExpired => Self::Unavailable(Unavailable::CertificateExpired),
            SealError::Undeclared => Self::Unavailable(Unavailable::Convention),
            SealError::Breach(_) | SealError::Random => Self::Halted,
        }
    }
}

impl From<NotRecorded> for No {
    fn from(cause: NotRecorded) -> Self {
        match cause {
            NotRecorded::Space => Self::Unavailable(Unavailable::Space),
            NotRecorded::Unavailable => Self::Unavailable(Unavailable::Ledger),
            NotRecorded::Broken => Self::Halted,
        }
    }
}

impl No {
    /// A word for logs: the error and its reason, nothing of the request.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameter(_) => "invalid-parameter",
            Self::Malformed(_) => "malformed",
            Self::Denied(denial) => denial.reason.code(),
            Self::Replayed(_) => "replayed",
            Self::Spent => "assertion-spent",
            Self::Expired => "assertion-expired",
            Self::Busy => "busy",
            Self::Unavailable(reason) => reason.code(),
            Self::Halted => "halted",
        }
    }
}

impl Answer {
    /// Appends the answer's frame with its NUL; errors are those of `interface`.
    pub fn write(&self, out: &mut Vec<u8>, interface: &str) {
        #[derive(Serialize)]
        struct Nothing {}
        #[derive(Serialize)]
        struct Opened<'a> {
            session: &'a str,
            expires_at: &'a str,
        }
        #[derive(Serialize)]
        struct Issued<'a> {
            assertion: &'a str,
            id: &'a str,
            issued_at: String,
            expires_at: String,
            entry: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            receipt: Option<&'a str>,
        }
        match self {
            Self::Opened { session, expires_at } => reply(out, Opened { session, expires_at }),
            Self::Issued(signed, receipt) => reply(
                out,
                Issued {
                    assertion: signed.assertion(),
                    id: signed.id(),
                    issued_at: signed.issued_at().to_string(),
                    expires_at: signed.expires_at().to_string(),
                    entry: signed.entry(),
                    receipt: receipt.as_deref(),
                },
            ),
            Self::Done => reply(out, Nothing {}),
            Self::Status(status) => reply(out, status),
            Self::No(no) => no.write(out, interface),
        }
    }
}

impl No {
    fn write(&self, out: &mut Vec<u8>, interface: &str) {
        let named = |error: &str| format!("{interface}.{error}");
        #[derive(Serialize)]
        struct Field<'a> {
            field: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Reason<'a> {
            reason: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Message<'a> {
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Retry {
            retry_after_ms: u64,
        }
        match self {
            Self::InvalidParameter(parameter) => invalid_parameter(out, parameter),
            Self::Malformed(Malformed { field, message }) => {
                error(out, &named("Malformed"), Field { field, message });
            }
            Self::Denied(Denial { reason, message }) => {
                error(out, &named("Denied"), Reason { reason: reason.code(), message });
            }
            Self::Replayed(what) => error(out, &named("Replayed"), Message { message: what.message() }),
            Self::Spent => error(
                out,
                &named("Spent"),
                Message { message: "cette assertion a déjà servi à un appel ; demandez-en une autre" },
            ),
            Self::Expired => error(
                out,
                &named("Expired"),
                Message { message: "la vie de cette assertion est finie ; demandez-en une autre" },
            ),
            Self::Busy => error(out, &named("Busy"), Retry { retry_after_ms: RETRY_AFTER_MS }),
            Self::Unavailable(reason) => {
                error(out, &named("Unavailable"), Reason { reason: reason.code(), message: reason.message() })
            }
            Self::Halted => error(
                out,
                &named("Halted"),
                Message {
                    message: "défaut d'intégrité : le service est arrêté jusqu'à la décision d'un exploitant",
                },
            ),
        }
    }
}
