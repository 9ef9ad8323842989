//! Where the envelope lies in a body: all of it, or the first part of a multipart/related message (RFC 2387, MTOM).

use super::mime::{MediaType, is_token};

/// Longest boundary in bytes (RFC 2046 §5.1.1).
const BOUNDARY_LEN_MAX: usize = 70;
/// Longest head of a part in bytes: three short lines are usual.
pub(super) const HEAD_LEN_MAX: usize = 4096;

/// How a body carries its envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// The body is the envelope.
    Whole,
    /// It is the first part between these boundaries, which is named `start` if that is given.
    Part {
        /// Between the parts, without its hyphens.
        boundary: String,
        /// Content-ID of the envelope's part.
        start: Option<String>,
    },
}

/// Why a body is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Neither SOAP 1.2 nor MTOM.
    Type,
    /// The parts cannot be told apart, or the root is not the first or is encoded.
    Parts,
}

/// The envelope's place in what was read so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub from: usize,
    /// Byte behind the last.
    pub to: usize,
}

impl Root {
    /// How a body of that type carries its envelope.
    ///
    /// # Errors
    /// [`Wrong`]; nothing of the body is to be read.
    pub fn of(content: &MediaType) -> Result<Self, Wrong> {
        if !content.is_utf8() {
            return Err(Wrong::Type);
        }
        match content.essence.as_str() {
            "application/soap+xml" => Ok(Self::Whole),
            "multipart/related" => {
                let boundary = content.parameter("boundary").unwrap_or_default();
                let fits = (1..=BOUNDARY_LEN_MAX).contains(&boundary.len())
                    && boundary.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b))
                    && !boundary.ends_with(' ');
                if !fits
                    || !matches!(content.parameter("type"), Some("application/xop+xml" | "application/soap+xml"))
                {
                    return Err(Wrong::Parts);
                }
                let start = content.parameter("start").map(str::to_owned);
                Ok(Self::Part { boundary: boundary.to_owned(), start })
            }
            _ => Err(Wrong::Type),
        }
    }

    /// Every action that the head of the envelope's part names: it has a type of its own (XOP §4).
    ///
    /// # Errors
    /// [`Wrong::Parts`]: the head cannot be read.
    pub fn actions(&self, read: &[u8]) -> Result<Vec<String>, Wrong> {
        let Self::Part { boundary, .. } = self else { return Ok(Vec::new()) };
        let Some((lines, _)) = root_head(read, boundary)? else { return Err(Wrong::Parts) };
        let mut content = lines_of_head(lines)?.into_iter().filter(|(name, _)| name == "content-type");
        let content = content.next().and_then(|(_, value)| MediaType::parse(&value)).ok_or(Wrong::Parts)?;
        content.actions().ok_or(Wrong::Parts)
    }

    /// The envelope's place, if its end has been read; `ended`: nothing comes any more. `scanned` remembers up to where the
    /// end was looked for.
    ///
    /// # Errors
    /// [`Wrong::Parts`].
    pub fn find(&self, read: &[u8], ended: bool, scanned: &mut usize) -> Result<Option<Span>, Wrong> {
        let Self::Part { boundary, start } = self else {
            return Ok(ended.then_some(Span { from: 0, to: read.len() }));
        };
        let Some(from) = head(read, boundary, start.as_deref())? else {
            return if ended { Err(Wrong::Parts) } else { Ok(None) };
        };
        let delimiter = format!("\r\n--{boundary}");
        let begin = scanned.saturating_sub(delimiter.len()).max(from);
        let unscanned = read.get(begin..).unwrap_or_default();
        let found = memchr::memmem::find(unscanned, delimiter.as_bytes());
        *scanned = read.len();
        match found {
            Some(at) => {
                let envelope = read.get(from..begin + at).unwrap_or_default();
                // Readers that take a bare line feed for the end of a line would end the part there.
                match memchr::memmem::find(envelope, delimiter.trim_start().as_bytes()) {
                    Some(_) => Err(Wrong::Parts),
                    None => Ok(Some(Span { from, to: begin + at })),
                }
            }
            None if ended => Err(Wrong::Parts),
            None => Ok(None),
        }
    }
}

/// Where the root part's content begins, once its head has been read and judged.
fn head(read: &[u8], boundary: &str, start: Option<&str>) -> Result<Option<usize>, Wrong> {
    let Some((lines, from)) = root_head(read, boundary)? else { return Ok(None) };
    judge(lines, start)?;
    Ok(Some(from))
}

/// The lines of the root part's head and where its content begins, once they have been read.
fn root_head<'r>(read: &'r [u8], boundary: &str) -> Result<Option<(&'r [u8], usize)>, Wrong> {
    // Some stacks begin with an empty line; a preamble of words, nobody needs.
    let opening = format!("--{boundary}\r\n");
    if read == b"\r" {
        return Ok(None);
    }
    let skipped = if read.starts_with(b"\r\n") { 2 } else { 0 };
    let begun = read.get(skipped..).unwrap_or_default();
    if begun.len() < opening.len() {
        return if opening.as_bytes().starts_with(begun) { Ok(None) } else { Err(Wrong::Parts) };
    }
    let Some(after) = begun.strip_prefix(opening.as_bytes()) else { return Err(Wrong::Parts) };
    let Some(len) = memchr::memmem::find(after, b"\r\n\r\n") else {
        return if after.len() > HEAD_LEN_MAX { Err(Wrong::Parts) } else { Ok(None) };
    };
    let lines = after.get(..len).filter(|lines| lines.len() <= HEAD_LEN_MAX).ok_or(Wrong::Parts)?;
    Ok(Some((lines, skipped + opening.len() + len + 4)))
}

