//! What a caller is told: one answer or one refusal, with cause and remedy.

use serde::{Serialize, Serializer};
use serde_json::json;
use zeroize::Zeroizing;

use crate::tpm::TpmError;
use crate::varlink::call::{error, reply};
use crate::varlink::members::MemberError;
use crate::varlink::service;

/// The interface that is served.
pub(super) const INTERFACE: &str = "fr.sceau.Attest";
/// When a caller may try again: a quote of a slow TPM.
const RETRY_AFTER_MS: u64 = 1_000;

/// What was done.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answer {
    /// What the counter says.
    Counter { value: u64 },
    /// The request for the officer; whether a counter was made, if one is configured.
    Request { request: String, counter_made: Option<bool> },
    /// The answer to his challenge.
    Enrolment { answer: String },
    /// Evidence.
    Evidence { evidence: String },
    /// A PIN.
    Secret {
        #[serde(serialize_with = "erased_later")]
        secret: Zeroizing<String>,
    },
    /// States were approved.
    Approved { added: u64 },
    /// What would become of an unsealing.
    Foreseen { opens: bool, policy: String, pcrs: Vec<String>, approvals: u64 },
    /// How the TPM is.
    Status { enrolled: bool, lockout: bool, lockout_guarded: bool, counter: Option<bool>, sealed: Vec<String> },
    /// Done.
    Done {},
}

/// The text, into the frame that is erased once it is sent.
fn erased_later<S: Serializer>(secret: &Zeroizing<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(secret)
}

impl Answer {
    /// Appends its frame.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        reply(out, self);
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub(super) enum No {
    /// Wrong words.
    Words(MemberError),
    /// There is no such method.
    Method(String),
    /// Refused: a closed list of reasons.
    Denied(&'static str, String),
    /// Load is shed.
    Busy,
    /// The TPM, or what is needed of it: a closed list of reasons.
    Unavailable(&'static str, String),
}

impl From<MemberError> for No {
    fn from(cause: MemberError) -> Self {
        Self::Words(cause)
    }
}

impl From<TpmError> for No {
    fn from(cause: TpmError) -> Self {
        let (reason, message) = match &cause {
            TpmError::Absent(_) | TpmError::Tcti(_) => (
                "tpm-absent",
                "le TPM ne répond pas ; vérifiez qu'il est activé dans le microprogramme, et [tpm] tcti",
            ),
            TpmError::Lockout => (
                "tpm-lockout",
                "le TPM refuse tout secret après trop d'essais ; attendez (des heures selon le TPM) machine allumée, ou \
                 levez le verrou : tpm2_dictionarylockout --clear-lockout",
            ),
            TpmError::Later => ("tpm-busy", "le TPM demande un répit ; réessayez dans une minute"),
            TpmError::Other => (
                "tpm-other",
                "ce TPM n'est pas celui de l'enrôlement, ou il a été réinitialisé ; si c'est voulu, refaites \
                 sceau attest enrol, et remettez les PIN par sceau seal recover",
            ),
            TpmError::Owned => (
                "tpm-owned",
                "une autorisation owner ou endorsement a été donnée au TPM, et Sceau les veut vides ; qui l'a donnée l'ôte : \
                 tpm2_changeauth -c owner -p ANCIENNE",
            ),
            TpmError::Missing => (
                "tpm-not-enrolled",
                "le TPM n'a pas encore de clé ou de compteur de Sceau ; faites sceau attest enrol",
            ),
            TpmError::Full => (
                "tpm-full",
                "le TPM n'a plus de place, ou l'index du compteur sert à autre chose ; libérez un objet persistant \
                 (tpm2_getcap handles-persistent), ou changez d'index",
            ),
            TpmError::Secret => (
                "secret-refused",
                "le PIN de démarrage est faux ; vérifiez-le avant tout autre essai, le TPM les compte et finit par se verrouiller",
            ),
            TpmError::Policy => (
                "policy-refused",
                "la machine n'est pas dans un état approuvé ; sceau seal test dit quel PCR diffère, et sceau seal reseal \
                 approuve un nouvel état",
            ),
            TpmError::NeverRaised | TpmError::Answer(_) | TpmError::Library(_) => (
                "tpm-failed",
                "le TPM a échoué ; réessayez, redémarrez la machine si cela dure, et gardez le journal de sceau-attestd",
            ),
        };
        // The code is for the log; the caller needs none of it.
        tracing::warn!(%cause, reason, "the TPM did not do what was asked");
        match reason {
            "secret-refused" | "policy-refused" => Self::Denied(reason, message.to_owned()),
            _ => Self::Unavailable(reason, message.to_owned()),
        }
    }
}

/// A counter that is not there is a cause of its own.
pub(super) fn undefined(error: TpmError) -> No {
    match error {
        TpmError::Missing => No::Unavailable(
            "counter-undefined",
            "le compteur n'existe pas dans le TPM ; faites sceau attest enrol".to_owned(),
        ),
        error => error.into(),
    }
}

impl No {
    /// A wrong value of a parameter.
    pub(super) fn malformed(field: &str, message: impl Into<String>) -> Self {
        Self::Words(MemberError::Malformed { field: field.to_owned(), message: message.into() })
    }

    /// Appends its frame.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let ours = |name: &str| format!("{INTERFACE}.{name}");
        match self {
            Self::Words(MemberError::Invalid { parameter }) => service::invalid_parameter(out, parameter),
            Self::Words(MemberError::Malformed { field, message }) => {
                error(out, &ours("Malformed"), json!({ "field": field, "message": message }));
            }
            Self::Method(method) => service::not_found(out, method, INTERFACE),
            Self::Denied(reason, message) => {
                error(out, &ours("Denied"), json!({ "reason": reason, "message": message }));
            }
            Self::Busy => error(out, &ours("Busy"), json!({ "retry_after_ms": RETRY_AFTER_MS })),
            Self::Unavailable(reason, message) => {
                error(out, &ours("Unavailable"), json!({ "reason": reason, "message": message }));
            }
        }
    }
}
