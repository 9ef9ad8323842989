//! Servers that must not be believed, and servers that misbehave: refused with a name, nothing stuck, nothing sent twice.

use std::path::PathBuf;

use time::Duration;

use super::dmp::{Killed, ServerPki, Wanted, mortal, source};
use super::rig::{Rig, RigPlan};
use crate::support::establishment::write;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::{eventually, until};

fn refusal(plan: RigPlan) -> (u16, String) {
    let rig = plan.start();
    let fault = rig.ask(&rig.session(), PATIENTS[0]).fault();
    assert!(rig.dmp().calls().is_empty(), "something was sent");
    assert!(!rig.course().contains(&sceau::traces::entry::outcome::Outcome::Spent));
    fault
}

#[test]
fn a_server_that_must_not_be_believed_gets_nothing() {
    let told = |code: &str| (502, code.to_owned());
    let server = |server: Wanted| RigPlan { server, ..RigPlan::default() };
    assert_eq!(refusal(server(Wanted { name: "autre.test", ..Wanted::good() })), told("server-certificate-name"));
    assert_eq!(refusal(server(Wanted { ended: true, ..Wanted::good() })), told("server-certificate-expired"));
    let revoked = RigPlan { revoked: vec![Wanted::good().serial], ..RigPlan::default() };
    assert_eq!(refusal(revoked), told("server-certificate-revoked"));
    let stranger = RigPlan {
        edit: Box::new(|config| {
            config["relay"]["anchors"] = vec!["pki/ca.pem"].into();
            config["relay"].as_table_mut().unwrap().remove("crls");
        }),
        ..RigPlan::default()
    };
    assert_eq!(refusal(stranger), told("server-certificate-unknown"));
}

/// A list that is too old stops everything, by our own age limit before the authority's.
#[test]
fn an_old_revocation_list_stops_every_call() {
    let old = RigPlan { list_age: Duration::days(4), ..RigPlan::default() };
    assert_eq!(refusal(old), (503, "revocation-list-old".into()));
}

/// A connection that was kept is not used beyond the life of the list that its server was judged by.
#[test]
fn a_list_past_its_next_update_stops_kept_connections_too() {
    let rig = Rig::start();
    let folder = rig.establishment.folder.join("dmp");
    let session = rig.session();
    let lasting = |left: Duration| {
        write(&folder.join("list.new"), &rig.pki.list_until(&[], Duration::hours(1), left), 0o644);
        std::fs::rename(folder.join("list.new"), folder.join("list.pem")).unwrap();
    };
    assert_eq!(rig.ask(&session, PATIENTS[0]).status, 200);
    lasting(Duration::seconds(3));
    let refused =
        eventually("the list is over", || Some(rig.ask(&session, PATIENTS[0])).filter(|a| a.status != 200));
    assert_eq!(refused.fault(), (503, "revocation-list-old".into()), "{}", refused.text());
    lasting(Duration::days(1));
    until("the next list is read", || rig.ask(&session, PATIENTS[0]).status == 200);
}

/// A list of another authority says nothing of this server: unknown is no.
#[test]
fn a_list_that_does_not_cover_the_server_is_no_answer() {
    let rig = Rig::start();
    let folder = rig.establishment.folder.join("dmp");
    let list = ServerPki::new().list(&[], Duration::hours(1));
    write(&folder.join("list.new"), &list, 0o644);
    std::fs::rename(folder.join("list.new"), folder.join("list.pem")).unwrap();
    let session = rig.session();
    let refused =
        eventually("the list is read", || Some(rig.ask(&session, PATIENTS[0])).filter(|a| a.status != 200));
    assert_eq!(refused.fault().0, 502, "{}", refused.text());
}

