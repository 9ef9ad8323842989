//! Taking an object's members out one by one: missing, of the wrong type, wrong, or unknown, each told apart.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::json::Json;

/// What is wrong with a request's members (contract, `token.sock`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberError {
    /// Missing, or of the wrong type: `org.varlink.service.InvalidParameter`.
    Invalid {
        /// Dotted path.
        parameter: String,
    },
    /// A wrong value, or a member that does not exist: `Malformed`.
    Malformed {
        /// Dotted path.
        field: String,
        /// Cause and remedy in French.
        message: String,
    },
}

/// Members of one object, taken out by name; [`Members::finish`] refuses what is left.
#[derive(Debug)]
pub struct Members {
    prefix: String,
    members: BTreeMap<String, Json>,
}

impl Members {
    /// Members of the object at `prefix` (empty at the top).
    #[must_use]
    pub fn new(prefix: &str, members: BTreeMap<String, Json>) -> Self {
        Self { prefix: prefix.to_owned(), members }
    }

    /// The same members, whose paths begin here.
    #[must_use]
    pub fn rooted(self) -> Self {
        Self { prefix: String::new(), ..self }
    }

    /// Dotted path of a member.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}.{name}", self.prefix) }
    }

    fn invalid(&self, name: &str) -> MemberError {
        MemberError::Invalid { parameter: self.path(name) }
    }

    /// A wrong value of the member `name`.
    #[must_use]
    pub fn malformed(&self, name: &str, message: impl Into<String>) -> MemberError {
        MemberError::Malformed { field: self.path(name), message: message.into() }
    }

    /// A required string.
    ///
    /// # Errors
    /// Missing or no string.
    pub fn text(&mut self, name: &str) -> Result<Zeroizing<String>, MemberError> {
        self.optional_text(name)?.ok_or_else(|| self.invalid(name))
    }

    /// An optional string; `null` is absent.
    ///
    /// # Errors
    /// No string.
    pub fn optional_text(&mut self, name: &str) -> Result<Option<Zeroizing<String>>, MemberError> {
        match self.members.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.invalid(name)),
        }
    }

    /// A required list of strings.
    ///
    /// # Errors
    /// Missing, no list, or a list that holds something else.
    pub fn texts(&mut self, name: &str) -> Result<Vec<Zeroizing<String>>, MemberError> {
        let Some(Json::List(items)) = self.members.remove(name) else { return Err(self.invalid(name)) };
        let text = |item| match item {
            Json::Text(text) => Ok(text),
            _ => Err(self.invalid(name)),
        };
        items.into_iter().map(text).collect()
    }

    /// A required count.
    ///
    /// # Errors
    /// Missing, or no whole number of 64 bits.
    pub fn count(&mut self, name: &str) -> Result<u64, MemberError> {
        let Some(Json::Number(Some(count))) = self.members.remove(name) else { return Err(self.invalid(name)) };
        Ok(count)
    }

    /// An optional boolean, false when absent.
    ///
    /// # Errors
    /// No boolean.
    pub fn flag(&mut self, name: &str) -> Result<bool, MemberError> {
        match self.members.remove(name) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(flag)) => Ok(flag),
            Some(_) => Err(self.invalid(name)),
        }
    }

    /// An optional object.
    ///
    /// # Errors
    /// No object.
    pub fn optional_object(&mut self, name: &str) -> Result<Option<Members>, MemberError> {
        match self.members.remove(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::Object(members)) => Ok(Some(Members { prefix: self.path(name), members })),
            Some(_) => Err(self.invalid(name)),
        }
    }

    /// Refuses members that nobody asked for.
    ///
    /// # Errors
    /// The first one left.
    pub fn finish(self) -> Result<(), MemberError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(self.malformed(name, "ce membre est inconnu ; retirez-le ou corrigez son nom")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::super::json::parse;
    use super::*;

    /// Values of every kind, as JSON texts.
    const VALUES: [&str; 9] = ["null", "true", "7", "\"t\"", "[]", "[\"t\"]", "[7]", "{}", "{\"a\":1}"];

    fn members(text: &str) -> Members {
        match parse(text.as_bytes()).unwrap() {
            Json::Object(members) => Members::new("at", members),
            other => unreachable!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn a_member_is_of_its_type_or_named(name in "[a-z]{1,9}", value in prop::sample::select(VALUES.to_vec())) {
            let members = || members(&format!("{{\"{name}\":{value}}}"));
            let invalid = MemberError::Invalid { parameter: format!("at.{name}") };
            let (absent, is_object) = (value == "null", value.starts_with('{'));
            match members().text(&name) {
                Ok(text) => prop_assert_eq!((value, text.as_str()), ("\"t\"", "t")),
                Err(error) => prop_assert!(value != "\"t\"" && error == invalid),
            }
            match members().optional_text(&name) {
                Ok(text) => prop_assert_eq!(text.is_some(), !absent),
                Err(error) => prop_assert!(!absent && value != "\"t\"" && error == invalid),
            }
            match members().texts(&name) {
                Ok(texts) => prop_assert!((value == "[]" && texts.is_empty()) || value == "[\"t\"]"),
                Err(error) => prop_assert!(!value.ends_with("\"]") && value != "[]" && error == invalid),
            }
            match members().flag(&name) {
                Ok(flag) => prop_assert!(absent != flag && (flag == (value == "true"))),
                Err(error) => prop_assert!(!absent && value != "true" && error == invalid),
            }
            match members().optional_object(&name) {
                Ok(object) => prop_assert!(object.is_some() == is_object && (absent || is_object)),
                Err(error) => prop_assert!(!absent && !is_object && error == invalid),
            }
        }

        #[test]
        fn what_nobody_takes_is_refused_by_name(name in ".{0,9}", value in prop::sample::select(VALUES.to_vec())) {
            let text = format!("{{{}:{value}}}", serde_json::json!(name));
            let Err(MemberError::Malformed { field, .. }) = members(&text).finish() else {
                return Err(TestCaseError::fail("taken"));
            };
            prop_assert_eq!(field, format!("at.{name}"));
            let mut taken = members(&text);
            let _ = taken.flag(&name);
            prop_assert!(taken.finish().is_ok());
        }
    }

    #[test]
    fn paths_begin_where_they_are_told() {
        let mut outer = members(r#"{"patient":{"ins":1}}"#);
        let mut patient = outer.optional_object("patient").unwrap().unwrap();
        assert_eq!(patient.text("ins"), Err(MemberError::Invalid { parameter: "at.patient.ins".to_owned() }));
        assert_eq!(patient.rooted().path("ins"), "ins");
    }
}
