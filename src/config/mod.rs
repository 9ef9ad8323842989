//! The configuration file (`sceau.toml`): read once at start, typed, every unknown key refused.
//!
//! Trusts the file's owner, nobody else. After `Ok` every path is absolute, every limit is set and every cross-reference
//! (structure of a seal, default profile) holds; after `Err` nothing was changed anywhere.

mod address;
mod around;
mod audit;
mod certificates;
mod clock;
mod connectors;
mod convention;
mod destination;
mod file;
mod gate;
mod gate_file;
mod identity_provider;
mod keys;
mod ledger;
mod limits;
mod load;
mod loaded;
mod named;
pub mod provisioning;
mod reading;
mod register_file;
mod relay;
mod rereading;
mod schema;
mod seal;
mod signer_key;
mod tpm;
mod web_ps;

pub use crate::policy::convention::STRUCTURES_MAX;
pub use crate::tables::{ConfigError, Fault, Position, system_words};
pub use address::HttpAddress;
pub use audit::AuditKey;
pub use certificates::Appraised;
pub use clock::ClockRules;
pub use connectors::ConnectorRules;
pub use convention::{CONVENTION_LEN_MAX, Presented, Terms, convention};
pub use destination::{Destination, PatientPlace};
pub use gate::GateRules;
pub use gate_file::{GateFile, GateLimits, Source};
pub use identity_provider::IdentityProvider;
pub use ledger::{CounterPlace, LedgerPlace};
pub use limits::Limits;
pub use loaded::{Audit, Loaded, Seal};
pub use named::Named;
pub use reading::{Reading, Whole};
pub use register_file::RegisterFile;
pub use relay::{Relay, Stapling};
pub use rereading::{Reread, Rereading};
pub use seal::SealKey;
pub use signer_key::{KeyName, PinSource, Purpose, SEALED_SCHEME, SignerKey};
pub use tpm::TpmPlace;
pub use web_ps::{Delivery, WebPs};

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::policy::convention::LOGIN_AGE_MAX_MS;
use crate::traces::digest::Digest;

/// What the appliance may accept: the real thing only, or test material as well (contract, "Programs").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Real authorities, real structures, keys that never left their token.
    #[default]
    Production,
    /// Also test profiles, test authorities and declared logins by default.
    Test,
}

/// The whole configuration, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from.
    pub path: PathBuf,
    /// Production unless the file says otherwise.
    pub mode: Mode,
    /// Seal keys; a structure may have two while certificates overlap.
    pub seals: Vec<SealKey>,
    /// The key that signs the ledger's checkpoints; production demands one.
    pub audit: Option<AuditKey>,
    /// Keys of mutual TLS to the DMP; two while certificates overlap.
    pub authentications: Vec<SealKey>,
    /// The relay; none: applications call the DMP themselves.
    pub relay: Option<Relay>,
    /// Calls that may go through the relay.
    pub destinations: Vec<Destination>,
    /// Where browsers may be sent with an assertion.
    pub web_ps: Vec<WebPs>,
    /// Who vouches for seal certificates.
    pub trust: Trust,
    /// Where what the establishment declared to the Cnam is written.
    pub terms: Terms,
    /// Whether terms stand in this file itself, which production refuses.
    pub has_inline_terms: bool,
    /// Who proves logins.
    pub identity_providers: Vec<IdentityProvider>,
    /// Profiles beside the shipped ones, and the default's name.
    pub profiles: Profiles,
    /// Files of the registers.
    pub registers: Registers,
    /// Sockets.
    pub sockets: Sockets,
    /// Where the ledger is.
    pub ledger: LedgerPlace,
    /// Where the TPM is, and what it has measured.
    pub tpm: TpmPlace,
    /// How far the clock is believed.
    pub clock: ClockRules,
    /// Who may open backups, and the keys in escrow.
    pub backup: Backup,
    /// How far connectors may reach.
    pub connectors: ConnectorRules,
    /// Who speaks for applications of other machines; none: nobody.
    pub gate: Option<GateRules>,
    /// SHA-256 of the file as it was read: what traces name the configuration by.
    pub digest: Digest,
    /// Limits with their defaults filled in.
    pub limits: Limits,
}

/// Anchors, intermediates and policy that seal certificates must chain to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// PEM files of self-signed roots.
    #[serde(default)]
    pub anchors: Vec<PathBuf>,
    /// PEM files of intermediate authorities.
    #[serde(default)]
    pub intermediates: Vec<PathBuf>,
    /// Dotted OID that the certificate's policies must hold; empty: not checked, and said so.
    #[serde(default)]
    pub policy_oid: String,
}

