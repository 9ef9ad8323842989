//! A disk that refuses loses nothing that was noted; an assertion has one disposition.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::ledger::copying::Copying;
use crate::ledger::thread::Thread;

fn writer(folder: &Path) -> Writer {
    let secrets = Secrets::open(folder).unwrap();
    let mut writer = Writer::new(Store::open(&folder.join(FILE)).unwrap(), secrets, WINDOW_MS, at(0)).unwrap();
    writer.start(sample::start(), at(0)).unwrap();
    writer.commit(vec![session(1)], at(1), false).unwrap();
    writer
}

fn issue(writer: &mut Writer) -> Written {
    writer.commit(vec![Line::plain(sample::issued(1, 1))], at(2), false).unwrap()[0]
}

fn outcome(of: Written, outcome: Outcome) -> Line {
    Line::outcome(of.index, outcome, of.chain.unwrap())
}

#[test]
fn notes_that_were_not_written_are_written_later_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let issued: Vec<Written> = (0..40).map(|_| issue(&mut writer)).collect();
    let before = writer.size().load(Ordering::Acquire);
    let pages: i64 = writer.store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    writer.store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let (notes, health) = (Arc::new(Notes::default()), writer.health());
    let (reserve, copying) = (Reserve::new(folder.path(), 0), Copying::new(folder.path().join(FILE)).unwrap());
    let mut thread = Thread::new(writer, Arc::clone(&notes), Guards::default(), reserve, copying);
    issued.iter().for_each(|of| assert_eq!(notes.add(outcome(*of, Outcome::Released)), *of == issued[0]));
    // More than the file's last page has room for.
    (0..20).for_each(|_| assert!(!notes.add(Line::plain(sample::refused(None, 2)))));
    thread.serve();
    assert_eq!(trouble::of(health.load(Ordering::Acquire)), Some(NotRecorded::Space));
    assert!(!notes.add(outcome(issued[0], Outcome::Accepted)), "they wait");
    // The sweep asks the disk again; assertions whose life is over long since are not told before what was noted of them.
    thread.sweep();
    let reader = Reader::open(folder.path()).unwrap();
    assert_eq!(reader.edge().frontier.size(), before);
    drop(reader);
    thread.writer.store.connection.pragma_update(None, "max_page_count", pages + 1000).unwrap();
    thread.sweep();
    assert_eq!(trouble::of(health.load(Ordering::Acquire)), None);
    assert!(notes.take().is_empty());
    let all = entries(&Reader::open(folder.path()).unwrap());
    assert_eq!(outcomes(&all, issued[0].index), [Outcome::Released, Outcome::Accepted]);
    issued[1..].iter().for_each(|of| assert_eq!(outcomes(&all, of.index), [Outcome::Released]));
}

#[test]
fn an_assertion_has_one_disposition_and_a_report_says_that_it_left() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let issued: Vec<Written> = (0..4).map(|_| issue(&mut writer)).collect();
    // As a restart knows them: nothing was told.
    assert_eq!(writer.restore(at(3)).unwrap().issued.len(), 4);
    assert!(writer.restore(at(3)).unwrap().issued.iter().all(|one| one.until == Some(at(30_000))));
    let lines = vec![
        outcome(issued[0], Outcome::Released),
        outcome(issued[0], Outcome::Accepted),
        // Its release was lost: the report proves it.
        outcome(issued[1], Outcome::Unused),
        outcome(issued[2], Outcome::Expired),
        outcome(issued[2], Outcome::Released),
        outcome(issued[3], Outcome::Failed),
    ];
    writer.commit(lines, at(4), false).unwrap();
    assert!(writer.expired(at(1_000_000)).is_empty());
    let again = vec![outcome(issued[0], Outcome::Released), outcome(issued[3], Outcome::Failed)];
    writer.commit(again, at(4), false).unwrap();
    let all = entries(&Reader::open(folder.path()).unwrap());
    assert_eq!(outcomes(&all, issued[0].index), [Outcome::Released, Outcome::Accepted]);
    assert_eq!(outcomes(&all, issued[1].index), [Outcome::Released, Outcome::Unused]);
    assert_eq!(outcomes(&all, issued[2].index), [Outcome::Expired]);
    assert_eq!(outcomes(&all, issued[3].index), [Outcome::Failed]);
    let left: Vec<u64> = writer.restore(at(5)).unwrap().issued.iter().map(|one| one.written.index).collect();
    assert_eq!(left, [issued[0].index, issued[1].index]);
}
