//! The promise of the clock: nothing is issued by one that may be wrong, it heals by itself, and no entry has a wrong time.

use std::path::PathBuf;
use std::process::Command;

use nix::time::{ClockId, clock_gettime};
use serde_json::json;

use crate::admin::office::{Key, at, named};
use crate::doorstep::{brief, physician_login, says, with};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::varlink::{Client, nonce};
use crate::support::wait::until;

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

/// A clock that can be moved.
pub(crate) struct Shim {
    library: PathBuf,
    off: PathBuf,
}

impl Shim {
    /// Beside an establishment.
    pub(crate) fn of(establishment: &Establishment) -> Self {
        let (library, off) = (establishment.folder.join("clock.so"), establishment.folder.join("clock.off"));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clock/shim.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).args([source, "-ldl"]);
        assert!(cc.status().unwrap().success(), "cc: {source}");
        Self { library, off }
    }

    /// Moves the clock so that it is that far from right.
    pub(crate) fn is_off(&self, ms: i64) {
        let aside = self.off.with_extension("new");
        std::fs::write(&aside, ms.to_string()).unwrap();
        std::fs::rename(aside, &self.off).unwrap();
    }

    /// What the program with this clock is started with.
    pub(crate) fn environment(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", self.library.to_str().unwrap()), ("CLOCK_SHIM", self.off.to_str().unwrap())]
    }
}

/// An establishment whose `sceaud` has such a clock.
struct Rig {
    establishment: Establishment,
    clock: Shim,
}

impl Rig {
    fn new(plan: Plan) -> Self {
        let establishment = plan.key_type(KeyType::P256).build();
        let clock = Shim::of(&establishment);
        Self { establishment, clock }
    }

    fn clock_is_off(&self, ms: i64) {
        self.clock.is_off(ms);
    }

    fn start(&self) -> Daemons {
        Daemons::start_with(&self.establishment, &self.clock.environment())
    }

    /// No entry is older than its predecessor, and none is of a time that never was.
    fn no_entry_has_a_wrong_time(&self) {
        let now = i64::try_from(time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000).unwrap();
        let ledger = entries(&self.establishment);
        for (index, entry) in ledger.iter().enumerate() {
            assert!(index == 0 || entry.time >= ledger[index - 1].time, "entry {index}");
            assert!((entry.time.ms() - now).abs() < HOUR_MS, "entry {index} is of {}", entry.time);
        }
    }
}

fn plan() -> Plan {
    Plan::new("clock")
}

#[test]
fn a_jump_in_either_direction_issues_nothing_and_heals() {
    let rig = Rig::new(plan());
    let daemons = rig.start();
    let mut client = rig.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    for off_ms in [YEAR_MS, -YEAR_MS, 5_000, -5_000] {
        rig.clock_is_off(off_ms);
        let refused = client.consult(&session, PATIENTS[0]).unwrap_err();
        assert_eq!(refused.brief(), ("Unavailable", "clock-jump"), "{off_ms}");
        for word in ["horloge", "clock-accept"] {
            assert!(refused.parameters["message"].as_str().unwrap().contains(word), "{refused:?}");
        }
        assert_eq!(brief(client.open_session(physician_login())), says("Unavailable", "clock-jump"));
        let status = client.status();
        assert_eq!((&status["ready"], &status["troubles"][0]["reason"]), (&json!(false), &json!("clock-jump")));
        // A restart is no way out.
        if off_ms == YEAR_MS {
            daemons.sceaud.kill();
            daemons.sceaud.wait_ready(2);
            client = rig.establishment.client();
            assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Unavailable", "clock-jump"));
        }
        rig.clock_is_off(0);
        client.consult(&session, PATIENTS[0]).unwrap();
        assert_eq!(client.status()["troubles"], json!([]));
    }
    rig.no_entry_has_a_wrong_time();
    until("it is in the log", || daemons.sceaud.log().contains("the clock is fit again"));
}

#[test]
fn a_second_more_or_less_is_no_jump() {
    let rig = Rig::new(plan());
    let _daemons = rig.start();
    let mut client = rig.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for off_ms in [1_000, 0, -1_000, 0] {
        rig.clock_is_off(off_ms);
        client.consult(&session, PATIENTS[0]).unwrap();
    }
    rig.no_entry_has_a_wrong_time();
}

/// As after a dead battery: another start of the machine, and a clock before the newest entry.
#[test]
fn a_start_before_the_newest_entry_waits_for_the_right_time() {
    let rig = Rig::new(plan());
    let mut daemons = rig.start();
    let session = rig.establishment.client().open_session(physician_login()).unwrap();
    daemons.sceaud.stop();
    drop(daemons);
    std::fs::remove_file(rig.establishment.folder.join("ledger/clock.json")).unwrap();
    rig.clock_is_off(-10 * HOUR_MS);
    let _daemons = rig.start();
    let mut client = rig.establishment.client();
    assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Unavailable", "clock-jump"));
    rig.clock_is_off(0);
    client.consult(&session, PATIENTS[0]).unwrap();
    rig.no_entry_has_a_wrong_time();
}

