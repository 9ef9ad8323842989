//! A token that goes away and comes back.

use super::load::Load;
use super::{Caller, same_sceaud};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;

#[test]
fn a_lost_token_comes_back_without_a_restart() {
    let establishment = Plan::new("lost").key_type(KeyType::P256).processes(2).build();
    let daemons = Daemons::start(&establishment);
    let pids: Vec<_> = daemons.signers.iter().map(|signer| signer.pid()).collect();
    let mut caller = Caller::of(&establishment);
    caller.is_served();
    let load = Load::during(&establishment, |load| {
        for _ in 0..3 {
            load.more_issued(50);
            establishment.store.lose();
            load.more_unavailable(20);
            caller.wait_ready(false);
            assert_eq!(caller.issue().unwrap_err().brief(), ("Unavailable", "token-unreachable"));
            establishment.store.find();
            caller.wait_ready(true);
            load.more_issued(50);
        }
    });
    assert!(load.unavailable() >= 60);
    // Without load: the proof of an idle connection finds it, and Status is honest by itself.
    establishment.store.lose();
    caller.wait_ready(false);
    establishment.store.find();
    caller.is_served();
    same_sceaud(&daemons);
    assert_eq!(daemons.signers.iter().map(|signer| signer.pid()).collect::<Vec<_>>(), pids);
}
