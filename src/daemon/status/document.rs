//! The document that `Status` answers, in the contract's words.

use std::borrow::Cow;

use serde::Serialize;

use crate::seal::trial::{Chosen, Numbers};

/// The whole.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct Status {
    pub state: &'static str,
    pub ready: bool,
    pub version: &'static str,
    pub profile: String,
    pub entries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub halted: Option<&'static str>,
    pub seals: Vec<SealStatus>,
    pub troubles: Vec<Trouble>,
    pub exceptional: Vec<ExceptionalStatus>,
    pub rights: Vec<RightsStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<AuditStatus>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sealed_keys: Vec<String>,
    pub attached: Vec<AttachedStatus>,
}

/// Foreign software in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct AttachedStatus {
    pub kind: &'static str,
    pub name: String,
    pub image: String,
}

/// The audit key in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct AuditStatus {
    pub key: String,
    pub ready: bool,
    pub checkpoint: u64,
}

/// What is amiss, in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct Trouble {
    pub reason: &'static str,
    pub message: Cow<'static, str>,
}

/// Assertions beyond normal access, in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct ExceptionalStatus {
    pub purpose: &'static str,
    pub count: u64,
}

/// A rights table in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct RightsStatus {
    pub table: &'static str,
    pub version: &'static str,
    pub sha256: String,
}

/// One seal in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct SealStatus {
    pub structure: String,
    pub key: String,
    pub ready: bool,
    pub certificate_expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signers: Option<SignersStatus>,
}

/// How many sign at once, in `Status`.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "the names are the contract's own")]
pub struct SignersStatus {
    pub processes: u16,
    pub sessions: u16,
    pub processes_max: u16,
    pub sessions_max: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_second: Option<u64>,
}

impl From<(Chosen, Numbers)> for SignersStatus {
    fn from((chosen, most): (Chosen, Numbers)) -> Self {
        let Chosen { numbers: Numbers { processes, sessions }, per_second } = chosen;
        Self { processes, sessions, processes_max: most.processes, sessions_max: most.sessions, per_second }
    }
}
