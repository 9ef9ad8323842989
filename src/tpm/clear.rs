//! The end of what this TPM keeps for its owner.

use tss_esapi::handles::AuthHandle;

use super::TpmError;
use super::device::Tpm;

impl Tpm {
    /// Clears the TPM (TPM2_Clear, TPM 2.0 Part 3 §24.6).
    ///
    /// After `Ok` the owner's seed is another one: whatever was sealed under the old one, here or elsewhere, opens never again, and the
    /// owner's indices and keys are gone. What the manufacturer put there stays. After `Err` nothing has changed.
    ///
    /// # Errors
    /// [`TpmError`]: a secret guards the lockout, or the firmware has forbidden it.
    pub fn clear(mut self) -> Result<(), TpmError> {
        self.release()?;
        // Nothing secret crosses the wire, and no key of the owner's stands behind the session: it ends with this command.
        let session = self.second_session()?;
        Ok(self.context.execute_with_session(Some(session), |context| context.clear(AuthHandle::Lockout))?)
    }
}
