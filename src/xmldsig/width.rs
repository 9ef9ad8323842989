//! A look at markup before it is parsed: no start tag so wide, no document so populous, that parsing costs more than reading.
//!
//! The parser compares every attribute of an element with every other: a megabyte of attributes would take it a minute.

/// Most attributes and namespace declarations of one element: the widest of a VIHF has 6, of SOAP stacks some tens.
const ATTRIBUTES_MAX: usize = 128;
/// Most pieces of markup of one document: bounds the tree's memory to some tens of megabytes.
const MARKUP_MAX: usize = 300_000;

/// The offset of the first markup beyond a limit, if there is one.
///
/// Markup is told apart as XML 1.0 does; where the text is not well-formed the parser stops no later than this does.
pub(super) fn beyond(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    let mut markup = 0;
    while let Some(step) = memchr::memchr(b'<', bytes.get(at..)?) {
        let open = at + step;
        markup += 1;
        if markup > MARKUP_MAX {
            return Some(open);
        }
        let rest = text.get(open..)?;
        at = if rest.starts_with("<!--") {
            after(text, open + 4, "-->")?
        } else if rest.starts_with("<![CDATA[") {
            after(text, open + 9, "]]>")?
        } else if rest.starts_with("<?") {
            after(text, open + 2, "?>")?
        } else if rest.starts_with("</") {
            after(text, open + 2, ">")?
        } else {
            match start_tag(bytes, open + 1) {
                Tag::Ends(end) => end,
                Tag::Wide => return Some(open),
                Tag::Open => return None,
            }
        };
    }
    None
}

fn after(text: &str, from: usize, end: &str) -> Option<usize> {
    memchr::memmem::find(text.as_bytes().get(from..)?, end.as_bytes()).map(|step| from + step + end.len())
}

enum Tag {
    Ends(usize),
    Wide,
    Open,
}

fn start_tag(bytes: &[u8], from: usize) -> Tag {
    let mut at = from;
    let mut attributes = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'>' => return Tag::Ends(at + 1),
            b'"' | b'\'' => {
                attributes += 1;
                if attributes > ATTRIBUTES_MAX {
                    return Tag::Wide;
                }
                let Some(step) = bytes.get(at + 1..).and_then(|rest| memchr::memchr(*byte, rest)) else {
                    return Tag::Open;
                };
                at += step + 2;
            }
            _ => at += 1,
        }
    }
    Tag::Open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_attributes_and_markup_and_nothing_else() {
        let wide = |n: usize| format!("<a {}/>", (0..n).map(|i| format!("a{i}='\"' ")).collect::<String>());
        assert_eq!(beyond(&wide(ATTRIBUTES_MAX)), None);
        assert_eq!(beyond(&wide(ATTRIBUTES_MAX + 1)), Some(0));
        // Quotes in a comment, a section or an instruction do not hide the tag behind them.
        for hiding in ["<!-- \" -->", "<![CDATA[ ' ]]>", "<?a \" ?>", "</a \">"] {
            let text = format!("{hiding}{}", wide(ATTRIBUTES_MAX + 1));
            assert_eq!(beyond(&text), Some(hiding.len()), "{hiding}");
        }
        assert_eq!(beyond(&"<a/>".repeat(MARKUP_MAX + 1)), Some(4 * MARKUP_MAX));
        assert_eq!(beyond("text = \"quoted\" ".repeat(1000).as_str()), None);
    }
}
