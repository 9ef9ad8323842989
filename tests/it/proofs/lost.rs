//! What a lost part of the ledger had seen used is used: proofs of login, nonces and sessions of before.

use serde_json::{Value, json};

use super::{Provider, claims, now, proved, rule};
use crate::admin::acceptances::open;
use crate::admin::office::Office;
use crate::clock::Shim;
use crate::counter::copy;
use crate::doorstep::{brief, consultation, says, with};
use crate::privacy::{Scene, good};
use crate::support::key_kind::KeyType;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::{eventually, until};

/// How far the clock is moved on: beyond what clocks may differ by.
const LATER_S: u64 = 90;

/// Right claims that stay right for ten minutes.
fn lasting() -> Value {
    with(claims(), "exp", (now() + 600).into())
}

#[test]
fn what_a_lost_part_may_have_spent_opens_nothing() {
    let provider = Provider::new();
    let counted = |config: &mut toml::Table| {
        config["ledger"].as_table_mut().unwrap().insert("counter".into(), "file:counter".into());
    };
    let establishment = provider.plan().edit_config(counted).build();
    let clock = Shim::of(&establishment);
    let (door, _signers) = open(establishment, &clock.environment());
    let mut office = Office::before(door);
    office.register();
    let (folder, sceaud) = (office.door.establishment.folder.clone(), &office.door.sceaud);
    let (ledger, old) = (folder.join("ledger"), folder.join("old"));
    let asked = [(); 3].map(|()| lasting()).map(|claims| proved(&claims, &provider.proof(&claims)));
    let [kept, lost, unused] = &asked;
    office.door.client().open_session(kept.clone()).unwrap();
    sceaud.kill_and_hold();
    copy(&ledger, &old);
    sceaud.release();
    sceaud.wait_ready(2);
    office.door.client().open_session(lost.clone()).unwrap();
    sceaud.kill_and_hold();
    copy(&old, &ledger);
    sceaud.release();
    sceaud.wait_ready(3);
    until("it is halted", || office.door.client().status()["halted"] == "ledger-older");
    office.submit(&office.order("counter-accept", json!({})), &[&office.alice, &office.bob]).unwrap();
    until("it goes on", || office.door.client().status()["state"] != "halted");
    // Nobody knows which of them were used: none is, beyond restarts, nor one of the same minute.
    for life in 4..6 {
        for asked in [kept, lost, unused] {
            assert_eq!(rule(office.door.client().open_session(asked.clone())), "maybe-spent");
        }
        let fresh = claims();
        let fresh = proved(&fresh, &provider.proof(&fresh));
        assert_eq!(rule(office.door.client().open_session(fresh)), "maybe-spent");
        sceaud.kill();
        sceaud.wait_ready(life);
    }
    // The minute passes, as if the machine were started after it.
    sceaud.kill_and_hold();
    let _ = std::fs::remove_file(ledger.join("clock.json"));
    clock.is_off(i64::try_from(LATER_S * 1_000).unwrap());
    sceaud.release();
    sceaud.wait_ready(6);
    let at = now() + LATER_S;
    let mut later = with(lasting(), "auth_time", (at - 30).into());
    for (member, value) in [("iat", at), ("nbf", at)] {
        later = with(later, member, value.into());
    }
    let mut client = office.door.client();
    eventually("a proof of afterwards opens", || {
        client.open_session(proved(&later, &provider.proof(&later))).ok()
    });
    assert_eq!(brief(client.open_session(proved(&later, &provider.proof(&later)))), says("Replayed", ""));
    for asked in [kept, lost, unused] {
        assert_eq!(rule(client.open_session(asked.clone())), "maybe-spent");
    }
    office.ledger.clear();
}

/// A backup of yesterday, restored: nothing that was used since opens, issues or goes on.
#[test]
fn nothing_of_before_a_restore_is_used_again() {
    let provider = Provider::new();
    let scene = Scene::over(provider.plan().key_type(KeyType::P256));
    let folder = &scene.establishment.folder;
    let mut client = scene.establishment.client();
    let claims = [(); 2].map(|()| lasting());
    let asked = claims.each_ref().map(|claims| proved(claims, &provider.proof(claims)));
    let requests = |session: &str| {
        let nonce = crate::support::varlink::nonce();
        with(consultation(session, PATIENTS[0]), "nonce", nonce.into())
    };
    let before = requests(&client.open_session(asked[0].clone()).unwrap());
    client.issue(before.clone()).unwrap();
    std::fs::create_dir(folder.join("copies")).unwrap();
    good(&scene.sceau(&["traces", "backup", "--to", "copies", "--sign-with", "alice"], ""));
    let escrow = ["traces", "backup", "--escrow", "--sign-with", "alice", "--out", "escrow"];
    good(&scene.sceau(&escrow, ""));
    // What the backup lacks.
    let since = requests(&client.open_session(asked[1].clone()).unwrap());
    client.issue(since.clone()).unwrap();
    let restore = "traces restore --from copies --escrow escrow --key recovery.key --segments-key reader.key --into restored";
    let restore: Vec<&str> = restore.split(' ').collect();
    good(&scene.run(crate::support::program::program("sceau").to_str().unwrap(), &restore, ""));
    scene.establishment.edit_file("sceau.toml", |config| {
        config["ledger"]["folder"] = folder.join("restored").to_str().unwrap().into();
    });
    scene.daemons.sceaud.kill();
    scene.daemons.sceaud.wait_ready(2);
    let mut client = scene.establishment.client();
    for request in [before, since] {
        assert_eq!(brief(client.issue(request)), says("Denied", "session-unknown"));
    }
    for asked in asked {
        assert_eq!(rule(client.open_session(asked)), "maybe-spent");
    }
}
