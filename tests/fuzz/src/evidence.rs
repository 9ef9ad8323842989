//! The appraisal of evidence: any document is judged in bounds, and none is good that says anything but what the TPM signed.

use std::sync::LazyLock;

use sceau::evidence::appraisal::{CHECKS, Known, NonceStanding, Standing, Status, appraise};
use sceau::evidence::baseline::{Baseline, Enrolled};
use sceau::evidence::document::{Document, Evidence, Marshalled};
use sceau::evidence::event_log::EventLog;
use sceau::evidence::reference::Reference;
use sceau::vihf::instant::Instant;

/// Made once, on a software TPM.
const EVIDENCE: &str = include_str!("../../golden/evidence/evidence.json");
const REFERENCE: &str = include_str!("../../golden/evidence/reference.json");

static GOOD: LazyLock<Evidence> = LazyLock::new(|| Evidence::read(EVIDENCE.as_bytes()).expect("evidence"));
static ADMITTED: LazyLock<Reference> = LazyLock::new(|| Reference::read(REFERENCE.as_bytes()).expect("values"));

/// The input as a document; then as a change to one structure of the good one.
pub fn holds(input: &[u8]) {
    match Evidence::read(input) {
        Ok(evidence) => {
            judged(&evidence);
            assert_eq!(Evidence::read(evidence.text().as_bytes()).as_ref(), Ok(&evidence));
        }
        Err(cause) => assert!(cause.to_string().len() > 10 && !cause.to_string().contains(char::is_control)),
    }
    if let Some(changed) = changed(input) {
        judged(&changed);
    }
}

/// Whether it is good; if so, it says what the good one says.
fn judged(evidence: &Evidence) -> bool {
    let enrolled = Enrolled {
        ek_certificate: GOOD.endorsement.ek_certificate.clone(),
        attestation_key: GOOD.attestation_key.clone(),
        audit_key: None,
        audit_key_vouched: false,
    };
    let now = Instant::from_ms(1_800_000_000_000);
    let known = Known {
        enrolled: &enrolled,
        baseline: &Baseline::default(),
        nonce: NonceStanding::Fresh(now),
        roots: None,
        reference: Some(&ADMITTED),
        new_baseline: false,
        audit_key_given: false,
        now,
    };
    let verdict = appraise(evidence, &known);
    assert!(verdict.outcomes.iter().map(|outcome| outcome.check).eq(CHECKS), "each check is told once");
    for outcome in &verdict.outcomes {
        assert!(!outcome.detail.is_empty() && !outcome.detail.contains(char::is_control), "{outcome:?}");
    }
    let good = verdict.standing() == Standing::Good;
    if good {
        assert_eq!((&evidence.nonce, &evidence.claims, &evidence.pcrs), (&GOOD.nonce, &GOOD.claims, &GOOD.pcrs));
        let measured = |evidence: &Evidence| -> Vec<_> {
            let log = EventLog::parse(&evidence.event_log.0).expect("a log that was replayed");
            log.events.iter().filter(|event| event.kind != 3).map(|event| (event.pcr, event.sha256)).collect()
        };
        assert_eq!(measured(evidence), measured(&GOOD));
    } else if verdict.outcomes.iter().all(|outcome| outcome.status != Status::Failed) {
        assert_eq!(verdict.standing(), Standing::Undecided);
    }
    good
}

/// `[structure, offset low, offset high, bytes taken out]`, then the bytes that are put in their place.
fn changed(input: &[u8]) -> Option<Evidence> {
    let ([which, low, high, out], put) = input.split_first_chunk()?;
    let mut evidence = GOOD.clone();
    let mut all = structures(&mut evidence);
    let number = all.len();
    let Marshalled(bytes) = all.get_mut(usize::from(*which) % number)?;
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (bytes.len() + 1);
    bytes.splice(at..(at + usize::from(*out)).min(bytes.len()), put.iter().copied());
    Some(evidence)
}

fn structures(evidence: &mut Evidence) -> Vec<&mut Marshalled> {
    let mut all = vec![
        &mut evidence.quote.attest,
        &mut evidence.quote.signature,
        &mut evidence.attestation_key,
        &mut evidence.endorsement.ek_public,
        &mut evidence.endorsement.ek_certificate,
        &mut evidence.event_log,
    ];
    all.extend(&mut evidence.userspace_log);
    for key in &mut evidence.keys {
        all.extend([&mut key.public, &mut key.certification.attest, &mut key.certification.signature]);
    }
    if let Some(counter) = &mut evidence.counter {
        all.extend([&mut counter.public, &mut counter.certification.attest, &mut counter.certification.signature]);
    }
    all
}

/// The one good evidence is good, and a byte more in any structure that decides is named.
pub fn known_is_good() {
    assert!(judged(&GOOD));
    assert!(judged(&changed(&[0, 0, 0, 0]).expect("nothing changed")));
    let number = u8::try_from(structures(&mut GOOD.clone()).len()).expect("some structures");
    for which in (0..number).filter(|which| *which != 3) {
        assert!(!judged(&changed(&[which, 1, 0, 0, b'x']).expect("changed")), "{which}");
    }
}
