//! Answers of `admin.sock`: the closed list of its interface, put on the wire in one place.

use serde::Serialize;
use serde_json::Value;

use super::super::registers::Kept;
use super::connectors::Attached;
use super::convention::{Taken, Told};
use super::gate::Enrolments;
use super::suspensions::Watched;
use crate::ledger::NotRecorded;
use crate::policy::denial::Malformed;
use crate::policy::operator::Operator;
use crate::policy::order::Refusal;
use crate::policy::{application, practitioner};
use crate::traces::digest::Digest;
use crate::varlink::call::{error, reply, reply_and_continue};
use crate::varlink::members::MemberError;
use crate::varlink::service::{expected_more, invalid_parameter};

/// How long a caller should wait after `Busy`, in milliseconds: the window in which refused orders are counted.
const RETRY_AFTER_MS: u64 = 60_000;

/// The errors of the interface.
#[derive(Debug)]
pub(super) enum No {
    /// A parameter is missing or of the wrong type.
    InvalidParameter(String),
    /// An order that delivers a document, called without `more`.
    ExpectedMore,
    /// The caller's words are wrong; nothing was recorded.
    Malformed(Malformed),
    /// Refused; the entry is its trace.
    Denied { refusal: Refusal, entry: u64 },
    /// Too many connections or refused orders.
    Busy,
    /// Not possible now.
    Unavailable(Unavailable),
    /// Nothing can be recorded, so nothing can be ordered.
    Halted,
}

/// Why an order cannot be obeyed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unavailable {
    /// The ledger cannot be written; nothing was done.
    Ledger,
    /// No room for the ledger; nothing was done.
    Space,
    /// The order was recorded, and its document broke off.
    Interrupted,
    /// No audit key is configured.
    NoAuditKey,
    /// The audit key cannot sign now.
    AuditKey,
    /// Another destruction is not complete; nothing was done.
    DestructionUnderWay,
    /// The clock is not fit, and the order is one that time decides; nothing was done.
    Clock,
    /// Time was taken back by one person, and the order is one that time decides; nothing was done.
    ClockUnconfirmed,
    /// The counter says that this ledger is not the newest; nothing was done.
    CounterContradicts,
    /// The counter has not answered since the start; nothing was done.
    CounterSilent,
    /// No gate has told its key since the start: a code would name none; nothing was done.
    NoGate,
    /// No certificate is configured, or none of them can receive a backup; nothing was done.
    NoBackupCertificate,
}

