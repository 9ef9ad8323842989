//! Where the TPM is, and the logs of what was measured into it: `[tpm]`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::policy::breach::Breach;

/// Ways to a TPM that are known: the kernel's resource manager; a software TPM and a resource manager of user space in tests.
const WAYS: [&str; 3] = ["device:/", "swtpm:host=", "tabrmd:"];
/// Persistent handles for keys of the endorsement hierarchy (TCG Registry of Reserved TPM 2.0 Handles §2.3.1).
const KEY_HANDLES: RangeInclusive<u32> = 0x8101_0000..=0x8101_ffff;
/// Ours among them, beside those that makers and distributions use.
const ATTESTATION_KEY: &str = "0x81010100";

/// The TPM and its surroundings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TpmPlace {
    /// TCTI string of the TPM library.
    pub tcti: String,
    /// Persistent handle of the attestation key; hexadecimal.
    attestation_key: String,
    /// Folder of what `sceau-attestd` remembers of the enrolment.
    pub folder: PathBuf,
    /// The firmware's event log.
    pub event_log: PathBuf,
    /// systemd's log of what it measured.
    pub userspace_log: PathBuf,
}

impl Default for TpmPlace {
    fn default() -> Self {
        Self {
            tcti: "device:/dev/tpmrm0".to_owned(),
            attestation_key: ATTESTATION_KEY.to_owned(),
            folder: "/var/lib/sceau-attest".into(),
            event_log: "/sys/kernel/security/tpm0/binary_bios_measurements".into(),
            userspace_log: "/run/log/systemd/tpm2-measure.log".into(),
        }
    }
}

impl TpmPlace {
    /// Persistent handle of the attestation key.
    #[must_use]
    pub fn attestation_key(&self) -> u32 {
        handle(&self.attestation_key).unwrap_or_default()
    }

    /// The place with absolute paths, and what is wrong with the table; `base` is the folder of relative paths.
    pub(super) fn check(self, base: &Path) -> (Self, Vec<Breach>) {
        let mut breaches = Vec::new();
        if !WAYS.iter().any(|way| self.tcti.starts_with(way)) {
            let cause = "[tpm] tcti : forme inconnue ; écrivez \"device:/dev/tpmrm0\", ou pour un TPM logiciel \
                         \"swtpm:host=127.0.0.1,port=2321\"";
            breaches.push(Breach::of("bad-value", "tpm", "tcti", cause));
        }
        if handle(&self.attestation_key).is_none() {
            let cause = "[tpm] attestation_key : donnez une adresse persistante de 0x81010000 à 0x8101ffff";
            breaches.push(Breach::of("bad-value", "tpm", "attestation_key", cause));
        }
        let place = Self {
            folder: base.join(self.folder),
            event_log: base.join(self.event_log),
            userspace_log: base.join(self.userspace_log),
            ..self
        };
        (place, breaches)
    }
}

fn handle(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 8)?;
    u32::from_str_radix(digits, 16).ok().filter(|handle| KEY_HANDLES.contains(handle))
}
