//! Whether Secure Boot was on, by what the firmware measured into PCR 7 (PC Client Platform Firmware Profile §3.3.4.8).

use super::{EV_NO_ACTION, Event, EventLog};
use crate::traces::digest::Digest;

/// PCR of the Secure Boot policy.
const PCR: usize = 7;
/// A variable that the boot is decided by; its data are UEFI_VARIABLE_DATA, and the digest is of them.
const EV_EFI_VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
/// EFI_GLOBAL_VARIABLE, 8be4df61-93ca-11d2-aa0d-00e098032b8c, as it is in memory.
const GLOBAL_VARIABLE: [u8; 16] =
    [0x61, 0xDF, 0xE4, 0x8B, 0xCA, 0x93, 0xD2, 0x11, 0xAA, 0x0D, 0x00, 0xE0, 0x98, 0x03, 0x2B, 0x8C];
/// Name of the variable.
const NAME: &str = "SecureBoot";
/// What a firmware measures that lets a debugger in.
const DEBUG_MODE: &[u8] = b"UEFI Debug Mode";
/// What a firmware measures when it hands over, whatever the log calls it.
const SEPARATOR: &[u8] = &[0; 4];

/// What the log shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecureBoot {
    /// On, and measured so before anything was started.
    On,
    /// Off.
    Off,
    /// A debugger may have changed what was started.
    Debug,
    /// Not measured, or what the log says of it is not what was measured.
    NotMeasured,
}

/// Reads it from a log, which is to be held against PCR 7.
///
/// A log's types and data are anybody's; its digests are not, once they replay to the PCR. So the separator is known by its digest, and
/// the variable counts where its digest is of its data: whoever runs after the firmware can add any event and give any name to
/// the firmware's own, but can put none before the separator.
#[must_use]
pub fn secure_boot(log: &EventLog<'_>) -> SecureBoot {
    let (separator, debug) = (Digest::of(&[SEPARATOR]), Digest::of(&[DEBUG_MODE]));
    let of_policy = log.events.iter().filter(|event| event.pcr == PCR && event.kind != EV_NO_ACTION);
    let mut firmware = Vec::new();
    let mut separated = false;
    for event in of_policy {
        if event.sha256 == separator {
            separated = true;
            break;
        }
        firmware.push(event);
    }
    if !separated {
        return SecureBoot::NotMeasured;
    }
    if firmware.iter().any(|event| event.sha256 == debug) {
        return SecureBoot::Debug;
    }
    let measured = firmware.iter().filter(|event| Digest::of(&[event.data]) == event.sha256);
    let mut values =
        measured.filter(|event| event.kind == EV_EFI_VARIABLE_DRIVER_CONFIG).filter_map(|event| value(event));
    match (values.next(), values.next()) {
        (Some([1]), None) => SecureBoot::On,
        (Some([0]), None) => SecureBoot::Off,
        _ => SecureBoot::NotMeasured,
    }
}

/// The data of the variable, if it is this one: GUID, length of the name in characters, length of the data, name in UTF-16, data.
fn value<'a>(event: &Event<'a>) -> Option<&'a [u8]> {
    let (guid, rest) = event.data.split_first_chunk::<16>()?;
    let (characters, rest) = rest.split_first_chunk::<8>()?;
    let (len, rest) = rest.split_first_chunk::<8>()?;
    let name_len = usize::try_from(u64::from_le_bytes(*characters)).ok()?.checked_mul(2)?;
    let (name, data) = rest.split_at_checked(name_len)?;
    let is_named = name.iter().copied().eq(NAME.encode_utf16().flat_map(u16::to_le_bytes));
    let whole = usize::try_from(u64::from_le_bytes(*len)).ok() == Some(data.len());
    (*guid == GLOBAL_VARIABLE && is_named && whole).then_some(data)
}
