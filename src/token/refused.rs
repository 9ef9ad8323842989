//! The memory of PINs that a token did not take: shared by all keys and processes of the token, kept over restarts.
//!
//! A token counts wrong PINs and locks itself; a TPM's lockout counts them for everybody. The folder (the signers' own)
//! holds for each token `<token>.pin-refused`, the [`PinRecords`], readable by its owner, who can read the PINs as well;
//! and `<token>.pin-lock`, locked (flock(2)) from the look at the memory to the token's answer, so that of several
//! processes only one ever tries. A try is remembered before it is made: a module that crashes or hangs in `C_Login`, or
//! a power cut, counts as an unclear failure. Who empties the folder allows one more try.
//!
//! `<token>.pin-accepted`, in a folder that is gone with the machine's start, holds a salted digest of the PIN that the token
//! took last: one unclear failure of it is tried again soon. On a disk it would help whoever wants to guess the PIN.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{Context, SHA256};

use super::attempt::Attempt;
use super::cause::PinRefusal;
use super::error::TokenError;
use super::pin::Pin;
use super::pin_record::{PinRecords, Trace, Verdict};
use super::uri::hex;
use crate::config::PinSource;

/// Octets of the hash in a file's name: enough that no two tokens of a machine meet, short enough to be typed.
const NAME_LEN: usize = 8;

/// Stands before every login: knows the folder of the memories.
#[derive(Clone, Debug)]
pub struct PinGuard {
    folder: PathBuf,
    volatile: Option<PathBuf>,
}

/// The memory of one token.
#[derive(Clone, Debug)]
pub(super) struct TokenMemory {
    marker: PathBuf,
    /// Where the PIN that was taken last is remembered; none: nobody vouches for any.
    accepted: Option<PathBuf>,
}

impl PinGuard {
    /// The guard with its memories in `folder`, which only the signers' user may write.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), volatile: None }
    }

    /// The same, which also remembers the PINs that were taken, in a folder in memory (`/run`) that only the signers' user
    /// may write.
    #[must_use]
    pub fn remembering(self, volatile: &Path) -> Self {
        Self { volatile: Some(volatile.to_owned()), ..self }
    }

    /// The folder that systemd keeps for the signers over restarts (`StateDirectory=`), where it tells one.
    #[must_use]
    pub fn state_directory() -> Option<PathBuf> {
        let state = std::env::var_os("STATE_DIRECTORY").filter(|folders| !folders.is_empty())?;
        // Several are separated by colons; a drop-in may add its own behind ours.
        std::env::split_paths(&state).next()
    }

    /// The memory of the token that `module` calls so; the same for every key and every spelling of the module's path.
    pub(super) fn token(&self, module: &Path, serial: &str, label: &str) -> TokenMemory {
        // A bare name is searched for by the loader; such a one stands for itself.
        let module = fs::canonicalize(module).unwrap_or_else(|_| module.to_owned());
        let mut context = Context::new(&SHA256);
        for part in [module.as_os_str().as_bytes(), serial.as_bytes(), label.as_bytes()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let name = hex(context.finish().as_ref().get(..NAME_LEN).unwrap_or_default());
        self.memory(self.folder.join(format!("{name}.pin-refused")))
    }

    fn memory(&self, marker: PathBuf) -> TokenMemory {
        let name = marker.with_extension("pin-accepted");
        let accepted = self.volatile.as_deref().zip(name.file_name()).map(|(folder, name)| folder.join(name));
        TokenMemory { marker, accepted }
    }

    /// Whether the memory at `marker` still forbids the PIN that `source` gives now: asks neither the library nor the token.
    ///
    /// Anything that cannot be read is no hold: the next opening says what is wrong with it.
    #[must_use]
    pub fn is_held(&self, marker: &Path, source: &PinSource) -> bool {
        let memory = self.memory(marker.to_owned());
        match (Pin::read(source), memory.load(), now_ms()) {
            (Ok(pin), Ok(Some(records)), Ok(now)) => {
                records.verdict(&pin, now, memory.vouches(&pin)) != Verdict::Free
            }
            (Ok(_), Ok(None), _) => true,
            _ => false,
        }
    }
}

impl TokenMemory {
    /// The file that remembers; removing it allows one more try.
    pub(super) fn marker(&self) -> PathBuf {
        self.marker.clone()
    }

    pub(super) fn aside(&self) -> PathBuf {
        self.marker.with_extension("pin-refused.new")
    }

