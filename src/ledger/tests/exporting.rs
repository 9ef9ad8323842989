//! Archives of a real ledger, judged.

use std::convert::Infallible;
use std::io::Cursor;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

use super::*;
use crate::ledger::export::{Checkpointed, ZONE, offset_in};
use crate::traces::archive::request::{Period, Person, Request, Selection};
use crate::traces::audit::AuditPublicKey;
use crate::traces::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::traces::note::key::VerifierKey;
use crate::traces::verify::archive::judge;

const ORIGIN: &str = "example.fr/journal/1";

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap()
}

fn key() -> VerifierKey {
    VerifierKey::ed25519(ORIGIN, pair().public_key().as_ref()).unwrap()
}

fn signed(now: Snapshot) -> SignedCheckpoint {
    let sign = |text: &[u8]| Ok::<_, Infallible>(pair().sign(text).as_ref().to_vec());
    Checkpoint::new(ORIGIN, now.size, now.root, now.map).unwrap().sign(&key(), sign).unwrap()
}

fn everything<'r>(selection: Selection, offset: &'r dyn Fn(Instant) -> time::UtcOffset) -> Request<'r> {
    Request {
        selection,
        period: Period { from: at(0).minus_ms(1), to: Instant::from_ms(4_000_000_000_000) },
        mandate: None,
        since: None,
        made_at: at(0),
        offset,
    }
}

#[test]
fn an_archive_of_a_ledger_that_goes_on_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 5000);
    let early = block(ledger.snapshot()).unwrap();
    let (early, size) = (signed(early), early.size);
    // The checkpoint is older than what the reader sees, and than what is folded.
    fill(&ledger, 1500);
    let reader = ledger.reader().unwrap();
    let now = signed(block(ledger.snapshot()).unwrap());
    let offset = offset_in(ZONE).unwrap();
    let lookup = |n| reader.lookup_key().practitioner(&sample::practitioner(n));
    let whose = |n| Person { id: sample::practitioner(n), lookup: lookup(n) };
    let patient = || Person { id: sample::patient(), lookup: reader.lookup_key().patient(&sample::patient()) };
    for (checkpoint, since) in [(early.clone(), None), (now, Some(size))] {
        let view = Checkpointed::new(&reader, checkpoint).unwrap();
        for selection in
            [Selection::Practitioners(vec![whose(1), whose(6), whose(PEOPLE + 1)]), Selection::Patient(patient())]
        {
            let request = Request { since, ..everything(selection, &offset) };
            let mut archive = Vec::new();
            let made = view.export(&request, &[], &mut archive).unwrap();
            let kept = since.map(|_| &early);
            let judged = judge(
                || Ok(Cursor::new(&archive)),
                &[AuditPublicKey::parse(&key().to_string()).unwrap()],
                kept,
                &mut |_, _| (),
            )
            .unwrap();
            assert_eq!(judged.verdict.findings, []);
            assert_eq!((judged.verdict.entries, judged.unreadable), (made.entries, 0));
            assert_eq!(judged.verdict.since_checked, since.is_some());
            assert!(made.entries > 500, "{made:?}");
        }
    }
    // Another history's checkpoint makes no archive.
    let mut other = block(ledger.snapshot()).unwrap();
    other.root = Digest::of(&[b"another"]);
    assert!(matches!(Checkpointed::new(&reader, signed(other)), Err(StoreError::Broken(_))));
}

#[test]
fn local_time_follows_its_zone() {
    let hours = |zone: &str, text: &str| offset_in(zone).unwrap()(Instant::parse(text).unwrap()).whole_hours();
    for (zone, text, expected) in [
        ("Europe/Paris", "2026-01-15T12:00:00Z", 1),
        ("Europe/Paris", "2026-07-15T12:00:00Z", 2),
        ("Europe/Paris", "2026-03-29T00:59:59Z", 1),
        ("Europe/Paris", "2026-03-29T01:00:00Z", 2),
        ("Indian/Reunion", "2026-07-15T12:00:00Z", 4),
        ("America/Cayenne", "2026-07-15T12:00:00Z", -3),
    ] {
        assert_eq!(hours(zone, text), expected, "{zone} {text}");
    }
    assert!(offset_in("Europe/Atlantide").is_err());
}
