//! Keys of the appliance's own, for establishments without an HSM: kept in a file, wrapped; unwrapped in a signer process
//! alone; signed with by aws-lc.
//!
//! The wrapping key comes as a PIN does (`pin_file`, `pin_credential`): what guards it, systemd-creds or our own seal by the
//! TPM, guards a token's PIN and a sealed key alike. Whoever has file and wrapping key has the key: this is no HSM, and
//! nothing here says that it is.
//!
//! | file | noun |
//! |---|---|
//! | `wrapping` | the wrapping key: 256 random bits in hexadecimal digits |
//! | `file` | the file: what is said of the key in clear, and the key under the wrapping key |
//! | `private` | a private key in memory |
//! | `key` | a sealed key, opened and proved |

mod error;
mod file;
mod key;
mod private;
mod wrapping;

pub use error::SealedError;
pub use key::{SealedKey, generate};
pub use wrapping::WrappingKey;