    pub(super) fn error(&self, cause: io::Error) -> TokenError {
        TokenError::Memory { path: self.marker(), cause }
    }

    /// `None`: not understood.
    fn load(&self) -> io::Result<Option<PinRecords>> {
        match fs::read(&self.marker) {
            Ok(bytes) => Ok(PinRecords::parse(&bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(Some(PinRecords::default())),
            Err(cause) => Err(cause),
        }
    }

    /// Waits for other processes of this token, then allows one try unless the memory forbids it.
    pub(super) fn admit<'a>(&'a self, pin: &'a Pin) -> Result<Attempt<'a>, TokenError> {
        let path = self.marker.with_extension("pin-lock");
        let failed = |cause| TokenError::Memory { path: path.clone(), cause };
        let lock = self.lock_file(&path).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let marker = self.marker();
        let records = self.load().map_err(|cause| self.error(cause))?;
        let Some(mut before) = records else { return Err(PinRefusal::Remembered { marker }.into()) };
        let now = now_ms().map_err(|cause| self.error(cause))?;
        if let Some(rewound) = before.rewound(now) {
            self.save(&rewound).map_err(|cause| self.error(cause))?;
            before = rewound;
        }
        match before.verdict(pin, now, self.vouches(pin)) {
            Verdict::Free => {}
            Verdict::Refused => return Err(PinRefusal::Remembered { marker }.into()),
            Verdict::Full => return Err(PinRefusal::Full { marker }.into()),
            Verdict::Wait => return Err(TokenError::LoginPaced { marker }),
        }
        Ok(Attempt::new(self, pin, before, lock))
    }

    /// Whether the token has taken this PIN since the machine's start, and no other after it.
    pub(super) fn vouches(&self, pin: &Pin) -> bool {
        let read = |path| {
            let trace = fs::read(path).ok().and_then(|bytes| Trace::parse(&bytes));
            trace.is_some_and(|trace| trace.is_of(pin))
        };
        self.accepted.as_deref().is_some_and(read)
    }

    /// The token took this PIN. Not remembered, it only waits longer one day.
    pub(super) fn vouch(&self, pin: &Pin) {
        let Some(path) = self.accepted.as_deref().filter(|_| !self.vouches(pin)) else { return };
        let write = |trace: Trace| crate::sys::durable::replace(path, &trace.to_bytes(), 0o600);
        if let Err(cause) = Trace::of(pin).and_then(write) {
            tracing::debug!(path = %path.display(), %cause, "an accepted PIN is not remembered");
        }
    }

    /// The token refused a PIN: nobody knows any more which one it takes.
    pub(super) fn vouch_for_none(&self) {
        let _ = self.accepted.as_deref().map(fs::remove_file);
    }

    fn lock_file(&self, path: &Path) -> io::Result<File> {
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(file) => self.give(&file).map(|()| file),
            // Somebody else's, opened as it is: what is only locked cannot be harmed.
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
                OpenOptions::new().write(true).open(path)
            }
            Err(cause) => Err(cause),
        }
    }

    /// Gives a file that this process has just made to the folder's owner: what root remembers at a key ceremony, the
    /// signers must be able to read and forget.
    fn give(&self, file: &File) -> io::Result<()> {
        let folder = fs::metadata(self.marker.parent().unwrap_or(Path::new("/")))?;
        let made = file.metadata()?;
        if folder.uid() == made.uid() {
            return Ok(());
        }
        match fchown(file, Some(folder.uid()), Some(folder.gid())) {
            // Not root, in a folder that is somebody else's: it stays ours.
            Err(cause) if cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            done => done,
        }
    }

    pub(super) fn save(&self, records: &PinRecords) -> io::Result<()> {
        if records.is_empty() {
            return match fs::remove_file(&self.marker) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
                _ => Ok(()),
            };
        }
        self.write_aside(records)?;
        self.take_aside()
    }

    pub(super) fn write_aside(&self, records: &PinRecords) -> io::Result<()> {
        let path = self.aside();
        // A file that a crash left may have any mode.
        match fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        self.give(&file)?;
        file.write_all(&records.to_bytes())?;
        file.sync_all()
    }

    pub(super) fn take_aside(&self) -> io::Result<()> {
        fs::rename(self.aside(), &self.marker)?;
        self.marker.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> io::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    u64::try_from(since.as_millis()).map_err(io::Error::other)
}

#[cfg(test)]
#[path = "refused_tests.rs"]
mod tests;
