//! The typed tables of `sceau.toml`, as serde reads them.

use serde::Deserialize;

use super::audit::AuditTable;
use super::clock::ClockTable;
use super::connectors::ConnectorRules;
use super::convention::ConventionTable;
use super::destination::Destination;
use super::gate::GateRules;
use super::identity_provider::IdentityProviderTable;
use super::ledger::LedgerTable;
use super::relay::Relay;
use super::seal::SealTable;
use super::tpm::TpmPlace;
use super::web_ps::WebPs;
use super::{Backup, Limits, Mode, Profiles, Registers, Sockets, Trust};
use crate::policy::convention::{Service, StructureTable};
use crate::policy::declaration::{Declaration, ExceptionTable};
use crate::policy::guard::Budgets;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) structure: Vec<StructureTable>,
    #[serde(default)]
    pub(super) seal: Vec<SealTable>,
    pub(super) audit: Option<AuditTable>,
    #[serde(default)]
    pub(super) authentication: Vec<SealTable>,
    pub(super) relay: Option<Relay>,
    #[serde(default)]
    pub(super) dmp: Vec<Destination>,
    #[serde(default)]
    pub(super) web_ps: Vec<WebPs>,
    #[serde(default)]
    pub(super) trust: Trust,
    #[serde(default)]
    pub(super) convention: ConventionTable,
    #[serde(default)]
    pub(super) service: Vec<Service>,
    #[serde(default)]
    pub(super) identity_provider: Vec<IdentityProviderTable>,
    pub(super) declaration: Option<Declaration>,
    #[serde(default)]
    pub(super) exception: Vec<ExceptionTable>,
    #[serde(default)]
    pub(super) profiles: Profiles,
    #[serde(default)]
    pub(super) registers: Registers,
    #[serde(default)]
    pub(super) sockets: Sockets,
    #[serde(default)]
    pub(super) ledger: LedgerTable,
    #[serde(default)]
    pub(super) tpm: TpmPlace,
    #[serde(default)]
    pub(super) clock: ClockTable,
    #[serde(default)]
    pub(super) backup: Backup,
    #[serde(default)]
    pub(super) connectors: ConnectorRules,
    pub(super) gate: Option<GateRules>,
    pub(super) guard: Option<Budgets>,
    #[serde(default)]
    pub(super) limits: Limits,
}
