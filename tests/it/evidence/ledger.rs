//! A ledger's head without a ledger: roots and proofs by the definitions of RFC 9162 §2.1, word for word.

use sceau::traces::digest::Digest;

fn leaf(number: u64, history: &str) -> Digest {
    Digest::of(&[&[0], history.as_bytes(), &number.to_be_bytes()])
}

fn node(left: Digest, right: Digest) -> Digest {
    Digest::of(&[&[1], left.as_bytes(), right.as_bytes()])
}

/// The leaves of a history.
pub(super) fn leaves(size: u64, history: &str) -> Vec<Digest> {
    (0..size).map(|number| leaf(number, history)).collect()
}

/// MTH(D).
pub(super) fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(&[]),
        [one] => *one,
        more => {
            let (left, right) = more.split_at(split(more.len()));
            node(root(left), root(right))
        }
    }
}

/// PROOF(m, D).
pub(super) fn proof(m: usize, leaves: &[Digest]) -> Vec<Digest> {
    subproof(m, leaves, true)
}

fn subproof(m: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if m == leaves.len() {
        return if whole { vec![] } else { vec![root(leaves)] };
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    if m <= at {
        [subproof(m, left, whole), vec![root(right)]].concat()
    } else {
        [subproof(m - at, right, false), vec![root(left)]].concat()
    }
}

/// The largest power of two below `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}
