//! The patients that a SOAP body names, as `INS^^^&OID&ISO^NH` (HL7 v2 CX, in IHE's queries) or as an HL7 v3 `id`.

use crate::vihf::identity::InsOid;
use crate::xmldsig::Element;

/// What a body says of patients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patients {
    /// `INS^^^&OID&ISO^NH` of each, in the body's order; only systems of the INS are looked for, others are local numbers.
    pub named: Vec<String>,
    /// A query's patient slot holds something that is no INS.
    pub foreign_slot: bool,
}

impl Patients {
    /// Whether the body names this patient (as the assertion does) and nobody else; `needed`: it must name one.
    #[must_use]
    pub fn are(&self, patient: Option<&str>, needed: bool) -> bool {
        let only = self.named.iter().all(|named| Some(named.as_str()) == patient);
        only && !self.foreign_slot && (!needed || !self.named.is_empty())
    }

    /// Looks through every text and attribute inside `body`.
    pub(super) fn of(body: Element<'_>) -> Self {
        let mut found = Self::default();
        for element in body.elements() {
            for (_, _, value) in element.attributes() {
                found.scan(value);
            }
            let text = element.text();
            found.scan(&text);
            found.hl7v3(element);
            if element.local() == "Value" && is_patient_slot(element) {
                let are_all = text.split(',').all(Self::is_one);
                found.foreign_slot |= !are_all || element.children().next().is_some();
            }
        }
        found
    }

    fn scan(&mut self, text: &str) {
        self.named.extend(Self::cx(text));
    }

    /// Whether one entry of a slot's list is an INS and nothing beside it: what is no INS is somebody too.
    fn is_one(entry: &str) -> bool {
        let entry = entry.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\''));
        let id = |cx: &str| cx.split('^').next().map(str::to_owned);
        let mixed = entry.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '\''));
        matches!(Self::cx(entry).as_slice(), [one] if id(one) == id(entry)) && !mixed
    }

    /// Every CX of an INS system in a text; one that has more before its authority than an identifier has no number here,
    /// and so is nobody's that an assertion names.
    fn cx(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in text.match_indices('&') {
            let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
            // The assigning authority: namespace & universal id & its type.
            let after = after.trim_start();
            let oid = after.split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
            if InsOid::parse(oid).is_err() {
                continue;
            }
            // Identifier, check digit and its scheme, namespace.
            let mut fields = before.rsplitn(4, '^').skip(1);
            let id = match (fields.next(), fields.next(), fields.next()) {
                (Some(""), Some(""), Some(id)) => id.rsplit(|c: char| !c.is_ascii_alphanumeric()).next(),
                _ => None,
            };
            found.push(format!("{}^^^&{oid}&ISO^NH", id.unwrap_or_default()));
        }
        found
    }

    fn hl7v3(&mut self, element: Element<'_>) {
        let Some(root) = element.attribute("root").map(str::trim) else { return };
        if InsOid::parse(root).is_ok() {
            let id = element.attribute("extension").unwrap_or_default().trim();
            self.named.push(format!("{id}^^^&{root}&ISO^NH"));
        }
    }
}

/// Whether a `Value` is of a slot that names a query's patient (ITI TF-2 3.18.4.1.2.3.7), such as
/// `$XDSDocumentEntryPatientId` or `$patientId`.
fn is_patient_slot(value: Element<'_>) -> bool {
    let mut at = value.parent();
    while let Some(element) = at {
        if element.local() == "Slot" {
            let name = element.attribute("name").unwrap_or_default().trim().to_ascii_lowercase();
            return name.starts_with('$') && name.ends_with("patientid");
        }
        at = element.parent();
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xmldsig::Document;

    const A: &str = "279035121518989^^^&1.2.250.1.213.1.4.8&ISO^NH";

    fn of(text: &str) -> Patients {
        Patients::of(Document::parse(text.as_bytes()).unwrap().root())
    }

    fn slot(value: &str) -> String {
        format!(
            "<q><Slot name=\"$XDSDocumentEntryPatientId\"><ValueList><Value>{value}</Value></ValueList></Slot></q>"
        )
    }

    #[test]
    fn the_patient_of_a_query_is_found_however_it_is_written() {
        let plain = slot("'279035121518989^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'");
        let cdata = slot("<![CDATA['279035121518989^^^&1.2.250.1.213.1.4.8&ISO^NH']]>");
        let split = slot("'2790351<!-- -->21518989^^^&#38;1.2.250.1.213.1.4.8&amp;ISO^NH'");
        let space = slot("'279035121518989^^^ASIP&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'");
        let v3 = "<a><id root=\"1.2.250.1.213.1.4.8\" extension=\"279035121518989\"/></a>";
        for text in [plain.as_str(), &cdata, &split, &space, v3] {
            let found = of(text);
            assert_eq!(found.named, [A], "{text}");
            assert!(found.are(Some(A), true) && !found.are(None, false) && !found.are(Some("other"), false));
        }
    }

    #[test]
    fn a_second_patient_or_none_where_one_is_needed_is_told() {
        let two = slot(
            "('279035121518989^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH','111111111111120^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH')",
        );
        assert!(!of(&two).are(Some(A), true));
        let other_system = slot("'279035121518989^^^&amp;1.2.250.1.213.1.4.9&amp;ISO^NH'");
        assert!(!of(&other_system).are(Some(A), true));
        let ours = "'279035121518989^^^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'";
        for listed in [format!("({ours})"), format!("\n ( {ours} , {ours} )\n")] {
            assert!(of(&slot(&listed)).are(Some(A), true), "{listed}");
        }
        // Beside the right one, a number of another system, one without a system, one with a check digit.
        for beside in [
            "'12345^^^&amp;1.2.3&amp;ISO^PI'",
            "'111111111111120'",
            "'111111111111120^1^ISO^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH'",
            "",
        ] {
            for both in [format!("({ours},{beside})"), format!("({beside},{ours},{ours})")] {
                assert!(!of(&slot(&both)).are(Some(A), true), "{both}");
            }
        }
        assert!(!of(&slot(&format!("{ours} '12345'"))).are(Some(A), true), "without a comma");
        for beside in
            ["111111111111120^1^ISO^&amp;1.2.250.1.213.1.4.8&amp;ISO^NH", "1^^^^&amp; 1.2.250.1.213.1.4.8"]
        {
            let body = format!("<a><b v=\"279035121518989^^^&amp;1.2.250.1.213.1.4.8\"/><c v=\"{beside}\"/></a>");
            assert!(!of(&body).are(Some(A), true), "{body}");
        }
        for foreign in ["'12345^^^&amp;1.2.3&amp;ISO^PI'", "", "'279035121518989'"] {
            assert!(!of(&slot(foreign)).are(Some(A), false), "{foreign}");
        }
        assert!(!of("<a/>").are(Some(A), true) && of("<a/>").are(Some(A), false) && of("<a/>").are(None, false));
        let local = "<a v=\"12345^^^&amp;1.2.3&amp;ISO^PI\"/>";
        assert!(of(local).are(Some(A), false), "a local number beside it is nobody's INS");
    }
}
