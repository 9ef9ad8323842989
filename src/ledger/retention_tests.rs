//! Whose term is over, on a real ledger whose clock the tests hold; and a purge of the running ledger.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::line::Line;
use super::purge_rows::{Counts, Marked};
use super::purge_tests::{access, of_patient, of_practitioner, open, order, patient};
use super::reader::Reader;
use super::retention::{Tally, survey};
use super::writer::Writer;
use super::{Ledger, NotPurged, StoreError, due, known_patients};
use crate::policy::retention::Retention;
use crate::traces::entry::event::Event;
use crate::traces::entry::tests::{refused, start};
use crate::vihf::instant::Instant;

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn year(year: u32) -> Instant {
    Instant::parse(&format!("{year}-03-01T00:00:00Z")).unwrap()
}

fn close(writer: &mut Writer, n: u64, at: Instant) {
    let lookup = writer.secrets.lookup.patient(&patient(n));
    writer.commit(vec![Line::closes(order("traces-close-dmp"), lookup, at)], at, false).unwrap();
}

fn write(writer: &mut Writer, by: u32, of: u64, at: Instant) {
    writer.commit(vec![Line::plain(access(by, of))], at, false).unwrap();
}

fn found(folder: &std::path::Path, now: Instant) -> (Tally, HashSet<Vec<u8>>) {
    let mut people = HashSet::new();
    let tally = survey(&Reader::open(folder).unwrap(), &Retention::default(), now, |marked: Marked| {
        people.insert(marked.person.as_bytes().to_vec());
        Ok::<_, StoreError>(())
    });
    (tally.unwrap(), people)
}

#[test]
fn terms_run_from_closings_and_nobody_is_due_early() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(folder.path()).unwrap();
    writer.start(start(), year(2020)).unwrap();
    // 1 is closed; 2 closed and refused later; 3 closed and used again; 4 never closed. Practitioner 1 saw only 1 and 2.
    for (by, of) in [(1, 1), (1, 2), (2, 3), (2, 4), (3, 1), (3, 4)] {
        write(&mut writer, by, of, year(2020));
    }
    for n in 1..4 {
        close(&mut writer, n, year(2021));
    }
    let Event::Refused(mut later) = refused(Some(9), 1) else { panic!("it is one") };
    (later.patient, later.session) = (Some(patient(2)), Some(0));
    writer.commit(vec![Line::plain(Event::Refused(later))], year(2023), false).unwrap();
    write(&mut writer, 2, 3, year(2024));
    let is = |writer: &Writer, patients: &[u64], practitioners: &[u32]| -> HashSet<Vec<u8>> {
        let patients = patients.iter().map(|n| of_patient(writer, *n));
        let practitioners = practitioners.iter().map(|n| of_practitioner(writer, *n));
        patients.chain(practitioners).map(|marked| marked.person.as_bytes().to_vec()).collect()
    };
    for folded in [false, true] {
        if folded {
            writer.fold(year(2024));
        }
        let (none, people) = found(folder.path(), year(2031).minus_ms(1));
        assert_eq!((none, people.len()), (Tally { due: Counts::default(), running: 2, reopened: 1 }, 0));
        let (one, people) = found(folder.path(), year(2031));
        assert_eq!(one.due, Counts { patients: 1, practitioners: 0 }, "practitioner 1 names patient 2");
        assert_eq!(people, is(&writer, &[1], &[]));
        // 9 is he who was refused.
        let (two, people) = found(folder.path(), year(2033));
        assert_eq!((two.running, two.reopened), (0, 1));
        assert_eq!(people, is(&writer, &[1, 2], &[1, 9]));
        let (ever, people) = found(folder.path(), year(2099));
        assert_eq!((ever, people), (two, is(&writer, &[1, 2], &[1, 9])), "an open DMP keeps its practitioners");
    }
    // Closed anew: the term begins anew.
    close(&mut writer, 3, year(2025));
    assert_eq!(found(folder.path(), year(2035).minus_ms(1)).1, is(&writer, &[1, 2], &[1, 9]));
    assert_eq!(found(folder.path(), year(2035)).1, is(&writer, &[1, 2, 3], &[1, 9]));
    close(&mut writer, 4, year(2026));
    assert_eq!(found(folder.path(), year(2036)).1, is(&writer, &[1, 2, 3, 4], &[1, 2, 3, 9]));
}

/// A purge while the ledger is written to: who is written of stays, the others go, everything is committed.
#[test]
fn a_running_ledger_is_purged_while_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let begun = crate::sys::clock::now();
    let (ledger, _) = Ledger::open(folder.path(), start(), 60_000, begun).unwrap();
    let write = |line: Line| block(ledger.write(line)).unwrap();
    for n in 0..600 {
        write(Line::plain(access(1, n)));
    }
    for n in 0..500 {
        let lookup = known_patients(folder.path(), &[patient(n), patient(10_000 + n)]).unwrap()[0];
        ledger.note(Line::closes(order("traces-close-dmp"), lookup, begun));
    }
    write(Line::plain(order("any")));
    let none = Retention { closed_years: 0, entry_years: 0 };
    assert_eq!(due(folder.path(), &none, begun).unwrap().due.patients, 500);
    let done = AtomicBool::new(false);
    let (destroyed, written) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Acquire) || written == 0 {
                block(ledger.write(Line::plain(access(2, 599)))).unwrap();
                written += 1;
            }
            written
        });
        let purger = ledger.purger().unwrap();
        let decided = purger.decide(&none, begun, Line::plain(order("traces-purge"))).unwrap();
        let destroyed = decided.destroyed;
        assert!(decided.wait());
        done.store(true, Ordering::Release);
        (destroyed, writer.join().unwrap())
    });
    assert_eq!((destroyed.counts, destroyed.epoch), (Counts { patients: 500, practitioners: 0 }, 2));
    let reader = ledger.reader().unwrap();
    for n in [0, 499, 500, 599] {
        let lookup = reader.lookup_key().patient(&patient(n));
        assert_eq!(reader.data_key(&lookup).unwrap().is_some(), n >= 500, "patient {n}");
    }
    assert_eq!(due(folder.path(), &none, begun).unwrap(), Tally::default());
    assert_eq!(ledger.size(), 1 + 600 + 500 + 2 + written);
    drop(reader);
    let left = ledger.purger().unwrap();
    drop(ledger);
    let gone = left.decide(&none, begun, Line::plain(order("traces-purge")));
    assert!(matches!(gone, Err(NotPurged::NotRecorded(_))));
    Ledger::open(folder.path(), start(), 60_000, begun).unwrap();
}
