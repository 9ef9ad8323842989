//! What evidence answers, as the file that an officer gives: his nonce, and how long the ledger was when he believed it last.

use std::fmt;

use super::nonce::Nonce;

/// Begins the second line.
const SINCE: &str = "since ";

/// The question. As text: a line with the nonce, and where a ledger was believed before, a line `since N` with its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What makes the answer fresh.
    pub nonce: Nonce,
    /// Entries of the ledger that was believed last: the answer proves that today's extends it.
    pub since: Option<u64>,
}

impl Question {
    /// Longest text in bytes, with the line ends of any system.
    pub const LEN_MAX: usize = 256;

    /// Reads its text, with whatever blanks people's tools leave around lines. None: it is no question.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > Self::LEN_MAX {
            return None;
        }
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let nonce = Nonce::parse(lines.next()?)?;
        let digits = |line: &str| {
            line.strip_prefix(SINCE).filter(|rest| rest.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
        };
        let since = match lines.next() {
            Some(line) => Some(digits(line)?),
            None => None,
        };
        lines.next().is_none().then_some(Self { nonce, since })
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.nonce)?;
        self.since.map_or(Ok(()), |since| writeln!(f, "{SINCE}{since}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_question_is_one_line_or_two() {
        let nonce = Nonce::new([7; Nonce::LEN]);
        let digits = "07".repeat(Nonce::LEN);
        assert_eq!(Question { nonce, since: Some(12) }.to_string(), format!("{digits}\nsince 12\n"));
        assert_eq!(Question::parse(&format!(" {digits}\r\n")), Some(Question { nonce, since: None }));
        let both = Some(Question { nonce, since: Some(12) });
        assert_eq!(Question::parse(&format!("{digits}\n\n since 12 ")), both);
        for wrong in [
            "since 12\nsince 12",
            "12",
            "since",
            "since +1",
            "since -1",
            "since 99999999999999999999",
            "sinc\u{e9} 1",
        ] {
            assert_eq!(Question::parse(&format!("{digits}\n{wrong}")), None, "{wrong}");
        }
        assert_eq!(Question::parse(&format!("{digits}\n{}", " ".repeat(256))), None);
        assert_eq!(Question::parse(""), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes: [u8; Nonce::LEN], since: Option<u64>) {
            let question = Question { nonce: Nonce::new(bytes), since };
            prop_assert_eq!(Question::parse(&question.to_string()), Some(question));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            let _ = Question::parse(&text);
        }
    }
}
