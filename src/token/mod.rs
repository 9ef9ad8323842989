//! PKCS#11: one private key in one token, reached through the vendor's library; the only room that names cryptoki.
//!
//! A [`Device`] is one generation of everything the library gave us: module, sessions, login, handles. When any of it is
//! lost the whole generation is dropped and another opened: a lost token does not say so plainly, and its handles stay
//! broken after it is back. Nothing here reaches a network or writes the PIN anywhere.
//!
//! An [`OpenToken`] is the ceremony's: one token, one login, for one command of a person who makes, certifies or lists keys.

mod attempt;
mod cause;
mod device;
mod error;
mod generate;
mod held;
mod initialise;
mod inventory;
pub mod key;
mod login;
mod mechanism;
mod meter;
mod module;
mod open;
mod pin;
mod pin_record;
mod public;
mod refused;
mod template;
mod throwaway;
mod tries;
mod uri;

pub use cause::{Absence, PinRefusal, Unusable};
pub use device::Device;
pub use error::TokenError;
pub use generate::{Defect, GenerateError, Generated};
pub use held::HeldKey;
pub(crate) use held::is_request_of;
pub use initialise::{NewPins, initialise};
pub use inventory::KeyEntry;
pub use meter::Meter;
pub use open::{OpenToken, Reached};
pub use pin::{Pin, PinError};
pub use refused::PinGuard;
pub use template::KeyKind;
pub use throwaway::{Rate, ThrowAway};
pub use tries::TriesLeft;
pub use uri::{KeyUri, UriError};
