//! PINs as systemd credentials, which the TPM opens in the state of a machine that measured its start, and in no other.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use zeroize::Zeroizing;

use super::error::ConsoleError;
use super::place::{CREDENTIALS, Place};
use super::vault::Vault;
use crate::sys::command::run;

/// Longest wait for a TPM: a slow one takes seconds for a key.
const TPM_WAIT: Duration = Duration::from_secs(120);
/// The machine's Secure Boot state, as a value.
pub(super) const SECURE_BOOT: u8 = 7;
/// The image, by its builder's signature.
const IMAGE: u8 = 11;

/// Where the TPM is: the kernel's, unless a test says otherwise.
#[derive(Clone, Debug, Default)]
pub(super) struct TpmDevice(pub(super) Option<String>);

/// Encrypts a PIN for this machine in this state.
///
/// # Errors
/// The TPM measured nothing, or systemd-creds failed; nothing is written.
pub(super) fn encrypt(
    place: &Place,
    device: &TpmDevice,
    name: &str,
    pin: &str,
    production: bool,
) -> Result<Vec<u8>, ConsoleError> {
    // systemd-creds only warns of an empty PCR; a machine that measures nothing would give the PIN to any system started on it.
    require_measured(place, SECURE_BOOT)?;
    let key = place.pcr_public_key();
    let is_signed = key.is_file();
    if is_signed || production {
        require_measured(place, IMAGE)?;
    }
    if production && !is_signed {
        return Err(ConsoleError::NotMeasured(IMAGE));
    }
    let mut command = creds(device);
    // 12: additions to the command line, none of which is the usual and wanted state.
    command.args(["--tpm2-pcrs=7+12", &format!("--name={name}")]);
    if is_signed {
        command.args(["--with-key=tpm2-with-public-key", "--tpm2-public-key-pcrs=11"]);
        command.arg(format!("--tpm2-public-key={}", key.display()));
    } else {
        command.arg("--with-key=tpm2");
    }
    command.args(["encrypt", "-", "-"]);
    let sealed = done(command, pin.as_bytes().to_vec(), "chiffrement du PIN par le TPM")?;
    Ok(sealed.to_vec())
}

/// The PIN again.
///
/// # Errors
/// The TPM does not give it back in this state, or it is not there.
fn decrypt(device: &TpmDevice, name: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, ConsoleError> {
    let sealed = fs::read(path).map_err(ConsoleError::file(path))?;
    let mut command = creds(device);
    command.args([&format!("--name={name}"), "decrypt", "-", "-"]);
    done(command, sealed, "déchiffrement du PIN par le TPM")
}

/// PINs that the TPM gave back in this visit: it is slow, and each is asked for once.
pub(super) struct Opened<'a> {
    place: &'a Place,
    device: &'a TpmDevice,
    /// By the vault's name.
    pins: BTreeMap<&'static str, Zeroizing<Vec<u8>>>,
}

impl<'a> Opened<'a> {
    /// None yet.
    pub(super) fn new(place: &'a Place, device: &'a TpmDevice) -> Self {
        Self { place, device, pins: BTreeMap::new() }
    }

    /// The PIN of that token.
    ///
    /// # Errors
    /// As [`decrypt`].
    pub(super) fn pin(&mut self, vault: &Vault) -> Result<&[u8], ConsoleError> {
        let pin = match self.pins.entry(vault.name) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let credential = vault.credential();
                let path = self.place.configuration().join(CREDENTIALS).join(&credential);
                unknown.insert(decrypt(self.device, &credential, &path)?)
            }
        };
        Ok(pin)
    }
}

fn creds(device: &TpmDevice) -> Command {
    let mut command = tool("systemd-creds");
    if let Some(device) = &device.0 {
        command.arg(format!("--tpm2-device={device}"));
    }
    command
}

/// A tool of systemd that speaks to the TPM, with nothing of our environment.
pub(super) fn tool(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", "/usr/bin:/usr/sbin:/bin:/sbin")
        .env("LC_ALL", "C")
        .env("TSS2_LOG", "all+none");
    command
}

/// Runs it to its end; its output.
///
/// # Errors
/// It does not run, is late, or complains: told with the step.
pub(super) fn done(
    mut command: Command,
    input: Vec<u8>,
    step: &'static str,
) -> Result<Zeroizing<Vec<u8>>, ConsoleError> {
    let ended = run(&mut command, input, TPM_WAIT).map_err(ConsoleError::not_run(step, &command))?;
    if !ended.status.success() {
        return Err(ConsoleError::Program { step, complaint: ended.complaint.trim().to_owned() });
    }
    Ok(ended.output)
}

/// A PCR that tells machines apart: a secret bound to an empty one would be bound to nothing.
pub(super) fn require_measured(place: &Place, number: u8) -> Result<(), ConsoleError> {
    let told = fs::read_to_string(place.pcr(number)).unwrap_or_default();
    if is_measured(told.trim()) { Ok(()) } else { Err(ConsoleError::NotMeasured(number)) }
}

/// Whether a PCR of the SHA-256 bank holds a measurement: neither zeros nor, as after a failed start, ones alone.
fn is_measured(hex: &str) -> bool {
    let digits = hex.bytes();
    hex.len() == 64
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
        && !digits.clone().all(|b| b == b'0')
        && !digits.clone().all(|b| b.eq_ignore_ascii_case(&b'f'))
}

#[cfg(test)]
mod tests {
    use super::is_measured;

    #[test]
    fn a_pcr_that_nothing_was_measured_into_is_told() {
        let value = |digit: &str| digit.repeat(64);
        for empty in [value("0"), value("F"), value("f"), String::new(), "0".repeat(63), "zz".repeat(32)] {
            assert!(!is_measured(&empty), "{empty}");
        }
        assert!(is_measured(&format!("{}1", "0".repeat(63))));
        assert!(is_measured(&value("A")));
    }
}
