//! Whatever bytes come in, one call or one located refusal; whatever goes out, one frame.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The field of a refusal, whichever it is.
fn field(frame: &[u8]) -> Option<String> {
    Call::parse(frame).err().map(|error| match error {
        MemberError::Invalid { parameter } => parameter,
        MemberError::Malformed { field, .. } => field,
    })
}

/// The member's JSON text, `depth` objects deep: `{"a":{"b":text}}`.
fn nested(path: &[String], text: &str) -> String {
    path.iter().rev().fold(text.to_owned(), |inner, name| format!("{{{}:{inner}}}", json!(name)))
}

/// Names without dots: a path of them can be read back. None is one of a call's own.
fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[^.]{1,6}|\\PC{1,3}é", 1..6)
        .prop_filter("a name of its own", |names| names.iter().all(|name| !name.contains('.')))
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter_map("finite", |n| serde_json::Number::from_f64(n).map(Value::Number)),
        ".{0,20}".prop_map(Value::from),
        prop::sample::select(vec!["fr.sceau.Token.Status", "method", "org.varlink.service.GetInfo"])
            .prop_map(Value::from),
    ];
    let name = prop_oneof![
        prop::sample::select(vec!["method", "parameters", "more", "oneway", "upgrade"]).prop_map(String::from),
        ".{0,8}"
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_a_call_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let is_object = serde_json::from_slice::<Value>(&bytes).is_ok_and(|value| value.is_object());
        prop_assert!(is_object || field(&bytes) == Some(String::new()));
    }

    #[test]
    fn a_cut_or_spoilt_call_is_not_another_call(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let whole = br#"{"method":"fr.sceau.Token.Issue","parameters":{"session":"s","patient":{"ins":"1"}}}"#;
        let at = at.index(whole.len());
        prop_assert_eq!(field(&whole[..at]), Some(String::new()));
        let mut spoilt = whole.to_vec();
        spoilt[at] = byte;
        if let Ok(call) = Call::parse(&spoilt) {
            // Still a call: then the same JSON to a reader that is not ours.
            let read: Value = serde_json::from_slice(&spoilt).unwrap();
            prop_assert_eq!(call.method.as_str(), read["method"].as_str().unwrap());
        }
    }

    #[test]
    fn any_json_is_read_as_another_reader_would(value in any_json()) {
        let text = value.to_string();
        match Call::parse(text.as_bytes()) {
            Ok(call) => {
                prop_assert_eq!(Some(call.method.as_str()), value["method"].as_str());
                prop_assert!(value["parameters"].is_object() || value["parameters"].is_null());
                for refused in ["oneway", "upgrade"] {
                    prop_assert!(value[refused] != json!(true));
                }
            }
            Err(MemberError::Invalid { parameter }) => {
                let found = &value[parameter.as_str()];
                let right = match parameter.as_str() {
                    "method" => found.is_string(),
                    "parameters" => found.is_object(),
                    _ => found.is_boolean(),
                };
                prop_assert!(!right, "{}: {}", parameter, found);
            }
            Err(MemberError::Malformed { field, .. }) => {
                prop_assert!(!value.is_object() || value.get(&field).is_some(), "{}: {}", field, value);
            }
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_located(path in names(), half in "\\\\u[dD][89abcdefABCDEF][0-9a-f]{2}", rest in "[a-z ]{0,4}") {
        let text = nested(&path, &format!("\"{rest}{half}{rest}\""));
        prop_assert_eq!(field(text.as_bytes()), Some(path.join(".")));
        let text = format!("{{\"method\":\"a.B\",\"parameters\":{text}}}");
        prop_assert_eq!(field(text.as_bytes()), Some(path.join(".")));
    }

    #[test]
    fn a_member_given_twice_is_located(path in names(), first in any_json(), second in any_json()) {
        let (last, before) = path.split_last().unwrap();
        let twice = format!("{{{0}:{first},{0}:{second}}}", json!(last));
        let text = nested(before, &twice);
        prop_assert_eq!(field(text.as_bytes()), Some(path.join(".")));
        let text = format!("{{\"method\":\"a.B\",\"parameters\":{text}}}");
        prop_assert_eq!(field(text.as_bytes()), Some(path.join(".")));
    }

    #[test]
    fn whatever_is_answered_is_one_frame(name in ".{0,40}", text in ".{0,200}", before in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut out = before.clone();
        error(&mut out, &name, json!({ "message": text }));
        reply(&mut out, json!({ "assertion": text }));
        let frames = out.strip_prefix(before.as_slice()).unwrap();
        prop_assert!(frames.ends_with(b"\0"));
        let frames: Vec<Value> =
            frames[..frames.len() - 1].split(|byte| *byte == 0).map(|f| serde_json::from_slice(f).unwrap()).collect();
        prop_assert_eq!(frames, [json!({"error": name, "parameters": {"message": text}}), json!({"parameters": {"assertion": text}})]);
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_answered_all_the_same() {
    let mut out = b"before\0".to_vec();
    // A map whose keys are no strings.
    reply(&mut out, std::collections::BTreeMap::from([((1, 2), 3)]));
    let frame = out.strip_prefix(b"before\0").unwrap().strip_suffix(b"\0").unwrap();
    assert!(serde_json::from_slice::<Value>(frame).unwrap()["error"].is_string());
}

#[test]
fn the_longest_method_is_known_by_its_bytes() {
    let call = |method: &str| field(json!({ "method": method }).to_string().as_bytes());
    assert_eq!(call(&"a".repeat(METHOD_LEN_MAX)), None);
    assert_eq!(call(&"a".repeat(METHOD_LEN_MAX + 1)), Some("method".to_owned()));
    assert_eq!(call(&"é".repeat(METHOD_LEN_MAX / 2 + 1)), Some("method".to_owned()));
}
