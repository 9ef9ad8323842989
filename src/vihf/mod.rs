//! The VIHF: typed facts to a canonical, sealed SAML 2.0 assertion. Pure: no file, no clock, no socket.

pub mod assertion;
pub mod codes;
pub mod conformity;
pub mod identity;
pub mod instant;
pub mod method;
pub mod profile;
pub mod signature;
pub mod text;
mod xml;
