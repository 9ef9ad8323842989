//! Archives: good ones are good, each way of spoiling one is named.

mod ledger;
mod spoilt;

use std::io::Cursor;

use time::UtcOffset;

use super::*;
use crate::traces::archive::make::{MakeError, make};
use crate::traces::archive::request::{Mandate, Period, Person, Request, Selection};
use crate::traces::audit::AuditPublicKey;
use crate::traces::verify::archive::{Judged, Since, judge};
use ledger::Snapshot;

/// All of the tests' time.
pub(super) fn always() -> Period {
    Period { from: Instant::from_ms(0), to: Instant::from_ms(4_000_000_000_000) }
}

pub(super) fn practitioners(numbers: &[u32]) -> Selection {
    let one = |n: &u32| Person { id: sample::practitioner(*n), lookup: lookup(*n) };
    Selection::Practitioners(numbers.iter().map(one).collect())
}

fn the_patient() -> Selection {
    let lookup = sample::lookup_key().patient(&sample::patient());
    Selection::Patient(Person { id: sample::patient(), lookup })
}

pub(super) fn request(selection: Selection, period: Period) -> Request<'static> {
    Request {
        selection,
        period,
        mandate: None,
        since: None,
        made_at: Instant::from_ms(1_900_000_000_000),
        offset: &|_| UtcOffset::from_hms(1, 0, 0).unwrap(),
    }
}

pub(super) fn audit_key() -> AuditPublicKey {
    AuditPublicKey::parse(&key(9).to_string()).unwrap()
}

fn made(ledger: &Ledger, request: &Request<'_>) -> Vec<u8> {
    made_under(ledger, request, ledger.signed())
}

/// An archive under a checkpoint of the ledger's present size.
pub(super) fn made_under(ledger: &Ledger, request: &Request<'_>, signed: SignedCheckpoint) -> Vec<u8> {
    let mut snapshot = Snapshot::of(ledger);
    snapshot.signed = signed;
    make(&snapshot, request, Vec::new()).unwrap().1
}

fn judged(archive: &[u8], kept: Option<&SignedCheckpoint>) -> Judged {
    judge(|| Ok(Cursor::new(archive)), &[audit_key()], kept, &mut |_, _| ()).unwrap()
}

fn rules_of(archive: &[u8]) -> Vec<&'static str> {
    judged(archive, None).verdict.findings.iter().map(Finding::rule).collect()
}

#[test]
fn everything_of_a_practitioner_is_proven_complete() {
    let ledger = Ledger::new();
    let judged = judged(&made(&ledger, &request(practitioners(&[1]), always())), None);
    assert_eq!(judged.verdict.findings, []);
    assert_eq!((judged.verdict.entries, judged.verdict.covered, judged.unreadable), (8, 8, 0));
    let head = ledger.heads.get(&lookup(1)).copied();
    assert_eq!(judged.chains, [Complete { from_number: 1, to_number: 8, head }]);
    assert_eq!(judged.since, Since::NotGiven);
    let manifest = judged.manifest.unwrap();
    assert!(manifest.complete && manifest.patient.is_none());
    assert_eq!((manifest.entries, manifest.rows, manifest.size), (8, 4, 16));
}

#[test]
fn several_practitioners_and_one_who_has_nothing_are_in_one_archive() {
    let judged = judged(&made(&Ledger::new(), &request(practitioners(&[2, 3, 1]), always())), None);
    assert_eq!(judged.verdict.findings, []);
    assert_eq!(judged.chains.len(), 3);
    assert_eq!(judged.chains[1], Complete { from_number: 0, to_number: 0, head: None });
}

/// Every period of the ledger's life: what borders it proves that nothing is missing.
#[test]
fn every_period_is_proven_complete_and_shows_nobody_outside_it() {
    let ledger = Ledger::new();
    let second = |n: i64| Instant::from_ms(1_800_000_000_000 + 1000 * n);
    for from in 0..18 {
        for to in from + 1..19 {
            let period = Period { from: second(from), to: second(to) };
            let archive = made(&ledger, &request(practitioners(&[1]), period));
            let judged = judged(&archive, None);
            assert_eq!(judged.verdict.findings, [], "{from} {to}");
            assert_eq!(judged.chains.len(), 1);
            let shown = unpacked(&archive, "entries.jsonl");
            for line in shown.lines().filter(|line| line.contains("\"role\":\"boundary\"")) {
                assert!(!line.contains("practitioner") && !line.contains("ins"), "{line}");
            }
            let rows = unpacked(&archive, "traces.csv").lines().count() as u64 - 1;
            assert_eq!(rows, judged.manifest.unwrap().rows);
        }
    }
}

#[test]
fn a_patients_entries_are_proven_and_said_to_be_no_more() {
    let ledger = Ledger::new();
    let archive = made(&ledger, &request(the_patient(), always()));
    let judged = judged(&archive, None);
    assert_eq!(judged.verdict.findings, []);
    let manifest = judged.manifest.unwrap();
    assert!(!manifest.complete && judged.chains.is_empty());
    assert!(manifest.not_proved.iter().any(|what| what.contains("complétude")));
    // Four issues with their outcomes, a refusal; the sessions are of other people.
    assert_eq!((manifest.rows, manifest.entries), (5, 10));
    assert!(!unpacked(&archive, "entries.jsonl").contains("session-opened"));
}

