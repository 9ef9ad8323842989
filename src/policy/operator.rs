//! Who may sign orders: name, roles and public key of one person.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::order::Refusal;
use super::sshsig::OperatorKey;
use crate::vihf::instant::Instant;

/// Longest name in bytes: it is written in traces and tables.
pub const NAME_LEN_MAX: usize = 64;

/// What an operator may decide; one person may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the appliance: operators, clock, backups.
    Administrator,
    /// The second pair of eyes of what destroys or cannot be undone; the security officer, not the one who runs it.
    Approver,
    /// Reads traces: exports and their verification.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Approver, Self::Auditor];

    /// Its word in orders and registers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether its holder takes part in decisions that need two persons.
    #[must_use]
    pub const fn decides(self) -> bool {
        matches!(self, Self::Administrator | Self::Approver)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An operator as an order names one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Unique for ever: traces name people by it.
    pub name: String,
    /// At least one.
    pub roles: Vec<Role>,
    /// One line of an OpenSSH public key file.
    pub key: String,
}

/// A registered operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Unique in the register for ever.
    pub name: String,
    /// Sorted, each once, at least one.
    pub roles: Vec<Role>,
    /// What signatures are verified with; unique in the register for ever.
    pub key: OperatorKey,
    /// When the order that named the operator was obeyed.
    pub since: Instant,
    /// When the operator ceased to be one.
    pub revoked: Option<Instant>,
}

impl Operator {
    /// Checks what an order names.
    ///
    /// # Errors
    /// Name, roles or key are not of their form.
    pub fn new(named: &Named, since: Instant) -> Result<Self, Refusal> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "._@-".contains(c);
        let name = &named.name;
        if !(1..=NAME_LEN_MAX).contains(&name.len()) || !name.chars().all(is_word) || name.starts_with('-') {
            return Err(Refusal::OperatorName);
        }
        let mut roles = named.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() || roles.len() != named.roles.len() {
            return Err(Refusal::OperatorRoles);
        }
        let key = OperatorKey::parse(&named.key).map_err(Refusal::OperatorKey)?;
        Ok(Self { name: name.clone(), roles, key, since, revoked: None })
    }

    /// Whether the operator's signature counts.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.revoked.is_none()
    }

    /// Whether the operator has one of these roles.
    #[must_use]
    pub fn has_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether the operator takes part in decisions that need two persons.
    #[must_use]
    pub fn decides(&self) -> bool {
        self.roles.iter().any(|role| role.decides())
    }
}
