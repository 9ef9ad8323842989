//! Mutations of our own assertions: thousands of changes of a byte or of the structure, and none is accepted.

use sceau::lint::Verdict;
use sceau::xmldsig::Document;

use super::ours::{OURS, Ours};

/// A mutation that is accepted must be the assertion itself, at most with the newline that ends a text file.
fn refused(ours: &Ours, mutant: &[u8], what: &str) {
    let text = ours.assertion.as_bytes();
    if mutant.strip_suffix(b"\n").unwrap_or(mutant) == text {
        return;
    }
    let report = ours.judge(mutant);
    assert_eq!(report.verdict, Verdict::Bad, "{what} was accepted:\n{}", String::from_utf8_lossy(mutant));
}

#[test]
fn no_change_of_a_byte_is_accepted() {
    let mut count = 0;
    for ours in OURS.iter() {
        let text = ours.assertion.as_bytes();
        for at in 0..text.len() {
            let mut changed = text.to_vec();
            for bit in [0x01, 0x20] {
                changed[at] = text[at] ^ bit;
                refused(ours, &changed, &format!("bit {bit:#x} of byte {at}"));
            }
            changed.remove(at);
            refused(ours, &changed, &format!("without byte {at}"));
            changed.insert(at, text[at]);
            changed.insert(at, b' ');
            refused(ours, &changed, &format!("a space before byte {at}"));
            count += 4;
        }
    }
    assert!(count >= 20_000, "{count}");
}

#[test]
fn no_truncation_is_accepted() {
    for ours in OURS.iter() {
        for end in 0..ours.assertion.len() {
            refused(ours, &ours.assertion.as_bytes()[..end], &format!("the first {end} bytes"));
        }
    }
}

#[test]
fn no_change_of_structure_is_accepted() {
    let mut count = 0;
    for ours in OURS.iter() {
        let text = &ours.assertion;
        for mutant in structural(text) {
            assert_ne!(&mutant, text);
            refused(ours, mutant.as_bytes(), "a structural mutation");
            count += 1;
        }
    }
    assert!(count >= 2_000, "{count}");
}

/// Every element removed, doubled, emptied, wrapped, moved to either end of its parent, put beside the root, given an attribute, a
/// declaration, a comment, an instruction, text.
fn structural(text: &str) -> Vec<String> {
    let document = Document::parse(text.as_bytes()).unwrap();
    let mut mutants = Vec::new();
    for element in document.elements() {
        let (start, source) = (element.offset(), element.source());
        let end = start + source.len();
        let with = |replacement: &str| [&text[..start], replacement, &text[end..]].concat();
        let opening = source.find('>').unwrap();
        let name = source[1..].split([' ', '>', '/']).next().unwrap();
        let inside = |piece: &str| with(&[&source[..=opening], piece, &source[opening + 1..]].concat());
        let tagged = |piece: &str| with(&[&source[..opening], piece, &source[opening..]].concat());
        mutants.extend([
            with(&[source, source].concat()),
            with(&format!("<x>{source}</x>")),
            with(&format!(
                "<saml:Advice xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{source}</saml:Advice>"
            )),
            with(&format!("<!-- {source} -->")),
            with(&format!("<!-- -->{source}")),
            with(&format!("{source}<?x y?>")),
            inside("<!-- -->"),
            inside("x"),
            inside("<x/>"),
            inside(&format!("<{name}/>")),
            tagged(" x=\"y\""),
            tagged(" xmlns:x=\"urn:x\""),
            tagged(" xml:id=\"x\""),
            tagged(" Id=\"x\""),
            tagged(" xmlns=\"urn:x\""),
        ]);
        if start > 0 {
            mutants.push(with(""));
            mutants.push([text, source].concat());
            mutants.push([source, text].concat());
            let parent = element.parent().unwrap();
            let (from, to) = (parent.offset(), parent.offset() + parent.source().len());
            let first = from + parent.source().find('>').unwrap() + 1;
            let last = to - parent.source().len() + parent.source().rfind("</").unwrap();
            if first != start {
                mutants.push([&text[..first], source, &text[first..start], &text[end..]].concat());
            }
            if last != end {
                mutants.push([&text[..start], &text[end..last], source, &text[last..]].concat());
            }
        }
        if opening + 1 < source.len() && !source.ends_with("/>") {
            let emptied = [&source[..=opening], "</", name, ">"].concat();
            if emptied != source {
                mutants.push(with(&emptied));
            }
        }
    }
    mutants
}
