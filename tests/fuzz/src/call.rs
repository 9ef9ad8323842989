//! A call of an application to the relay: read the same however it is cut, changed by nothing but the one insertion, and
//! never with a second envelope behind the first.
//!
//! An input is a `Content-Type`, a line feed, and the body.

use sceau::relay::{Envelope, MediaType, Parts, Root, Span, Wrong};

/// What is placed; its id is looked for in no other place.
const ID: &str = "_0f0f0f0f-aaaa-4aaa-8aaa-0f0f0f0f0f0f";

pub fn holds(input: &[u8]) {
    let at = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (line, body) = (&input[..at], input.get(at + 1..).unwrap_or_default());
    let Ok(line) = std::str::from_utf8(line) else { return };
    let Some(content) = MediaType::parse(line) else { return };
    assert!(content.essence.is_ascii() && content.essence.matches('/').count() == 1, "{content:?}");
    let Ok(root) = Root::of(&content) else { return };
    let whole = root.find(body, true, &mut 0);
    for step in [1, 2, 7, 64] {
        assert_eq!(in_pieces(&root, body, step), whole, "cut every {step}");
    }
    let Ok(Some(span)) = whole else { return };
    if let Root::Part { boundary, .. } = &root {
        parts(&root, boundary, &body[span.to..]);
    }
    envelope(&body[span.from..span.to]);
}

fn in_pieces(root: &Root, body: &[u8], step: usize) -> Result<Option<Span>, Wrong> {
    let mut scanned = 0;
    for to in (0..body.len()).step_by(step) {
        if let Some(span) = root.find(&body[..to], false, &mut scanned)? {
            return Ok(Some(span));
        }
    }
    root.find(body, true, &mut scanned)
}

/// What follows the envelope is judged alike however it is cut; by a naive reading too, no later part is an envelope.
fn parts(root: &Root, boundary: &str, rest: &[u8]) {
    let judged = |step: usize| {
        let mut parts = Parts::of(root).expect("a multipart body");
        rest.chunks(step).try_for_each(|piece| parts.see(piece)).map(|()| parts.is_ended())
    };
    let whole = judged(rest.len().max(1));
    for step in [1, 3, 50] {
        assert_eq!(judged(step), whole, "cut every {step}");
    }
    if whole != Ok(true) {
        return;
    }
    let text = String::from_utf8_lossy(rest).to_ascii_lowercase();
    let delimiter = format!("\r\n--{}\r\n", boundary.to_ascii_lowercase());
    // Case is the boundary's own: a part that another case opens is none.
    let exact = String::from_utf8_lossy(rest).matches(&format!("\r\n--{boundary}\r\n")).count();
    if text.matches(&delimiter).count() == exact {
        for part in text.split(&delimiter).skip(1) {
            let head =
                if part.starts_with("\r\n") { "" } else { part.split("\r\n\r\n").next().unwrap_or_default() };
            let typed = head.lines().any(|line| line.starts_with("content-type:") && line.contains("soap+xml"));
            assert!(!typed, "a second envelope passed: {head}");
        }
    }
}

fn envelope(bytes: &[u8]) {
    let Ok(read) = Envelope::read(bytes) else { return };
    assert!(!read.action.is_empty() && !read.to.is_empty());
    if let Some(assertion) = &read.assertion {
        let found = bytes.windows(assertion.len()).any(|window| window == assertion.as_bytes());
        assert!(found && assertion.contains("Assertion"), "what is judged is what is written");
        return;
    }
    let mark = format!("<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{ID}\"/>");
    let placed = read.with_assertion(bytes, &mark);
    let same = |pair: (&u8, &u8)| pair.0 == pair.1;
    let before = bytes.iter().zip(&placed).take_while(|pair| same(*pair)).count();
    let after = bytes.iter().rev().zip(placed.iter().rev()).take_while(|pair| same(*pair)).count();
    assert!(before + after >= bytes.len(), "something else changed");
    let again = Envelope::read(&placed);
    let again = match again {
        Ok(again) => again,
        // Only an envelope that carries this very id already may be refused with it.
        Err(fault) => {
            let text = String::from_utf8_lossy(bytes);
            assert!(
                text.contains("0f0f0f") || text.contains("&#"),
                "{}: {}",
                fault.code,
                String::from_utf8_lossy(&placed)
            );
            return;
        }
    };
    assert_eq!(again.assertion.as_deref(), Some(mark.as_str()));
    assert_eq!((&again.action, &again.to, &again.patients), (&read.action, &read.to, &read.patients));
}

/// A right call is read, with its patient: without this the property would hold of a reader that refuses everything.
pub fn known_is_good() {
    let content = MediaType::parse(
        "multipart/related; type=\"application/xop+xml\"; boundary=\"b\"; start=\"<r@x>\"; start-info=\"application/soap+xml\"",
    );
    let root = Root::of(&content.expect("a media type")).expect("MTOM");
    let envelope = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:a=\"http://www.w3.org/2005/08/addressing\">\
                    <s:Header><a:Action>urn:x</a:Action><a:To>https://d/r</a:To><a:MessageID>urn:1</a:MessageID></s:Header><s:Body><q>\
                    '279035121518989^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'</q></s:Body></s:Envelope>";
    let body = format!(
        "--b\r\nContent-Type: application/xop+xml\r\nContent-ID: <r@x>\r\n\r\n{envelope}\r\n--b\r\n\r\nbytes\r\n--b--\r\n"
    );
    let span = root.find(body.as_bytes(), true, &mut 0).expect("parts").expect("an envelope");
    assert_eq!(&body[span.from..span.to], envelope);
    let read = Envelope::read(envelope.as_bytes()).expect("an envelope");
    assert_eq!(read.patients.named, ["279035121518989^^^&1.2.250.1.213.1.4.8&ISO^NH"]);
}
