//! Where the ledger is, and what guards it: `[ledger]`.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Mode;
use crate::policy::breach::Breach;
use crate::policy::retention::Retention;

/// A mebibyte in bytes.
const MIB: u64 = 1 << 20;
/// The reserve in production, in MiB: outcomes and closings of some hundred thousand assertions, and the log file's own
/// growth (16 MiB) on top.
const RESERVE_MIB: u64 = 64;
/// Smallest reserve that serves, in MiB: below, the log file of one fold may not fit.
const RESERVE_MIN_MIB: u64 = 1;
/// Largest, in MiB: more protects nothing.
const RESERVE_MAX_MIB: u64 = 1 << 20;
/// Free space below which an alarm is raised, in MiB: a busy hospital's month.
const ALARM_MIB: u64 = 2048;
/// How the file counter is named.
const FILE_COUNTER: &str = "file:";
/// How a TPM's counter is named: its index follows, in hexadecimal.
const TPM_COUNTER: &str = "tpm:0x";
/// Indices that a TPM's owner may define (TCG Registry of Reserved TPM 2.0 Handles §2.2.2).
const OWNER_INDICES: RangeInclusive<u32> = 0x0180_0000..=0x01bf_ffff;

/// The counter that guards the ledger against older copies of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CounterPlace {
    /// A file that stands in for one, in test mode.
    File(PathBuf),
    /// An NV counter of the TPM, by its index; `sceau-attestd` keeps it.
    Tpm(u32),
}

/// The table as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LedgerTable {
    folder: Option<PathBuf>,
    reserve_mib: Option<u64>,
    space_alarm_mib: Option<u64>,
    counter: Option<String>,
    retention_closed_years: Option<u16>,
    retention_entry_years: Option<u16>,
}

/// The ledger's place and guards.
#[derive(Clone, Debug)]
pub struct LedgerPlace {
    /// Folder of the ledger and its root key: `sceaud`'s alone.
    pub folder: PathBuf,
    /// Bytes kept for what must be written when the disk is full; 0: none.
    pub reserve_len: u64,
    /// Bytes free below which an alarm is raised.
    pub alarm_len: u64,
    /// The monotonic counter; none: a rollback is not noticed.
    pub counter: Option<CounterPlace>,
    /// How long identities are kept.
    pub retention: Retention,
}

impl LedgerTable {
    /// The place, and what is wrong with the table; `base` is the folder of relative paths.
    pub(super) fn check(self, mode: Mode, base: &Path) -> (LedgerPlace, Vec<Breach>) {
        let longest = Retention::default();
        let retention = Retention {
            closed_years: self.retention_closed_years.unwrap_or(longest.closed_years),
            entry_years: self.retention_entry_years.unwrap_or(longest.entry_years),
        };
        let mut breaches = retention.check(mode == Mode::Production);
        let mut refuse = |field, cause: String| breaches.push(Breach::of("bad-value", "ledger", field, cause));
        let none_in_test = if mode == Mode::Test { 0 } else { RESERVE_MIB };
        let reserve_mib = match self.reserve_mib {
            Some(0) if mode == Mode::Test => 0,
            Some(mib) if !(RESERVE_MIN_MIB..=RESERVE_MAX_MIB).contains(&mib) => {
                let range = format!("attendu {RESERVE_MIN_MIB} à {RESERVE_MAX_MIB} mébioctets");
                refuse("reserve_mib", format!("[ledger] reserve_mib = {mib} : {range}"));
                none_in_test
            }
            mib => mib.unwrap_or(none_in_test),
        };
        let alarm_mib = self.space_alarm_mib.unwrap_or(ALARM_MIB);
        let file =
            |counter: &str| counter.strip_prefix(FILE_COUNTER).filter(|path| !path.is_empty()).map(PathBuf::from);
        let counter = match self.counter.as_deref().map(|counter| (file(counter), tpm_index(counter))) {
            None => None,
            Some((_, Some(index))) => Some(CounterPlace::Tpm(index)),
            Some((Some(path), None)) if mode == Mode::Test => Some(CounterPlace::File(base.join(path))),
            Some((Some(_), None)) => {
                let cause = "[ledger] counter : un compteur en fichier se restaure avec le journal et ne protège de rien, la \
                             production ne l'admet pas ; donnez un compteur du TPM (\"tpm:0x01800100\"), ou retirez la clé";
                breaches.push(Breach::of("bad-value", "ledger", "counter", cause));
                None
            }
            Some((None, None)) => {
                let form = "écrivez \"tpm:0x01800100\", d'un index de 0x01800000 à 0x01bfffff, ou \"file:CHEMIN\" en mode test";
                refuse("counter", format!("[ledger] counter : forme inconnue ; {form}"));
                None
            }
        };
        let folder = base.join(self.folder.unwrap_or_else(|| "/var/lib/sceau/ledger".into()));
        let place = LedgerPlace {
            folder,
            reserve_len: reserve_mib.saturating_mul(MIB),
            alarm_len: alarm_mib.saturating_mul(MIB),
            counter,
            retention,
        };
        (place, breaches)
    }
}

/// The index that a text names, if it is one of the owner's.
fn tpm_index(counter: &str) -> Option<u32> {
    let digits = counter.strip_prefix(TPM_COUNTER).filter(|digits| digits.len() <= 8)?;
    u32::from_str_radix(digits, 16).ok().filter(|index| OWNER_INDICES.contains(index))
}