/// The root part's head: XML in clear, and the part that `start` names.
fn judge(lines: &[u8], start: Option<&str>) -> Result<(), Wrong> {
    let (mut is_xml, mut id) = (false, None);
    for (name, value) in lines_of_head(lines)? {
        match name.as_str() {
            "content-type" => {
                is_xml =
                    MediaType::parse(&value).ok_or(Wrong::Parts).map(|c| is_envelope_type(&c) && c.is_utf8())?
            }
            "content-transfer-encoding"
                if !matches!(value.to_ascii_lowercase().as_str(), "binary" | "8bit" | "7bit") =>
            {
                return Err(Wrong::Parts);
            }
            "content-id" => id = Some(bare(&value)),
            _ => {}
        }
    }
    let is_start = start.is_none_or(|start| id == Some(bare(start)));
    if is_xml && is_start { Ok(()) } else { Err(Wrong::Parts) }
}

/// Whether a part of that type can be an envelope.
fn is_envelope_type(content: &MediaType) -> bool {
    matches!(content.essence.as_str(), "application/xop+xml" | "application/soap+xml")
}

/// A Content-ID without its brackets.
pub(super) fn bare(id: &str) -> String {
    id.trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// Names, in lower case, and values of a part's head; each name once, no line that could be read in two ways.
pub(super) fn lines_of_head(lines: &[u8]) -> Result<Vec<(String, String)>, Wrong> {
    let lines = std::str::from_utf8(lines).map_err(|_| Wrong::Parts)?;
    let mut read: Vec<(String, String)> = Vec::new();
    for line in lines.split("\r\n").filter(|_| !lines.is_empty()) {
        // A folded line could be read in two ways.
        let (name, value) = line.split_once(':').filter(|(name, _)| is_token(name)).ok_or(Wrong::Parts)?;
        let (name, value) = (name.to_ascii_lowercase(), value.trim());
        if value.contains(['\r', '\n', '\0']) || read.iter().any(|(known, _)| *known == name) {
            return Err(Wrong::Parts);
        }
        read.push((name, value.to_owned()));
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TYPE: &str = "multipart/related; type=\"application/xop+xml\"; boundary=\"b\"; start=\"<r@x>\"; start-info=\"application/soap+xml\"";
    const HEAD: &str = "--b\r\nContent-Type: application/xop+xml; charset=UTF-8; type=\"application/soap+xml\"\r\n\
                        Content-Transfer-Encoding: binary\r\nContent-ID: <r@x>\r\n\r\n";

    fn root() -> Root {
        Root::of(&MediaType::parse(TYPE).unwrap()).unwrap()
    }

    #[test]
    fn the_envelope_is_found_however_the_body_is_cut() {
        let body = format!("\r\n{HEAD}<a/>\r\n--b\r\nContent-ID: <d@x>\r\n\r\nbytes\r\n--b--");
        let whole = Span { from: 2 + HEAD.len(), to: 2 + HEAD.len() + 4 };
        for step in 1..40 {
            let (mut scanned, mut found) = (0, None);
            for to in (step..=body.len()).step_by(step).chain([body.len()]) {
                found = root().find(&body.as_bytes()[..to], to == body.len(), &mut scanned).unwrap();
                if found.is_some() {
                    break;
                }
            }
            assert_eq!(found, Some(whole), "cut every {step}");
        }
    }

    #[test]
    fn the_parts_own_actions_are_told() {
        let of = |content: &str| {
            root().actions(format!("--b\r\nContent-Type: {content}\r\nContent-ID: <r@x>\r\n\r\n<a/>").as_bytes())
        };
        assert_eq!(of("application/xop+xml"), Ok(vec![]));
        for content in [
            "application/xop+xml; type=\"application/soap+xml\"; action=\"urn:x\"",
            "application/xop+xml; type=\"application/soap+xml; action=\\\"urn:x\\\"\"",
        ] {
            assert_eq!(of(content), Ok(vec!["urn:x".to_owned()]), "{content}");
        }
        assert_eq!(of("application/xop+xml; type=\"a/b; action=c; action=d\""), Err(Wrong::Parts));
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        for head in [
            "--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <other@x>\r\n\r\n",
            "--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r@x>\r\nContent-ID: <s@x>\r\n\r\n",
            "--b\r\nContent-Type: application/xop+xml\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <r@x>\r\n\r\n",
            "--b\r\nContent-Type: application/xop+xml\r\n folded: x\r\nContent-ID: <r@x>\r\n\r\n",
            "--b\r\nContent-Type: text/plain\r\nContent-ID: <r@x>\r\n\r\n",
            "preamble\r\n--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r@x>\r\n\r\n",
        ] {
            let body = format!("{head}<a/>\r\n--b--");
            assert_eq!(root().find(body.as_bytes(), true, &mut 0), Err(Wrong::Parts), "{head}");
        }
        assert_eq!(root().find(format!("{HEAD}<a/>").as_bytes(), true, &mut 0), Err(Wrong::Parts), "no end");
        for content in ["text/xml", "application/soap+xml; charset=iso-8859-1", "application/xml"] {
            assert_eq!(Root::of(&MediaType::parse(content).unwrap()), Err(Wrong::Type));
        }
        let open = MediaType::parse("multipart/related; type=\"text/xml\"; boundary=b").unwrap();
        assert_eq!(Root::of(&open), Err(Wrong::Parts));
    }
}
