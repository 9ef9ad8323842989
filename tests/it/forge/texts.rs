//! Texts that try to break out of the XML, or that careless code miscounts.

use proptest::prelude::*;

use sceau::vihf::text::{TEXT_LEN_MAX_BYTES, Text};

/// Payloads that mean something to an XML reader, if it ever sees them as markup.
pub(super) const MARKUP: [&str; 14] = [
    "<",
    "&",
    "\"",
    "'",
    "]]>",
    "<!--",
    "--><x/>",
    "<?xml version=\"1.0\"?>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
    "</saml:AttributeValue></saml:Attribute><saml:Attribute Name=\"VIHF_Version\"><saml:AttributeValue>9.9",
    "\" xmlns:saml=\"urn:x\" Name=\"",
    "&amp;&lt;&#60;&#x3c;&#0;",
    "<![CDATA[x]]>",
    "</saml:Assertion>",
];

const PIECES: [&str; 22] = [
    "<",
    ">",
    "&",
    "\"",
    "'",
    "]]>",
    "&amp;",
    "&#0;",
    "</saml:AttributeValue>",
    "\u{301}",
    "\u{327}",
    "e\u{301}",
    "𝔄",
    "🧑\u{200D}\u{2695}\u{FE0F}",
    "עדנה\u{200F}",
    "\u{FFFD}",
    "\u{E000}",
    "\u{FEFF}x",
    "\u{A0}",
    " ",
    "\u{10FFFD}",
    "D'ARC",
];

/// Any legal text: generated strings less what is refused, strings of hostile pieces, and texts of the greatest length.
pub(super) fn text() -> impl Strategy<Value = Text> {
    let pieces = || proptest::collection::vec(proptest::sample::select(&PIECES[..]), 1..24);
    let long = pieces().prop_map(|pieces| {
        let mut text = String::new();
        pieces
            .iter()
            .cycle()
            .map_while(|piece| (text.len() + piece.len() < TEXT_LEN_MAX_BYTES).then(|| text.push_str(piece)))
            .count();
        text
    });
    let any = prop_oneof![
        4 => any::<String>(),
        5 => pieces().prop_map(|pieces| pieces.concat()),
        1 => long,
        2 => proptest::sample::select(&MARKUP[..]).prop_map(String::from),
    ];
    any.prop_filter_map("nothing legal is left", |text| {
        let legal = |c: &char| Text::parse(&format!("a{c}a")).is_ok();
        Text::parse(text.chars().filter(legal).collect::<String>().trim()).ok()
    })
}
