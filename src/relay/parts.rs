//! The parts after the root, watched as they stream: none may pass for the root with another reader.

use memchr::memmem;

use super::part::{HEAD_LEN_MAX, Root, Wrong, bare, lines_of_head};

/// Subtypes of what could be read as an envelope.
const ENVELOPE_TYPES: [&str; 2] = ["xop+xml", "soap+xml"];

/// Watches a multipart body from the root's end on, however it is cut.
#[derive(Debug)]
pub struct Parts {
    /// CRLF, two hyphens, the boundary.
    delimiter: Vec<u8>,
    /// Content-ID of the root.
    root: Option<String>,
    state: State,
    /// Seen and not yet judged.
    carry: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a part's content.
    Content,
    /// In a part's head.
    Head,
    /// Behind the last delimiter.
    Ended,
}

impl Parts {
    /// The watch over a body of that kind; none where there are no parts.
    #[must_use]
    pub fn of(root: &Root) -> Option<Self> {
        let Root::Part { boundary, start } = root else { return None };
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        let root = start.as_deref().map(bare);
        Some(Self { delimiter, root, state: State::Content, carry: Vec::new() })
    }

    /// Judges the next piece.
    ///
    /// # Errors
    /// A part is named or typed like the root, its head could be read in two ways, or something follows the end.
    pub fn see(&mut self, piece: &[u8]) -> Result<(), Wrong> {
        let mut window = std::mem::take(&mut self.carry);
        window.extend_from_slice(piece);
        let mut at = 0;
        while let Some(next) = self.step(window.get(at..).unwrap_or_default())? {
            at += next;
        }
        // What a delimiter may still come of is kept; a head is kept whole, within its limit.
        let left = window.get(at..).unwrap_or_default();
        let kept = match self.state {
            State::Head => left,
            State::Content | State::Ended => {
                left.get(left.len().saturating_sub(self.delimiter.len() + 1)..).unwrap_or_default()
            }
        };
        self.carry = kept.to_vec();
        Ok(())
    }

    /// Whether the last delimiter has come.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// One delimiter or head; how far it goes, or none if more must come.
    fn step(&mut self, window: &[u8]) -> Result<Option<usize>, Wrong> {
        if self.state == State::Head {
            return self.head(window);
        }
        let Some(found) = self.find(window)? else { return Ok(None) };
        if self.state == State::Ended {
            return Err(Wrong::Parts);
        }
        let after = found + self.delimiter.len();
        match window.get(after..after + 2) {
            None => Ok(None),
            Some(b"--") => {
                self.state = State::Ended;
                Ok(Some(after + 2))
            }
            Some(b"\r\n") => {
                self.state = State::Head;
                Ok(Some(after + 2))
            }
            // A longer boundary for one reader, padding for another.
            Some(_) => Err(Wrong::Parts),
        }
    }

    /// Where the next delimiter begins.
    fn find(&self, window: &[u8]) -> Result<Option<usize>, Wrong> {
        for found in memmem::find_iter(window, self.delimiter.get(2..).unwrap_or_default()) {
            let before = window.get(..found).unwrap_or_default();
            if before.ends_with(b"\r\n") {
                return Ok(Some(found - 2));
            }
            // Readers for whom either character alone ends a line would begin a part here.
            if before.ends_with(b"\n") || before.ends_with(b"\r") {
                return Err(Wrong::Parts);
            }
        }
        Ok(None)
    }

    fn head(&mut self, window: &[u8]) -> Result<Option<usize>, Wrong> {
        // A part without a head begins with the empty line.
        let (lines, len) = match memmem::find(window, b"\r\n\r\n") {
            _ if window.starts_with(b"\r\n") => (&window[..0], 0),
            Some(len) => (window.get(..len).unwrap_or_default(), len + 2),
            None if window.len() > HEAD_LEN_MAX => return Err(Wrong::Parts),
            None => return Ok(None),
        };
        if lines.len() > HEAD_LEN_MAX {
            return Err(Wrong::Parts);
        }
        self.judge(lines)?;
        self.state = State::Content;
        // The empty line's end may begin the next delimiter.
        Ok(Some(len))
    }

    fn judge(&self, lines: &[u8]) -> Result<(), Wrong> {
        for (name, value) in lines_of_head(lines)? {
            let as_root = match name.as_str() {
                "content-id" => self.root.as_deref().is_some_and(|root| bare(&value).eq_ignore_ascii_case(root)),
                // Wherever it stands: what some reader takes for the type must not be an envelope's.
                "content-type" => ENVELOPE_TYPES.iter().any(|kind| value.to_ascii_lowercase().contains(kind)),
                _ => false,
            };
            if as_root {
                return Err(Wrong::Parts);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn seen(body: &str, step: usize) -> Result<bool, Wrong> {
        let root = Root::Part { boundary: "b".into(), start: Some("<r@x>".into()) };
        let mut parts = Parts::of(&root).unwrap();
        for piece in body.as_bytes().chunks(step) {
            parts.see(piece)?;
        }
        Ok(parts.is_ended())
    }

    #[test]
    fn documents_pass_and_a_second_root_does_not_however_they_are_cut() {
        let part = |head: &str| format!("\r\n--b\r\n{head}\r\n\r\ncontent --b\r\n--other\r\n-\r\n--b--\r\n");
        for step in 1..60 {
            for right in
                ["Content-ID: <d@x>", "Content-Type: text/xml; charset=\"utf-8\"\r\nContent-ID: <d@x>", "X: y"]
            {
                assert_eq!(seen(&part(right), step), Ok(true), "{right} cut every {step}");
            }
            assert_eq!(seen("\r\n--b\r\n\r\n\r\n--b\r\n\r\n--b--", step), Ok(true), "no heads");
            assert_eq!(seen("\r\n--b\r\nA: b\r\n\r\ncontent", step), Ok(false), "no end");
            for wrong in [
                "Content-ID: <r@x>",
                "content-id:r@x",
                "Content-ID: <R@X>",
                "Content-Type: application/xop+xml; type=\"application/soap+xml\"",
                "Content-Type: Application/SOAP+xml",
                "Content-Type: application/(a comment)xop+xml",
                "Content-Type: text/plain\r\n application/xop+xml",
                "Content-Type : application/xop+xml",
                "Content-ID: <d@x>\r\nContent-ID: <r@x>",
                "X: a\nContent-ID: <r@x>",
                "X\nContent-ID: <r@x>",
                "\rContent-ID: <r@x>",
                "A: b\r\n\r\ncontent\n--b\nContent-ID: <r@x>",
                "A: b\r\n\r\ncontent\r--b\rContent-ID: <r@x>",
                "A: b\r\n\r\n\n--b\nContent-ID: <r@x>",
                "no colon",
            ] {
                assert_eq!(seen(&part(wrong), step), Err(Wrong::Parts), "{wrong} cut every {step}");
            }
            for wrong in [
                "\r\n--b--\r\n--b\r\nContent-ID: <r@x>\r\n\r\n",
                "\r\n--bc\r\nA: b\r\n\r\n",
                "\r\n--b \r\nA: b\r\n\r\n",
                "\r\n--b--\n--b\nContent-ID: <r@x>\n\n",
            ] {
                assert_eq!(seen(wrong, step), Err(Wrong::Parts), "{wrong} cut every {step}");
            }
        }
    }
}
