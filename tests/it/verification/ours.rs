//! Assertions of the real programs, with the keys and profiles that the mutations want.

use std::sync::LazyLock;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use sceau::certificate::Trust;
use sceau::lint::{Judgement, Moment, Report, Verdict, lint};
use sceau::vihf::instant::Instant;

use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::login;

/// An assertion that Sceau sealed, and the authorities behind it.
pub(super) struct Ours {
    pub(super) assertion: String,
    pub(super) judgement: Judgement,
}

impl Ours {
    fn obtain(key: KeyType) -> Ours {
        let establishment = Plan::new("verification").key_type(key).build();
        let _daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        let session =
            client.open_session(login(&establishment.practitioners[0].id, "CPS", "consultation")).unwrap();
        let assertion = client.consult(&session, PATIENTS[0]).unwrap().assertion;
        let [ca, intermediate] = establishment.trust_files();
        let read = |path| CertificateDer::from_pem_file(path).unwrap();
        let trust = Trust { anchors: vec![read(ca)], intermediates: vec![read(intermediate)] };
        let moment = Moment::NotAfter(Instant::from_ms(4_000_000_000_000));
        Ours { assertion, judgement: Judgement { profile: None, trust: Some(trust), moment } }
    }

    pub(super) fn judge(&self, document: &[u8]) -> Report {
        lint(document, &self.judgement)
    }
}

/// One assertion a kind of key.
pub(super) static OURS: LazyLock<[Ours; 2]> =
    LazyLock::new(|| [KeyType::Rsa2048, KeyType::P256].map(Ours::obtain));

#[test]
fn our_own_are_good_alone_and_in_a_message() {
    for ours in OURS.iter() {
        for document in
            [ours.assertion.clone(), format!("{}\n", ours.assertion), super::soap::message(&ours.assertion)]
        {
            let report = ours.judge(document.as_bytes());
            assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
        }
    }
}

#[test]
fn our_own_may_not_differ_by_a_byte_even_where_canonicalization_forgives_it() {
    for ours in OURS.iter() {
        let text = &ours.assertion;
        let forgiven = [
            text.replacen("<saml:Subject>", "<saml:Subject >", 1),
            text.replacen("</saml:Subject>", "</saml:Subject\n>", 1),
            text.replacen(" Version=\"2.0\"", " Version='2.0'", 1),
            text.replacen("Version=\"2.0\"", "Version=\"2.&#48;\"", 1),
            text.replacen("<saml:Subject>", "<saml:Subject xmlns:x=\"urn:x\">", 1),
            text.replacen(">urn:dmp<", "><![CDATA[urn:dmp]]><", 1),
            text.replacen("<ds:SignatureValue>", "<ds:SignatureValue>\n", 1),
            text.replacen("></ds:Transform>", "/>", 1),
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>{text}"),
            format!("\u{feff}{text}"),
            format!(" {text}"),
            format!("{text} "),
            format!("{text}\n\n"),
            format!("{text}<!-- -->"),
        ];
        for document in forgiven {
            assert_ne!(&document, text);
            let report = ours.judge(document.as_bytes());
            let rules: Vec<_> =
                report.findings.iter().map(|f| f.rule.name()).filter(|r| *r != "certificate-test").collect();
            assert_eq!((rules, report.verdict), (vec!["canonical-form"], Verdict::Bad), "{document}");
        }
    }
}

#[test]
fn the_golden_assertions_break_no_rule_of_form() {
    // They are sealed by nobody: all that the verifier finds is that.
    for name in ["dmp-air", "dmp-air-simplifie", "dmp-indirecte"] {
        let text = std::fs::read(format!("{}/tests/golden/{name}.xml", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let report = lint(&text, &OURS[0].judgement);
        let rules: Vec<_> = report.findings.iter().map(|f| f.rule.name()).collect();
        assert!(
            rules.iter().all(|rule| rule.starts_with("certificate")
                || rule.starts_with("signature")
                || rule.starts_with("issuer")),
            "{name} {rules:?}"
        );
    }
}

#[test]
fn the_report_names_profile_and_signer() {
    let report = OURS[0].judge(OURS[0].assertion.as_bytes());
    assert_eq!(report.profile.as_deref(), Some("dmp-air"));
    assert!(report.signer.unwrap().subject.starts_with("CN=SCEAU DEMONSTRATION,OU="));
}
