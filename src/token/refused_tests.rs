//! The memory of PINs on a real folder.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs::TryLockError;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn memory(folder: &Path) -> TokenMemory {
    PinGuard::new(folder).token(Path::new("module.so"), "01", "token")
}

fn attempt<'a>(memory: &'a TokenMemory, pin: &'a Pin) -> Attempt<'a> {
    let mut attempt = memory.admit(pin).unwrap();
    attempt.prepare().unwrap();
    attempt
}

fn files(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn a_refused_pin_is_remembered_and_another_ones_success_does_not_free_it() {
    let folder = tempfile::tempdir().unwrap();
    let (wrong, right) = (Pin::of(b"0000"), Pin::of(b"1234"));
    attempt(&memory(folder.path()), &wrong).refused().unwrap();
    let again = memory(folder.path());
    let refused = |error| matches!(error, Err(TokenError::PinRefused(PinRefusal::Remembered { .. })));
    assert!(refused(again.admit(&wrong).map(drop)));
    assert_eq!(fs::metadata(again.marker()).unwrap().permissions().mode() & 0o777, 0o600);
    attempt(&again, &right).accepted();
    assert!(refused(again.admit(&wrong).map(drop)) && again.admit(&right).is_ok());
    fs::remove_file(again.marker()).unwrap();
    assert!(again.admit(&wrong).is_ok(), "the operator may allow one more try");
}

#[test]
fn two_wrong_pins_of_one_token_are_tried_once_each() {
    let folder = tempfile::tempdir().unwrap();
    let memory = memory(folder.path());
    let pins = [Pin::of(b"0000"), Pin::of(b"1111")];
    for pin in &pins {
        attempt(&memory, pin).refused().unwrap();
    }
    for pin in &pins {
        assert!(memory.admit(pin).is_err());
    }
}

#[test]
fn a_try_that_never_ended_is_an_unclear_failure_and_one_that_says_nothing_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, pin) = (memory(folder.path()), Pin::of(b"1234"));
    drop(memory.admit(&pin).unwrap());
    attempt(&memory, &pin).withdrawn();
    attempt(&memory, &pin).accepted();
    assert_eq!(files(folder.path()), 1, "the lock only");
    drop(attempt(&memory, &pin));
    assert!(matches!(memory.admit(&pin), Err(TokenError::LoginPaced { .. })));
    attempt(&memory, &Pin::of(b"5678")).withdrawn();
    assert!(matches!(memory.admit(&pin), Err(TokenError::LoginPaced { .. })), "only its own try is withdrawn");
}

#[test]
fn a_file_of_the_future_is_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let (memory, pin) = (memory(folder.path()), Pin::of(b"1234"));
    let far = PinRecords::default().with_unclear(&pin, u64::MAX).unwrap();
    memory.save(&far).unwrap();
    assert!(matches!(memory.admit(&pin), Err(TokenError::LoginPaced { .. })));
    let now = now_ms().unwrap();
    assert_eq!(memory.load().unwrap().unwrap().verdict(&pin, now + 30_000, false), Verdict::Free);
}

#[test]
fn without_memory_no_pin_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let pin = Pin::of(b"1234");
    let gone = memory(&folder.path().join("gone"));
    assert!(matches!(gone.admit(&pin), Err(TokenError::Memory { .. })));
    let memory = memory(folder.path());
    fs::write(memory.marker(), b"torn").unwrap();
    let refused = memory.admit(&pin).map(drop);
    assert!(matches!(refused, Err(TokenError::PinRefused(PinRefusal::Remembered { .. }))));
}

#[test]
fn keys_and_spellings_share_a_memory_and_tokens_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let guard = PinGuard::new(folder.path());
    let (file, link) = (folder.path().join("real.so"), folder.path().join("link.so"));
    fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let marker = |module: &Path, serial, label| guard.token(module, serial, label).marker();
    assert_eq!(marker(&file, "1", "a"), marker(&link, "1", "a"));
    let others =
        [marker(&file, "2", "a"), marker(&file, "1", "b"), marker(&file, "1a", ""), marker(&file, "", "1a")];
    assert!(others.iter().all(|other| *other != marker(&file, "1", "a")));
    assert_ne!(marker(&file, "1a", ""), marker(&file, "", "1a"));
}

#[test]
fn only_one_process_tries_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let (first, pin) = (memory(folder.path()), Pin::of(b"0000"));
    let attempt = attempt(&first, &pin);
    let path = folder.path().to_owned();
    let second = std::thread::spawn(move || memory(&path).admit(&Pin::of(b"0000")).map(drop));
    let lock = File::open(first.marker().with_extension("pin-lock")).unwrap();
    assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
    attempt.refused().unwrap();
    assert!(matches!(second.join().unwrap(), Err(TokenError::PinRefused(PinRefusal::Remembered { .. }))));
}

#[test]
fn the_pin_that_was_taken_last_is_vouched_for_until_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = tempfile::tempdir().unwrap();
    let memory = PinGuard::new(folder.path()).remembering(run.path()).token(Path::new("module.so"), "01", "token");
    let (one, two) = (Pin::of(b"1234"), Pin::of(b"5678"));
    attempt(&memory, &one).accepted();
    assert!(memory.vouches(&one) && !memory.vouches(&two));
    attempt(&memory, &two).accepted();
    assert!(memory.vouches(&two) && !memory.vouches(&one), "a token has one PIN");
    drop(attempt(&memory, &two));
    assert!(memory.vouches(&two), "an unclear end says nothing");
    attempt(&memory, &one).refused().unwrap();
    assert!(!memory.vouches(&two) && files(run.path()) == 0);
    assert_eq!(files(folder.path()), 2, "the lock and the refusal: nothing of what was taken");
}
