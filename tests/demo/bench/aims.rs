//! Every aim beside its figure, met or not.

use serde_json::{Value, json};

/// What was asked, and what was seen.
pub(super) struct Aim {
    what: &'static str,
    /// `≤` or `≥`.
    at_most: bool,
    aim: f64,
    figure: f64,
    unit: &'static str,
}

impl Aim {
    pub(super) fn at_most(what: &'static str, aim: f64, figure: f64, unit: &'static str) -> Aim {
        Aim { what, at_most: true, aim, figure, unit }
    }

    pub(super) fn at_least(what: &'static str, aim: f64, figure: f64, unit: &'static str) -> Aim {
        Aim { what, at_most: false, aim, figure, unit }
    }

    fn is_met(&self) -> bool {
        if self.at_most { self.figure <= self.aim } else { self.figure >= self.aim }
    }

    pub(super) fn line(&self) -> String {
        let sign = if self.at_most { '≤' } else { '≥' };
        let verdict = if self.is_met() { "tenue" } else { "NON TENUE" };
        format!(
            "{:<72} {sign} {:>8.2} {:<3} vu {:>9.2} {:<3} {verdict}",
            self.what, self.aim, self.unit, self.figure, self.unit
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({ "what": self.what, "at_most": self.at_most, "aim": self.aim, "figure": self.figure, "unit": self.unit, "met": self.is_met() })
    }
}
