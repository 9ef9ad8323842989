//! Who begins, who waits, who is told to come back.
#![allow(clippy::unwrap_used)]

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::*;
use crate::policy::load::Load;
use crate::seal::pool::tests::{order, pool};
use crate::seal::wire::{Answer, encode_answer};

const LONG: Duration = Duration::from_secs(30);

/// An admission to one lane, its signer's end.
async fn admission(queue: Duration) -> (Arc<Admission>, UnixStream, tempfile::TempDir) {
    let (pool, listener, folder) = pool().await;
    let (signer, _) = listener.accept().await.unwrap();
    (Admission::to(pool, queue), signer, folder)
}

/// Lets the lane learn what one signature takes: it is answered after that long.
async fn learns(admission: &Admission, signer: &mut UnixStream, takes: Duration) {
    let mut taken = admission.pool.take(caller(1), None).await.unwrap();
    let answer = async {
        let mut asked = [0; 512];
        assert!(signer.read(&mut asked).await.unwrap() > 0);
        tokio::time::sleep(takes).await;
        let mut frame = Vec::new();
        encode_answer(&Answer::Signature(vec![1]), &mut frame).unwrap();
        signer.write_all(&frame).await.unwrap();
    };
    let (signed, ()) = tokio::join!(taken.ask(async |lane| lane.sign("<a/>").await), answer);
    assert_eq!(signed.unwrap(), [1]);
}

fn caller(uid: u32) -> Caller {
    Caller { uid, load: Load::Usual }
}

#[test]
fn what_is_begun_is_sealed_in_half_of_the_longest_wait_and_no_lane_is_idle() {
    assert_eq!((begun_max(8, None), begun_max(8, Some(1_000)), begun_max(8, Some(3))), (8, 500, 8));
}

#[tokio::test]
async fn others_begin_as_some_end_each_application_in_turn() {
    let (admission, _signer, _folder) = admission(LONG).await;
    // Nothing was signed yet: as many as the lane holds.
    let (first, second) = (admission.begin(caller(1)).await.unwrap(), admission.begin(caller(1)).await.unwrap());
    let order = order([1, 1, 2].map(caller), first, |caller| {
        let admission = Arc::clone(&admission);
        async move { admission.begin(caller).await.unwrap() }
    });
    assert_eq!(order.await, [1, 2, 1]);
    drop(second);
    assert_eq!(admission.shared().begun, 0);
}

#[tokio::test]
async fn who_would_wait_too_long_is_told_at_once_and_another_application_is_not() {
    // Of ten in the longest wait, five are begun and as many wait.
    let (admission, mut signer, _folder) = admission(Duration::from_secs(1)).await;
    learns(&admission, &mut signer, Duration::from_millis(100)).await;
    let (places, signed) = admission.pool.capacity(admission.queue).unwrap();
    let max = begun_max(places, signed);
    let mut begun = Vec::new();
    while begun.len() < max {
        begun.push(admission.begin(caller(1)).await.unwrap());
    }
    let (waiter, _turn) = oneshot::channel();
    admission.shared().waiting.push(caller(1), waiter);
    let mut turns = Vec::new();
    while max + admission.shared().waiting.ahead_of(caller(1)) < signed.unwrap() {
        let (waiter, turn) = oneshot::channel();
        admission.shared().waiting.push(caller(1), waiter);
        turns.push(turn);
    }
    assert!(!turns.is_empty());
    // It is asked once, and does not wait.
    let told = timeout(Duration::ZERO, admission.begin(caller(1))).await.unwrap();
    assert_eq!(told.unwrap_err(), NotBegun::Busy);
    let other = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.begin(caller(2)).await.map(drop) }
    });
    tokio::task::yield_now().await;
    begun.truncate(max - 2);
    assert_eq!(other.await.unwrap(), Ok(()), "after the first one that waited");
}

#[tokio::test]
async fn who_waits_in_vain_is_told_so() {
    let (admission, _signer, _folder) = admission(Duration::from_millis(20)).await;
    let _begun = (admission.begin(caller(1)).await.unwrap(), admission.begin(caller(1)).await.unwrap());
    assert_eq!(admission.begin(caller(2)).await.unwrap_err(), NotBegun::Busy);
}

#[tokio::test]
async fn without_a_signer_nobody_begins_or_goes_on_waiting() {
    let (admission, _signer, _folder) = admission(LONG).await;
    let begun = (admission.begin(caller(1)).await.unwrap(), admission.begin(caller(1)).await.unwrap());
    let waiting = tokio::spawn({
        let admission = Arc::clone(&admission);
        async move { admission.begin(caller(2)).await.map(drop) }
    });
    tokio::task::yield_now().await;
    admission.pool.note(0, crate::seal::wire::Failure::TokenUnreachable);
    let unready = NotBegun::Unready(Unready::TokenUnreachable);
    assert_eq!(admission.begin(caller(3)).await.unwrap_err(), unready);
    // What is begun fails, and ends.
    drop(begun);
    assert_eq!(waiting.await.unwrap().unwrap_err(), unready);
}
