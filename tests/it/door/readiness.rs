//! Locked until a signature verified; then READY. The watchdog is fed all the while.

use std::time::Duration;

use crate::doorstep::{brief, consultation, physician_login, says, until, with};
use crate::support::daemon::{Daemon, READY_WITHIN};
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};

/// As systemd would ask: at least one ping in half of this.
const WATCHDOG: Duration = Duration::from_secs(2);

#[test]
fn ready_is_said_only_after_a_verified_signature() {
    let establishment = Plan::new("readiness").key_type(KeyType::P256).build();
    let watchdog = WATCHDOG.as_micros().to_string();
    let sceaud = Daemon::sceaud(&establishment, &[("WATCHDOG_USEC", &watchdog)]);
    until("sceaud listens", || Client::connect(&establishment.token_socket()).is_ok());
    let mut client = establishment.client();
    let status = client.status();
    assert_eq!((status["state"].as_str(), status["ready"].as_bool()), (Some("locked"), Some(false)));
    assert_eq!(status["seals"][0]["ready"], false);
    // Sessions need no key; an assertion does.
    let session = client.open_session(physician_login()).unwrap();
    let used = with(consultation(&session, PATIENTS[0]), "nonce", nonce().into());
    assert_eq!(brief(client.issue(used.clone())), says("Unavailable", "token-unreachable"));
    // The pings come from the loop that says READY: it has gone round and said nothing.
    let pings = |count: u32| sceaud.notify.wait(WATCHDOG * count, move |heard| heard.watchdog >= count);
    let heard = pings(10).expect("ten pings in the time of ten deadlines");
    assert_eq!(heard.ready, 0, "{heard:?}");
    assert_eq!(client.status()["state"], "locked");

    let signer = Daemon::signer(&establishment, &establishment.signer_instances()[0], &[]);
    signer.wait_ready(1);
    sceaud.wait_ready(1);
    let status = client.status();
    assert_eq!((status["state"].as_str(), status["ready"].as_bool()), (Some("operational"), Some(true)));
    assert_eq!(brief(client.issue(used)), says("Replayed", ""));
    client.consult(&session, PATIENTS[0]).unwrap();

    // Without its signer it is no longer ready, and still operational: the state heals by itself.
    signer.kill_and_hold();
    until("the signer is missed", || client.status()["ready"] == false);
    assert_eq!(client.status()["state"], "operational");
    let missed = sceaud.notify.wait(READY_WITHIN, |heard| heard.status.contains("not ready"));
    let fed = missed.expect("systemctl status says so").watchdog;
    assert!(
        sceaud.notify.wait(WATCHDOG * 5, |heard| heard.watchdog >= fed + 5).is_ok(),
        "the watchdog is still fed"
    );
    signer.release();
    until("the signer is back", || client.status()["ready"] == true);
    client.consult(&session, PATIENTS[0]).unwrap();
    assert_eq!((sceaud.starts(), sceaud.notify.heard().ready), (1, 1), "sceaud was never started again");
}

#[test]
fn no_ping_is_sent_that_nobody_asked_for() {
    let establishment = Plan::new("readiness").key_type(KeyType::P256).build();
    let daemons = crate::support::daemons::Daemons::start(&establishment);
    daemons.signers[0].kill_and_hold();
    let told = daemons.sceaud.notify.wait(READY_WITHIN, |heard| heard.status.contains("not ready")).unwrap();
    assert_eq!((told.ready, told.watchdog), (1, 0));
}
