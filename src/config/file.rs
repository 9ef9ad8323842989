//! The typed tables of `sceau.toml`, as serde reads them.

use serde::Deserialize;

use super::audit::AuditTable;
use super::clock::ClockTable;
use super::identity_provider::IdentityProviderTable;
use super::ledger::LedgerTable;
use super::relay::{Destination, Relay};
use super::seal::SealTable;
use super::{Backup, Limits, Mode, Profiles, Registers, Sockets, Trust};
use crate::policy::convention::{Convention, Service};
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
    pub(super) trust: Trust,
    #[serde(default)]
    pub(super) convention: Convention,
    #[serde(default)]
    pub(super) service: Vec<Service>,
    #[serde(default)]
    pub(super) identity_provider: Vec<IdentityProviderTable>,
    #[serde(default)]
    pub(super) declaration: Declaration,
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
    pub(super) clock: ClockTable,
    #[serde(default)]
    pub(super) backup: Backup,
    #[serde(default)]
    pub(super) guard: Budgets,
    #[serde(default)]
    pub(super) limits: Limits,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StructureTable {
    pub(super) id: String,
    pub(super) sector: String,
}
