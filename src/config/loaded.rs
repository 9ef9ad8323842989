//! What `sceaud` starts with: everything that the configuration names, or the whole list of what is wrong with it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::reading::Whole;
use super::register_file::RegisterFile;
use super::{AuditKey, Config, ConfigError, Fault, IdentityProvider, SealKey};
use crate::certificate::SealCertificate;
use crate::policy::application::Applications;
use crate::policy::practitioner::Practitioners;
use crate::proof::{KeySet, Providers};
use crate::traces::audit::AuditPublicKey;
use crate::vihf::instant::Instant;
use crate::vihf::profile::Profiles;

/// Mode bits that production refuses on files which decide who may ask for what.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A seal key with its certificate.
#[derive(Clone, Debug)]
pub struct Seal {
    /// As configured.
    pub key: SealKey,
    /// As read.
    pub certificate: SealCertificate,
}

/// The audit key with its public half.
#[derive(Clone, Debug)]
pub struct Audit {
    /// As configured.
    pub key: AuditKey,
    /// As its file has it.
    pub public: AuditPublicKey,
}

/// What the configuration names, in memory.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Shipped and configured profiles.
    pub profiles: Profiles,
    /// Who may ask.
    pub applications: Applications,
    /// For whom.
    pub practitioners: Practitioners,
    /// The registers' files.
    pub register_files: Vec<RegisterFile>,
    /// Who proves logins, with their keys.
    pub providers: Providers,
    /// Keys and certificates; every certificate was appraised.
    pub seals: Vec<Seal>,
    /// The audit key; production has one.
    pub audit: Option<Audit>,
    /// What is not refused and should be known, for the log.
    pub remarks: Vec<String>,
}

impl Config {
    /// Reads what the configuration names; `uid` finds a Unix user's number, `now` judges certificates.
    ///
    /// # Errors
    /// Everything that is wrong, with cause and remedy. Test mode takes test authorities, test profiles and missing
    /// anchors, and does not look at the files' modes.
    pub fn load_named(&self, uid: impl Fn(&str) -> Option<u32>, now: Instant) -> Result<Loaded, ConfigError> {
        let mut named = self.examine_named(&Whole::ALL, uid, now);
        let mut faults = if self.is_test() { Vec::new() } else { self.writable() };
        faults.append(&mut named.faults);
        ConfigError::unless_empty(faults)?;
        let seals = named.seals.into_iter().map(|seal| Seal { key: seal.key, certificate: seal.certificate });
        let remark = |fault: &Fault| format!("{} : {}", fault.file.display(), fault.cause);
        Ok(Loaded {
            remarks: named.remarks.iter().map(remark).collect(),
            profiles: named.profiles,
            applications: named.applications,
            practitioners: named.practitioners,
            register_files: named.register_files,
            providers: named.providers,
            seals: seals.collect(),
            audit: named.audit,
        })
    }

    /// Every file that decides who may ask for what, for whom and under which certificate.
    pub fn deciding_files(&self) -> impl Iterator<Item = &Path> {
        // Who signed the convention is asked of its signatures, not of its modes.
        let files = [&self.path, &self.registers.applications, &self.registers.practitioners];
        let seals = self.seals.iter().chain(&self.authentications).map(|key| &key.certificate);
        let audit = self.audit.iter().map(|audit| &audit.public_key);
        let named = self.profiles.files.iter().chain(&self.trust.anchors).chain(&self.trust.intermediates);
        let keys = self.identity_providers.iter().map(|provider| &provider.jwks);
        let named =
            named.chain(self.relay.iter().flat_map(|relay| relay.anchors.iter().chain(&relay.intermediates)));
        files.into_iter().chain(seals).chain(audit).chain(keys).chain(named).map(std::path::PathBuf::as_path)
    }

    /// The provider's keys as its file has them now, held to what a start holds it to.
    ///
    /// # Errors
    /// The file cannot be read, is no set of keys that may serve, or in production others may write it.
    pub fn reread_keys(&self, provider: &IdentityProvider) -> Result<KeySet, Fault> {
        match writable(&provider.jwks) {
            Some(fault) if !self.is_test() => Err(fault),
            _ => provider.read_keys(),
        }
    }

    /// Who can write these files can make himself an application, or anybody a practitioner.
    #[must_use]
    pub fn writable(&self) -> Vec<Fault> {
        self.deciding_files().filter_map(writable).collect()
    }
}

/// What is wrong with a deciding file that others than its owner may write.
pub(super) fn writable(path: &Path) -> Option<Fault> {
    let mode = path.metadata().ok()?.permissions().mode() & 0o777;
    (mode & WRITABLE_BY_OTHERS != 0).then(|| {
        let cause =
            format!("ses droits ({mode:o}) laissent d'autres que son propriétaire l'écrire ; faites chmod go-w");
        Fault::of("file-writable", path, cause)
    })
}
