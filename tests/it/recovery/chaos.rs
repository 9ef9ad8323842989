//! Signers killed and stopped again and again under load, on both keyrings; `make soak` does the same for minutes.

use std::time::Duration;

use super::{Caller, same_sceaud};
use crate::support::chaos;
use crate::support::daemons::Daemons;
use crate::support::key_kind::{KeyOrigin, KeyType};
use crate::support::plan::Plan;

/// For each keyring.
const TIME: Duration = Duration::from_secs(10);

#[test]
fn no_blow_to_the_signers_loses_doubles_or_falsifies_an_answer() {
    for keys in KeyOrigin::KEYRINGS {
        let establishment = Plan::new("chaos").key_type(KeyType::P256).processes(2).keys(keys).build();
        let daemons = Daemons::start(&establishment);
        let (issued, refused, blows) = chaos::run(&establishment, &daemons, TIME);
        println!("{keys:?}: {issued} assertions and {refused} refusals under {blows} blows");
        Caller::of(&establishment).is_served();
        same_sceaud(&daemons);
    }
}
