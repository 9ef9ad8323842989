//! The TPM by its TCTI, opened for one task and left as it was found.

use std::str::FromStr as _;

use tss_esapi::Context;
use tss_esapi::constants::PropertyTag;
use tss_esapi::handles::KeyHandle;
use tss_esapi::interface_types::session_handles::AuthSession;
use tss_esapi::tcti_ldr::TctiNameConf;

use super::TpmError;
use super::session;

/// The name of the TPM's storage key (the hash algorithm's number, then the digest of its public area): what tells this TPM
/// from another one, and from somebody on the wire who plays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TpmName(pub Vec<u8>);

/// `inLockout` of TPMA_PERMANENT.
const IN_LOCKOUT: u32 = 1 << 9;

/// `lockoutAuthSet`.
const LOCKOUT_AUTH_SET: u32 = 1 << 2;

/// An open TPM; dropped, it holds nothing of ours but what is persistent.
#[derive(Debug)]
pub struct Tpm {
    pub(super) context: Context,
    /// The owner's storage key: sessions are salted with it, sealed objects are its children.
    storage: Option<KeyHandle>,
    name: TpmName,
    /// The session that every command goes through: answers are authentic, secrets encrypted on the wire.
    pub(super) session: AuthSession,
}

impl Tpm {
    /// Opens the TPM at that TCTI; `expected` is its name at the enrolment, none before.
    ///
    /// After `Ok` whoever answered has the private half of the storage key of that name, since the session is salted with
    /// it. Trusts that owner authorisation is empty, as Linux leaves it.
    ///
    /// # Errors
    /// [`TpmError`]; nothing stays open.
    pub fn open(tcti: &str, expected: Option<&TpmName>) -> Result<Self, TpmError> {
        let place = tcti_of(tcti)?;
        let mut context = Context::new(place).map_err(|error| TpmError::Absent(error.to_string()))?;
        let (storage, name) = session::storage_key(&mut context)?;
        let name = TpmName(name.value().to_vec());
        if expected.is_some_and(|expected| *expected != name) {
            return Err(TpmError::Other);
        }
        let session = session::salted(&mut context, storage)?;
        Ok(Self { context, storage: Some(storage), name, session })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &TpmName {
        &self.name
    }

    /// Whether protected objects are refused after too many wrong secrets (TPMA_PERMANENT, TPM 2.0 Part 2 §8.6).
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn in_lockout(&mut self) -> Result<bool, TpmError> {
        self.is_permanently(IN_LOCKOUT)
    }

    /// Whether a secret guards the lockout. Without one whoever starts another system ends each lockout, and wrong secrets count for
    /// nothing (TPM2_DictionaryAttackLockReset).
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn is_lockout_guarded(&mut self) -> Result<bool, TpmError> {
        self.is_permanently(LOCKOUT_AUTH_SET)
    }

    fn is_permanently(&mut self, flag: u32) -> Result<bool, TpmError> {
        let permanent = self.context.get_tpm_property(PropertyTag::Permanent)?;
        Ok(permanent.is_some_and(|flags| flags & flag != 0))
    }

    /// Gives up the storage key's place in the TPM, which has room for three objects; the session stays salted.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn release(&mut self) -> Result<(), TpmError> {
        if let Some(storage) = self.storage.take() {
            self.context.flush_context(storage.into())?;
        }
        Ok(())
    }

    /// The storage key, made again if it was given up.
    pub(super) fn storage(&mut self) -> Result<KeyHandle, TpmError> {
        if let Some(storage) = self.storage {
            return Ok(storage);
        }
        let (storage, name) = session::storage_key(&mut self.context)?;
        if name.value() != self.name.0 {
            return Err(TpmError::Other);
        }
        self.storage = Some(storage);
        Ok(storage)
    }

    /// A plain session beside the encrypting one, for a command that two objects authorise.
    pub(super) fn second_session(&mut self) -> Result<AuthSession, TpmError> {
        session::plain(&mut self.context)
    }

    /// Runs commands through the session.
    pub(super) fn in_session<T>(
        &mut self,
        commands: impl FnOnce(&mut Context) -> tss_esapi::Result<T>,
    ) -> Result<T, TpmError> {
        let session = self.session;
        Ok(self.context.execute_with_session(Some(session), commands)?)
    }
}

/// Reads a TCTI. `swtpm:path=…` is refused: the library would take it silently for port 2321 of this machine.
///
/// # Errors
/// [`TpmError::Tcti`].
pub fn tcti_of(tcti: &str) -> Result<TctiNameConf, TpmError> {
    let wrong = || TpmError::Tcti(tcti.to_owned());
    let known = ["device:/", "swtpm:host=", "tabrmd:"].iter().any(|kind| tcti.starts_with(kind));
    if !known {
        return Err(wrong());
    }
    TctiNameConf::from_str(tcti).map_err(|_| wrong())
}
