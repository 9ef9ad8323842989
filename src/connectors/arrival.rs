//! Images that somebody brought: each whole and of a known vendor, beside those in use until an order names it.
//!
//! An image does not take the place of another one by its name: what the ledger names goes on running until the ledger names
//! the new one, and [`super::apply`] is who exchanges them.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::image::{Image, NotGood};
use super::vendor::Vendors;
use crate::policy::connectors::{Name, RootHash};

/// Folder of arrivals beside the images of one kind.
const FOLDER: &str = "incoming";

/// What came of an image that was brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It waits for an order that names it.
    Waits(RootHash),
    /// It was here before, waiting or in its place.
    Known(RootHash),
}

/// Where copies are made, beside the images of `images`; one that lies there under another name than an image's is nothing.
#[must_use]
pub fn arrivals(images: &Path) -> PathBuf {
    images.join(FOLDER)
}

/// Judges a copy in [`arrivals`], every block of it, and gives it its name there.
///
/// Trusts that nobody else writes that folder. After `Ok` the copy has its name, durably, or is gone because the same image is
/// here. After `Err` it is gone too.
///
/// # Errors
/// What stands against it; the file system.
pub fn admit(images: &Path, name: &Name, copy: &Path, vendors: &Vendors) -> Result<Arrival, NotGood> {
    let admitted = judge_copy(images, name, copy, vendors);
    if !matches!(admitted, Ok(Arrival::Waits(_))) {
        let _ = fs::remove_file(copy);
    }
    admitted
}

fn judge_copy(images: &Path, name: &Name, copy: &Path, vendors: &Vendors) -> Result<Arrival, NotGood> {
    fs::set_permissions(copy, Permissions::from_mode(0o644)).map_err(NotGood::Unreadable)?;
    let image = Image::read(copy)?;
    let hash = image.hash();
    image.judge(hash, vendors)?;
    // By its file, which was brought: one of that hash in its place may be spoilt, and is then what this one mends.
    image.verify()?;
    let waiting = waiting(images, name);
    let is_there =
        |path: &Path| Image::read(path).is_ok_and(|there| there.hash() == hash && there.verify().is_ok());
    if is_there(&in_place(images, name)) || is_there(&waiting) {
        return Ok(Arrival::Known(hash));
    }
    renamed(copy, &waiting).map_err(NotGood::Unreadable)?;
    Ok(Arrival::Waits(hash))
}

/// Whether the wanted image is in its place, taken there from the arrivals if that is where it is.
///
/// # Errors
/// What stands against the one in its place.
pub(super) fn settled(images: &Path, name: &Name, wanted: RootHash, vendors: &Vendors) -> Result<(), NotGood> {
    let (place, waiting) = (in_place(images, name), waiting(images, name));
    let judged = |path: &Path| Image::read(path)?.judge(wanted, vendors);
    // A new copy of the one in its place is there because somebody mends it; whoever runs on the old one is restarted by an order.
    match judged(&waiting) {
        Ok(()) => renamed(&waiting, &place).map_err(NotGood::Unreadable),
        Err(_) => judged(&place),
    }
}

fn in_place(images: &Path, name: &Name) -> PathBuf {
    images.join(format!("{name}.raw"))
}

fn waiting(images: &Path, name: &Name) -> PathBuf {
    in_place(&arrivals(images), name)
}

/// One step, then durable at both ends: a crash leaves it at one of them.
fn renamed(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    [from, to].iter().filter_map(|path| path.parent()).try_for_each(|folder| File::open(folder)?.sync_all())
}
