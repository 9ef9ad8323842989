//! Strict JSON: duplicate members are refused, what cannot be read is located, strings are erased after use.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// A JSON value; frames hold session secrets and patients' identifiers, so texts are erased when dropped.
#[derive(Debug)]
pub enum Json {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number; what it is, if it counts something.
    Number(Option<u64>),
    /// A string.
    Text(Zeroizing<String>),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(BTreeMap<String, Json>),
}

/// Why a text is no strict JSON, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// Dotted path of the member at fault; empty where the text itself is broken.
    pub path: String,
    /// What is wrong there.
    pub fault: JsonFault,
}

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// Not JSON, not UTF-8, or nested too deep.
    Syntax,
    /// A member is given twice: two readers could see two requests.
    Duplicate,
    /// A string holds half a surrogate pair: no Unicode text.
    Surrogate,
}

/// Reads one JSON text.
///
/// Nesting is bounded by `serde_json` (128); length by the caller's frame.
///
/// # Errors
/// [`JsonError`]; for `Syntax` the path is empty.
pub fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let mut trail = Trail { path: Vec::new(), fault: JsonFault::Syntax };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match Seed(&mut trail).deserialize(&mut reader) {
        Ok(value) => match reader.end() {
            Ok(()) => Ok(value),
            Err(_) => Err(JsonError { path: String::new(), fault: JsonFault::Syntax }),
        },
        Err(error) => {
            if is_surrogate(&error) {
                trail.fault = JsonFault::Surrogate;
            }
            let path = if trail.fault == JsonFault::Syntax { String::new() } else { trail.path.join(".") };
            Err(JsonError { path, fault: trail.fault })
        }
    }
}

/// `serde_json` tells a lone surrogate by its message only; a test holds it to that.
fn is_surrogate(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    text.starts_with("lone leading surrogate") || text.starts_with("unexpected end of hex escape")
}

struct Trail {
    path: Vec<String>,
    fault: JsonFault,
}

struct Seed<'t>(&'t mut Trail);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Json;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(Some(value)))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Number(None))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(Zeroizing::new(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Seed(self.0))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            self.0.path.push(name.clone());
            if object.contains_key(&name) {
                self.0.fault = JsonFault::Duplicate;
                return Err(A::Error::custom("duplicate member"));
            }
            let value = members.next_value_seed(Seed(self.0))?;
            self.0.path.pop();
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(text: &str) -> Option<(String, JsonFault)> {
        parse(text.as_bytes()).err().map(|e| (e.path, e.fault))
    }

    #[test]
    fn faults_are_located() {
        assert_eq!(fault(r#"{"a":{"b":1,"b":1}}"#), Some(("a.b".to_owned(), JsonFault::Duplicate)));
        assert_eq!(fault(r#"{"a":{"b":"\ud800"}}"#), Some(("a.b".to_owned(), JsonFault::Surrogate)));
        assert_eq!(fault(r#"{"a":"\udc00x"}"#), Some(("a".to_owned(), JsonFault::Surrogate)));
        assert_eq!(fault(r#"{"a":"\ud83dA"}"#), Some(("a".to_owned(), JsonFault::Surrogate)));
        assert_eq!(fault(r#"{"a":"#), Some((String::new(), JsonFault::Syntax)));
        assert_eq!(fault(r#"{} {}"#), Some((String::new(), JsonFault::Syntax)));
        assert_eq!(fault(&"[".repeat(60_000)), Some((String::new(), JsonFault::Syntax)));
        assert_eq!(fault(r#"{"a":"\ud83d\ude00"}"#), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn agrees_with_serde_json(text in r#"[\{\}\[\]",:a0-9 \\]{0,40}"#) {
            // Ours is stricter about duplicates and nothing else.
            if serde_json::from_str::<serde_json::Value>(&text).is_err() {
                prop_assert!(parse(text.as_bytes()).is_err());
            } else if let Err(error) = parse(text.as_bytes()) {
                prop_assert_eq!(error.fault, JsonFault::Duplicate);
            }
        }
    }
}
