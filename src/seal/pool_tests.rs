//! Turns, busy pools and broken connections.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::load::Load;
use crate::seal::connection::Connection;
use tokio::net::UnixListener;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

/// A pool of one healthy slot, and the listener that its connection hangs on.
async fn pool() -> (Arc<Pool>, UnixListener, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let one = Numbers { processes: 1, sessions: 1 };
    let pool = Pool::new(one);
    pool.settle(Chosen { numbers: one, per_second: None });
    pool.install(0, Connection::open(&path, LONG).await.unwrap().into_lane());
    (pool, listener, folder)
}

fn usual(uid: u32) -> Caller {
    Caller { uid, load: Load::Usual }
}

/// Every place of a lane whose signer has not been measured yet.
async fn all(pool: &Arc<Pool>) -> [Taken; 2] {
    [pool.take(usual(1), LONG).await.unwrap(), pool.take(usual(1), LONG).await.unwrap()]
}

/// The order in which these are served that wait while the one connection is in use.
async fn served(waiting: &[(u32, Load)]) -> Vec<u32> {
    let (pool, _listener, _folder) = pool().await;
    let first = all(&pool).await;
    let order = Arc::new(Mutex::new(Vec::new()));
    let waiters: Vec<_> = waiting
        .iter()
        .map(|&(uid, load)| {
            let (pool, order) = (Arc::clone(&pool), Arc::clone(&order));
            tokio::spawn(async move {
                let taken = pool.take(Caller { uid, load }, LONG).await.unwrap();
                order.lock().unwrap().push(uid);
                drop(taken);
            })
        })
        .collect();
    tokio::task::yield_now().await;
    drop(first);
    for waiter in waiters {
        waiter.await.unwrap();
    }
    let order = order.lock().unwrap();
    order.clone()
}

#[tokio::test]
async fn emergencies_are_served_first_and_do_not_starve_the_others() {
    let (usual, emergency) = (Load::Usual, Load::Emergency);
    let waiting = [(1, usual), (1, usual), (2, usual), (9, emergency)];
    assert_eq!(served(&waiting).await, [9, 1, 2, 1]);
    let flood = [(1, usual), (9, emergency), (9, emergency), (9, emergency), (9, emergency), (2, usual)];
    assert_eq!(served(&flood).await, [9, 9, 9, 1, 9, 2]);
}

#[tokio::test]
async fn applications_are_served_in_turn() {
    // Application 1 floods before application 2 asks once.
    let usual = Load::Usual;
    assert_eq!(served(&[(1, usual), (1, usual), (1, usual), (2, usual)]).await, [1, 2, 1, 1]);
}

#[tokio::test]
async fn a_full_pool_is_busy_and_a_waiter_that_left_costs_nothing() {
    let (pool, _listener, _folder) = pool().await;
    let taken = all(&pool).await;
    assert_eq!(pool.take(usual(2), SHORT).await.unwrap_err(), NotTaken::Busy);
    drop(taken);
    assert!(pool.take(usual(3), SHORT).await.is_ok(), "an unused connection goes back");
    assert!(pool.is_ready());
}

#[tokio::test]
async fn who_waits_for_the_last_connection_is_told_when_it_breaks() {
    let (pool, listener, _folder) = pool().await;
    let [mut taken, _unused] = all(&pool).await;
    let waiter = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.take(usual(2), LONG).await.map(drop) }
    });
    tokio::task::yield_now().await;
    // The signer hangs up amid a request.
    drop(listener.accept().await.unwrap());
    assert!(taken.ask(async |lane| lane.sign("<a/>").await).await.is_err());
    let unready = NotTaken::Unready(Unready::TokenUnreachable);
    assert_eq!(waiter.await.unwrap().unwrap_err(), unready);
    assert_eq!(pool.take(usual(3), SHORT).await.unwrap_err(), unready);
    pool.broken(0).await;
}

#[tokio::test]
async fn nobody_gets_a_place_before_the_trial_is_over_and_reserves_stand_in_for_what_breaks() {
    let (most, chosen) = (Numbers { processes: 2, sessions: 1 }, Numbers { processes: 1, sessions: 1 });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let pool = Pool::new(most);
    let mut peers = Vec::new();
    for slot in 0..2 {
        pool.install(slot, Connection::open(&path, LONG).await.unwrap().into_lane());
        peers.push(listener.accept().await.unwrap().0);
    }
    assert!(!pool.is_ready());
    assert!(pool.take(usual(1), LONG).await.is_err());
    pool.settle(Chosen { numbers: chosen, per_second: Some(1) });
    let mut taken = all(&pool).await;
    assert_eq!(pool.take(usual(1), SHORT).await.unwrap_err(), NotTaken::Busy, "the reserve serves nobody");
    drop(peers.remove(0));
    assert!(taken[0].ask(async |lane| lane.sign("<a/>").await).await.is_err());
    let stand_in = all(&pool).await;
    assert!(stand_in.iter().all(|taken| taken.slot == 1));
    assert_eq!(pool.take(usual(1), SHORT).await.unwrap_err(), NotTaken::Busy);
    // A place of a lane that is gone gives nothing back.
    drop(taken);
    assert_eq!(pool.take(usual(1), SHORT).await.unwrap_err(), NotTaken::Busy);
}
