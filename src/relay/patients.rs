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
                let count = found.named.len();
                let inside = Self::cx(&text);
                if inside.is_empty() || count == 0 || element.children().next().is_some() {
                    found.foreign_slot = true;
                }
            }
        }
        found
    }

    fn scan(&mut self, text: &str) {
        self.named.extend(Self::cx(text));
    }

    /// Every CX of an INS system in a text.
    fn cx(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for (at, _) in text.match_indices("^^^") {
            let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 3..).unwrap_or_default());
            // The assigning authority: namespace & universal id & its type.
            let Some((_, after)) = after.split_once('&') else { continue };
            let oid = after.split(['&', '^']).next().unwrap_or_default();
            let id = before.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            if InsOid::parse(oid.trim()).is_ok() {
                found.push(format!("{id}^^^&{}&ISO^NH", oid.trim()));
            }
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
        for foreign in ["'12345^^^&amp;1.2.3&amp;ISO^PI'", "", "'279035121518989'"] {
            assert!(!of(&slot(foreign)).are(Some(A), false), "{foreign}");
        }
        assert!(!of("<a/>").are(Some(A), true) && of("<a/>").are(Some(A), false) && of("<a/>").are(None, false));
        let local = "<a v=\"12345^^^&amp;1.2.3&amp;ISO^PI\"/>";
        assert!(of(local).are(Some(A), false), "a local number beside it is nobody's INS");
    }
}
