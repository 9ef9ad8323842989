//! Turns, busy pools and broken connections.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::policy::load::Load;
use crate::seal::connection::Connection;
use tokio::net::UnixListener;
use tokio::time::timeout;

const LONG: Duration = Duration::from_secs(30);

/// A pool of one healthy slot, and the listener that its connection hangs on.
pub(in crate::seal) async fn pool() -> (Arc<Pool>, UnixListener, tempfile::TempDir) {
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
    [pool.take(usual(1), None).await.unwrap(), pool.take(usual(1), None).await.unwrap()]
}

/// The order in which these are served by `take`, who all wait when `first` is given up.
pub(in crate::seal) async fn order<F>(
    waiting: impl IntoIterator<Item = Caller>,
    first: impl Sized,
    take: impl Fn(Caller) -> F,
) -> Vec<u32>
where
    F: Future<Output: Send> + Send + 'static,
{
    let order = Arc::new(Mutex::new(Vec::new()));
    let wait = |caller: Caller| {
        let (order, taking) = (Arc::clone(&order), take(caller));
        tokio::spawn(async move {
            let taken = taking.await;
            order.lock().unwrap().push(caller.uid);
            drop(taken);
        })
    };
    let waiters: Vec<_> = waiting.into_iter().map(wait).collect();
    tokio::task::yield_now().await;
    drop(first);
    for waiter in waiters {
        waiter.await.unwrap();
    }
    let order = order.lock().unwrap();
    order.clone()
}

/// The order in which these are served that wait while the one connection is in use.
async fn served(waiting: &[(u32, Load)]) -> Vec<u32> {
    let (pool, _listener, _folder) = pool().await;
    let first = all(&pool).await;
    let waiting = waiting.iter().map(|&(uid, load)| Caller { uid, load });
    order(waiting, first, |caller| {
        let pool = Arc::clone(&pool);
        async move { pool.take(caller, None).await.unwrap() }
    })
    .await
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

/// Whether a place is given without waiting.
async fn is_free(pool: &Arc<Pool>) -> bool {
    timeout(Duration::ZERO, pool.take(usual(2), None)).await.is_ok()
}

#[tokio::test]
async fn a_waiter_that_left_costs_nothing() {
    let (pool, _listener, _folder) = pool().await;
    let taken = all(&pool).await;
    assert!(!is_free(&pool).await);
    drop(taken);
    assert!(is_free(&pool).await, "an unused place goes back");
    assert!(pool.is_ready());
}

#[tokio::test]
async fn who_waits_for_the_last_connection_is_told_when_it_breaks() {
    let (pool, listener, _folder) = pool().await;
    let [mut taken, _unused] = all(&pool).await;
    let waiter = tokio::spawn({
        let pool = Arc::clone(&pool);
        async move { pool.take(usual(2), None).await.map(drop) }
    });
    tokio::task::yield_now().await;
    // The signer hangs up amid a request.
    drop(listener.accept().await.unwrap());
    assert!(taken.ask(async |lane| lane.sign("<a/>").await).await.is_err());
    let unready = Unready::TokenUnreachable;
    assert_eq!(waiter.await.unwrap().unwrap_err(), unready);
    assert_eq!(pool.take(usual(3), None).await.unwrap_err(), unready);
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
    assert!(pool.take(usual(1), None).await.is_err());
    pool.settle(Chosen { numbers: chosen, per_second: Some(1) });
    let mut taken = all(&pool).await;
    assert!(!is_free(&pool).await, "the reserve serves nobody");
    drop(peers.remove(0));
    assert!(taken[0].ask(async |lane| lane.sign("<a/>").await).await.is_err());
    let stand_in = all(&pool).await;
    assert!(stand_in.iter().all(|taken| taken.slot() == 1));
    assert!(!is_free(&pool).await);
    // A place of a lane that is gone gives nothing back.
    drop(taken);
    assert!(!is_free(&pool).await);
}

#[tokio::test]
async fn after_a_failure_another_process_is_tried() {
    let most = Numbers { processes: 2, sessions: 2 };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let _listener = UnixListener::bind(&path).unwrap();
    let pool = Pool::new(most);
    pool.settle(Chosen { numbers: most, per_second: None });
    for slot in 0..4 {
        pool.install(slot, Connection::open(&path, LONG).await.unwrap().into_lane());
    }
    // Sessions of the other one first, though more is under way there; the failed one's own rather than none.
    let mut others = Vec::new();
    for expected in [1, 3, 1, 3, 0] {
        let taken = pool.take(usual(1), Some(2)).await.unwrap();
        assert_eq!(taken.slot(), expected);
        others.push(taken);
    }
}