#[test]
fn a_clock_that_nothing_synchronises_issues_nothing_until_something_does() {
    let sign = |config: &mut toml::Table| {
        let clock = config["clock"].as_table_mut().unwrap();
        clock.insert("require_synchronised".into(), true.into());
        clock.insert("unsynchronised_max_ms".into(), 60_000.into());
        clock.insert("source".into(), "run/synchronised".into());
    };
    let rig = Rig::new(plan().edit_config(sign));
    let sign = rig.establishment.folder.join("run/synchronised");
    let synchronised = |ago_ms: u64| {
        let at = std::time::SystemTime::now() - std::time::Duration::from_millis(ago_ms);
        let file = std::fs::File::options().create(true).append(true).open(&sign).unwrap();
        file.set_modified(at).unwrap();
    };
    // An hour ago, and never since.
    synchronised(3_600_000);
    let daemons = rig.start();
    let mut client = rig.establishment.client();
    assert_eq!(brief(client.open_session(physician_login())), says("Unavailable", "clock-unsynchronised"));
    let status = client.status();
    assert_eq!(status["troubles"][0]["reason"], "clock-unsynchronised");
    synchronised(0);
    until("the sign is seen", || client.open_session(physician_login()).is_ok());
    until("it is in the log", || daemons.sceaud.log().contains("clock-unsynchronised"));
}

/// One administrator, by the side of a daemon that runs already.
struct Orders<'e> {
    establishment: &'e Establishment,
    alice: Key,
    ledger: String,
}

impl<'e> Orders<'e> {
    fn of(establishment: &'e Establishment) -> Self {
        let alice = Key::make(&establishment.folder, "alice", &["-t", "ed25519"]);
        let instance =
            Client::connect(&establishment.admin_socket()).unwrap().call("fr.sceau.Admin.Instance", json!({}));
        let ledger = instance.unwrap()["ledger"].as_str().unwrap().to_owned();
        let orders = Self { establishment, alice, ledger };
        let operators = [named("alice", &["administrator"], &orders.alice)];
        orders.submit("operators-bootstrap", json!({ "operators": operators }), 0);
        orders
    }

    /// Signs and submits an order that is given by a clock so far ahead.
    fn submit(&self, verb: &str, arguments: serde_json::Value, ahead_ms: i64) {
        let order = json!({
            "sceau_order": 1, "ledger": self.ledger, "verb": verb, "id": nonce(),
            "issued_at": at(ahead_ms / 1_000), "expires_at": at(ahead_ms / 1_000 + 3_600), "arguments": arguments,
        });
        let order = order.to_string();
        let signatures = [self.alice.sign("sceau-order", order.as_bytes())];
        let mut client = Client::connect(&self.establishment.admin_socket()).unwrap();
        client.call("fr.sceau.Admin.Submit", json!({ "order": order, "signatures": signatures })).unwrap();
    }

    fn accept_clock(&self, ahead_ms: i64) {
        self.submit("clock-accept", json!({}), ahead_ms);
    }
}

/// A battery that is dead, or a year that is wrong: hours of it would be in the ledger for ever. A holiday is believed.
#[test]
fn a_machine_started_far_ahead_waits_for_its_synchronisation_and_writes_nothing_of_it() {
    const DAY_MS: i64 = 24 * HOUR_MS;
    let plan = plan().edit_config(|config| {
        config.insert(
            "clock".into(),
            "require_synchronised = true\nsource = \"synchronised\"".parse::<toml::Table>().unwrap().into(),
        );
    });
    let rig = Rig::new(plan);
    // The machine was started just now, however long it has been on.
    let booted = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap().tv_sec().to_string();
    let [library, off] = rig.clock.environment();
    let daemons = Daemons::start_with(&rig.establishment, &[library, off, ("CLOCK_SHIM_BOOTED", &booted)]);
    let office = Orders::of(&rig.establishment);
    let session = rig.establishment.client().open_session(physician_login()).unwrap();
    let mut lives = 1;
    let mut live_again = |off_ms: i64, as_another_boot: bool| {
        daemons.sceaud.kill_and_hold();
        rig.clock_is_off(off_ms);
        if as_another_boot {
            let _ = std::fs::remove_file(rig.establishment.folder.join("ledger/clock.json"));
        }
        daemons.sceaud.release();
        lives += 1;
        daemons.sceaud.wait_ready(lives);
    };
    let waits = |ahead_ms: i64| {
        let login = with(physician_login(), "authentication.instant", at(ahead_ms / 1_000 - 60).into());
        assert_eq!(
            brief(rig.establishment.client().open_session(login)),
            says("Unavailable", "clock-unsynchronised")
        );
    };
    // Nor is a restart of the daemon a way out.
    for as_another_boot in [true, false] {
        live_again(YEAR_MS, as_another_boot);
        waits(YEAR_MS);
        let status = rig.establishment.client().status();
        assert_eq!(status["troubles"][0]["reason"], "clock-unsynchronised");
        assert!(status["troubles"][0]["message"].as_str().unwrap().contains("clock-accept"), "{status}");
    }
    rig.no_entry_has_a_wrong_time();
    // Set right, it goes on by itself.
    rig.clock_is_off(0);
    rig.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    rig.no_entry_has_a_wrong_time();
    // A holiday without network: served at once.
    live_again(6 * DAY_MS, true);
    let opens = |ahead_ms: i64| {
        let login = with(physician_login(), "authentication.instant", at(ahead_ms / 1_000 - 60).into());
        rig.establishment.client().open_session(login).is_ok()
    };
    assert!(opens(6 * DAY_MS));
    // A longer one: served once NTP has answered.
    live_again(14 * DAY_MS, true);
    waits(14 * DAY_MS);
    let sign = std::fs::File::create(rig.establishment.folder.join("synchronised")).unwrap();
    let touched = std::time::SystemTime::now() + std::time::Duration::from_millis(14 * DAY_MS as u64);
    sign.set_modified(touched).unwrap();
    until("it is synchronised", || opens(14 * DAY_MS));
    // Or once somebody has looked, and signed.
    std::fs::remove_file(rig.establishment.folder.join("synchronised")).unwrap();
    live_again(23 * DAY_MS, true);
    waits(23 * DAY_MS);
    office.accept_clock(23 * DAY_MS);
    assert!(opens(23 * DAY_MS));
}
