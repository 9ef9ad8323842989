//! The ledger's counter in the TPM: an older copy, another machine and a counter made anew halt; no crash does.

use serde_json::json;

use super::rig::{INDEX, Machine};
use crate::counter::copy;
use crate::doorstep::{brief, physician_login, says};
use crate::support::daemons::Daemons;
use crate::support::practitioners::PATIENTS;
use crate::support::softhsm::run;
use crate::support::swtpm::Swtpm;
use crate::support::wait::until;

fn is_halted(machine: &Machine, log: &str, cause: &str) {
    until("it is halted", || machine.establishment.client().status()["state"] == "halted");
    assert!(log.contains(cause), "{cause}:\n{log}");
}

#[test]
fn the_counter_is_told_and_raised_as_the_tpm_has_it() {
    let Some(machine) = Machine::with("the_counter_is_told_and_raised_as_the_tpm_has_it", Swtpm::bare) else {
        return;
    };
    let daemon = machine.attestd();
    assert_eq!(machine.ask("Counter", json!({})).unwrap_err().brief(), ("Unavailable", "counter-undefined"));
    // A TPM that has had another counter.
    let used = "0x01800200";
    let attributes = "authread|authwrite|no_da|nt=counter";
    run(&mut machine.tpm.tool("tpm2_nvdefine", &[used, "-C", "o", "-s", "8", "-a", attributes]));
    for _ in 0..7 {
        run(&mut machine.tpm.tool("tpm2_nvincrement", &[used]));
    }
    run(&mut machine.tpm.tool("tpm2_nvundefine", &["-C", "o", used]));
    machine.define_counter();
    assert_eq!(machine.value("Counter"), 0, "never raised");
    assert_eq!(machine.value("Increment"), 8, "it begins above every counter that was removed");
    assert_eq!((machine.value("Counter"), machine.counter()), (8, 8));
    run(&mut machine.tpm.tool("tpm2_nvincrement", &[INDEX]));
    assert_eq!(machine.value("Increment"), 10);
    // A restart loop does not wear it out.
    let refused = (0..100).find_map(|_| machine.ask("Increment", json!({})).err()).unwrap();
    assert_eq!(refused.brief(), ("Unavailable", "counter-worn"));
    assert_eq!(machine.counter(), 68);
    // Nothing is left in a TPM that has room for three.
    for kind in ["handles-transient", "handles-loaded-session", "handles-saved-session"] {
        let left = run(&mut machine.tpm.tool("tpm2_getcap", &[kind]));
        assert!(left.trim().is_empty(), "{kind}: {left}");
    }
    drop(daemon);
}

#[test]
fn a_tpm_with_an_owners_secret_is_told_as_that() {
    let Some(machine) = Machine::with("a_tpm_with_an_owners_secret_is_told_as_that", Swtpm::bare) else { return };
    machine.define_counter();
    let daemon = machine.attestd();
    run(&mut machine.tpm.tool("tpm2_changeauth", &["-c", "owner", "somebody's"]));
    let refused = machine.ask("Counter", json!({})).unwrap_err();
    assert_eq!(refused.brief(), ("Unavailable", "tpm-owned"), "a wrong boot PIN is another thing");
    run(&mut machine.tpm.tool("tpm2_changeauth", &["-c", "owner", "-p", "somebody's"]));
    assert_eq!(machine.value("Counter"), 0);
    drop(daemon);
}

/// Whoever starts another system owns the TPM, and can put at the index what can be written.
#[test]
fn what_can_be_written_is_no_counter() {
    let Some(machine) = Machine::with("what_can_be_written_is_no_counter", Swtpm::manufactured) else { return };
    machine.define_counter();
    let daemon = machine.attestd();
    assert_eq!(machine.value("Increment"), 1);
    machine.done(&["enrol", "--out", "request.json"]);
    run(&mut machine.tpm.tool("tpm2_nvundefine", &["-C", "o", INDEX]));
    let attributes = "authread|authwrite|no_da";
    run(&mut machine.tpm.tool("tpm2_nvdefine", &[INDEX, "-C", "o", "-s", "8", "-a", attributes]));
    std::fs::write(machine.tpm.path("value"), 1_u64.to_be_bytes()).unwrap();
    run(&mut machine.tpm.tool("tpm2_nvwrite", &[INDEX, "-i", "value"]));
    let nonce = "0".repeat(64);
    for (method, parameters) in [
        ("Counter", json!({})),
        ("Increment", json!({})),
        ("Status", json!({})),
        ("Evidence", json!({ "nonce": nonce })),
    ] {
        let refused = machine.ask(method, parameters).unwrap_err();
        assert_eq!(refused.brief(), ("Unavailable", "tpm-full"), "{method}");
    }
    drop(daemon);
}

