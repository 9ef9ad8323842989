//! A short text of an entry: a code, a name or an identifier that is no person's.

use std::fmt;

use minicbor::decode::{Decode, Decoder};
use minicbor::encode::{Encode, Encoder, Write};

/// Longest [`Word`], in bytes of UTF-8.
///
/// Reason: the longest code or label that the registers allow is far below, and an entry of words this long stays below
/// [`super::LEAF_LEN_MAX`].
pub const WORD_LEN_MAX: usize = 128;

/// 1 to [`WORD_LEN_MAX`] bytes of UTF-8 without control characters.
///
/// Codes are kept as text, and not as the types of today's nomenclatures: the ledger is read ten years later.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Word(Box<str>);

impl Word {
    /// Checks the form; `None` if the text is empty, too long or holds a control character.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let ok = (1..=WORD_LEN_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
        ok.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl<C> Encode<C> for Word {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.str(&self.0)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Word {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        Self::parse(d.str()?).ok_or_else(|| minicbor::decode::Error::message("not a word"))
    }
}
