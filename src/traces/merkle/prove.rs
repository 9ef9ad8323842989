//! Inclusion and consistency proofs from the store of complete subtrees.

use super::{Nodes, node_hash};
use crate::traces::digest::Digest;

/// Why no proof was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The question has no answer: an index outside the tree, a size greater than the later one.
    #[error("no such proof: the tree is not that large")]
    OutOfRange,
    /// The store could not read a node.
    #[error("a node of the tree could not be read")]
    Store(#[source] E),
}

/// Largest power of two smaller than `n`, for `n` > 1.
fn split(n: u64) -> u64 {
    1 << (u64::BITS - 1 - (n - 1).leading_zeros())
}

/// Root of the leaves from `start` to before `end`: `MTH(D[start:end])`, where `start` is a multiple of the
/// largest power of two of the range.
fn subtree<N: Nodes + ?Sized>(nodes: &N, start: u64, end: u64) -> Result<Digest, ProveError<N::Error>> {
    let n = end - start;
    if n.is_power_of_two() {
        let level = n.trailing_zeros();
        return nodes.node(level as u8, start >> level).map_err(ProveError::Store);
    }
    let middle = start + split(n);
    Ok(node_hash(&subtree(nodes, start, middle)?, &subtree(nodes, middle, end)?))
}

/// The root at an earlier or the present size.
///
/// # Errors
/// [`ProveError::Store`].
pub fn root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Digest, ProveError<N::Error>> {
    if size == 0 { Ok(super::empty_root()) } else { subtree(nodes, 0, size) }
}

/// `PATH(index, D[0:size])` of RFC 9162 §2.1.3.1: the leaf's sibling first.
///
/// # Errors
/// [`ProveError`]; `size` must be at most what was appended.
pub fn inclusion<N: Nodes + ?Sized>(
    nodes: &N,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, ProveError<N::Error>> {
    if index >= size {
        return Err(ProveError::OutOfRange);
    }
    let (mut start, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// `PROOF(first, D[0:second])` of RFC 9162 §2.1.4.1; empty if the sizes are equal or `first` is 0.
///
/// # Errors
/// [`ProveError`]; `second` must be at most what was appended.
pub fn consistency<N: Nodes + ?Sized>(
    nodes: &N,
    first: u64,
    second: u64,
) -> Result<Vec<Digest>, ProveError<N::Error>> {
    if first > second {
        return Err(ProveError::OutOfRange);
    }
    let mut proof = Vec::new();
    if first == 0 {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, second);
    // The subtree that the smaller tree ends: its root is known to the verifier if it began at the left edge.
    while end != first {
        let middle = start + split(end - start);
        if first <= middle {
            proof.push(subtree(nodes, middle, end)?);
            end = middle;
        } else {
            proof.push(subtree(nodes, start, middle)?);
            start = middle;
        }
    }
    if start != 0 {
        proof.push(subtree(nodes, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}
