//! Shedding load: how many connections and issues everybody, and each Unix user, may have at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Places, shared by all and bounded for each Unix user.
#[derive(Debug)]
pub(super) struct Places {
    taken: Mutex<Taken>,
    max: usize,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_user: HashMap<u32, usize>,
}

impl Places {
    /// At most `max` places.
    #[must_use]
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: Mutex::default(), max })
    }

    /// Takes a place for `uid`, which may have `user_max`; none if they are taken.
    #[must_use]
    pub(super) fn take(self: &Arc<Self>, uid: u32, user_max: usize) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let user = taken.by_user.get(&uid).copied().unwrap_or(0);
        if taken.all >= self.max || user >= user_max {
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
pub(super) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Drop for Place {
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
}
