//! The verifier: any document is judged in bounds, and only the one VIHF that was sealed is good.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::certificate::Trust;
use sceau::lint::{Judgement, Moment, Severity, Verdict, lint};
use sceau::vihf::instant::Instant;

/// Sealed once by the real programs of a test establishment.
const VIHF: &str = include_str!("../verifier/vihf.xml");
/// A report holds no more findings than this.
const FINDINGS_MAX: usize = 200;

static TRUSTED: LazyLock<Judgement> = LazyLock::new(|| Judgement {
    profile: None,
    trust: Some(Trust {
        anchors: vec![der(include_str!("../verifier/ca.pem")).into()],
        intermediates: vec![der(include_str!("../verifier/intermediate.pem")).into()],
    }),
    moment: Moment::NotAfter(Instant::from_ms(4_000_000_000_000)),
});

/// The content of a file's one PEM section.
fn der(pem: &str) -> Vec<u8> {
    let text: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(text).expect("base64")
}

pub fn holds(input: &[u8]) {
    let report = lint(input, &TRUSTED);
    let lines = 1 + input.iter().filter(|byte| **byte == b'\n' || **byte == b'\r').count();
    assert!(report.findings.len() <= FINDINGS_MAX, "{} findings", report.findings.len());
    for finding in &report.findings {
        let position = &finding.place.position;
        assert!((1..=lines).contains(&position.line), "{finding:?}");
        assert!(!finding.message.is_empty() && !finding.message.chars().any(char::is_control), "{finding:?}");
        assert!(!finding.place.path.chars().any(char::is_control), "{finding:?}");
    }
    let errors = report.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match report.verdict {
        Verdict::Good => {
            assert_eq!(errors, 0, "good with an error");
            let sealed = VIHF.trim_end().as_bytes();
            let is_ours = input.windows(sealed.len()).any(|window| window == sealed);
            assert!(is_ours, "another text is good: {}", String::from_utf8_lossy(input));
        }
        Verdict::Undecided => panic!("authorities were given"),
        Verdict::Bad => assert!(errors > 0 || report.more > 0, "bad without an error"),
    }
}

/// The one good document is good: without this the property would hold of a verifier that refuses everything.
pub fn known_is_good() {
    let report = lint(VIHF.as_bytes(), &TRUSTED);
    assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
    // Without authorities, or judged before its own issue, it is not.
    let untrusted = Judgement { trust: None, ..TRUSTED.clone() };
    assert_ne!(lint(VIHF.as_bytes(), &untrusted).verdict, Verdict::Good);
    let early = Judgement { moment: Moment::NotAfter(Instant::from_ms(0)), ..TRUSTED.clone() };
    assert_eq!(lint(VIHF.as_bytes(), &early).verdict, Verdict::Bad);
}
