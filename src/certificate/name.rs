//! A distinguished name as text: RFC 2253 with the keywords that the DMP knows (vihf.md §1, `Issuer`).

use std::fmt::Write as _;

use x509_parser::prelude::*;

/// Writes a name: most specific RDN first, `,` without space, values escaped (RFC 2253 §2.4).
///
/// None if a value is no text, or holds a character that an assertion cannot carry.
#[must_use]
pub fn rfc2253(name: &X509Name<'_>) -> Option<String> {
    let mut out = String::new();
    let rdns: Vec<_> = name.iter_rdn().collect();
    for (place, rdn) in rdns.into_iter().rev().enumerate() {
        if place > 0 {
            out.push(',');
        }
        for (place, attribute) in rdn.iter().enumerate() {
            if place > 0 {
                out.push('+');
            }
            let oid = attribute.attr_type().to_id_string();
            match keyword(&oid) {
                Some(keyword) => {
                    out.push_str(keyword);
                    out.push('=');
                    value(&mut out, attribute.as_str().ok()?)?;
                }
                // A type without keyword is written as numbers (RFC 2253 §2.3, §2.4).
                None => hexadecimal(&mut out, &oid, attribute.attr_value())?,
            }
        }
    }
    Some(out)
}

fn keyword(oid: &str) -> Option<&'static str> {
    Some(match oid {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "2.5.4.42" => "GN",
        "0.9.2342.19200300.100.1.25" => "DC",
        "0.9.2342.19200300.100.1.1" => "UID",
        _ => return None,
    })
}

fn value(out: &mut String, text: &str) -> Option<()> {
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') {
            return None;
        }
        let special = matches!(c, ',' | '+' | '"' | '\\' | '<' | '>' | ';')
            || (c == ' ' && (at == 0 || at == last))
            || (c == '#' && at == 0);
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    Some(())
}

fn hexadecimal(out: &mut String, oid: &str, value: &asn1_rs::Any<'_>) -> Option<()> {
    use x509_parser::der_parser::asn1_rs::ToDer as _;
    write!(out, "{oid}=#").ok()?;
    for byte in value.to_der_vec().ok()? {
        write!(out, "{byte:02x}").ok()?;
    }
    Some(())
}
