//! Parameters are right, or refused by the name of the one that is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::varlink::call::Call;

/// A method, right parameters, the members that must be there, and those that may be any text.
struct Method {
    read: fn(Members) -> Result<(), MemberError>,
    right: Value,
    required: &'static [&'static str],
    any_text: &'static [&'static str],
}

fn methods() -> [Method; 4] {
    [
        Method {
            read: |members| issue(members).map(drop),
            right: json!({ "session": "s", "nonce": "abcdefgh-ABCD_09", "transaction": "3.1", "purpose": "normal",
                "patient": { "ins": "207058575627097", "oid": "1.2.250.1.213.1.4.8" },
                "invisible_to_guardians": false, "receipt": true }),
            required: &["session", "nonce", "transaction", "purpose", "patient.ins"],
            any_text: &["session"],
        },
        Method {
            read: |members| open_session(members).map(drop),
            right: json!({ "practitioner": "899900063480", "authentication": { "method": "CPS:CPSSANSCONTACT",
                "instant": "2026-03-02T08:30:00Z", "initial_instant": "2026-03-02T08:00:00.5Z", "proof": "a.b.c" },
                "structure": "10B0127189", "service": "urgences", "channel": "WEB_PS", "profile": "dmp-air" }),
            required: &["practitioner", "authentication.method", "authentication.instant"],
            any_text: &["authentication.proof", "service", "profile"],
        },
        Method {
            read: |members| report(members).map(drop),
            right: json!({ "id": "_1b4e28ba-2fa1-4d2b-883f-0016d3cca427", "outcome": "refused" }),
            required: &["id", "outcome"],
            any_text: &[],
        },
        Method {
            read: |members| close_session(members).map(drop),
            right: json!({ "session": "s" }),
            required: &["session"],
            any_text: &["session"],
        },
    ]
}

impl Method {
    /// Reads them as the door does; the refusal's kind and the member that it names.
    fn read(&self, parameters: &Value) -> Result<(), (&'static str, String)> {
        let frame = json!({ "method": "fr.sceau.Token.X", "parameters": parameters }).to_string();
        (self.read)(Call::parse(frame.as_bytes()).unwrap().parameters).map_err(|error| match error {
            MemberError::Invalid { parameter } => ("invalid", parameter),
            MemberError::Malformed { field, .. } => ("malformed", field),
        })
    }

    /// The right parameters with another value at a dotted path; none: without it.
    fn with(&self, path: &str, value: Option<Value>) -> Value {
        let mut changed = self.right.clone();
        let (object, name) = match path.split_once('.') {
            Some((object, name)) => (&mut changed[object], name),
            None => (&mut changed, path),
        };
        let object = object.as_object_mut().unwrap();
        match value {
            Some(value) => drop(object.insert(name.to_owned(), value)),
            None => drop(object.remove(name)),
        }
        changed
    }

    /// Dotted paths of every member that is no object.
    fn paths(&self) -> Vec<String> {
        let members = self.right.as_object().unwrap().iter();
        members
            .flat_map(|(name, value)| match value.as_object() {
                Some(inner) => inner.keys().map(|inner| format!("{name}.{inner}")).collect(),
                None => vec![name.clone()],
            })
            .collect()
    }
}

#[test]
fn the_right_parameters_are_read() {
    for method in methods() {
        assert_eq!(method.read(&method.right), Ok(()), "{}", method.right);
        // What is optional may be absent or null.
        for path in method.paths() {
            let required = method.required.contains(&path.as_str());
            for gone in [None, Some(Value::Null)] {
                let expected = if required { Err(("invalid", path.clone())) } else { Ok(()) };
                assert_eq!(method.read(&method.with(&path, gone)), expected, "{path}");
            }
        }
    }
}

#[test]
fn a_member_of_another_type_is_named() {
    for method in methods() {
        for path in method.paths() {
            let right =
                if path == "receipt" || path == "invisible_to_guardians" { json!(true) } else { json!("") };
            for wrong in [json!(true), json!(""), json!(0), json!(-1.5e300), json!([]), json!(["s"]), json!({})] {
                if std::mem::discriminant(&wrong) != std::mem::discriminant(&right) {
                    let read = method.read(&method.with(&path, Some(wrong.clone())));
                    assert_eq!(read, Err(("invalid", path.clone())), "{wrong}");
                }
            }
        }
        for (name, value) in method.right.as_object().unwrap() {
            for wrong in [json!(true), json!("{}"), json!(0), json!([])] {
                if value.is_object() {
                    let read = method.read(&method.with(name, Some(wrong)));
                    assert_eq!(read, Err(("invalid", name.clone())));
                }
            }
        }
    }
}

fn hostile_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,80}",
        "[ -~]{0,80}",
        "[0-9A-B]{8,17}",
        "[<>&'\"\\r\\n\\t\\x00-\\x1f\\u{e000}\\u{fffe}\\u{1d504}\\u{301}]{1,40}",
        prop::collection::vec(any::<char>(), 1..70).prop_map(String::from_iter),
        (1_000_usize..20_000).prop_map(|len| "é".repeat(len)),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_by_its_name(text in hostile_text()) {
        for method in methods() {
            for path in method.paths() {
                let is_text = method.with("", None).pointer(&format!("/{}", path.replace('.', "/"))).unwrap().is_string();
                if !is_text {
                    continue;
                }
                let read = method.read(&method.with(&path, Some(json!(text))));
                prop_assert!(read.is_ok() || read == Err(("malformed", path.clone())), "{}: {:?}", path, read);
                let free = method.any_text.contains(&path.as_str());
                // Names and secrets are looked up, and everything else is of a closed form without markup or controls.
                let odd = text.chars().any(|c| c.is_control() || "<>&'\"".contains(c));
                prop_assert!(free || !odd || read.is_err(), "{} took {:?}", path, text);
            }
        }
    }

    #[test]
    fn an_unknown_member_is_named(name in "[a-zA-Z_.\\x00-\\x1fé]{0,12}", value in ".{0,9}") {
        for method in methods() {
            for object in ["", "patient.", "authentication."] {
                let inside = object.trim_end_matches('.');
                let known = if inside.is_empty() { &method.right } else { &method.right[inside] };
                if !known.is_object() || known.get(&name).is_some() {
                    continue;
                }
                let mut changed = method.right.clone();
                let target = if inside.is_empty() { &mut changed } else { &mut changed[inside] };
                target.as_object_mut().unwrap().insert(name.clone(), json!(value));
                prop_assert_eq!(method.read(&changed), Err(("malformed", format!("{object}{name}"))));
            }
        }
    }
}
