//! Free text of a person, an organisation or a software, as a VIHF attribute may carry it.

use serde::Deserialize;
use thiserror::Error;

/// Longest [`Text`], in bytes of UTF-8.
///
/// Reason: the longest names of the national directories stay under 300 bytes; four texts of this size keep an assertion far
/// below the 64 KiB of one frame, whatever escaping adds.
pub const TEXT_LEN_MAX_BYTES: usize = 1024;

/// A display name, a software name or a version: text that any XML reader and any screen shows as it was given.
///
/// After `Ok` it is not empty, at most [`TEXT_LEN_MAX_BYTES`] long, without white space at its ends, made of XML 1.0 `Char`
/// only (XML 1.0 §2.2), on one line and without a character that reorders what surrounds it. Markup characters are legal:
/// whoever writes XML escapes them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Text(Box<str>);

/// Why a value is no [`Text`]. `index` counts characters from 0; the French message counts from 1.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("le texte est vide : renseignez-le")]
    Empty,
    /// Longer than [`TEXT_LEN_MAX_BYTES`].
    #[error("le texte compte {len_bytes} octets, plus que les {TEXT_LEN_MAX_BYTES} admis : abrégez-le")]
    TooLong {
        /// Length received, in bytes.
        len_bytes: usize,
    },
    /// White space before the first or after the last character; it would make two spellings of one name.
    #[error("le texte a un espace à son bord, au caractère {} : retirez-le", index + 1)]
    Margin {
        /// Where, from 0.
        index: usize,
    },
    /// A control character or a line break: in a name it is the trace of a broken import.
    #[error("le texte a un caractère de commande ou un saut de ligne (U+{code:04X}) au caractère {} : corrigez l'import ou la saisie", index + 1)]
    Control {
        /// Where, from 0.
        index: usize,
        /// The Unicode code point.
        code: u32,
    },
    /// A code point that Unicode reserves for no character; XML 1.0 forbids two of them.
    #[error("le texte a un code sans caractère (U+{code:04X}) au caractère {} : corrigez l'import ou la saisie", index + 1)]
    Noncharacter {
        /// Where, from 0.
        index: usize,
        /// The Unicode code point.
        code: u32,
    },
    /// An embedding, override or isolate of writing direction: it can make a name read as another one.
    #[error("le texte a une commande de sens d'écriture (U+{code:04X}) au caractère {}, qui peut masquer un nom : retirez-la", index + 1)]
    Direction {
        /// Where, from 0.
        index: usize,
        /// The Unicode code point.
        code: u32,
    },
}

impl Text {
    /// Accepts `value` unchanged, or says the first thing that is wrong with it.
    pub fn parse(value: &str) -> Result<Text, TextError> {
        if value.len() > TEXT_LEN_MAX_BYTES {
            return Err(TextError::TooLong { len_bytes: value.len() });
        }
        let mut last = None;
        for (index, character) in value.chars().enumerate() {
            check(index, character)?;
            last = Some((index, character));
        }
        // Controls are refused above, so that a lone TAB is named as such and not as empty.
        if value.trim().is_empty() {
            return Err(TextError::Empty);
        }
        if value.starts_with(char::is_whitespace) {
            return Err(TextError::Margin { index: 0 });
        }
        match last {
            Some((index, character)) if character.is_whitespace() => Err(TextError::Margin { index }),
            _ => Ok(Text(value.into())),
        }
    }

