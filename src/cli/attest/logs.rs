//! The logs of what was measured: root's alone to read, so that the attester does not have them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::cli::NotDone;
use crate::config::{TpmPlace, system_words};
use crate::evidence::document::{Evidence, Marshalled};

/// Longest firmware log in bytes. Reason: the kernel's own are some ten to two hundred thousand.
const EVENT_LOG_LEN_MAX: u64 = 2 * 1024 * 1024;
/// Longest log of systemd in bytes: some hundred events of a kilobyte.
const USERSPACE_LOG_LEN_MAX: u64 = 1024 * 1024;

/// Adds the logs to evidence. After the quote: what was measured between the two is missed by the PCRs and told by the verdict.
///
/// # Errors
/// The firmware's log is not there or cannot be read, or one is longer than any.
pub(super) fn add(place: &TpmPlace, evidence: &mut Evidence) -> Result<(), NotDone> {
    let event_log = read(&place.event_log, EVENT_LOG_LEN_MAX)?.ok_or_else(|| {
        NotDone::Usage(format!(
            "le journal de démarrage {} n'existe pas : le noyau n'a pas de journal TPM, ou securityfs n'est pas monté ; corrigez \
             [tpm] event_log",
            place.event_log.display()
        ))
    })?;
    evidence.event_log = Marshalled(event_log);
    evidence.userspace_log = read(&place.userspace_log, USERSPACE_LOG_LEN_MAX)?.map(Marshalled);
    Ok(())
}

/// A log; none if it is not there.
fn read(path: &Path, len_max: u64) -> Result<Option<Vec<u8>>, NotDone> {
    let refused = |cause: &str| {
        let remedy = "faites cette commande en tant que root";
        NotDone::Usage(format!("{} ne peut pas être lu ({cause}) ; {remedy}", path.display()))
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(refused(&system_words(&cause))),
    };
    let mut bytes = Vec::new();
    file.take(len_max + 1).read_to_end(&mut bytes).map_err(|cause| refused(&system_words(&cause)))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= len_max) {
        Ok(Some(bytes))
    } else {
        Err(refused(&format!("plus de {len_max} octets")))
    }
}
