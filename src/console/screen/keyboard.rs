//! What is typed, line by line; a serial line may send anything.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::time::Instant;

use zeroize::Zeroizing;

use crate::sys::peer::readable;

/// Longest line in bytes: a list of structures or servers is a tenth of it. The rest of a longer one is lost.
const LINE_LEN_MAX: usize = 1024;

/// Bytes that arrive, as lines of text.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Zeroizing<Vec<u8>>,
    /// The line is longer than any: what comes until its end is dropped with it.
    overlong: bool,
    /// The last byte was a carriage return: the line feed of the same key follows.
    returned: bool,
}

impl Lines {
    /// Takes a byte; the line that it ends, without anything that is not text. A line that was too long ends as an empty one.
    pub(super) fn push(&mut self, byte: u8) -> Option<Zeroizing<String>> {
        let follows = std::mem::replace(&mut self.returned, byte == b'\r');
        match byte {
            b'\n' if follows => None,
            b'\r' | b'\n' => {
                let line = std::mem::replace(&mut self.pending, Zeroizing::new(Vec::with_capacity(LINE_LEN_MAX)));
                let text = if std::mem::take(&mut self.overlong) {
                    ""
                } else {
                    std::str::from_utf8(&line).unwrap_or_default()
                };
                Some(Zeroizing::new(
                    text.chars().filter(|c| !c.is_control()).collect::<String>().trim().to_owned(),
                ))
            }
            // Backspace and delete, where the terminal does not edit lines itself.
            8 | 127 => {
                while self.pending.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                None
            }
            _ if self.pending.len() < LINE_LEN_MAX => {
                self.pending.push(byte);
                None
            }
            _ => {
                self.overlong = true;
                None
            }
        }
    }
}

/// What came of waiting for a line.
#[derive(Debug)]
pub(super) enum Typed {
    /// A line.
    Line(Zeroizing<String>),
    /// Nothing, until the time was over.
    Nothing,
    /// The terminal is gone.
    Gone,
}

/// The keyboard.
#[derive(Debug)]
pub(super) struct Keyboard<R> {
    input: R,
    lines: Lines,
}

impl<R: Read + AsFd> Keyboard<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, lines: Lines::default() }
    }

    /// The next line; `until` none: waits for ever.
    pub(super) fn line(&mut self, until: Option<Instant>) -> io::Result<Typed> {
        loop {
            if !readable(&self.input, until)? {
                return Ok(Typed::Nothing);
            }
            let mut byte = [0];
            match self.input.read(&mut byte) {
                Ok(0) => return Ok(Typed::Gone),
                Ok(_) => {
                    let [byte] = byte;
                    if let Some(line) = self.lines.push(byte) {
                        return Ok(Typed::Line(line));
                    }
                }
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                // A hangup of a serial line reads as an error.
                Err(_) => return Ok(Typed::Gone),
            }
        }
    }

    /// The terminal itself.
    pub(super) fn terminal(&self) -> &R {
        &self.input
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut lines = Lines::default();
        bytes.iter().filter_map(|byte| lines.push(*byte)).map(|line| line.to_string()).collect()
    }

    #[test]
    fn lines_are_what_a_person_meant() {
        assert_eq!(lines(b"1\r\n2\n\r3\r"), ["1", "2", "", "3"]);
        assert_eq!(lines("Rho\u{f4}\x7fne\x08e\n".as_bytes()), ["Rhone"]);
        assert_eq!(lines(b"\x1b[A\x00\x07 ok \n"), ["[A ok"]);
        assert_eq!(lines(&[&[b'x'; 5000][..], b"\n4\n"].concat()), ["", "4"]);
        assert_eq!(lines(b"\xff\xfe\n"), [""]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_lines_are_short_texts(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..4000)) {
            for line in lines(&bytes) {
                proptest::prop_assert!(line.len() <= LINE_LEN_MAX && !line.chars().any(char::is_control));
            }
        }
    }
}