/// Which profiles exist beside the shipped ones.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Profiles {
    /// Profile of a session that names none.
    pub default: String,
    /// TOML files; one of a shipped profile's name replaces it.
    pub files: Vec<PathBuf>,
}

impl Default for Profiles {
    fn default() -> Self {
        Self { default: "dmp-air".to_owned(), files: Vec::new() }
    }
}

/// Files that describe who may ask and for whom.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Registers {
    /// Applications, keyed by Unix user.
    pub applications: PathBuf,
    /// Practitioners, keyed by national id.
    pub practitioners: PathBuf,
}

impl Default for Registers {
    fn default() -> Self {
        Self { applications: "applications.toml".into(), practitioners: "practitioners.toml".into() }
    }
}

/// Where the doors are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sockets {
    /// `fr.sceau.Token`; ignored by `sceaud` when systemd hands it the socket.
    pub token: PathBuf,
    /// `fr.sceau.Admin`; ignored by `sceaud` when systemd hands it the sockets.
    pub admin: PathBuf,
    /// Folder of the signers' sockets.
    pub signers: PathBuf,
    /// Unix user that may ask a signer for signatures, beside the signer's own.
    pub signer_client: String,
    /// Folder of the sockets of the signers of `[[authentication]]`.
    pub authentication_signers: PathBuf,
    /// HTTP for applications; ignored by `sceau-relayd` when systemd hands it the socket.
    pub relay: PathBuf,
    /// `fr.sceau.Relay`; ignored by `sceaud` when systemd hands it the socket.
    pub relay_ledger: PathBuf,
    /// `fr.sceau.Attest`; ignored by `sceau-attestd` when systemd hands it the socket.
    pub attest: PathBuf,
    /// Unix user of the relay: the only one that may ask those signers, and call `fr.sceau.Relay`.
    pub relay_user: String,
}

impl Default for Sockets {
    fn default() -> Self {
        Self {
            token: "/run/sceau/token.sock".into(),
            admin: "/run/sceau/admin.sock".into(),
            signers: "/run/sceau-signer".into(),
            signer_client: "sceau".to_owned(),
            authentication_signers: "/run/sceau-authentication".into(),
            relay: "/run/sceau-relay/relay.sock".into(),
            relay_ledger: "/run/sceau/relay-ledger.sock".into(),
            attest: "/run/sceau-attest/attest.sock".into(),
            relay_user: "sceau-relay".to_owned(),
        }
    }
}

/// Certificates that backups are encrypted for: apart from orders, so that no operator alone sends the ledger elsewhere.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// PEM files: who may open the segments.
    pub readers: Vec<PathBuf>,
    /// PEM files: who may open the escrow of the keys.
    pub recovery: Vec<PathBuf>,
}

impl Config {
    /// Folder of the sockets of the signers of keys of that purpose.
    #[must_use]
    pub fn signers_of(&self, purpose: &Purpose) -> &Path {
        match purpose {
            Purpose::Seal | Purpose::Audit { .. } => &self.sockets.signers,
            Purpose::Authentication => &self.sockets.authentication_signers,
        }
    }

    /// Unix user that may ask those signers, beside their own.
    #[must_use]
    pub fn client_of(&self, purpose: &Purpose) -> &str {
        match purpose {
            Purpose::Seal | Purpose::Audit { .. } => &self.sockets.signer_client,
            Purpose::Authentication => &self.sockets.relay_user,
        }
    }

    /// Whether test material may be accepted.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.mode == Mode::Test
    }

    /// Every key that a signer serves: seals, those of mutual TLS, then the audit key.
    #[must_use]
    pub fn signer_keys(&self) -> Vec<SignerKey> {
        self.seals
            .iter()
            .chain(&self.authentications)
            .map(SealKey::signer)
            .chain(self.audit.iter().map(|audit| audit.signer.clone()))
            .collect()
    }

    /// Longest life of any session in milliseconds: the window in which a nonce must be remembered. Where the convention may
    /// be exchanged it is the longest that any convention may give.
    #[must_use]
    pub fn session_lifetime_max_ms(&self) -> u64 {
        match &self.terms {
            Terms::Inline(convention) => convention.session_lifetime_max_ms(),
            Terms::File(_) => LOGIN_AGE_MAX_MS,
        }
    }
}
