//! A verdict to file: one HTML document that needs nothing else, on screen and on paper.

use std::fmt::Write as _;

use super::judge::Report;
use super::page;
use crate::evidence::appraisal::{Standing, Status};

/// Nothing is fetched and nothing runs.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";
const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;color:#1b1b1b;background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.verdict{border-left:.5rem solid;padding:.75rem 1rem;font-weight:700;font-size:1.2rem;margin:1rem 0}
.good{border-color:#18753c;background:#e6f4ea;color:#0e4a25}.bad{border-color:#b3261e;background:#fdecea;color:#7a1610}
.undecided{border-color:#8a5a00;background:#fff4df;color:#5c3c00}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #ddd}
th{font-weight:600}td.w{white-space:nowrap;font-weight:600}code{font:.85rem ui-monospace,monospace;overflow-wrap:anywhere}
.failed td.w{color:#b3261e}.passed td.w{color:#18753c}.not-checked td.w{color:#8a5a00}.not-applicable td.w{color:#555}
.more{margin:.25rem 0 0;font-size:.95rem}footer{margin-top:2rem;color:#555;font-size:.9rem}
@media print{body{margin:0;max-width:none;font-size:11pt}tr{break-inside:avoid}}";

/// Writes the document.
pub(super) fn document(report: &Report<'_>) -> String {
    let verdict = report.verdict;
    let class = match verdict.standing() {
        Standing::Good => "good",
        Standing::Undecided => "undecided",
        Standing::Bad => "bad",
    };
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"fr\">\n<head>\n<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Preuve de {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <h1>Preuve de bon état : {}</h1>\n<p class=\"verdict {class}\">{}</p>\n<p>{}</p>\n",
        escaped(report.appliance),
        escaped(report.appliance),
        escaped(&page::standing(verdict)),
        escaped(&page::history(report)),
    );
    out.push_str("<h2>Contrôles</h2>\n<table>\n<thead><tr><th scope=\"col\">Contrôle</th><th scope=\"col\">Résultat</th><th scope=\"col\">Constat</th></tr></thead>\n<tbody>\n");
    for outcome in &verdict.outcomes {
        let class = match outcome.status {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::NotChecked => "not-checked",
            Status::NotApplicable => "not-applicable",
        };
        let _ = write!(
            out,
            "<tr class=\"{class}\"><th scope=\"row\">{}<br><code>{}</code></th><td class=\"w\">{}</td><td>{}",
            escaped(outcome.check.title()),
            outcome.check.name(),
            page::status(outcome.status),
            escaped(&outcome.detail),
        );
        if outcome.status == Status::Failed {
            let _ = write!(
                out,
                "<p class=\"more\"><strong>Ce que cela peut vouloir dire :</strong> {}.</p><p class=\"more\"><strong>Que faire :</strong> {}.</p>",
                escaped(outcome.check.meaning()),
                escaped(outcome.check.remedy()),
            );
        }
        out.push_str("</td></tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
    if !verdict.notes.is_empty() {
        out.push_str("<h2>Notes</h2>\n<ul>\n");
        for note in &verdict.notes {
            let _ = writeln!(out, "<li>{}</li>", escaped(note));
        }
        out.push_str("</ul>\n");
    }
    out.push_str("<h2>Ce qui est montré</h2>\n<table>\n<tbody>\n");
    for (title, value) in page::facts(report) {
        let _ = writeln!(out, "<tr><th scope=\"row\">{title}</th><td>{}</td></tr>", escaped(&value));
    }
    out.push_str("</tbody>\n</table>\n");
    if !verdict.shown.pcrs.is_empty() {
        out.push_str("<h2>PCR (SHA-256)</h2>\n<table>\n<tbody>\n");
        for value in &verdict.shown.pcrs {
            let _ = writeln!(
                out,
                "<tr><th scope=\"row\">{}</th><td><code>{}</code></td></tr>",
                value.pcr, value.sha256
            );
        }
        out.push_str("</tbody>\n</table>\n");
    }
    let _ = write!(
        out,
        "<footer>Jugé le {} (UTC) par sceau-verify {}.<br>Fichier : {}<br>SHA-256 : <code>{}</code><br>Nonce : <code>{}</code></footer>\n</body>\n</html>\n",
        report.at,
        env!("CARGO_PKG_VERSION"),
        escaped(&report.file),
        report.document,
        report.nonce,
    );
    out
}

/// Text as content of an element or value of a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
