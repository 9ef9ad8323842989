//! Modules where `systemd-sysext` looks for them: a link for each that is attached, and its root hash beside it.

use std::fs;
use std::io;
use std::path::Path;

use super::told::ToldModule;
use crate::sys::durable;

/// Makes the folder of links exactly these modules.
///
/// systemd reads the root hash from the file beside an image, and then takes no other from the image: it is written beside the link
/// and beside the image, so that it counts by whichever name the image is opened.
///
/// # Errors
/// The folders cannot be read or written; what was done is done again at the next call.
pub(super) fn keep(modules: &[&ToldModule], images: &Path, links: &Path) -> io::Result<()> {
    fs::create_dir_all(links)?;
    for entry in fs::read_dir(links)? {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !modules.iter().any(|module| module.name.as_str() == stem) {
            fs::remove_file(&path)?;
        }
    }
    for module in modules {
        let file = |folder: &Path, ending: &str| folder.join(format!("{}.{ending}", module.name));
        let hash = module.image.to_string();
        let (image, link) = (file(images, "raw"), file(links, "raw"));
        for beside in [file(images, "roothash"), file(links, "roothash")] {
            if fs::read_to_string(&beside).ok().as_deref() != Some(hash.as_str()) {
                durable::replace(&beside, hash.as_bytes(), 0o644)?;
            }
        }
        if fs::read_link(&link).ok().as_deref() != Some(&image) {
            match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => std::os::unix::fs::symlink(&image, &link)?,
            }
        }
    }
    Ok(())
}
