//! The factory reset: keys, ledger and settings made unreadable for good, and a machine that starts blank.
//!
//! Order: first the firmware is told, so that a machine that loses its power makes a new state at its next start; then the state's
//! key slots, whose loss nobody undoes; then the TPM, without which copies of the slots open nothing either.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use super::credential::TpmDevice;
use super::error::ConsoleError;
use super::place::Place;
use crate::tpm::device::Tpm;

/// The kernel's resource manager.
const TPM: &str = "device:/dev/tpmrm0";
/// What LUKS2 keeps before its data by default: two headers and all key slots (LUKS2 On-Disk Format, 2.1); as much again for one that was
/// made with more.
const SLOTS_LEN: u64 = 32 << 20;
/// Bytes that are written at once.
const CHUNK_LEN: usize = 1 << 20;
/// EFI_VARIABLE_NON_VOLATILE, BOOTSERVICE_ACCESS, RUNTIME_ACCESS (UEFI 2.10, 8.2), before the value as efivarfs has it.
const ATTRIBUTES: [u8; 4] = 7_u32.to_le_bytes();
/// What systemd-repart takes as yes.
const YES: &str = "yes";

/// Makes the state unreadable for good.
///
/// After `Ok` nothing opens the state, and the next start makes a new one. After `Err` some of it is done, and doing it again is
/// right; nothing is done if the firmware could not be told, because the machine would not start any more.
///
/// # Errors
/// Each step that failed.
pub(super) fn reset(place: &Place, device: &TpmDevice) -> Result<(), ConsoleError> {
    let variable = place.factory_reset();
    told(&variable).map_err(ConsoleError::file(&variable))?;
    let state = place.state_device();
    let slots = overwritten(&state).map_err(ConsoleError::file(&state));
    let cleared = Tpm::open(device.0.as_deref().unwrap_or(TPM), None).and_then(Tpm::clear).map_err(|cause| {
        let text = format!("il ne s'efface pas ({cause}) ; effacez-le dans le microprogramme (« Clear TPM »)");
        ConsoleError::refused("TPM", text)
    });
    match (slots, cleared) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(one), Ok(())) | (Ok(()), Err(one)) => Err(one),
        (Err(one), Err(two)) => Err(ConsoleError::Refused([one.refusals(), two.refusals()].concat())),
    }
}

/// Tells the firmware; the same request of before stands.
fn told(variable: &Path) -> io::Result<()> {
    let mut value = ATTRIBUTES.to_vec();
    value.extend(YES.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
    match OpenOptions::new().write(true).create_new(true).open(variable) {
        // One write: efivarfs takes a variable whole.
        Ok(mut file) => file.write_all(&value),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            let stands = std::fs::read(variable).is_ok_and(|told| told == value);
            if stands { Ok(()) } else { Err(cause) }
        }
        Err(cause) => Err(cause),
    }
}

/// Overwrites both headers and every key slot with what nobody knows.
fn overwritten(device: &Path) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).open(device)?;
    let len = file.seek(SeekFrom::End(0))?.min(SLOTS_LEN);
    file.seek(SeekFrom::Start(0))?;
    let mut chunk = vec![0; CHUNK_LEN];
    let mut left = len;
    while left > 0 {
        aws_lc_rs::rand::fill(&mut chunk).map_err(|_| io::Error::from(io::ErrorKind::Other))?;
        let part = usize::try_from(left).unwrap_or(CHUNK_LEN).min(CHUNK_LEN);
        file.write_all(chunk.get(..part).unwrap_or_default())?;
        left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
    }
    file.sync_all()
}
