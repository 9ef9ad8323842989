//! A place on a lane, taken for one request.

use std::sync::Arc;

use super::connection::SignerError;
use super::lane::Lane;
use super::pool::Pool;
use super::wire::Failure;

/// The place. Dropped unused it goes back; dropped amid a request its lane is lost, and its keeper makes a new one.
#[derive(Debug)]
pub struct Taken {
    pool: Arc<Pool>,
    slot: usize,
    lane: Option<Lane>,
    under_way: bool,
}

impl Taken {
    pub(super) fn new(pool: &Arc<Pool>, slot: usize, lane: Lane) -> Self {
        Self { pool: Arc::clone(pool), slot, lane: Some(lane), under_way: false }
    }

    /// One request; after `Ok` the place can be given back.
    ///
    /// # Errors
    /// [`SignerError`]; the lane is lost.
    pub(super) async fn ask<T>(
        &mut self,
        request: impl AsyncFnOnce(&Lane) -> Result<T, SignerError>,
    ) -> Result<T, SignerError> {
        let Some(lane) = &self.lane else {
            return Err(SignerError::Unexpected);
        };
        self.under_way = true;
        let answer = request(lane).await;
        match &answer {
            Ok(_) => self.under_way = false,
            Err(SignerError::Failed(failure)) => self.lose(*failure),
            Err(_) => self.lose(Failure::TokenUnreachable),
        }
        answer
    }

    /// Where it is, for a next try elsewhere.
    pub(super) fn slot(&self) -> usize {
        self.slot
    }

    /// Nobody took it: the pool itself gives it to another.
    pub(super) fn forget(mut self) {
        self.lane = None;
    }

    /// The lane is of no more use.
    pub(super) fn lose(&mut self, failure: Failure) {
        if let Some(lane) = self.lane.take() {
            self.pool.lose(self.slot, &lane, failure);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if self.under_way {
            self.lose(Failure::TokenUnreachable);
        } else if let Some(lane) = self.lane.take() {
            self.pool.give_back(self.slot, &lane);
        }
    }
}
