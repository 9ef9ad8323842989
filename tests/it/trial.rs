//! How many of a key's sessions sign is tried at the start: a device that signs in parallel gets them all, one that signs one
//! after the other gets one, and a trial that does not end keeps nobody waiting.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::plan::Plan;
use crate::support::program::program;
use crate::support::softhsm::run;

/// Microseconds of a signature beside which nothing else of it counts, however busy the machine is.
const SLOW_US: u32 = 100_000;
/// What the trial of such a device needs at most, in milliseconds.
const LONG_MS: i64 = 10_000;

/// One process of up to four sessions on SoftHSM, made slow; `faults` are files of the shim with their content.
fn start(faults: &[(&str, String)], trial_ms: i64) -> (Daemons, Establishment) {
    let plan = Plan::new("trial").key_type(KeyType::P256).audit(None);
    let establishment = plan
        .edit_config(move |config| {
            let seal = config["seal"][0].as_table_mut().unwrap();
            seal.insert("sessions".into(), 4.into());
            seal.insert("module".into(), "shim.so".into());
            let limits = toml::Table::from_iter([("trial_ms".to_owned(), trial_ms.into())]);
            config.insert("limits".into(), limits.into());
        })
        .build();
    let path = |name: &str| -> PathBuf { establishment.folder.join(name) };
    std::fs::create_dir(path("shim")).unwrap();
    for (fault, content) in faults {
        std::fs::write(path("shim").join(fault), content).unwrap();
    }
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/signer/shim.c");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(path("shim.so")).args([source, "-ldl"]);
    run(&mut cc);
    let daemons = Daemons::start_with(&establishment, &[("SHIM_FOLDER", path("shim").to_str().unwrap())]);
    (daemons, establishment)
}

/// What Status says of the one seal's signers.
fn signers(establishment: &Establishment) -> Value {
    establishment.client().status()["seals"][0]["signers"].clone()
}

fn issues(establishment: &Establishment) {
    let mut client = establishment.client();
    let practitioner = &establishment.practitioners[0].id;
    let login = crate::support::varlink::login(practitioner, "CPS", "consultation");
    let session = client.open_session(login).unwrap();
    client.consult(&session, crate::support::practitioners::PATIENTS[0]).unwrap();
}

#[test]
fn a_device_that_signs_in_parallel_gets_every_session() {
    let (_daemons, establishment) = start(&[("slow", SLOW_US.to_string())], LONG_MS);
    let told = signers(&establishment);
    assert_eq!((&told["processes"], &told["sessions"]), (&json!(1), &json!(4)), "{told}");
    assert_eq!((&told["processes_max"], &told["sessions_max"]), (&json!(1), &json!(4)));
    assert!(told["per_second"].as_u64().is_some_and(|rate| rate > 0), "{told}");
    issues(&establishment);
    let mut status = Command::new(program("sceau"));
    let output = status.args(["status", "--config"]).arg(establishment.config()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("processus × sessions qui signent : 1 × 4 (1 × 4 au plus ; "), "{text}");
}

#[test]
fn a_device_with_one_queue_gets_one_session() {
    let faults = [("slow", SLOW_US.to_string()), ("one-at-a-time", String::new())];
    let (_daemons, establishment) = start(&faults, LONG_MS);
    let told = signers(&establishment);
    assert_eq!((&told["processes"], &told["sessions"]), (&json!(1), &json!(1)), "{told}");
    issues(&establishment);
}

#[test]
fn a_trial_that_does_not_end_in_its_time_leaves_all_and_nobody_waiting() {
    // One signature takes longer than the whole trial may.
    let (_daemons, establishment) = start(&[("slow", (5 * SLOW_US).to_string())], 1);
    let told = signers(&establishment);
    assert_eq!((&told["sessions"], &told["per_second"]), (&json!(4), &Value::Null), "{told}");
    issues(&establishment);
}

#[test]
fn without_a_trial_all_sign() {
    let (_daemons, establishment) = start(&[], 0);
    let told = signers(&establishment);
    assert_eq!((&told["sessions"], &told["per_second"]), (&json!(4), &Value::Null), "{told}");
    issues(&establishment);
}
