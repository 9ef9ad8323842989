//! The stick: a folder that somebody brought, read within limits, and answers written for him.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Folder of ours on a stick.
const OURS: &str = "sceau";
/// A file of this name asks for every request again, and for orders of new keys.
pub(super) const RENEW: &str = "renouveler.txt";
/// Largest file that is read, in bytes: a register of 20,000 practitioners is a quarter of it.
pub(super) const FILE_LEN_MAX: u64 = 64 * 1024 * 1024;
/// Bytes that are copied at once: few calls on a slow stick.
const COPY_LEN: usize = 1 << 20;
/// Most names of a folder that are looked at.
const NAMES_MAX: usize = 64;

/// A stick at its mount point.
#[derive(Debug)]
pub(super) struct Stick {
    folder: PathBuf,
}

impl Stick {
    /// The stick that is mounted there.
    pub(super) fn at(mount: &Path) -> Self {
        Self { folder: mount.join(OURS) }
    }

    /// Whether anything on it is for us.
    pub(super) fn is_ours(&self) -> bool {
        self.folder.is_dir()
    }

    /// A file of at most `max` bytes below our folder; None: it is not there. Links are not followed, and nothing but a
    /// regular file is opened.
    pub(super) fn read(&self, name: &str, max: u64) -> io::Result<Option<Vec<u8>>> {
        read_file(&self.folder.join(name), max)
    }

    /// Copies a regular file of at most `max` bytes below our folder, durably, while `seen` is shown every byte; links are not
    /// followed. The copy is its owner's alone. After `Err` a part of it may be there.
    pub(super) fn copy(&self, name: &str, to: &Path, max: u64, mut seen: impl FnMut(&[u8])) -> io::Result<()> {
        let path = self.folder.join(name);
        if !path.symlink_metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut source = File::open(path)?.take(max.saturating_add(1));
        let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
        let (mut buffer, mut len) = (vec![0; COPY_LEN], 0_u64);
        loop {
            let read = source.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            len += u64::try_from(read).unwrap_or(u64::MAX);
            if len > max {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            seen(bytes);
            target.write_all(bytes)?;
        }
        target.sync_all()
    }

    /// Length in bytes of a file below our folder.
    pub(super) fn len(&self, name: &str) -> io::Result<u64> {
        Ok(self.folder.join(name).symlink_metadata()?.len())
    }

    /// Whether a renewal is asked for.
    pub(super) fn asks_renewal(&self) -> bool {
        self.len(RENEW).is_ok()
    }

    /// Asks for one.
    pub(super) fn ask_renewal(&self) -> io::Result<()> {
        File::create(self.folder.join(RENEW))?.sync_all()
    }

    /// It was answered; a stick that is written by nobody asks again.
    pub(super) fn renewal_answered(&self) {
        let _ = fs::remove_file(self.folder.join(RENEW));
    }

    /// Names of files of a folder of ours with that ending, sorted; what is no plain name is left out.
    pub(super) fn names(&self, folder: &str, ending: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.folder.join(folder)) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._- ".contains(&b));
        // Editors and other systems leave files that begin with a dot.
        let mut names: Vec<_> =
            names.filter(|name| is_plain(name) && name.ends_with(ending) && !name.starts_with('.')).collect();
        names.sort();
        names.truncate(NAMES_MAX);
        names
    }

    /// Puts an answer into `sceau/answers/`, whole or not at all, over an older one of that name.
    ///
    /// A vfat file system knows no modes and no hard links: written aside, made durable, renamed.
    pub(super) fn answer(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let folder = self.folder.join("answers");
        fs::create_dir_all(&folder)?;
        let (aside, path) = (folder.join(format!("{name}.new")), folder.join(name));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        // vfat gives the new name its length only when the file is written out again (Linux, `vfat_rename`): without this a stick that
        // is pulled before it is let go has an empty answer.
        file.sync_all()?;
        File::open(&folder)?.sync_all()
    }

    /// An answer of before, if it is a short one.
    pub(super) fn answered(&self, name: &str) -> Option<Vec<u8>> {
        read_file(&self.folder.join("answers").join(name), 64 * 1024).ok().flatten()
    }

    /// Takes an answer of before away, so that it is not taken for one of now.
    pub(super) fn withdraw(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.folder.join("answers").join(name)) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
            _ => Ok(()),
        }
    }
}

/// A regular file of at most `max` bytes; None: it is not there.
pub(super) fn read_file(path: &Path, max: u64) -> io::Result<Option<Vec<u8>>> {
    // Asked before opening: opening a FIFO would wait for its writer, and a link may lead anywhere.
    let metadata = match path.symlink_metadata() {
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some(bytes))
}
