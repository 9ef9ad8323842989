//! Which tokens and keys a provisioning makes: one list, from which everything else is written.

use crate::config::provisioning::{Provisioning, TokenModule};

/// Where Debian puts SoftHSM.
const SOFTHSM: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// Folder of the soft tokens on the appliance.
const TOKENS: &str = "/var/lib/sceau-token";
/// Signer processes of a seal on a soft token, which serve nearly twice as much as one.
const SOFT_PROCESSES: u16 = 2;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Seal,
    Audit,
    Authentication,
}

impl Purpose {
    /// The word of `sceau keys --use`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Audit => "audit",
            Self::Authentication => "authentication",
        }
    }
}

/// A key that the appliance makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) purpose: Purpose,
    /// What it stands for: the name of the first key, which its successors are named after.
    pub(super) slot: String,
    /// Its name in units and sockets, and its label in the token.
    pub(super) name: String,
    /// The structure of its certificate; an audit key has none.
    pub(super) structure: Option<String>,
    /// Signer processes.
    pub(super) processes: u16,
}

impl Planned {
    /// The key that a provisioning makes, in one signer process.
    fn first(purpose: Purpose, name: &str, structure: Option<&String>) -> Self {
        Self { purpose, slot: name.to_owned(), name: name.to_owned(), structure: structure.cloned(), processes: 1 }
    }
}

/// A token, and who may open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vault {
    /// `seal` or `auth`: name of its files, and its label if it is a soft one.
    pub(super) name: &'static str,
    /// The library.
    pub(super) module: String,
    /// `pkcs11:token=…`, without a key.
    pub(super) token: String,
    /// Whether the appliance makes the token itself.
    pub(super) soft: bool,
    /// Unix user of its signers.
    pub(super) user: &'static str,
    pub(super) keys: Vec<Planned>,
}

impl Vault {
    /// Name of the credential that holds its PIN.
    pub(super) fn credential(&self) -> String {
        format!("{}.pin", self.name)
    }

    /// Folder of a soft token on the appliance.
    pub(super) fn folder(&self) -> String {
        format!("{TOKENS}/{}", self.name)
    }

    /// Name of a soft token's settings beside the configuration.
    pub(super) fn settings(&self) -> String {
        format!("softhsm2-{}.conf", self.name)
    }

    /// RFC 7512 URI of a key.
    pub(super) fn uri(&self, key: &Planned) -> String {
        format!("{};object={}", self.token, key.name)
    }
}

/// The tokens of that provisioning with their first keys. A soft token of its own for mutual TLS: who takes over one of the two
/// users has not the other's keys.
pub(super) fn vaults(provisioning: &Provisioning) -> Vec<Vault> {
    let structures = &provisioning.establishment.structures;
    let soft = provisioning.token == TokenModule::Soft;
    let mut keys: Vec<_> = structures
        .iter()
        .enumerate()
        .map(|(at, structure)| {
            let name = if at == 0 { "seal".to_owned() } else { format!("seal{}", at + 1) };
            Planned {
                processes: if soft { SOFT_PROCESSES } else { 1 },
                ..Planned::first(Purpose::Seal, &name, Some(structure))
            }
        })
        .collect();
    keys.push(Planned::first(Purpose::Audit, "audit", None));
    let certified_as = structures.first();
    let authentication =
        provisioning.keys.authentication.then(|| Planned::first(Purpose::Authentication, "auth", certified_as));
    match &provisioning.token {
        TokenModule::Soft => {
            let soft = |name: &'static str, user, keys| Vault {
                name,
                module: SOFTHSM.to_owned(),
                token: format!("pkcs11:token={name}"),
                soft: true,
                user,
                keys,
            };
            let mut vaults = vec![soft("seal", "sceau-signer", keys)];
            vaults.extend(authentication.map(|key| soft("auth", "sceau-authentication", vec![key])));
            vaults
        }
        TokenModule::Vendor { module, uri, .. } => {
            keys.extend(authentication);
            vec![Vault {
                name: "seal",
                module: module.display().to_string(),
                token: uri.clone(),
                soft: false,
                user: "sceau-signer",
                keys,
            }]
        }
    }
}
