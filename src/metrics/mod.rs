//! Figures of `Status` as OpenMetrics text: of the service, of nobody. Pure.
//!
//! Names are part of the contract with whoever supervises: grow the list, never change a name, a label or a meaning.

mod family;
mod http;

pub use family::{Family, Kind};
pub use http::{ANSWER_LEN_MAX, HEAD_LEN_MAX, answer};

use serde_json::Value;

use crate::vihf::instant::Instant;

/// Media type of the text (OpenMetrics 1.0, "Text format").
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The states of the contract, in its order.
const STATES: [&str; 4] = ["unprovisioned", "locked", "operational", "halted"];

/// The text for an answer of `fr.sceau.Token.Status`; none: nobody answered, which is a figure as well.
#[must_use]
pub fn text(status: Option<&Value>) -> String {
    let mut families = vec![up(status.is_some())];
    families.extend(status.map(of_status).unwrap_or_default());
    let mut text = String::new();
    families.iter().for_each(|family| family.write(&mut text));
    text.push_str("# EOF\n");
    text
}

fn up(is_up: bool) -> Family {
    Family::new("sceau_up", Kind::Gauge, "Whether sceaud answered.").sample(&[], f64::from(u8::from(is_up)))
}

fn of_status(status: &Value) -> Vec<Family> {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let flag = |value: &Value, name: &str| {
        f64::from(u8::from(value.get(name).and_then(Value::as_bool).unwrap_or_default()))
    };
    // Counts far below 2^53: exact as floating point.
    let count = |value: &Value, name: &str| value.get(name).and_then(Value::as_f64).unwrap_or_default();
    let rows = |name: &str| status.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let now = text(status, "state");
    let mut state = Family::new("sceau_state", Kind::StateSet, "The state of the service.");
    for known in STATES {
        state = state.sample(&[("sceau_state", known)], f64::from(u8::from(known == now)));
    }
    let build = Family::new("sceau_build", Kind::Info, "The version of sceaud.");
    let mut families = vec![
        build.sample(&[("version", &text(status, "version"))], 1.0),
        state,
        Family::new("sceau_ready", Kind::Gauge, "Whether every declared structure can be sealed for.")
            .sample(&[], flag(status, "ready")),
        Family::new(
            "sceau_ledger_entries",
            Kind::Gauge,
            "Entries of the ledger; a restoration may take some away.",
        )
        .sample(&[], count(status, "entries")),
    ];
    let mut ready = Family::new("sceau_seal_ready", Kind::Gauge, "Whether a seal key signs.");
    let mut expiry = Family::new(
        "sceau_seal_certificate_expiry_timestamp_seconds",
        Kind::Gauge,
        "When a seal certificate ends, in seconds since 1970.",
    );
    for seal in rows("seals") {
        let (structure, key) = (text(seal, "structure"), text(seal, "key"));
        let labels = [("structure", structure.as_str()), ("key", key.as_str())];
        ready = ready.sample(&labels, flag(seal, "ready"));
        if let Some(at) = Instant::parse(&text(seal, "certificate_expires_at")) {
            expiry = expiry.sample(&labels, seconds(at));
        }
    }
    families.extend([ready, expiry]);
    if let Some(audit) = status.get("audit") {
        families.push(
            Family::new("sceau_audit_ready", Kind::Gauge, "Whether the audit key signs.")
                .sample(&[("key", &text(audit, "key"))], flag(audit, "ready")),
        );
        families.push(
            Family::new("sceau_audit_checkpoint_entries", Kind::Gauge, "Entries below the newest checkpoint.")
                .sample(&[], count(audit, "checkpoint")),
        );
    }
    let mut exceptional = Family::new(
        "sceau_exceptional_assertions",
        Kind::Counter,
        "Assertions for exceptional purposes since sceaud started.",
    );
    for row in rows("exceptional") {
        exceptional = exceptional.sample(&[("purpose", &text(row, "purpose"))], count(row, "count"));
    }
    let mut troubles =
        Family::new("sceau_trouble", Kind::Gauge, "What is amiss now, by its reason; absent: not amiss.");
    // Two troubles of one reason are one sample.
    let mut reasons: Vec<_> = rows("troubles").iter().map(|trouble| text(trouble, "reason")).collect();
    reasons.sort();
    reasons.dedup();
    for reason in &reasons {
        troubles = troubles.sample(&[("reason", reason)], 1.0);
    }
    let mut attached =
        Family::new("sceau_attached", Kind::Gauge, "Connectors and modules that operators' orders attached.");
    for row in rows("attached") {
        attached = attached.sample(&[("kind", &text(row, "kind")), ("name", &text(row, "name"))], 1.0);
    }
    families.extend([exceptional, troubles, attached]);
    families
}

/// Seconds since 1970; whole milliseconds of any century fit exactly enough.
fn seconds(at: Instant) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our centuries are below 2^53")]
    let ms = at.ms() as f64;
    ms / 1_000.0
}

#[cfg(test)]
mod tests;
