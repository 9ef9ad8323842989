//! A frame: read the same however its JSON is spelt, answered once, and never read where another reader sees no JSON.

use sceau::daemon::answer::{Answer, No};
use sceau::daemon::{Request, read};
use sceau::varlink::json::{Json, JsonFault, parse};
use serde_json::Value;

pub fn holds(input: &[u8]) {
    // A frame holds no NUL: the door cuts there.
    for frame in input.split(|byte| *byte == 0).take(8) {
        is_strict(frame);
        let answered = is_answered_once(frame);
        if let Some(spelt) = spelt_plainly(frame) {
            assert_eq!(is_answered_once(&spelt), answered, "{}", String::from_utf8_lossy(&spelt));
        }
    }
}

/// What came of a frame, comparable: the typed request, or the answer's bytes.
fn is_answered_once(frame: &[u8]) -> String {
    let mut out = Vec::new();
    match read(frame, &mut out) {
        Ok(Some(request)) => {
            assert!(out.is_empty(), "a request was read and answered too");
            return told(&request);
        }
        Ok(None) => {}
        Err(no) => {
            assert!(out.is_empty(), "a refused frame was answered too");
            assert!(matches!(no, No::Malformed(_) | No::InvalidParameter(_)), "the parser answered {no:?}");
            Answer::No(no).write(&mut out, "fr.sceau.Token");
        }
    }
    let answer = out.strip_suffix(b"\0").expect("an answer ends with its NUL");
    assert!(!answer.contains(&0), "two answers to one frame");
    let value: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    assert!(value["parameters"].is_object(), "{value}");
    String::from_utf8(out).expect("an answer is UTF-8")
}

fn told(request: &Request) -> String {
    format!("{request:?}")
}

/// Read only where `serde_json`'s own value is read too, and to the same value.
fn is_strict(frame: &[u8]) {
    let theirs = serde_json::from_slice::<Value>(frame);
    match (parse(frame), theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(plain(&ours), masked(theirs)),
        (Ok(ours), Err(error)) => panic!("{ours:?} was read from what is no JSON: {error}"),
        (Err(error), Ok(_)) => {
            assert_eq!(error.fault, JsonFault::Duplicate, "refused and yet JSON");
            assert!(
                !error.path.is_empty() || frame.windows(2).any(|two| two == b"\"\""),
                "a duplicate without a place"
            );
        }
        (Err(error), Err(_)) => assert!(error.fault != JsonFault::Syntax || error.path.is_empty(), "{error:?}"),
    }
}

/// The same call in another spelling: members in order, no white space, no needless escape. None where two members have one
/// name, of which this spelling would keep one.
fn spelt_plainly(frame: &[u8]) -> Option<Vec<u8>> {
    parse(frame).ok()?;
    serde_json::to_vec(&serde_json::from_slice::<Value>(frame).ok()?).ok()
}

fn plain(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(flag) => Value::Bool(*flag),
        Json::Number(number) => number.map_or_else(|| Value::from(-1), Value::from),
        Json::Text(text) => Value::from(text.as_str()),
        Json::List(_) => Value::Array(Vec::new()),
        Json::Object(members) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
    }
}

/// Numbers that count nothing, and lists, without what a request has no use for.
fn masked(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_u64().map_or_else(|| Value::from(-1), Value::from),
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, masked(value))).collect(),
        other => other,
    }
}
