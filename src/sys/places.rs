//! Shedding load: how many of something everybody, and each one of them, may have at once, and how many of them emergencies
//! alone.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use crate::policy::load::Load;

/// Places, shared by all and bounded for each; who that is, is told by a Unix user's number, or by something else that tells
/// them apart.
#[derive(Debug)]
pub struct Places<W: Who = u32> {
    taken: Mutex<Taken<W>>,
    max: usize,
    /// Share of all places, and of each user's, that emergencies alone may take.
    share_percent: usize,
}

/// What tells those apart that share places.
pub trait Who: Copy + Eq + Hash + Debug {}

impl<W: Copy + Eq + Hash + Debug> Who for W {}

#[derive(Debug)]
struct Taken<W> {
    all: usize,
    by_user: HashMap<W, usize>,
}

impl<W> Default for Taken<W> {
    fn default() -> Self {
        Self { all: 0, by_user: HashMap::new() }
    }
}

impl<W: Who> Places<W> {
    /// At most `max` places.
    #[must_use]
    pub fn new(max: usize) -> Arc<Self> {
        Self::sharing(max, 0)
    }

    /// At most `max` places, a share of them for emergencies alone.
    #[must_use]
    pub fn sharing(max: usize, share_percent: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), max, share_percent })
    }

    /// Takes a place for `uid`, which may have `user_max`; none if they are taken.
    #[must_use]
    pub fn take(self: &Arc<Self>, uid: W, user_max: usize) -> Option<Place<W>> {
        self.take_for(Load::Usual, uid, user_max)
    }

    /// The same for a request of that kind.
    #[must_use]
    pub fn take_for(self: &Arc<Self>, load: Load, uid: W, user_max: usize) -> Option<Place<W>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let user = taken.by_user.get(&uid).copied().unwrap_or(0);
        let most = |max| load.of(max, self.share_percent);
        if taken.all >= most(self.max) || user >= most(user_max) {
            return None;
        }
        taken.all += 1;
        taken.by_user.insert(uid, user + 1);
        Some(Place { places: Arc::clone(self), uid })
    }
}

/// A taken place; dropped, it is free again.
#[derive(Debug)]
#[must_use]
pub struct Place<W: Who = u32> {
    places: Arc<Places<W>>,
    uid: W,
}

impl<W: Who> Drop for Place<W> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        match taken.by_user.get_mut(&self.uid) {
            Some(user) if *user > 1 => *user -= 1,
            _ => {
                taken.by_user.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_user_cannot_take_every_place() {
        let places = Places::new(3);
        let first = places.take(1, 2).unwrap();
        let _second = places.take(1, 2).unwrap();
        assert!(places.take(1, 2).is_none());
        let third = places.take(2, 2).unwrap();
        assert!(places.take(2, 2).is_none());
        drop((first, third));
        assert!(places.take(1, 2).is_some() && places.take(2, 2).is_some());
    }

    #[test]
    fn emergencies_have_places_that_nothing_else_takes() {
        let places = Places::sharing(10, 20);
        let taken: Vec<_> = std::iter::from_fn(|| places.take_for(Load::Usual, 1, 10)).collect();
        assert_eq!(taken.len(), 8);
        assert!(places.take_for(Load::Usual, 2, 10).is_none());
        let more: Vec<_> = std::iter::from_fn(|| places.take_for(Load::Emergency, 1, 10)).collect();
        assert_eq!(more.len(), 2);
        // A place that an emergency gives back is no usual one.
        drop(more);
        assert!(places.take_for(Load::Usual, 1, 10).is_none());
        drop(taken);
        // Of one user's share too.
        let taken: Vec<_> = std::iter::from_fn(|| places.take_for(Load::Usual, 1, 5)).collect();
        assert_eq!(taken.len(), 4);
        assert!(places.take_for(Load::Emergency, 1, 5).is_some());
    }
}
