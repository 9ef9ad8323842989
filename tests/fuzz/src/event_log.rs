//! Logs of measurements: any bytes are read in bounds or refused, and Secure Boot is on only where that was measured.

use sceau::evidence::event_log::replay::Pcrs;
use sceau::evidence::event_log::secure_boot::{SecureBoot, secure_boot};
use sceau::evidence::event_log::{EV_NO_ACTION, EVENTS_MAX, EventLog, PCR_COUNT};
use sceau::evidence::userspace_log;
use sceau::traces::digest::Digest;

/// A log that a real firmware wrote, with Secure Boot on.
const LOG: &[u8] = include_bytes!("../../corpus/event-logs/moklisttrusted.bin");

/// The input as a firmware's log, as systemd's, and as a change to a real log.
pub fn holds(input: &[u8]) {
    is_read_in_bounds(input);
    if let Some(changed) = changed(input) {
        is_read_in_bounds(&changed);
    }
    let Ok(records) = userspace_log::parse(input) else { return };
    assert!(records.len() <= input.len() && records.iter().all(|record| record.pcr < PCR_COUNT));
    for record in records.iter().filter(|record| record.phase.is_some()) {
        assert_eq!(record.phase.as_ref().map(|phase| Digest::of(&[phase.as_bytes()])), Some(record.sha256));
    }
}

fn is_read_in_bounds(input: &[u8]) {
    let log = match EventLog::parse(input) {
        Ok(log) => log,
        Err(fault) => return assert!(fault.to_string().len() > 10),
    };
    assert!(log.events.len() <= EVENTS_MAX);
    // Every byte after the first event is of one event, and the data end each.
    let ends: Vec<usize> = log.events.iter().skip(1).map(|event| event.offset).chain([input.len()]).collect();
    for (event, end) in log.events.iter().zip(ends) {
        assert_eq!(event.data, &input[end - event.data.len()..end]);
        assert!(event.pcr < PCR_COUNT && event.offset < end);
    }
    let mut pcrs = Pcrs::default();
    pcrs.replay(&log);
    // What is not measured changes no PCR, but for the first one's start.
    let mut measured = log.clone();
    measured.events.retain(|event| event.kind != EV_NO_ACTION);
    let mut again = Pcrs::default();
    again.replay(&measured);
    assert!((1..PCR_COUNT).all(|pcr| pcrs.get(pcr) == again.get(pcr)));
    if secure_boot(&log) == SecureBoot::On {
        let name: Vec<u8> = "SecureBoot\u{1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let told = |data: &[u8]| data.ends_with(&name[..name.len() - 1]);
        let of_policy = log.events.iter().filter(|event| event.pcr == 7);
        let mut first = of_policy.take_while(|event| event.sha256 != Digest::of(&[&[0; 4]]));
        assert!(first.any(|event| told(event.data) && Digest::of(&[event.data]) == event.sha256));
    }
}

/// `[offset low, offset high, bytes taken out]`, then the bytes that are put in their place.
fn changed(input: &[u8]) -> Option<Vec<u8>> {
    let ([low, high, out], put) = input.split_first_chunk()?;
    let at = usize::from(u16::from_le_bytes([*low, *high])) % LOG.len();
    let mut log = LOG.to_vec();
    log.splice(at..(at + usize::from(*out)).min(LOG.len()), put.iter().copied());
    Some(log)
}

/// Without this the property would hold of a reader that refuses everything.
pub fn known_is_read() {
    let log = EventLog::parse(LOG).expect("a log");
    assert_eq!((secure_boot(&log), log.events.len()), (SecureBoot::On, 96));
}