#[test]
fn an_older_ledger_halts_beside_its_tpm_and_no_kill_does() {
    let Some(machine) = Machine::with("an_older_ledger_halts_beside_its_tpm_and_no_kill_does", Swtpm::bare) else {
        return;
    };
    machine.define_counter();
    let attestd = machine.attestd();
    let mut daemons = Daemons::start(&machine.establishment);
    let session = machine.establishment.client().open_session(physician_login()).unwrap();
    machine.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    let first = machine.counter();
    assert!(first >= 2, "{first}");
    daemons.sceaud.stop();
    assert_eq!(machine.counter(), first + 1, "an orderly stop raises it");
    drop(daemons);
    let folder = &machine.establishment.folder;
    let (ledger, old, new) = (folder.join("ledger"), folder.join("old"), folder.join("new"));
    copy(&ledger, &old);
    // Killed at any point of its start, and the program in between as well: the newest goes on.
    let daemons = Daemons::start(&machine.establishment);
    for life in 2..8 {
        daemons.sceaud.kill();
        if life % 2 == 0 {
            attestd.kill();
        }
        daemons.sceaud.wait_ready(life);
    }
    let issued = |what: &str| {
        until(what, || machine.establishment.client().consult(&session, PATIENTS[0]).is_ok());
    };
    issued("it issues after kills");
    // Without the program nothing is proven at a start, and heals.
    attestd.kill_and_hold();
    daemons.sceaud.kill();
    daemons.sceaud.wait_ready(8);
    let refused = machine.establishment.client().consult(&session, PATIENTS[0]);
    assert_eq!(brief(refused), says("Unavailable", "ledger"));
    attestd.release();
    issued("it issues once the counter is back");
    drop(daemons);
    copy(&ledger, &new);
    copy(&old, &ledger);
    let daemons = Daemons::start(&machine.establishment);
    is_halted(&machine, &daemons.sceaud.log(), "this ledger is older than its counter");
    drop(daemons);
    copy(&new, &ledger);
    // Whoever owns the TPM makes the counter anew: it goes on above, or was never raised; neither is this ledger's.
    run(&mut machine.tpm.tool("tpm2_nvundefine", &["-C", "o", INDEX]));
    machine.define_counter();
    let daemons = Daemons::start(&machine.establishment);
    is_halted(&machine, &daemons.sceaud.log(), "this counter was reset");
    drop(daemons);
    drop(attestd);
}

#[test]
fn a_clone_beside_another_tpm_halts_and_two_that_count_together_do() {
    let test = "a_clone_beside_another_tpm_halts_and_two_that_count_together_do";
    let (Some(machine), Some(other)) = (Machine::with(test, Swtpm::bare), Machine::with(test, Swtpm::bare)) else {
        return;
    };
    machine.define_counter();
    other.define_counter();
    let attestd = machine.attestd();
    drop(Daemons::start(&machine.establishment));
    drop(Daemons::start(&machine.establishment));
    // The disk of the one in the other machine.
    let stolen = other.establishment.folder.join("ledger");
    copy(&machine.establishment.folder.join("ledger"), &stolen);
    let theirs = other.attestd();
    let daemons = Daemons::start(&other.establishment);
    is_halted(&other, &daemons.sceaud.log(), "this counter was reset");
    drop((daemons, theirs));
    // A copy that counted with this TPM leaves the original behind.
    let (ledger, aside) =
        (machine.establishment.folder.join("ledger"), machine.establishment.folder.join("aside"));
    copy(&ledger, &aside);
    drop(Daemons::start(&machine.establishment));
    copy(&aside, &ledger);
    let daemons = Daemons::start(&machine.establishment);
    is_halted(&machine, &daemons.sceaud.log(), "this ledger is older than its counter");
    drop((daemons, attestd));
}

#[test]
fn the_counter_is_for_the_user_of_sceaud_alone() {
    let Some(machine) = Machine::with("the_counter_is_for_the_user_of_sceaud_alone", Swtpm::bare) else { return };
    machine.define_counter();
    // Somebody else is sceaud here.
    machine.establishment.edit_file("sceau.toml", |config| {
        config["sockets"].as_table_mut().unwrap().insert("signer_client".into(), "nobody".into());
    });
    let daemon = machine.attestd();
    for method in ["Counter", "Increment"] {
        assert_eq!(machine.ask(method, json!({})).unwrap_err().brief(), ("Denied", "caller-not-admitted"));
    }
    drop(daemon);
    let mut never_raised = machine.tpm.tool("tpm2_nvread", &[INDEX, "-s", "8"]);
    assert!(!never_raised.output().unwrap().status.success());
}

#[test]
fn a_tpm_that_dies_is_told_and_heals() {
    let Some(mut machine) = Machine::with("a_tpm_that_dies_is_told_and_heals", Swtpm::bare) else { return };
    machine.define_counter();
    let daemon = machine.attestd();
    assert_eq!(machine.value("Increment"), 1);
    machine.tpm.cut();
    assert_eq!(machine.ask("Counter", json!({})).unwrap_err().brief(), ("Unavailable", "tpm-absent"));
    machine.tpm.start();
    assert_eq!(machine.value("Counter"), 1);
    // A program that is killed within a task leaves a TPM that the next one can use.
    let asks = std::thread::scope(|scope| {
        let asking = scope.spawn(|| machine.try_ask("Increment").is_ok_and(|answer| answer.is_ok()));
        daemon.kill();
        asking.join().unwrap()
    });
    daemon.wait_ready(2);
    until("the TPM answers", || machine.ask("Counter", json!({})).is_ok());
    let value = machine.value("Counter");
    assert!(value == 2 || !asks && value == 1, "{value}");
}
