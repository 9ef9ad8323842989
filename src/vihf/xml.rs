//! Writing canonical XML: the only place where text becomes markup (Canonical XML 1.0 §2.3, Exclusive C14N §3).

use super::text::Text;

/// Appends a text node: `&`, `<`, `>` and carriage return are escaped as canonicalization renders them.
pub(super) fn text(out: &mut String, value: &str) {
    escape(out, value, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Appends an attribute's value without its quotes: `&`, `<`, `"`, TAB, LF and CR are escaped.
pub(super) fn attribute(out: &mut String, value: &str) {
    escape(out, value, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
}

/// A saml `Attribute` with one plain `AttributeValue`.
pub(super) fn saml_attribute(out: &mut String, name: &str, value: &str) {
    open_attribute(out, name);
    text(out, value);
    close_attribute(out);
}

/// A saml `Attribute` of validated free text.
pub(super) fn saml_text(out: &mut String, name: &str, value: &Text) {
    saml_attribute(out, name, value.as_str());
}

/// Opens `Attribute` and its `AttributeValue`.
pub(super) fn open_attribute(out: &mut String, name: &str) {
    out.push_str("<saml:Attribute Name=\"");
    attribute(out, name);
    out.push_str("\"><saml:AttributeValue>");
}

/// Between two values of one `Attribute`.
pub(super) fn next_value(out: &mut String) {
    out.push_str("</saml:AttributeValue><saml:AttributeValue>");
}

/// Closes what [`open_attribute`] opened.
pub(super) fn close_attribute(out: &mut String) {
    out.push_str("</saml:AttributeValue></saml:Attribute>");
}

/// An HL7 coded element (`xsi:type="CE"`), attributes in canonical order; an empty system name is left out.
pub(super) fn coded(
    out: &mut String,
    element: &str,
    code: &str,
    system: &str,
    system_name: &str,
    display_name: &str,
) {
    out.push('<');
    out.push_str(element);
    out.push_str(" xmlns=\"urn:hl7-org:v3\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" code=\"");
    attribute(out, code);
    out.push_str("\" codeSystem=\"");
    attribute(out, system);
    if !system_name.is_empty() {
        out.push_str("\" codeSystemName=\"");
        attribute(out, system_name);
    }
    out.push_str("\" displayName=\"");
    attribute(out, display_name);
    out.push_str("\" xsi:type=\"CE\"></");
    out.push_str(element);
    out.push('>');
}

fn escape(out: &mut String, value: &str, reference: impl Fn(char) -> Option<&'static str>) {
    let mut from = 0;
    for (at, c) in value.char_indices() {
        if let Some(reference) = reference(c) {
            out.push_str(value.get(from..at).unwrap_or_default());
            out.push_str(reference);
            from = at + c.len_utf8();
        }
    }
    out.push_str(value.get(from..).unwrap_or_default());
}
