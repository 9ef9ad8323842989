//! Medians over rounds: one window of a busy machine says little.

use serde_json::{Map, Value};

/// The median of each figure over rounds that have the same ones.
pub(super) fn medians(rounds: &[Value]) -> Value {
    let names = rounds.first().and_then(Value::as_object).map(|first| first.keys().cloned().collect::<Vec<_>>());
    let median_of = |name: &String| {
        let mut values: Vec<f64> = rounds.iter().filter_map(|round| round[name].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        (name.clone(), Value::from(values.get(values.len() / 2).copied().unwrap_or_default()))
    };
    names.unwrap_or_default().iter().map(median_of).collect::<Map<_, _>>().into()
}

/// A figure of a measure; 0 where there is none.
pub(super) fn of(measure: &Value, name: &str) -> f64 {
    measure[name].as_f64().unwrap_or_default()
}
