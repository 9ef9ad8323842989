//! One bad answer of NTP, entries years ahead, and the order that begins a new time.

use super::*;
use crate::ledger::line::Beside;
use crate::ledger::lost::Lost;
use crate::traces::entry::event::{CLOCK_ACCEPT, CLOCK_CONFIRM, Order};
use crate::traces::entry::word::Word;

/// Ten years.
const AHEAD_MS: i64 = 10 * 365 * 86_400_000;

fn order(refused: Option<&str>) -> Line {
    Line::plain(Event::Order(Order {
        verb: sample::word(CLOCK_ACCEPT),
        actors: vec![sample::word("alix")],
        order: Digest::of(&[b"order"]),
        refused: refused.map(|why| Word::parse(why).unwrap()),
    }))
}

fn writer(folder: &Path) -> Writer {
    let secrets = Secrets::open(folder).unwrap();
    let mut writer =
        Writer::new(Store::open(&folder.join(FILE)).unwrap(), secrets, WINDOW_MS, at(AHEAD_MS)).unwrap();
    writer.start(sample::start(), at(AHEAD_MS)).unwrap();
    let beside = Beside::SessionBegins {
        secret: Digest::of(&[b"s"]),
        uid: 1,
        ends: at(AHEAD_MS + 3_600_000),
        body: vec![1],
    };
    let opened = Line { beside, ..session(1) };
    let mut issued = sample::issued(1, 1);
    if let Event::Issued(issued) = &mut issued {
        issued.expires = at(AHEAD_MS + 30_000);
    }
    writer.commit(vec![opened, Line::plain(issued)], at(AHEAD_MS), false).unwrap();
    writer
}

#[test]
fn time_goes_back_at_the_accepted_order_alone_and_nothing_outlives_it_by_the_old_one() {
    for folded in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = writer(folder.path());
        if folded {
            writer.fold(at(AHEAD_MS));
        }
        // The clock is right again: nothing goes back by itself, nor by an order that was refused.
        writer.commit(vec![order(Some("signers-missing"))], at(0), false).unwrap();
        let again =
            vec![Line::plain(sample::refused(None, 1)), order(None), Line::plain(sample::refused(None, 1))];
        writer.commit(again, at(1_000), false).unwrap();
        let all = entries(&Reader::open(folder.path()).unwrap());
        let times: Vec<i64> = all.iter().map(|entry| entry.time.ms_since(at(0))).collect();
        assert_eq!(times, [AHEAD_MS, AHEAD_MS, AHEAD_MS, AHEAD_MS, AHEAD_MS, 1_000, 1_000]);
        assert!(all[5].event.begins_time() && !all[3].event.begins_time());
        // The assertion that was under way is told as expired in its time, not in ten years.
        assert_eq!(writer.expired(at(31_000)).len(), 1);
        for left in [crash(folder.path()), crash(folder.path())] {
            let secrets = Secrets::open(left.path()).unwrap();
            let store = Store::open(&left.path().join(FILE)).unwrap();
            let again = Writer::new(store, secrets, WINDOW_MS, at(2_000)).unwrap();
            assert_eq!(again.edge.time, at(1_000));
            let restored = again.restore(at(2_000)).unwrap();
            assert!(restored.sessions.is_empty());
            let window = i64::try_from(WINDOW_MS).unwrap();
            // The nonce, and the proof that opened its session.
            assert_eq!(restored.nonces.iter().map(|spent| spent.marks.len()).sum::<usize>(), 2);
            assert!(
                restored.nonces.iter().all(|spent| spent.until <= at(1_000 + window)),
                "{:?}",
                restored.nonces
            );
            assert_eq!(again.expired(at(31_000)).len(), 1);
        }
    }
}