#[test]
fn a_stapled_answer_decides_and_may_be_demanded() {
    const STAPLE: &str = "ssl_stapling on; ssl_stapling_file {at}/ocsp.der;";
    let required = || -> Box<dyn FnOnce(&mut toml::Table)> {
        Box::new(|config| {
            config["relay"].as_table_mut().unwrap().insert("stapling".into(), "required".into());
        })
    };
    let good = RigPlan { nginx: STAPLE, staple: Some(false), edit: required(), ..RigPlan::default() }.start();
    let answer = good.ask(&good.session(), PATIENTS[0]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    drop(good);
    let revoked = RigPlan { nginx: STAPLE, staple: Some(true), ..RigPlan::default() };
    assert_eq!(refusal(revoked), (502, "server-certificate-revoked".into()));
    let missing = RigPlan { edit: required(), ..RigPlan::default() };
    assert_eq!(refusal(missing), (502, "server-certificate-status".into()));
}

/// A rig whose server is the misbehaving one.
struct Hostile {
    rig: Rig,
    _server: Killed,
    log: PathBuf,
}

fn hostile(mode: &str, edit: impl FnOnce(&mut toml::Table) + 'static) -> Hostile {
    let folder = tempfile::tempdir().unwrap();
    // Its certificate is made before the rig's: the rig is told its authority.
    let pki = ServerPki::new();
    pki.issue(folder.path(), "server", &Wanted::good());
    let mut server = mortal("python3");
    let keep = folder.keep();
    let log = keep.join("log");
    server.arg(source("hostile.py")).args([keep.join("server.pem"), keep.join("server.key"), keep.join("port")]);
    let server = Killed(server.arg(mode).arg(&log).spawn().unwrap());
    let port = eventually("the port", || std::fs::read_to_string(keep.join("port")).ok());
    let (root, list) = (pki.root_pem(), pki.list(&[], Duration::hours(1)));
    let files = keep.clone();
    write(&files.join("root.pem"), &root, 0o644);
    write(&files.join("list.pem"), &list, 0o644);
    let plan = RigPlan {
        port: Some(port.parse().unwrap()),
        edit: Box::new(move |config| {
            config["relay"]["anchors"] = vec![files.join("root.pem").display().to_string()].into();
            config["relay"]["crls"] = vec![files.join("list.pem").display().to_string()].into();
            edit(config);
        }),
        ..RigPlan::default()
    };
    Hostile { rig: plan.start(), _server: server, log }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.log.parent().unwrap());
    }
}

impl Hostile {
    fn ask(&self) -> super::rig::Answer {
        self.rig.ask(&self.rig.session(), PATIENTS[0])
    }

    fn reached(&self) -> usize {
        std::fs::read_to_string(&self.log).unwrap_or_default().lines().count()
    }
}

#[test]
fn a_server_that_misbehaves_is_told_apart_and_called_once() {
    for (mode, fault) in [
        ("giant-headers", (502, "answer-malformed")),
        ("many-headers", (502, "answer-malformed")),
        ("garbage", (502, "answer-malformed")),
        ("close", (502, "answer-broken")),
    ] {
        let hostile = hostile(mode, |_| {});
        assert_eq!(hostile.ask().fault(), (fault.0, fault.1.to_owned()), "{mode}");
        assert_eq!(hostile.reached(), 1, "{mode}: a call that may have arrived was sent again");
    }
}

#[test]
fn a_truncated_or_endless_answer_does_not_look_whole() {
    let short = |config: &mut toml::Table| {
        let relay = config["relay"].as_table_mut().unwrap();
        relay.insert("silence_ms".into(), 300.into());
        relay.insert("answer_ms".into(), 300.into());
        relay.insert("answer_len_max".into(), 1_000_000.into());
    };
    for mode in ["truncate", "stall", "bomb"] {
        let hostile = hostile(mode, short);
        let answer = hostile.ask();
        assert!(answer.status == 200 && !answer.whole, "{mode}: {}", answer.head);
        assert!(answer.body.len() <= 1_000_000, "{mode}");
    }
    let hostile = hostile("silent", short);
    assert_eq!(hostile.ask().fault(), (504, "answer-late".into()));
}

/// A second answer that nobody asked for is not the next call's.
#[test]
fn an_answer_too_many_is_not_the_next_calls() {
    let hostile = hostile("two-answers", |_| {});
    for _ in 0..3 {
        let answer = hostile.ask();
        assert!(answer.status != 200 || answer.body == b"ok", "{}", answer.text());
    }
}

/// A server that does not answer is left alone after some failures, and taken up again.
#[test]
fn a_dead_server_is_left_alone_for_a_while() {
    let plan = RigPlan {
        port: Some(super::dmp::free_port()),
        edit: Box::new(|config| {
            let relay = config["relay"].as_table_mut().unwrap();
            relay.insert("breaker_failures".into(), 2.into());
            relay.insert("breaker_ms".into(), 3_600_000.into());
        }),
        ..RigPlan::default()
    };
    let rig = plan.start();
    let session = rig.session();
    for _ in 0..2 {
        assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), (502, "server-unreachable".into()));
    }
    assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), (503, "server-left-alone".into()));
}

/// Without its signer the relay opens no connection; it heals by itself.
#[test]
fn a_lost_authentication_key_stops_calls_and_heals() {
    let rig = Rig::start();
    let session = rig.session();
    rig.signer.kill_and_hold();
    assert_eq!(rig.ask(&session, PATIENTS[0]).fault(), (503, "signer-unreachable".into()));
    assert!(rig.dmp().calls().is_empty());
    rig.signer.release();
    until("the key signs again", || rig.ask(&session, PATIENTS[0]).status == 200);
}
