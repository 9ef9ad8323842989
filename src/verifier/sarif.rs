//! The report as SARIF 2.1.0, which code hosts and continuous integration display beside a file.

use serde_json::{Value, json};

use crate::lint::{Finding, Report, Rule};

/// Writes the report: one run, every rule, one result a finding.
pub(super) fn page(file: &str, report: &Report) -> String {
    let rules: Vec<_> = Rule::ALL.iter().map(|rule| self::rule(*rule)).collect();
    let results: Vec<_> = report.findings.iter().map(|finding| result(file, finding)).collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sceau-verify",
                "version": env!("CARGO_PKG_VERSION"),
                "language": "fr",
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
            "properties": { "verdict": report.verdict.name() },
        }],
    });
    format!("{document:#}\n")
}

fn rule(rule: Rule) -> Value {
    json!({
        "id": rule.name(),
        "shortDescription": { "text": rule.remedy() },
        "help": { "text": format!("{} ({})", rule.remedy(), rule.source()) },
        "defaultConfiguration": { "level": rule.severity().name() },
    })
}

fn result(file: &str, finding: &Finding) -> Value {
    let at = finding.place.position;
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(file) },
            "region": { "startLine": at.line, "startColumn": at.column },
        },
    });
    if !finding.place.path.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": finding.place.path, "kind": "element" }]);
    }
    json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": Rule::ALL.iter().position(|rule| *rule == finding.rule),
        "level": finding.severity.name(),
        "message": { "text": finding.message },
        "locations": [location],
    })
}

/// A relative URI reference of a path as it was typed (RFC 3986 §4.2); SARIF knows no backslash.
fn uri(file: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');
    utf8_percent_encode(&file.replace('\\', "/"), KEPT).to_string()
}
