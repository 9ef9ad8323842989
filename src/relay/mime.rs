//! A media type with its parameters (RFC 9110 §8.3.1), read strictly: what two readers could read in two ways is refused.

/// Longest value of the header in bytes.
const LEN_MAX: usize = 1024;

/// `type/subtype` in lower case, and parameters by lower-case name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// `type/subtype`, in lower case.
    pub essence: String,
    parameters: Vec<(String, String)>,
}

impl MediaType {
    /// Reads a header's value; None: malformed, or a parameter twice.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        if value.len() > LEN_MAX {
            return None;
        }
        let (essence, mut rest) = value.split_at(value.find(';').unwrap_or(value.len()));
        let essence = essence.trim().to_ascii_lowercase();
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut parameters: Vec<(String, String)> = Vec::new();
        while let Some(after) = rest.strip_prefix(';') {
            let after = after.trim_start();
            if after.is_empty() {
                // A trailing semicolon, which some stacks write.
                rest = after;
                break;
            }
            let (name, after) = after.split_once('=')?;
            let name = name.to_ascii_lowercase();
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted_string(quoted)?,
                None => {
                    let (value, after) = after.split_at(after.find(';').unwrap_or(after.len()));
                    let value = value.trim_end();
                    // More than a token is borne (Java's boundaries have `=`), but nothing that ends one for some readers.
                    if value.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\')) {
                        return None;
                    }
                    (value.to_owned(), after)
                }
            };
            // With an asterisk (RFC 2231) it would be another parameter for us, and the same one for some readers.
            if !is_token(&name) || name.contains('*') || parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value));
            rest = after.trim_start();
        }
        rest.is_empty().then_some(Self { essence, parameters })
    }

    /// A parameter's value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every action that it names: its own, and those of the types that `type` and `start-info` hold (SOAP 1.2 with RFC 2387
    /// §3.3); None: one of these cannot be read.
    pub(super) fn actions(&self) -> Option<Vec<String>> {
        let mut actions: Vec<String> = self.parameter("action").map(str::to_owned).into_iter().collect();
        for inner in ["type", "start-info"].into_iter().filter_map(|name| self.parameter(name)) {
            if !inner.is_empty() {
                actions.extend(Self::parse(inner)?.parameter("action").map(str::to_owned));
            }
        }
        actions.retain(|action| !action.is_empty());
        Some(actions)
    }

    /// Whether text of this type is UTF-8 as far as it says.
    pub(super) fn is_utf8(&self) -> bool {
        self.parameter("charset").is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }
}

/// The content of a quoted string and what follows it (RFC 9110 §5.6.4); Java's stacks put an action with its own quotes there.
fn quoted_string(quoted: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), quoted.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            // What needs no escape and has one, two readers could read in two ways.
            '\\' => value.push(characters.next().map(|(_, escaped)| escaped).filter(|c| matches!(c, '"' | '\\'))?),
            c if c.is_control() => return None,
            c => value.push(c),
        }
    }
    None
}

/// Whether it is a token (RFC 9110 §5.6.2).
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn parameters_are_read_once() {
        let read = MediaType::parse(
            "Multipart/Related; type=\"application/xop+xml\";boundary=\"a;b\"; start=\"<r@x>\" ; charset=UTF-8",
        )
        .unwrap();
        assert_eq!(read.essence, "multipart/related");
        assert_eq!(read.parameter("boundary"), Some("a;b"));
        assert_eq!(read.parameter("start"), Some("<r@x>"));
        assert!(read.is_utf8());
        let escaped = "a/b; start-info=\"application/soap+xml;action=\\\"urn:x\\\"\"; boundary=b";
        let escaped = MediaType::parse(escaped).unwrap();
        assert_eq!(escaped.parameter("start-info"), Some("application/soap+xml;action=\"urn:x\""));
        assert_eq!(escaped.parameter("boundary"), Some("b"));
        assert_eq!(MediaType::parse("a/b; c=d;").unwrap().parameter("c"), Some("d"));
        let actions = |value: &str| MediaType::parse(value).unwrap().actions();
        let both = "a/b; action=urn:x; type=\"c/d; action=\\\"urn:y\\\"\"; start-info=\"\"";
        assert_eq!(actions(both), Some(vec!["urn:x".into(), "urn:y".into()]));
        assert_eq!(actions("a/b; start-info=\"c/d; action=e; action=f\""), None);
        for wrong in [
            "a",
            "a/b; c",
            "a/b; c=d; C=e",
            "a/b; c=\"d",
            "a/b; c=\"\\\"",
            "a/b; c=\"\\d\"",
            "a/b c/d",
            "",
            "a/b; c=\"d\" e",
            "a/b; c=d e",
            "a/b; c=d\"e\"",
            "a/b; c=d (a comment)",
            "a/b; c=d; c*0=e",
            "a/b; c*=utf-8''d",
        ] {
            assert!(MediaType::parse(wrong).is_none(), "{wrong}");
        }
    }
}