/// Refusals are held for a second before they are written as a number: the clock may go back in between, by an order or by less
/// than a jump.
#[test]
fn refusals_that_were_counted_before_the_clock_went_back_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let counted = |since| {
        let Event::Refused(mut refused) = sample::refused(None, 1) else { panic!("it is one") };
        (refused.count, refused.since) = (2, Some(since));
        Line::plain(Event::Refused(refused))
    };
    let slightly_ahead = vec![counted(at(AHEAD_MS + 900))];
    writer.commit(slightly_ahead, at(AHEAD_MS), false).unwrap();
    writer.commit(vec![order(None)], at(1_000), false).unwrap();
    writer.commit(vec![counted(at(AHEAD_MS)), counted(at(500))], at(2_000), false).unwrap();
    let all = entries(&Reader::open(folder.path()).unwrap());
    let since = all.iter().filter_map(|entry| match &entry.event {
        Event::Refused(refused) => refused.since.map(|since| since.ms_since(at(0))),
        _ => None,
    });
    assert_eq!(since.collect::<Vec<_>>(), [AHEAD_MS, 2_000, 500]);
}

#[test]
fn what_the_counter_is_to_reach_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    assert_eq!(writer.intent().unwrap(), 0);
    writer.intend(7).unwrap();
    let left = crash(folder.path());
    assert_eq!(Store::open(&left.path().join(FILE)).unwrap().intent().unwrap(), 7);
    // With the order that accepts another number, in its commit.
    assert_eq!(writer.store.sessions(at(0)).unwrap().len(), 1);
    writer.commit(Line::counter(order(Some("x")).event, 3, None).into(), at(AHEAD_MS), false).unwrap();
    assert_eq!(writer.intent().unwrap(), 3);
    // What nobody knows the nonces of ends with it.
    let left = crash(folder.path());
    assert!(Store::open(&left.path().join(FILE)).unwrap().sessions(at(0)).unwrap().is_empty());
}

/// One person may take the time back as often as he likes: it adds up, and only what two confirmed is forgotten.
#[test]
fn what_was_taken_back_is_added_up_until_it_is_confirmed() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let hours = |hours: i64| at(AHEAD_MS + hours * 3_600_000);
    let confirm = |refused: Option<&str>| {
        let Event::Order(order) = order(refused).event else { panic!("it is one") };
        Line::plain(Event::Order(Order { verb: sample::word(CLOCK_CONFIRM), ..order }))
    };
    let sum = |folder: &Path| Reader::open(folder).unwrap().stepped_back_ms().unwrap() / 3_600_000;
    let mut write = |line: Line, now| writer.commit(vec![line], now, false).unwrap();
    write(order(Some("signers-missing")), hours(-5));
    assert_eq!(sum(folder.path()), 0);
    write(order(None), hours(-13));
    // Forward takes nothing away.
    write(order(None), hours(200));
    write(order(None), hours(190));
    write(confirm(Some("signers-missing")), hours(190));
    assert_eq!(sum(folder.path()), 23);
    // Two in one commit.
    let [first, second] = [order(None), order(None)];
    drop(writer.commit(vec![first, second], hours(189), false).unwrap());
    assert_eq!(sum(crash(folder.path()).path()), 24);
    writer.commit(vec![confirm(None)], hours(189), false).unwrap();
    assert_eq!(sum(crash(folder.path()).path()), 0);
    writer.commit(vec![order(None)], hours(187), false).unwrap();
    assert_eq!(sum(folder.path()), 2);
}

/// What a lost part had spent is not known: told durably with what begins it, until a clock that is fit says when it was over.
#[test]
fn what_was_lost_is_remembered_until_it_is_known_when_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = writer(folder.path());
    let lost = |folder: &Path| Lost::read(&Store::open(&folder.join(FILE)).unwrap().connection).unwrap();
    assert_eq!(lost(crash(folder.path()).path()), None);
    writer.commit(Line::counter(order(Some("x")).event, 3, None).into(), at(AHEAD_MS), false).unwrap();
    assert_eq!(lost(crash(folder.path()).path()), Some(Lost::Open));
    writer.lost_until(at(AHEAD_MS + 5)).unwrap();
    assert_eq!(lost(crash(folder.path()).path()), Some(Lost::Until(at(AHEAD_MS + 5))));
    // The instant was of the time before, and what was forgotten by that time may have been spent.
    writer.commit(vec![order(None)], at(0), false).unwrap();
    assert_eq!(lost(crash(folder.path()).path()), Some(Lost::Open));
}
