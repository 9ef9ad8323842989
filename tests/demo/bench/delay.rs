//! A device that is slower than the processors: SoftHSM behind a module that keeps each signature for a while. What the path
//! makes of it is the share of the device's rate that reaches the applications.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::{load, raw};
use crate::support::daemons::Daemons;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::softhsm::run;

/// What one signature of the device takes longer, in microseconds: a network HSM's.
const DELAY_US: u32 = 4_000;
/// Callers: more than the device serves.
const CONNECTIONS: usize = 32;

/// The device's own rate by one session, and the path's over the same one.
pub(super) fn measure(time: Duration) -> Value {
    let edit = |config: &mut toml::Table| {
        config["seal"][0].as_table_mut().unwrap().insert("module".into(), "shim.so".into());
    };
    let establishment = Plan::new("delay").key_type(KeyType::P256).audit(None).edit_config(edit).build();
    let folder = establishment.folder.join("shim");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("slow"), DELAY_US.to_string()).unwrap();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signer/shim.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(establishment.folder.join("shim.so")).args([source, "-ldl"]);
    run(&mut cc);
    let env = [("SHIM_FOLDER", folder.to_str().unwrap())];
    let daemons = Daemons::start_with(&establishment, &env);
    load::run(&establishment, CONNECTIONS, time / 4, None);
    let loaded = load::run(&establishment, CONNECTIONS, time, None);
    drop(daemons);
    let device = raw::measure_with(&establishment, raw::Key::Seal, (1, 1), time, &env);
    let path = loaded.issued as f64 / loaded.seconds;
    json!({ "delay_us": DELAY_US, "device_per_second": device.per_second, "path_per_second": path, "ratio": path / device.per_second })
}