    /// The text, exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Refuses one character. What passes is an XML 1.0 `Char`: a `&str` holds no surrogate, and the other exceptions are the
/// C0 controls, U+FFFE and U+FFFF.
fn check(index: usize, character: char) -> Result<(), TextError> {
    let code = u32::from(character);
    match character {
        // U+2028 and U+2029 are line breaks outside the control range.
        _ if character.is_control() => Err(TextError::Control { index, code }),
        '\u{2028}' | '\u{2029}' => Err(TextError::Control { index, code }),
        '\u{FDD0}'..='\u{FDEF}' => Err(TextError::Noncharacter { index, code }),
        _ if code & 0xFFFE == 0xFFFE => Err(TextError::Noncharacter { index, code }),
        // The marks U+200E, U+200F and U+061C are legal: they belong to the orthography of names.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => Err(TextError::Direction { index, code }),
        _ => Ok(()),
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;

    fn try_from(value: String) -> Result<Text, TextError> {
        Text::parse(&value)
    }
}

impl std::str::FromStr for Text {
    type Err = TextError;

    fn from_str(value: &str) -> Result<Text, TextError> {
        Text::parse(value)
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn legal_texts_are_kept_byte_for_byte() {
        for value in [
            "a",
            "Élodie D'ARC-MARTIN",
            "<b>&amp;\"'</b> ]]>",
            "e\u{301}\u{328}",
            "𝔄𝔫𝔫𝔢 🩺",
            "עדנה \u{200F}x",
            "a\u{A0}b",
            "\u{301}seul",
        ] {
            assert_eq!(Text::parse(value).unwrap().as_str(), value);
        }
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        use TextError::*;
        for (value, error) in [
            ("", Empty),
            (" \u{3000} ", Empty),
            (" a", Margin { index: 0 }),
            ("é \u{A0}", Margin { index: 2 }),
            ("a\tb", Control { index: 1, code: 9 }),
            ("a\r", Control { index: 1, code: 13 }),
            ("\n", Control { index: 0, code: 10 }),
            ("é\0", Control { index: 1, code: 0 }),
            ("a\u{7F}b", Control { index: 1, code: 0x7F }),
            ("a\u{85}b", Control { index: 1, code: 0x85 }),
            ("a\u{2028}b", Control { index: 1, code: 0x2028 }),
            ("a\u{FFFE}b", Noncharacter { index: 1, code: 0xFFFE }),
            ("a\u{FFFF}b", Noncharacter { index: 1, code: 0xFFFF }),
            ("a\u{10FFFF}", Noncharacter { index: 1, code: 0x10FFFF }),
            ("\u{1FFFE}", Noncharacter { index: 0, code: 0x1FFFE }),
            ("\u{FDD0}", Noncharacter { index: 0, code: 0xFDD0 }),
            ("Dr \u{202E}lave", Direction { index: 3, code: 0x202E }),
            ("a\u{2066}b", Direction { index: 1, code: 0x2066 }),
        ] {
            assert_eq!(Text::parse(value), Err(error), "{value:?}");
        }
    }

    #[test]
    fn the_limit_counts_bytes() {
        assert!(Text::parse(&"é".repeat(TEXT_LEN_MAX_BYTES / 2)).is_ok());
        let long = "é".repeat(TEXT_LEN_MAX_BYTES / 2) + "a";
        assert_eq!(Text::parse(&long), Err(TextError::TooLong { len_bytes: TEXT_LEN_MAX_BYTES + 1 }));
    }

    #[test]
    fn a_message_counts_from_one_and_shows_the_code_point() {
        let message = Text::parse("a\tb").unwrap_err().to_string();
        assert!(message.contains("U+0009") && message.contains("caractère 2"), "{message}");
    }

    #[test]
    fn json_strings_pass_the_same_door() {
        assert_eq!(serde_json::from_str::<Text>(r#""a\u00e9""#).unwrap().as_str(), "aé");
        assert!(serde_json::from_str::<Text>(r#""a\nb""#).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_what_was_given(value in any::<String>()) {
            if let Ok(text) = Text::parse(&value) {
                prop_assert_eq!(text.as_str(), &value);
                prop_assert_eq!(text.to_string(), value.clone());
                prop_assert!(!value.trim().is_empty() && value.trim() == value);
                // XML 1.0 §2.2, written out again.
                let is_xml = |c: char| matches!(c, '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}');
                prop_assert!(value.chars().all(is_xml));
            }
        }
    }
}
