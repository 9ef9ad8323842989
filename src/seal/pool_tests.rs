//! Turns, busy pools and broken connections.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::load::Load;
use tokio::net::UnixListener;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(20);

/// A pool of one healthy slot, and the listener that its connection hangs on.
async fn pool() -> (Arc<Pool>, UnixListener, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let listener = UnixListener::bind(&path).unwrap();
    let pool = Pool::new(1);
    pool.install(0, Connection::open(&path, LONG).await.unwrap());
    (pool, listener, folder)
}

fn usual(uid: u32) -> Caller {
    Caller { uid, load: Load::Usual }
}

/// The order in which these are served that wait while the one connection is in use.
async fn served(waiting: &[(u32, Load)]) -> Vec<u32> {
    let (pool, _listener, _folder) = pool().await;
    let first = pool.take(usual(1), LONG).await.unwrap();
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
    let taken = pool.take(usual(1), LONG).await.unwrap();
    assert_eq!(pool.take(usual(2), SHORT).await.unwrap_err(), NotTaken::Busy);
    drop(taken);
    assert!(pool.take(usual(3), SHORT).await.is_ok(), "an unused connection goes back");
    assert!(pool.is_ready());
}

#[tokio::test]
async fn who_waits_for_the_last_connection_is_told_when_it_breaks() {
    let (pool, listener, _folder) = pool().await;
    let mut taken = pool.take(usual(1), LONG).await.unwrap();
    let waiter = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.take(usual(2), LONG).await.map(drop) }
    });
    tokio::task::yield_now().await;
    // The signer hangs up amid a request.
    drop(listener.accept().await.unwrap());
    assert!(taken.ask(async |connection| connection.sign("<a/>").await).await.is_err());
    let unready = NotTaken::Unready(Unready::TokenUnreachable);
    assert_eq!(waiter.await.unwrap().unwrap_err(), unready);
    assert_eq!(pool.take(usual(3), SHORT).await.unwrap_err(), unready);
    pool.broken(0).await;
}