#[test]
fn a_destroyed_key_leaves_its_person_unnamed_and_everything_else_proven() {
    let ledger = Ledger::new();
    let mut snapshot = Snapshot::of(&ledger);
    snapshot.destroyed = Some(patient_key().id());
    let (_, archive) = make(&snapshot, &request(practitioners(&[1]), always()), Vec::new()).unwrap();
    let judged = judged(&archive, None);
    assert_eq!(judged.verdict.findings, []);
    assert_eq!(judged.unreadable, 3);
    assert!(!unpacked(&archive, "entries.jsonl").contains(sample::patient().ins.as_str()));
    assert!(unpacked(&archive, "traces.csv").contains("(clé détruite)"));
}

#[test]
fn an_order_is_shown_with_its_entry() {
    let mut ledger = Ledger::new();
    let text = |to: &str| {
        let who = sample::practitioner(1);
        let (who, from) = (who.as_str(), always().from);
        format!(
            "{{\"verb\":\"traces-export\",\"arguments\":{{\"practitioners\":[\"{who}\"],\"from\":\"{from}\",\"to\":\"{to}\"}}}}"
        )
        .into_bytes()
    };
    let (right, shorter) = (text(&always().to.to_string()), text("2027-01-15T08:00:06Z"));
    let mut order = |verb: &str, text: &[u8], refused: Option<&str>| {
        let order = Order {
            verb: sample::word(verb),
            actors: vec![sample::word("alice")],
            order: Digest::of(&[text]),
            refused: refused.map(sample::word),
        };
        ledger.write(None, Event::Order(order))
    };
    let entry = order("traces-export", &right, None);
    let bad = [
        (entry, b"another order".as_slice()),
        (order("traces-purge", &right, None), &right),
        (order("traces-export", &right, Some("role-missing")), &right),
        // Signed and recorded, for another period: the archive is not what was asked.
        (order("traces-export", &shorter, None), &shorter),
    ];
    let with = |entry: u64, text: &[u8]| Request {
        mandate: Some(Mandate { entry, text: text.to_vec() }),
        ..request(practitioners(&[1]), always())
    };
    let judged = judged(&made(&ledger, &with(entry, &right)), None);
    assert_eq!(judged.verdict.findings, []);
    assert_eq!(judged.manifest.unwrap().order, Some(entry));
    for (entry, text) in bad {
        assert_eq!(rules_of(&made(&ledger, &with(entry, text))), ["order-altered"]);
    }
}

#[test]
fn an_archive_is_held_against_a_kept_checkpoint() {
    let now = Ledger::new();
    let kept = |note: &str| SignedCheckpoint::open(note, ORIGIN, &[key(9)]).unwrap();
    let since = |size| Request { since: size, ..request(practitioners(&[1]), always()) };
    let archive = made(&now, &since(Some(11)));
    let seen = |archive: &[u8], kept: &SignedCheckpoint| {
        let judged = judged(archive, Some(kept));
        (judged.verdict.findings, judged.since)
    };
    assert_eq!(seen(&archive, &kept(&now.notes[1])), (vec![], Since::Checked));
    assert_eq!(seen(&archive, &now.signed()), (vec![], Since::Checked));
    // Without its proof the archive says nothing of that size.
    assert_eq!(seen(&archive, &kept(&now.notes[0])), (vec![], Since::NoProof));
    let mut other = now.clone();
    other.leaves.truncate(11);
    other.heads = BTreeMap::from([(lookup(1), Head { last: 6, count: 6 })]);
    other.edit(10, |entry| entry.time = entry.time.plus_ms(1));
    let forked = seen(&archive, &other.signed());
    assert_eq!(forked, (vec![Finding::Forked { size: 11 }], Since::Checked));
    // Rolled back: the officer has seen more.
    let mut later = now.clone();
    later.write(None, Event::Stop);
    let older = Finding::OlderThanKept { entries: 16, kept: 17 };
    assert_eq!(seen(&archive, &later.signed()), (vec![older], Since::Checked));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let snapshot = Snapshot::of(&Ledger::new());
    let refused = |request: &Request<'_>| make(&snapshot, request, Vec::new()).map(|_| ()).unwrap_err();
    let backwards = Period { from: always().to, to: always().from };
    assert!(matches!(refused(&request(practitioners(&[1]), backwards)), MakeError::Request(_)));
    assert!(matches!(refused(&request(practitioners(&[]), always())), MakeError::TooMany));
    let later = Request { since: Some(17), ..request(practitioners(&[1]), always()) };
    assert!(matches!(refused(&later), MakeError::Request(_)));
}

/// One member's text.
fn unpacked(archive: &[u8], name: &str) -> String {
    use std::io::Read as _;
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}
