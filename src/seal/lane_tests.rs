//! Answers in order, depth by time, and the end of a lane.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::seal::wire::{Failure, decode_request, encode_answer, header};

const LONG: Duration = Duration::from_secs(30);

/// A lane and the signer's end of it.
fn lane(deadline: Duration) -> (Lane, UnixStream) {
    let (ours, signers) = UnixStream::pair().unwrap();
    (Lane::of(ours, deadline), signers)
}

/// The next request's text.
async fn asked(signer: &mut UnixStream) -> String {
    let mut head = [0; HEADER_LEN];
    signer.read_exact(&mut head).await.unwrap();
    let mut frame = vec![0; header(&head).unwrap()];
    signer.read_exact(&mut frame).await.unwrap();
    match decode_request(&frame).unwrap() {
        Request::Sign(text) => String::from_utf8(text.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn frame(answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    encode_answer(answer, &mut out).unwrap();
    out
}

#[tokio::test]
async fn several_are_under_way_and_each_gets_its_own_answer_whatever_the_pieces() {
    let (lane, mut signer) = lane(LONG);
    let asking = ["a", "b", "c"].map(|text| {
        let lane = lane.clone();
        tokio::spawn(async move { lane.sign(text).await })
    });
    // All of them are there before the first is answered.
    for text in ["a", "b", "c"] {
        assert_eq!(asked(&mut signer).await, text);
    }
    let answers = [Answer::Signature(vec![1]), Answer::Failure(Failure::Busy), Answer::Signature(vec![3])];
    let bytes = answers.iter().flat_map(frame).collect::<Vec<u8>>();
    // The first answer and a part of the second; the rest.
    let (first, rest) = bytes.split_at(frame(&answers[0]).len() + 2);
    signer.write_all(first).await.unwrap();
    tokio::task::yield_now().await;
    signer.write_all(rest).await.unwrap();
    let [a, b, c] = asking;
    assert_eq!(a.await.unwrap().unwrap(), [1]);
    assert!(matches!(b.await.unwrap(), Err(SignerError::Failed(Failure::Busy))));
    assert_eq!(c.await.unwrap().unwrap(), [3]);
}

#[tokio::test]
async fn a_signer_that_hangs_up_is_late_or_answers_unasked_ends_the_lane() {
    let (hung_up, signer) = lane(LONG);
    drop(signer);
    hung_up.ended().await;
    assert!(matches!(hung_up.sign("a").await, Err(SignerError::Io(_))));

    let (late, mut signer) = lane(Duration::from_millis(10));
    let (first, second) = tokio::join!(late.sign("a"), late.sign("b"));
    assert!(first.is_err() && second.is_err());
    assert_eq!(asked(&mut signer).await, "a");
    late.ended().await;

    for unasked in [frame(&Answer::Signature(vec![1])), b"\0\0\0\x01\x7f".to_vec(), b"\xff\xff\xff\xff".to_vec()] {
        let (lane, mut signer) = lane(LONG);
        signer.write_all(&unasked).await.unwrap();
        lane.ended().await;
    }
}

#[tokio::test]
async fn what_is_under_way_is_bounded_by_the_time_it_takes() {
    let (lane, signer) = lane(LONG);
    let mean_ns = Arc::clone(&lane.mean_ns);
    let ends = Ends { stream: signer, deadline: LONG, mean_ns, pending: VecDeque::new() };
    assert_eq!((lane.depth(), lane.signed_within(LONG)), (DEPTH_MIN, None));
    for (took_us, expected) in [(50, DEPTH_MAX), (500, 8), (1_000, 4), (20_000, DEPTH_MIN)] {
        // Long enough for the mean to forget what was before.
        (0..200).for_each(|_| ends.learn(Duration::from_micros(took_us)));
        assert_eq!(lane.depth(), expected, "{took_us} µs");
    }
    let before = lane.signed_within(LONG).unwrap();
    ends.learn(LONG);
    assert!(lane.signed_within(LONG).unwrap() > before / 2, "one that hung is not what it gives");
    (0..200).for_each(|_| ends.learn(Duration::ZERO));
    assert_eq!(lane.depth(), DEPTH_MAX);
}
