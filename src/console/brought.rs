//! A provisioning as somebody brought it: signed text and pinned files, judged before anything is made.

use std::fs;
use std::path::Path;

use super::accepted::{NotAccepted, PROVISIONING, accepted};
use super::error::{ConsoleError, Refusal};
use super::place::Place;
use super::stick::{FILE_LEN_MAX, Stick, read_file};
use crate::config::provisioning::{PROVISIONING_LEN_MAX, Provisioning};
use crate::policy::sshsig::ENVELOPE_LEN_MAX;
use crate::traces::digest::Digest;
use crate::vihf::instant::Instant;

/// Name of the file on the stick, in `sceau/`.
pub(super) const FILE: &str = "provisioning.toml";
/// Name of its signature.
pub(super) const SIGNATURE: &str = "provisioning.toml.sig";
/// Longest list of signers in bytes.
const KEYS_LEN_MAX: u64 = 64 * 1024;

/// A provisioning that may be applied.
#[derive(Debug)]
pub(super) struct Brought {
    pub(super) provisioning: Provisioning,
    /// Its exact bytes.
    pub(super) text: String,
    /// Its signature and who made it; none: it was typed at the console.
    pub(super) signed: Option<(String, String)>,
    /// Name and content of the pinned files.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// The signed text that is on the stick, and who signed it; None: there is none.
///
/// # Errors
/// It is there and not signed by somebody whom the image names.
pub(super) fn signed_text(place: &Place, stick: &Stick) -> Result<Option<(String, String, String)>, ConsoleError> {
    let name = Path::new(FILE);
    let read = |name: &str, max: usize| {
        stick.read(name, u64::try_from(max).unwrap_or(u64::MAX)).map_err(ConsoleError::file(Path::new(name)))
    };
    let Some(bytes) = read(FILE, PROVISIONING_LEN_MAX)? else { return Ok(None) };
    let Some(armour) = read(SIGNATURE, ENVELOPE_LEN_MAX)? else {
        let text = format!(
            "{SIGNATURE} manque à côté ; faites signer le fichier (ssh-keygen -Y sign -n fr.sceau.provisioning)"
        );
        return Err(ConsoleError::refused(FILE, text));
    };
    let keys = read_file(&place.provisioning_keys(), KEYS_LEN_MAX).ok().flatten().unwrap_or_default();
    let keys = String::from_utf8(keys).unwrap_or_default();
    let armour = String::from_utf8(armour)
        .map_err(|_| ConsoleError::refused(SIGNATURE, NotAccepted::Form(PROVISIONING).to_string()))?;
    let by = accepted(&keys, PROVISIONING, &bytes, &armour)
        .map_err(|cause| ConsoleError::refused(SIGNATURE, cause.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| {
        ConsoleError::refused(name.display().to_string(), "ce n'est pas un texte UTF-8 ; refaites-le")
    })?;
    Ok(Some((text, armour, by)))
}

impl Brought {
    /// Reads a signed text with the files that it pins.
    ///
    /// # Errors
    /// Everything that stands against it: its form, its last day, another machine, a file that is missing or another one.
    pub(super) fn read(
        place: &Place,
        stick: &Stick,
        text: String,
        signed: Option<(String, String)>,
        now: Instant,
    ) -> Result<Self, ConsoleError> {
        let faults = |faults: Vec<_>| ConsoleError::Refused(faults.iter().map(Refusal::of_fault).collect());
        let provisioning = Provisioning::parse(Path::new(FILE), &text).map_err(faults)?;
        let mut refusals = Vec::new();
        if now >= provisioning.ends_at {
            let cause =
                "until est passé à l'horloge de cette machine ; refaites signer le fichier, ou vérifiez l'horloge";
            refusals.push(Refusal::new(FILE, cause));
        }
        let serial = serial(place);
        if provisioning.machine.as_deref().is_some_and(|wanted| wanted != serial) {
            let cause = format!(
                "machine n'est pas celle-ci ({serial}) ; prenez la clé USB de cette machine, ou corrigez machine"
            );
            refusals.push(Refusal::new(FILE, cause));
        }
        let mut files = Vec::new();
        for file in &provisioning.files {
            let name = format!("files/{}", file.name);
            match stick.read(&name, FILE_LEN_MAX) {
                Ok(Some(bytes)) if Digest::of(&[&bytes]) == file.digest => files.push((file.name.clone(), bytes)),
                Ok(Some(_)) => {
                    let cause =
                        "ce n'est pas le fichier qui a été signé (sha256) ; remettez-le, ou refaites signer";
                    refusals.push(Refusal::new(name, cause));
                }
                Ok(None) => refusals
                    .push(Refusal::new(name, "ce fichier manque sur la clé USB ; ajoutez-le dans sceau/files")),
                Err(cause) => {
                    refusals.push(Refusal::new(name, format!("il ne se lit pas ({cause}) ; recopiez-le")))
                }
            }
        }
        if refusals.is_empty() {
            Ok(Self { provisioning, text, signed, files })
        } else {
            Err(ConsoleError::Refused(refusals))
        }
    }
}

/// The serial number of this machine as the firmware tells it.
pub(super) fn serial(place: &Place) -> String {
    let told = fs::read_to_string(place.serial()).unwrap_or_default();
    let told = told.trim();
    if told.is_empty() { "sans numéro de série".to_owned() } else { super::report::plain(told) }
}
