//! A certificate: any bytes are read or refused, and what is read can stand in an assertion.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sceau::certificate::{Requirements, SealCertificate, Trust, appraise};
use sceau::vihf::instant::Instant;

/// The input as a file, and as the content of a PEM section.
pub fn holds(input: &[u8]) {
    is_usable_if_read(input);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(input));
    if let Some(certificate) = is_usable_if_read(pem.as_bytes()) {
        assert_eq!(STANDARD.decode(certificate.base64()).expect("base64"), input, "another certificate was read");
    }
}

fn is_usable_if_read(pem: &[u8]) -> Option<SealCertificate> {
    let certificate = match SealCertificate::parse(pem) {
        Ok(certificate) => certificate,
        Err(error) => {
            assert!(error.to_string().len() > 10);
            return None;
        }
    };
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    assert!(!certificate.issuer_field().contains(forbidden), "{:?}", certificate.issuer_field());
    let (begins, ends) = (certificate.not_before(), certificate.not_after());
    assert!(begins <= ends);
    assert!(certificate.is_valid_at(begins) && certificate.is_valid_at(ends), "{begins} {ends}");
    // An instant has bounds of its own, at which there is no before or after.
    let (before, after) = (begins.minus_ms(1), ends.plus_ms(1_000));
    assert!(before == begins || !certificate.is_valid_at(before), "{begins}");
    assert!(after.ms_since(ends) < 1_000 || !certificate.is_valid_at(after), "{ends}");
    assert!(!certificate.spki().is_empty());
    let der = STANDARD.decode(certificate.base64()).expect("base64");
    let itself = Trust { anchors: vec![der.clone().into()], intermediates: vec![der.into()] };
    for trust in [&Trust::default(), &itself] {
        for now in [begins, ends, Instant::from_ms(0), Instant::from_ms(i64::MAX), Instant::from_ms(i64::MIN)] {
            for production in [true, false] {
                let needs =
                    Requirements { structure: "10B0127189", trust, policy_oid: "1.2.250.1.71", production };
                let refusals = appraise(&certificate, &needs, now);
                let is_in_time = certificate.is_valid_at(now);
                assert_eq!(
                    refusals.iter().any(|refusal| refusal.is_of_time()),
                    !is_in_time,
                    "{refusals:?} at {now}"
                );
                assert!(
                    !production || !trust.anchors.is_empty() || !refusals.is_empty(),
                    "no anchor, yet accepted"
                );
            }
            let _ = certificate.days_left(now);
        }
    }
    Some(certificate)
}
