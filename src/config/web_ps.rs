//! `[[web_ps]]` of the configuration: where a practitioner's browser may take an assertion of TD0.10, and how it gets it.

use serde::Deserialize;

use super::address::https_origin;
use crate::policy::breach::Breach;

/// Most `[[web_ps]]`: the DMP has one, and one for its tests.
const TARGETS_MAX: usize = 8;
/// Longest name in bytes.
const NAME_LEN_MAX: usize = 32;

/// How the browser gets the assertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Delivery {
    /// A stand-in: the real delivery of TD0.10 is not public. A page with a form that posts the assertion.
    #[serde(rename = "form-post-stand-in")]
    FormPostStandIn,
}

impl Delivery {
    pub(super) const NAMES: [&'static str; 1] = ["form-post-stand-in"];
}

/// A place that a browser may be sent to with an assertion.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebPs {
    /// Name by which applications ask for it.
    pub name: String,
    /// `https://` address.
    pub target: String,
    /// How the assertion gets there.
    pub delivery: Delivery,
}

impl WebPs {
    /// The target's origin; checked when the file was read.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        https_origin(&self.target)
    }

    fn check(&self, production: bool) -> Vec<(&'static str, &'static str)> {
        let mut wrong = Vec::new();
        let is_name = !self.name.is_empty()
            && self.name.len() <= NAME_LEN_MAX
            && self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_name {
            wrong.push(("name", "donnez 1 à 32 caractères parmi a-z 0-9 -"));
        }
        if self.origin().is_none() {
            wrong.push(("target", "donnez une adresse https://… entière, sans utilisateur ni fragment"));
        }
        if production && self.delivery == Delivery::FormPostStandIn {
            wrong.push((
                "delivery",
                "form-post-stand-in tient lieu de la remise de TD0.10, qui n'est pas publique : le mode test seul l'admet ; retirez [[web_ps]]",
            ));
        }
        wrong
    }
}

/// What is wrong with the `[[web_ps]]`; those that are right are kept.
pub(super) fn check_web_ps(tables: Vec<WebPs>, production: bool, breaches: &mut Vec<Breach>) -> Vec<WebPs> {
    if tables.len() > TARGETS_MAX {
        let cause = format!("[[web_ps]] : {} adresses, le maximum est {TARGETS_MAX}", tables.len());
        breaches.push(Breach::of("bad-value", "web_ps", "name", cause));
    }
    let mut kept: Vec<WebPs> = Vec::new();
    for (entry, place) in tables.into_iter().enumerate() {
        let wrong = place.check(production);
        if wrong.is_empty() && kept.iter().any(|other| other.name == place.name) {
            let cause = format!("[[web_ps]] : le nom {} est donné deux fois ; changez l'un des deux", place.name);
            breaches.push(Breach::of("declared-twice", "web_ps", "name", cause).in_entry(entry));
        } else if wrong.is_empty() {
            kept.push(place);
        } else {
            breaches.extend(wrong.into_iter().map(|(field, cause)| {
                Breach::of("bad-value", "web_ps", field, format!("[[web_ps]] {field} : {cause}")).in_entry(entry)
            }));
        }
    }
    kept
}
