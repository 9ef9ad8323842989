//! The report to file: one page that needs nothing else, in a real browser.

use std::fs;
use std::process::Command;

use sceau::evidence::document::Document as _;

use super::attester::Attester;
use super::officer::Officer;
use crate::support::skip::skip;
use crate::support::swtpm::Swtpm;

/// Names that Debian gives to it.
const BROWSERS: [&str; 3] = ["chromium-headless-shell", "chromium", "firefox-esr"];

#[test]
fn the_report_is_self_contained_and_shows_every_check_in_a_browser() {
    let Some(attester) = Attester::new("the_report_is_self_contained_and_shows_every_check_in_a_browser") else {
        return;
    };
    let officer = Officer::of(&attester);
    let mut evidence = attester.evidence(officer.nonce("pharmacie"), None);
    // Words of the attester are shown as words.
    evidence.claims.version = "<script>document.title='pwned'</script>".to_owned();
    evidence.claims = sceau::evidence::document::Claims { image: Some("\"'&<b>".to_owned()), ..evidence.claims };
    let evidence = attester.evidence_of(evidence.nonce, None, evidence.claims, 0x8101_0002);
    officer.write("evidence.json", &evidence.text());
    let judge = |out: &str, more: &[&str]| {
        let given = ["evidence.json", "--state", "state.json", "--html", out];
        officer.said(&[&given[..], more].concat())
    };
    assert_eq!(judge("good.html", &["--reference", "reference.json"]).0, 0);
    let (code, said) = judge("good.html", &["--reference", "reference.json"]);
    assert!(code == 2 && said.contains("existe déjà"), "{said}");
    officer.write("none", &"0".repeat(64));
    assert_eq!(judge("bad.html", &["--nonce-file", "none", "--reference", "reference.json"]).0, 1);
    for (name, verdict) in [("good.html", ">BON<"), ("bad.html", "MAUVAIS")] {
        let html = super::officer::text(&officer.path(name));
        assert!(html.contains(verdict) && !html.contains("<script"), "{html}");
        // What no believed quote covers is not shown at all.
        assert_eq!(html.contains("&lt;script&gt;"), name == "good.html", "{html}");
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!html.contains(outside), "{name} names {outside}");
        }
    }
    let Some(browser) = BROWSERS.into_iter().find(|name| Swtpm::missing(&[name]).is_empty()) else {
        return skip(
            "evidence::the_report_is_self_contained_and_shows_every_check_in_a_browser",
            "not installed: chromium-headless-shell",
        );
    };
    let bad = officer.path("bad.html");
    let mut shown = Command::new(browser);
    shown.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=1000"]);
    shown.arg(format!("--user-data-dir={}", officer.path("profile").display()));
    let output =
        shown.arg(format!("file://{}", bad.display())).env("HOME", officer.folder.path()).output().unwrap();
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        dom.contains("<title>Preuve de pharmacie</title>"),
        "{dom}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        dom.matches("<th scope=\"row\">").count(),
        fs::read_to_string(&bad).unwrap().matches("<th scope=\"row\">").count()
    );
    assert_eq!(dom.matches("Que faire").count(), 1, "{dom}");
}