impl Unavailable {
    const fn code(self) -> &'static str {
        match self {
            Self::Ledger => "ledger",
            Self::Space => "space",
            Self::Interrupted => "interrupted",
            Self::NoAuditKey => "no-audit-key",
            Self::AuditKey => "audit-key",
            Self::DestructionUnderWay => "destruction-under-way",
            Self::CounterContradicts | Self::CounterSilent => "counter",
            Self::Clock => "clock",
            Self::ClockUnconfirmed => "clock-unconfirmed",
            Self::NoBackupCertificate => "no-backup-certificate",
            Self::NoGate => "no-gate",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Ledger => {
                "le journal ne peut pas être écrit ; vérifiez son disque, puis soumettez le même ordre"
            }
            Self::Space => {
                "il n'y a plus de place pour le journal ; libérez le disque, puis soumettez le même ordre"
            }
            Self::Interrupted => {
                "l'ordre est inscrit, mais le document s'est interrompu ; le journal de sceaud dit pourquoi ; faites un nouvel ordre"
            }
            Self::DestructionUnderWay => {
                "une destruction est en cours ; attendez qu'elle se termine, puis soumettez le même ordre"
            }
            Self::Clock => {
                "l'horloge du serveur a sauté ou n'est pas synchronisée, et un terme se compte à l'heure juste ; remettez-la à \
                 l'heure, puis faites un nouvel ordre"
            }
            Self::CounterContradicts => {
                "le journal et son compteur se contredisent : rien n'est signé, ni point de contrôle ni archive ; remettez le journal le plus \
                 récent, ou faites signer counter-accept par deux opérateurs (sceau status dit lequel des deux est en retard)"
            }
            Self::CounterSilent => {
                "le compteur du journal n'a pas encore répondu : rien n'est signé, ni point de contrôle ni archive ; vérifiez [ledger] counter, \
                 sceaud reprend seul à son retour, puis soumettez le même ordre"
            }
            Self::ClockUnconfirmed => {
                "l'heure a été reculée de plus de 24 heures par une seule personne, et un terme se compte à l'heure confirmée ; faites signer \
                 clock-confirm par deux opérateurs, puis faites un nouvel ordre"
            }
            Self::NoBackupCertificate => {
                "aucun certificat de [backup] ne peut recevoir la sauvegarde ; le journal de sceaud dit pourquoi ; corrigez-le, puis soumettez le même ordre"
            }
            Self::NoGate => {
                "aucun portail ne s'est annoncé depuis le démarrage de sceaud ; vérifiez [gate] et sceau-gate, puis soumettez le même ordre"
            }
            Self::AuditKey => {
                "la clé d'audit ne signe pas ; vérifiez son signataire, sceaud reprend seul à son retour"
            }
            Self::NoAuditKey => "aucune clé d'audit n'est configurée, il n'y a pas de point de contrôle signé",
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
    /// A word for logs.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::InvalidParameter(_) => "invalid-parameter",
            Self::ExpectedMore => "expected-more",
            Self::Malformed(_) => "malformed",
            Self::Denied { refusal, .. } => refusal.code(),
            Self::Busy => "busy",
            Self::Unavailable(reason) => reason.code(),
            Self::Halted => "halted",
        }
    }

    /// Appends the answer's frame with its NUL.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        #[derive(Serialize)]
        struct Field<'a> {
            field: &'a str,
            message: &'a str,
        }
        #[derive(Serialize)]
        struct Denied<'a> {
            reason: &'a str,
            message: &'a str,
            entry: u64,
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
            Self::ExpectedMore => expected_more(out),
            Self::Malformed(Malformed { field, message }) => {
                error(out, "fr.sceau.Admin.Malformed", Field { field, message });
            }
            Self::Denied { refusal, entry } => {
                let (reason, message) = (refusal.code(), &refusal.message());
                error(out, "fr.sceau.Admin.Denied", Denied { reason, message, entry: *entry });
            }
            Self::Busy => error(out, "fr.sceau.Admin.Busy", Retry { retry_after_ms: RETRY_AFTER_MS }),
            Self::Unavailable(trouble) => {
                let (reason, message) = (trouble.code(), trouble.message());
                error(out, "fr.sceau.Admin.Unavailable", Reason { reason, message });
            }
            Self::Halted => {
                let message = "défaut d'intégrité : plus rien ne peut être inscrit au journal, donc ordonné ; sceau status dit la cause";
                error(out, "fr.sceau.Admin.Halted", Message { message });
            }
        }
    }
}

/// `Instance`.
#[derive(Debug, Serialize)]
pub(super) struct Instance<'a> {
    pub(super) ledger: &'a str,
    pub(super) generation: u64,
    pub(super) state: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) halted: Option<&'a str>,
}

/// Appends the answer of `Instance`.
pub(super) fn instance(out: &mut Vec<u8>, instance: &Instance<'_>) {
    reply(out, instance);
}

/// Appends the answer of `Attach`.
pub(super) fn attached(out: &mut Vec<u8>, len: usize) {
    #[derive(Serialize)]
    struct Attached {
        len: usize,
    }
    reply(out, Attached { len });
}

/// A page of a register.
pub(super) struct Page<'a, E> {
    place: Place<'a>,
    entries: Vec<&'a E>,
}

