//! Signer processes killed and frozen under load.

use std::time::Instant;

use nix::sys::signal::Signal;

use super::load::Load;
use super::{Caller, eventually, same_sceaud};
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::Plan;
use crate::support::wait::freeze;

/// Times that the signer is killed in one run.
const KILLS: u32 = 6;
/// `ready` may stay true that long over a frozen signer: a proof each second, 2 s for its answer, and a busy machine.
const HONEST_WITHIN_S: u64 = 8;
/// Sessions of each process: as many connections that die with it.
const SESSIONS: i64 = 8;

fn descriptors(daemons: &Daemons) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", daemons.sceaud.pid())).unwrap().count()
}

fn establishment(name: &str, processes: u32, keys: KeyOrigin) -> Establishment {
    let plan = Plan::new(name).key_type(KeyType::P256).processes(processes).keys(keys);
    plan.edit_config(|config| {
        for seal in config["seal"].as_array_mut().unwrap() {
            seal.as_table_mut().unwrap().insert("sessions".into(), SESSIONS.into());
        }
    })
    .build()
}

#[test]
fn a_killed_signer_is_survived() {
    KeyOrigin::KEYRINGS.into_iter().for_each(survives_a_kill);
}

fn survives_a_kill(keys: KeyOrigin) {
    let establishment = establishment("killed", 1, keys);
    let daemons = Daemons::start(&establishment);
    let (sceaud, signer) = (daemons.sceaud.pid(), daemons.signer("seal-a-1"));
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    let before = descriptors(&daemons);
    let load = Load::during(&establishment, |load| {
        for round in 0..KILLS {
            load.more_issued(50);
            signer.kill();
            signer.wait_starts(round + 2);
            load.more_issued(50);
        }
        // Away for long: refusals meanwhile, and Status says so.
        signer.kill_and_hold();
        load.more_unavailable(50);
        caller.wait_ready(false);
        assert_eq!(caller.issue().unwrap_err().brief(), ("Unavailable", "token-unreachable"));
        signer.release();
        caller.wait_ready(true);
        load.more_issued(50);
    });
    assert!(load.unavailable() >= 50);
    caller.is_served();
    same_sceaud(&daemons);
    assert_eq!(daemons.sceaud.pid(), sceaud);
    // The load's own connections are closed by now or soon.
    eventually("every descriptor is closed", || (descriptors(&daemons) <= before).then_some(()));
}

#[test]
fn a_killed_signer_harms_no_request_while_another_is_well() {
    KeyOrigin::KEYRINGS.into_iter().for_each(harms_no_request);
}

fn harms_no_request(keys: KeyOrigin) {
    let establishment = establishment("killed-of-two", 2, keys);
    let daemons = Daemons::start(&establishment);
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    let load = Load::during(&establishment, |load| {
        for instance in ["seal-a-1", "seal-a-2", "seal-a-1"] {
            // Both are in use before the next one dies.
            eventually("both signers", || (both_ready(&daemons)).then_some(()));
            load.more_issued(50);
            let lives = daemons.signer(instance).starts();
            daemons.signer(instance).kill_and_hold();
            load.more_issued(100);
            assert!(caller.ready(), "the other signs");
            caller.issue().unwrap();
            daemons.signer(instance).release();
            daemons.signer(instance).wait_starts(lives + 1);
        }
    });
    assert_eq!(load.unavailable(), 0, "what one process could not sign, the other could");
    same_sceaud(&daemons);
}

/// As many slots were filled as there have been to fill: each life of a signer fills its own.
fn both_ready(daemons: &Daemons) -> bool {
    let lives: u32 = daemons.signers.iter().map(|signer| signer.starts()).sum();
    let filled = daemons.sceaud.log().matches("signer ready").count();
    filled >= lives as usize * SESSIONS as usize
}

#[test]
fn a_frozen_signer_is_survived() {
    KeyOrigin::KEYRINGS.into_iter().for_each(survives_a_freeze);
}

fn survives_a_freeze(keys: KeyOrigin) {
    let establishment = establishment("frozen", 1, keys);
    let daemons = Daemons::start(&establishment);
    let signer = daemons.signer("seal-a-1");
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    let before = descriptors(&daemons);
    let load = Load::during(&establishment, |load| {
        for _ in 0..2 {
            load.more_issued(50);
            freeze(signer);
            let frozen = Instant::now();
            caller.wait_ready(false);
            let honest = frozen.elapsed();
            assert!(honest.as_secs() < HONEST_WITHIN_S, "ready for {honest:?} over a frozen signer");
            load.more_unavailable(20);
            signer.signal(Signal::SIGCONT);
            caller.wait_ready(true);
            load.more_issued(50);
        }
    });
    assert!(load.unavailable() >= 40, "longest answer {:?}", load.longest());
    caller.is_served();
    // Without load as well: nobody asks, and Status still learns it.
    freeze(signer);
    let frozen = Instant::now();
    caller.wait_ready(false);
    assert!(frozen.elapsed().as_secs() < HONEST_WITHIN_S);
    signer.signal(Signal::SIGCONT);
    caller.is_served();
    same_sceaud(&daemons);
    eventually("every descriptor is closed", || (descriptors(&daemons) <= before).then_some(()));
}

#[test]
fn a_frozen_signer_leaves_the_other_to_sign() {
    KeyOrigin::KEYRINGS.into_iter().for_each(leaves_the_other_to_sign);
}

fn leaves_the_other_to_sign(keys: KeyOrigin) {
    let establishment = establishment("frozen-of-two", 2, keys);
    let daemons = Daemons::start(&establishment);
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    eventually("both signers", || (both_ready(&daemons)).then_some(()));
    let load = Load::during(&establishment, |load| {
        for instance in ["seal-a-1", "seal-a-2"] {
            load.more_issued(50);
            freeze(daemons.signer(instance));
            load.more_issued(500);
            assert!(caller.ready(), "the other signs");
            daemons.signer(instance).signal(Signal::SIGCONT);
            load.more_issued(50);
        }
    });
    assert_eq!(
        load.unavailable(),
        0,
        "what one process owed, the other gave; longest answer {:?}",
        load.longest()
    );
    caller.is_served();
    same_sceaud(&daemons);
}
