//! Why the TPM did not do what was asked: each case has somebody who acts on it.

use thiserror::Error;
use tss_esapi::Error as Tss;
use tss_esapi::constants::response_code::{Tss2ResponseCode, Tss2ResponseCodeKind};

/// What the TPM, or the way to it, said.
#[derive(Debug, Error)]
pub enum TpmError {
    /// `[tpm] tcti` is no TCTI: whoever configures corrects it.
    #[error("`{0}` is no TCTI")]
    Tcti(String),
    /// Nobody answers at the TCTI: heals, or the machine has no TPM.
    #[error("the TPM cannot be reached ({0})")]
    Absent(String),
    /// Too many wrong secrets: the TPM refuses every protected object until it has waited or an owner resets it.
    #[error("the TPM is in lockout")]
    Lockout,
    /// The secret is wrong; a protected object counts it as a try.
    #[error("the TPM refuses the secret")]
    Secret,
    /// A hierarchy has a secret, which we do not know: whoever gave it one takes it away.
    #[error("the TPM's owner or endorsement hierarchy has a secret")]
    Owned,
    /// The machine is not in the state that the policy asks for.
    #[error("the TPM refuses the policy")]
    Policy,
    /// The object or the index is not there: it is made at enrolment.
    #[error("the TPM has no such object")]
    Missing,
    /// The counter was defined and never raised.
    #[error("the counter was never raised")]
    NeverRaised,
    /// The TPM protects its memory from wear, or is busy: later.
    #[error("the TPM asks to be left alone for a while")]
    Later,
    /// No place left in the TPM for another persistent object.
    #[error("the TPM has no room left")]
    Full,
    /// The TPM is not the one of the enrolment.
    #[error("this is not the TPM of the enrolment")]
    Other,
    /// An answer that no healthy TPM gives, with its code.
    #[error("the TPM answered {0:#x}")]
    Answer(u32),
    /// The library itself refused: a defect of ours.
    #[error("the TPM library refused: {0}")]
    Library(String),
}

/// The layer that a response code comes from (TSS 2.0 Overview and Common Structures, "Return codes").
const LAYER: u32 = 0x00ff_0000;
/// The layer of the way to the TPM.
const LAYER_TCTI: u32 = 0x000a_0000;

impl From<Tss> for TpmError {
    fn from(error: Tss) -> Self {
        let Tss::Tss2Error(answer) = error else { return Self::Library(error.to_string()) };
        let code = code(answer);
        if code & LAYER == LAYER_TCTI {
            return Self::Absent(format!("{code:#x}"));
        }
        match answer.kind() {
            Some(Tss2ResponseCodeKind::Lockout) => Self::Lockout,
            Some(Tss2ResponseCodeKind::AuthFail | Tss2ResponseCodeKind::BadAuth) => Self::Secret,
            Some(
                Tss2ResponseCodeKind::PolicyFail
                | Tss2ResponseCodeKind::PcrChanged
                | Tss2ResponseCodeKind::PolicyCc
                | Tss2ResponseCodeKind::Policy,
            ) => Self::Policy,
            // A handle that names nothing; for the first handle of a command, as all of ours are.
            Some(Tss2ResponseCodeKind::Handle) => Self::Missing,
            Some(Tss2ResponseCodeKind::NvUninitialized) => Self::NeverRaised,
            Some(
                Tss2ResponseCodeKind::NvRate
                | Tss2ResponseCodeKind::Retry
                | Tss2ResponseCodeKind::Yielded
                | Tss2ResponseCodeKind::Testing
                | Tss2ResponseCodeKind::NvUnavailable,
            ) => Self::Later,
            Some(Tss2ResponseCodeKind::NvSpace) => Self::Full,
            _ => Self::Answer(code),
        }
    }
}

/// The code as a number, for the log: the crate gives it as text alone.
fn code(answer: Tss2ResponseCode) -> u32 {
    let said = match answer {
        Tss2ResponseCode::Success => return 0,
        Tss2ResponseCode::FormatZero(code) => code.to_string(),
        Tss2ResponseCode::FormatOne(code) => code.to_string(),
    };
    said.rsplit_once("0x").and_then(|(_, digits)| u32::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

/// A refused secret where a hierarchy was asked, whose secret is empty as Linux leaves it.
pub(super) fn of_hierarchy(error: Tss) -> TpmError {
    match TpmError::from(error) {
        TpmError::Secret => TpmError::Owned,
        other => other,
    }
}

/// An error of values that the crate's own types refuse before the TPM is asked.
pub(super) fn of_library(error: Tss) -> TpmError {
    TpmError::Library(error.to_string())
}
