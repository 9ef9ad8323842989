//! What an application showed for a login.

use minicbor::decode::{Decode, Decoder};
use minicbor::encode::{Encode, Encoder, Write};

use crate::traces::digest::Digest;

/// Evidence of a practitioner's authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// No login was told of: the profile needs none.
    None,
    /// The application's word.
    Declared,
    /// A proof of the identity provider, known by this SHA-256: over issuer and `jti`, or over what was signed where there is
    /// no `jti` (`proof/verify.rs`).
    Proof(Digest),
}

impl Evidence {
    /// Its name in exports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Declared => "declared",
            Self::Proof(_) => "proof",
        }
    }
}

/// `[0]`, `[1]` or `[2, digest]`.
impl<C> Encode<C> for Evidence {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        match self {
            Self::None => e.array(1)?.u8(0)?.ok(),
            Self::Declared => e.array(1)?.u8(1)?.ok(),
            Self::Proof(digest) => e.array(2)?.u8(2)?.bytes(digest.as_bytes())?.ok(),
        }
    }
}

impl<'b, C> Decode<'b, C> for Evidence {
    fn decode(d: &mut Decoder<'b>, context: &mut C) -> Result<Self, minicbor::decode::Error> {
        match (d.array()?, d.u8()?) {
            (Some(1), 0) => Ok(Self::None),
            (Some(1), 1) => Ok(Self::Declared),
            (Some(2), 2) => Digest::decode(d, context).map(Self::Proof),
            _ => Err(minicbor::decode::Error::message("not an evidence")),
        }
    }
}
