//! What a stick brings for connectors and the signers: images, copied and judged, and settings; kept until an order names them.

use std::fs;
use std::path::Path;

use super::apply::systemctl;
use super::error::{ConsoleError, Refusal};
use super::folder;
use super::place::Place;
use super::report::Report;
use super::stick::Stick;
use crate::connectors::{Arrival, Places, Vendors, admit, arrivals, keep};
use crate::policy::connectors::{Name, SETTING_LEN_MAX};
use crate::sys::space;
use crate::traces::digest::Digest;

/// Ending of an image's name.
const ENDING: &str = ".raw";
/// Largest image in bytes: ten times the largest of ours; a vendor's with a runtime of its own has room.
const IMAGE_LEN_MAX: u64 = 256 << 20;
/// Room of the state's disk that no image takes, in bytes: the ledger grows for ten years.
const FREE_MIN: u64 = 256 << 20;

/// What an image is, and the folder of its kind on a stick.
const KINDS: [(&str, &str); 2] = [("connectors", "connecteur"), ("modules", "module")];

/// Folder of settings on a stick.
const SETTINGS: &str = "settings";

/// Takes the images and settings of the stick; whether there was one that counts. What stands against one goes to the report, and
/// keeps no other one out.
pub(super) fn bring(place: &Place, stick: &Stick, report: &mut Report) -> bool {
    let places = Places::below(&place.at("/"));
    let mut brought = false;
    for ((folder, kind), images) in KINDS.into_iter().zip([&places.images, &places.modules]) {
        for file in stick.names(folder, ENDING) {
            match take(stick, &format!("{folder}/{file}"), &file, images, &places.vendors) {
                Ok((name, Arrival::Known(hash))) => {
                    report.did(format!("image du {kind} {name} : déjà là, racine {hash}"));
                }
                Ok((name, Arrival::Waits(hash))) => {
                    brought = true;
                    report.did(format!("image du {kind} {name} vérifiée et reçue, racine {hash}"));
                    report.next(format!(
                        "l'image du {kind} {name} ne sert que si un ordre la nomme : sceau {folder} attach --name {name} --root-hash {hash}"
                    ));
                }
                Err(error) => report.failed(&error),
            }
        }
    }
    for file in stick.names(SETTINGS, "") {
        match take_setting(stick, &format!("{SETTINGS}/{file}"), &places.images) {
            Ok(digest) => {
                brought = true;
                report.did(format!("réglage {file} reçu, sha256 {digest} : il ne sert que si un ordre le nomme"));
            }
            Err(error) => report.failed(&error),
        }
    }
    brought
}

fn take_setting(stick: &Stick, on_stick: &str, images: &Path) -> Result<Digest, ConsoleError> {
    let read = stick.read(on_stick, SETTING_LEN_MAX).map_err(ConsoleError::file(Path::new(on_stick)))?;
    folder::make(images, 0o755, None)?;
    has_room(images, SETTING_LEN_MAX, on_stick)?;
    keep(images, &read.unwrap_or_default()).map_err(|cause| ConsoleError::refused(on_stick, cause.to_string()))
}

/// Whether that many bytes leave the ledger its room.
fn has_room(folder: &Path, len: u64, on_stick: &str) -> Result<(), ConsoleError> {
    if space::free(folder).map_err(ConsoleError::file(folder))? < len.saturating_add(FREE_MIN) {
        let cause = "le disque n'a plus la place qui reste au journal ; sauvegardez et purgez, ou prenez un disque plus grand";
        return Err(ConsoleError::refused(on_stick, cause));
    }
    Ok(())
}

/// Has what the ledger names attached now: its order may be older than its image.
///
/// # Errors
/// The service manager.
pub(super) fn attach(place: &Place) -> Result<(), ConsoleError> {
    if place.is_staged() { Ok(()) } else { systemctl(&["--no-block", "start", "sceau-connectors.service"]) }
}

fn take(
    stick: &Stick,
    on_stick: &str,
    file: &str,
    images: &Path,
    vendors: &Path,
) -> Result<(Name, Arrival), ConsoleError> {
    let refused = |text: &str| ConsoleError::refused(on_stick, text);
    let name = file.strip_suffix(ENDING).and_then(Name::parse).ok_or_else(|| {
        refused("ce nom n'est pas celui d'un connecteur ou module (a-z 0-9 -, une lettre d'abord) ; renommez ce fichier")
    })?;
    let len = stick.len(on_stick).map_err(ConsoleError::file(Path::new(on_stick)))?;
    if len > IMAGE_LEN_MAX {
        return Err(refused("cette image dépasse 256 Mio ; demandez au fournisseur une image plus petite"));
    }
    let folder = arrivals(images);
    folder::make(images, 0o755, None)?;
    folder::make(&folder, 0o700, None)?;
    has_room(&folder, len, on_stick)?;
    let vendors = Vendors::read(vendors).map_err(ConsoleError::file(vendors))?;
    // One at a time: what a power cut leaves is written over by the next.
    let aside = folder.join(".new");
    if let Err(cause) = stick.copy(on_stick, &aside, IMAGE_LEN_MAX, |_| {}) {
        let _ = fs::remove_file(&aside);
        return Err(ConsoleError::file(Path::new(on_stick))(cause));
    }
    let arrival = admit(images, &name, &aside, &vendors)
        .map_err(|cause| ConsoleError::Refused(vec![Refusal::new(on_stick, cause.to_string())]))?;
    Ok((name, arrival))
}
