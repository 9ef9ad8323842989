//! PKCS#11: one private key in one token, reached through the vendor's library; the only room that names cryptoki.
//!
//! A [`Device`] is one generation of everything the library gave us: module, sessions, login, handles. When any of it is
//! lost the whole generation is dropped and another opened: a lost token does not say so plainly, and its handles stay
//! broken after it is back. Nothing here reaches a network or writes the PIN anywhere.

mod attempt;
mod cause;
mod device;
mod error;
pub mod key;
mod login;
mod meter;
mod module;
mod pin;
mod pin_record;
mod public;
mod refused;
mod uri;

pub use cause::{Absence, PinRefusal, Unusable};
pub use device::Device;
pub use error::TokenError;
pub use meter::Meter;
pub use pin::{Pin, PinError};
pub use refused::{PinGuard, is_held};
pub use uri::{KeyUri, UriError};
