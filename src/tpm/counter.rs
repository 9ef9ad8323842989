//! The NV counter that tells the newest ledger from its older copies.
//!
//! Wear: sceaud raises it at each start, each orderly stop and each hour between, some 30 times a day and 11,000 a year.
//! TPM makers promise 100,000 writes of a cell at the least, nine years, and spread them over several; `[attest]`'s worker
//! lets no restart loop through (`attest::budget`), which at two a second would be through in a day. The index is not
//! *orderly*: an orderly counter jumps after a power cut, and a jump is what a rollback looks like.

use tss_esapi::attributes::NvIndexAttributesBuilder;
use tss_esapi::constants::NvIndexType;
use tss_esapi::handles::{NvIndexHandle, NvIndexTpmHandle, TpmHandle};
use tss_esapi::interface_types::algorithm::HashingAlgorithm;
use tss_esapi::interface_types::resource_handles::{NvAuth, Provision};
use tss_esapi::structures::NvPublicBuilder;

use super::TpmError;
use super::device::Tpm;
use super::error::of_library;

/// First index that an owner may define (TCG Registry of Reserved TPM 2.0 Handles §2.2.2).
pub const INDEX_MIN: u32 = 0x0180_0000;
/// Last one.
pub const INDEX_MAX: u32 = 0x01bf_ffff;
/// Bytes of a counter.
const COUNTER_LEN: u16 = 8;

impl Tpm {
    /// Makes the counter, if it is not there; whether it was made.
    ///
    /// A counter that is undefined and made again goes on above every counter that was ever removed from the TPM (TPM 2.0
    /// Part 1 §37.2.4), so that making it anew is no way back.
    ///
    /// # Errors
    /// [`TpmError::Full`] if the index is another thing than such a counter; any other.
    pub fn define_counter(&mut self, index: u32) -> Result<bool, TpmError> {
        match self.counter_handle(index) {
            Ok(_) => return Ok(false),
            Err(TpmError::Missing) => {}
            Err(error) => return Err(error),
        }
        let attributes = NvIndexAttributesBuilder::new()
            .with_nv_index_type(NvIndexType::Counter)
            .with_auth_read(true)
            .with_auth_write(true)
            // Its secret is empty, so that there is nothing to guess, and a machine in lockout still starts.
            .with_no_da(true)
            .build()
            .map_err(of_library)?;
        let public = NvPublicBuilder::new()
            .with_nv_index(NvIndexTpmHandle::new(index).map_err(of_library)?)
            .with_index_name_algorithm(HashingAlgorithm::Sha256)
            .with_index_attributes(attributes)
            .with_data_area_size(usize::from(COUNTER_LEN))
            .build()
            .map_err(of_library)?;
        self.in_session(|context| context.nv_define_space(Provision::Owner, None, public))?;
        Ok(true)
    }

    /// What the counter says; 0 if it was never raised.
    ///
    /// # Errors
    /// [`TpmError::Missing`] if it was never made, [`TpmError::Full`] if the index is no counter; any other.
    pub fn counter(&mut self, index: u32) -> Result<u64, TpmError> {
        let handle = self.counter_handle(index)?;
        let read = self.in_session(|context| context.nv_read(NvAuth::NvIndex(handle), handle, COUNTER_LEN, 0));
        match read {
            Ok(bytes) => {
                let bytes = <[u8; 8]>::try_from(bytes.value());
                bytes.map(u64::from_be_bytes).map_err(|_| TpmError::Library("no counter".to_owned()))
            }
            Err(TpmError::NeverRaised) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Raises the counter, and what it says then.
    ///
    /// After `Ok` it is durable in the TPM. After `Err` it was raised or was not.
    ///
    /// # Errors
    /// [`TpmError::Missing`] if it was never made; any other.
    pub fn raise_counter(&mut self, index: u32) -> Result<u64, TpmError> {
        let handle = self.counter_handle(index)?;
        self.in_session(|context| context.nv_increment(NvAuth::NvIndex(handle), handle))?;
        self.counter(index)
    }

    /// The index, which is a counter: who owns the TPM may have put there what can be written, and with it the number of an
    /// older ledger.
    fn counter_handle(&mut self, index: u32) -> Result<NvIndexHandle, TpmError> {
        let index = NvIndexTpmHandle::new(index).map_err(of_library)?;
        // Without a session: the handle is not known before, and its name is checked by the commands' own authorisation.
        let handle: NvIndexHandle = self.context.tr_from_tpm_public(TpmHandle::NvIndex(index))?.into();
        let session = self.session;
        let (public, _) =
            self.context.execute_with_session(Some(session), |context| context.nv_read_public(handle))?;
        let kind = public.attributes().index_type().map_err(of_library)?;
        let is_ours = kind == NvIndexType::Counter && public.data_size() == usize::from(COUNTER_LEN);
        if is_ours { Ok(handle) } else { Err(TpmError::Full) }
    }
}
