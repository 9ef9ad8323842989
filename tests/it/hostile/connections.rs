//! Connections: who takes too many loses the newest, others still get in, and none leaves a descriptor behind.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use super::{Hospital, closed, descriptors, eventually, freeze, plan};
use crate::support::establishment::user_name;
use crate::support::ledger::issued;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;
use crate::support::skip::skip;
use crate::support::varlink::Client;

/// A user of every Debian that runs nothing of ours: the other application.
const OTHER: &str = "daemon";

/// The command line, run as the user `OTHER` from where that user may execute it.
fn as_other(hospital: &Hospital, arguments: &[&str], input: &str) -> Output {
    let copy = hospital.establishment.folder.join("sceau");
    std::fs::copy(program("sceau"), &copy).unwrap();
    let user = User::from_name(OTHER).unwrap().unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", &user.uid.to_string(), "--regid", &user.gid.to_string(), "--clear-groups", "--"]);
    command.arg(copy).args(arguments).arg("--config").arg(hospital.establishment.config());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn other_gets_an_assertion(hospital: &Hospital) {
    let physician = Practitioner::physician().id;
    let login = ["issue", "--practitioner", &physician, "--method", "CPS", "--service", "consultation"];
    let asked = ["--transaction", "3.1", "--ins", "-"];
    let output = as_other(hospital, &[login.as_slice(), &asked].concat(), PATIENTS[0]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("Assertion"), "{said}");
}

/// Opens connections until one is refused; those that got in, each shown to be served.
fn exhaust(hospital: &Hospital, max: usize) -> Vec<Client> {
    let mut held = Vec::new();
    for _ in 0..max {
        let mut client = hospital.connect();
        client.status();
        held.push(client);
    }
    for _ in 0..20 {
        // Told why, before it has asked for anything.
        let mut refused = hospital.connect();
        assert_eq!(refused.receive_answer().unwrap().unwrap_err().brief().0, "Busy");
        closed(&mut refused);
    }
    for client in &mut held {
        client.status();
    }
    held
}

fn other_entry(plan: Plan, alone: bool) -> Plan {
    plan.edit_applications(move |registers| {
        let applications = registers["application"].as_array_mut().unwrap();
        let mut other = applications[0].clone();
        other.as_table_mut().unwrap().insert("user".into(), OTHER.into());
        if alone {
            applications.clear();
        }
        applications.push(other);
    })
}

fn may_change_user(what: &str) -> bool {
    if !Uid::effective().is_root() || user_name() == OTHER {
        skip(what, "only root may run a program as another user");
        return false;
    }
    true
}

#[test]
fn an_application_that_takes_every_connection_leaves_room_for_another() {
    if !may_change_user("an application that takes every connection") {
        return;
    }
    let limits = [("connections_max", 12), ("connections_per_application_max", 10)];
    let hospital = Hospital::of(other_entry(plan("exhausted", &limits), false));
    let mut held = exhaust(&hospital, 10);
    other_gets_an_assertion(&hospital);
    // A place that is given back can be taken again.
    held.truncate(9);
    eventually("the place of a connection that was closed", || {
        hospital.connect().try_call("fr.sceau.Token.Status", serde_json::json!({})).ok()?.ok()
    });
}

#[test]
fn a_stranger_that_takes_every_connection_leaves_room_for_applications() {
    if !may_change_user("a stranger that takes every connection") {
        return;
    }
    // The user of this test is not registered here: it is the stranger.
    let limits = [("connections_max", 12), ("connections_per_stranger_max", 3)];
    let hospital = Hospital::of(other_entry(plan("stranger", &limits), true));
    let mut held = exhaust(&hospital, 3);
    other_gets_an_assertion(&hospital);
    let refused = held[0].open_session(super::consultation()).unwrap_err();
    assert_eq!(refused.brief(), ("Denied", "application-unknown"));
}

#[test]
fn connections_leave_no_descriptor_and_no_place() {
    // Fewer places than connections: each must be given back.
    let hospital =
        Hospital::open("descriptors", &[("connections_max", 40), ("connections_per_application_max", 20)]);
    let mut bystander = hospital.bystander();
    bystander.is_served();
    let pid = hospital.sceaud();
    let before = descriptors(pid);
    for round in 0..500 {
        // The place of the connection before is free a moment after it was closed.
        eventually("a place", || {
            let mut client = hospital.connect();
            client.try_call("fr.sceau.Token.Status", serde_json::json!({})).ok()?.ok()?;
            match round % 4 {
                0 => {}
                1 => client.stream().write_all(b"{\"method").unwrap(),
                2 => client.send(b"garbage").unwrap(),
                _ => client.stream().shutdown(std::net::Shutdown::Both).unwrap(),
            }
            Some(())
        });
    }
    bystander.is_served();
    eventually("every descriptor is closed", || (descriptors(pid) <= before).then_some(()));
    assert_eq!(hospital.daemons.sceaud.starts(), 1);
}

#[test]
fn an_application_with_too_many_requests_in_flight_leaves_room_for_another() {
    if !may_change_user("an application with too many requests in flight") {
        return;
    }
    let limits = [("requests_in_flight_per_application_max", 1), ("signature_ms", 25_000)];
    let two_sessions = plan("in-flight", &limits).edit_config(|config| {
        config["seal"][0].as_table_mut().unwrap().insert("sessions".into(), 2.into());
    });
    let hospital = Hospital::of(other_entry(two_sessions, false));
    let mut bystander = hospital.bystander();
    let mut waiting = hospital.connect();
    let signer = hospital.daemons.signer("seal-a-1");
    let entries = |count: usize| {
        eventually("requests in flight", || (issued(&hospital.establishment) == count).then_some(()));
    };
    let session = bystander.session.clone();
    freeze(signer);
    std::thread::scope(|scope| {
        let ours = scope.spawn(|| waiting.consult(&session, PATIENTS[0]));
        entries(1);
        let other = scope.spawn(|| other_gets_an_assertion(&hospital));
        entries(2);
        let refused = bystander.client.consult(&bystander.session, PATIENTS[0]).unwrap_err();
        signer.signal(Signal::SIGCONT);
        assert_eq!(refused.brief().0, "Busy", "{refused:?}");
        other.join().unwrap();
        ours.join().unwrap().unwrap();
    });
    bystander.is_served();
}