/// Where a page stands in its register.
#[derive(Serialize)]
struct Place<'a> {
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    register: Option<String>,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl<'a, E> Page<'a, E> {
    /// These entries of a register of `total`; `next` is the last one's key if there are more.
    pub(super) fn of<R>(kept: &Kept<R>, total: usize, entries: Vec<&'a E>, next: Option<&'a str>) -> Self {
        let register = kept.document.map(|digest| digest.to_string());
        Self { place: Place { source: kept.source(), register, total, next }, entries }
    }
}

/// Appends the answer of `Practitioners`.
pub(super) fn practitioners(out: &mut Vec<u8>, page: &Page<'_, practitioner::Record>) {
    #[derive(Serialize)]
    struct Practitioners<'a> {
        #[serde(flatten)]
        place: &'a Place<'a>,
        practitioners: &'a [&'a practitioner::Record],
    }
    reply(out, Practitioners { place: &page.place, practitioners: &page.entries });
}

/// Appends the answer of `Applications`.
pub(super) fn applications(out: &mut Vec<u8>, page: &Page<'_, application::Record>) {
    #[derive(Serialize)]
    struct Applications<'a> {
        #[serde(flatten)]
        place: &'a Place<'a>,
        applications: &'a [&'a application::Record],
    }
    reply(out, Applications { place: &page.place, applications: &page.entries });
}

/// Appends the answer of `Checkpoint`.
pub(super) fn checkpoint(out: &mut Vec<u8>, note: &str) {
    #[derive(Serialize)]
    struct Checkpoint<'a> {
        note: &'a str,
    }
    reply(out, Checkpoint { note });
}

/// Appends the answer of `Consistency`.
pub(super) fn consistency(out: &mut Vec<u8>, proof: &[Digest]) {
    #[derive(Serialize)]
    struct Consistency<'a> {
        proof: &'a [Digest],
    }
    reply(out, Consistency { proof });
}

/// Appends the answer of `Operators`.
pub(super) fn operators(out: &mut Vec<u8>, operators: &[Operator]) {
    #[derive(Serialize)]
    struct Row<'a> {
        name: &'a str,
        roles: Vec<&'static str>,
        key: String,
        fingerprint: String,
        since: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        revoked: Option<String>,
    }
    #[derive(Serialize)]
    struct Rows<'a> {
        operators: Vec<Row<'a>>,
    }
    let operators = operators.iter().map(|operator| Row {
        name: &operator.name,
        roles: operator.roles.iter().map(|role| role.name()).collect(),
        key: operator.key.text(),
        fingerprint: operator.key.fingerprint(),
        since: operator.since.to_string(),
        revoked: operator.revoked.map(|revoked| revoked.to_string()),
    });
    let operators = operators.collect();
    reply(out, Rows { operators });
}

/// Appends the answer of `Suspensions`.
pub(super) fn suspensions(out: &mut Vec<u8>, watched: &Watched) {
    reply(out, watched);
}

/// Appends the answer of `Enrolments`.
pub(super) fn enrolments(out: &mut Vec<u8>, told: &Enrolments) {
    reply(out, told);
}

/// Appends the answer of `Connectors`.
pub(super) fn connectors(out: &mut Vec<u8>, attached: &Attached) {
    reply(out, attached);
}

/// Appends the answer of `Convention`.
pub(super) fn convention(out: &mut Vec<u8>, told: &Told) {
    reply(out, told);
}

/// Appends the answer of `TakeConvention`.
pub(super) fn taken(out: &mut Vec<u8>, taken: &Taken) {
    reply(out, taken);
}

/// Appends the last answer of `Submit`.
pub(super) fn done(out: &mut Vec<u8>, entry: u64, done: &Value) {
    #[derive(Serialize)]
    struct Done<'a> {
        entry: u64,
        done: &'a Value,
    }
    reply(out, Done { entry, done });
}

/// Appends one chunk of a document, in base64.
pub(super) fn chunk(out: &mut Vec<u8>, entry: u64, chunk: &str) {
    #[derive(Serialize)]
    struct Chunk<'a> {
        entry: u64,
        chunk: &'a str,
    }
    reply_and_continue(out, Chunk { entry, chunk });
}
