//! The promise of the volume guard: each level at its edge, suspensions that stay, and nobody else stopped.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;

use nix::sys::signal::Signal;
use rusqlite::{Connection, OpenFlags};
use sceau::config::Config;
use sceau::traces::entry::event::{Event, Register};
use sceau::traces::entry::kind::Kind;
use serde_json::{Value, json};

use crate::doorstep::{OtherUser, also_for, brief, consultation, freeze, physician_login, says, with};
use crate::faults::disk::{Disk, ERRNOS, Fault};
use crate::support::configuration::{FAR, budgets};
use crate::support::daemons::Daemons;
use crate::support::establishment::{Establishment, user_name};
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::{PATIENTS, Practitioner};
use crate::support::program::program;
use crate::support::varlink::{Client, login};
use crate::support::wait::until;

/// Alarm and freeze level of the volume that a test watches.
const LEVELS: [u32; 2] = [2, 3];
/// Places in [`budgets`].
const PRACTITIONER_TOKENS: usize = 0;
const PRACTITIONER_PATIENTS: usize = 1;

/// An appliance where one volume of six is watched.
struct Scene {
    daemons: Daemons,
    establishment: Establishment,
}

/// A plan where the volume at `place` has [`LEVELS`] and the others are far.
fn plan(place: usize) -> Plan {
    let mut levels = [FAR; 6];
    levels[place] = LEVELS;
    let edit = move |config: &mut toml::Table| drop(config.insert("guard".into(), budgets(levels).into()));
    Plan::new("guard").key_type(KeyType::P256).edit_config(edit)
}

impl Scene {
    fn open(plan: Plan) -> Scene {
        let establishment = plan.build();
        Scene { daemons: Daemons::start(&establishment), establishment }
    }

    /// Registers alice (administrator), bob (approver) and carol (auditor).
    fn with_operators(self) -> Scene {
        for name in ["alice", "bob", "carol"] {
            self.run("ssh-keygen", &["-q", "-N", "", "-t", "ed25519", "-f", name], "");
        }
        let operators = ["alice:administrator:alice.pub", "bob:approver:bob.pub", "carol:auditor:carol.pub"];
        let mut bootstrap = vec!["operators", "bootstrap"];
        operators.iter().for_each(|operator| bootstrap.extend(["--operator", operator]));
        self.sceau(&bootstrap, &["alice", "bob", "carol"], "").expect("registered");
        self
    }

    fn client(&self) -> Client {
        self.establishment.client()
    }

    fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.establishment.folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses its words may not read them.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs `sceau`, signed by these; its output, or its exit code and what it said.
    fn sceau(&self, arguments: &[&str], signers: &[&str], input: &str) -> Result<String, (i32, String)> {
        let config = self.establishment.config();
        let mut arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
        signers.iter().for_each(|signer| arguments.extend(["--sign-with", signer]));
        let output = self.run(program("sceau").to_str().unwrap(), &arguments, input);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => Ok(said),
            code => Err((code.unwrap(), said + &String::from_utf8_lossy(&output.stderr))),
        }
    }

    fn watched(&self) -> Value {
        serde_json::from_str(&self.sceau(&["suspensions", "--json"], &[], "").unwrap()).unwrap()
    }

    /// Reasons of the troubles that `Status` tells, without those of the machine that the tests run on.
    fn troubles(&self) -> Vec<String> {
        let status = self.client().status();
        let reasons =
            status["troubles"].as_array().unwrap().iter().map(|t| t["reason"].as_str().unwrap().to_owned());
        reasons.filter(|reason| !reason.starts_with("space")).collect()
    }

    fn registers(&self) -> Vec<Register> {
        let registers = entries(&self.establishment).into_iter().filter_map(|entry| match entry.event {
            Event::Register(register) if register.register.as_str() == "suspensions" => Some(register),
            _ => None,
        });
        registers.collect()
    }

    /// Ends this life of `sceaud` by that signal; returns once the next one issues.
    fn live_again(&self, signal: Signal) {
        let life = self.daemons.sceaud.starts() + 1;
        self.daemons.sceaud.signal(signal);
        self.daemons.sceaud.wait_starts(life);
        self.daemons.sceaud.wait_ready(life);
    }
}

/// Exceeds tokens or patients: three pass, the fourth does not.
fn exceed(client: &mut Client, session: &str) {
    for patient in &PATIENTS[..3] {
        client.consult(session, patient).unwrap();
    }
    assert_eq!(brief(client.consult(session, PATIENTS[3])), quota());
}

fn quota() -> (String, String) {
    says("Denied", "quota-exceeded")
}

fn nurse_login() -> Value {
    login(&Practitioner::nurse().id, "CPS", "consultation")
}

#[test]
fn each_volume_stops_at_its_edge_whoever_it_is_and_nobody_else() {
    let kinds = ["practitioner", "application", "establishment"];
    for place in 0..6 {
        let kind = kinds[place / 2];
        let scene = Scene::open(plan(place).edit_applications(also_for("nobody")));
        let (mut client, other) = (scene.client(), OtherUser::named("nobody", "guard"));
        let session = client.open_session(physician_login()).unwrap();
        let nurse = client.open_session(nurse_login()).unwrap();
        client.consult(&session, PATIENTS[0]).unwrap();
        assert_eq!(scene.troubles(), [""; 0]);
        client.consult(&session, PATIENTS[1]).unwrap();
        assert_eq!(scene.troubles(), ["volume-alarm"]);
        let measure = ["tokens", "patients"][place % 2];
        let alarm = scene.watched()["alarms"].clone();
        assert_eq!((&alarm[0]["kind"], &alarm[0]["cause"]), (&json!(kind), &json!(measure)), "{alarm}");
        client.consult(&session, PATIENTS[2]).unwrap();
        if measure == "patients" {
            // A record that is open may be gone on with.
            client.consult(&session, PATIENTS[0]).unwrap();
        }
        assert_eq!(brief(client.consult(&session, PATIENTS[3])), quota());
        let suspended = says("Denied", &format!("{kind}-suspended"));
        assert_eq!(brief(client.consult(&session, PATIENTS[0])), suspended);
        assert_eq!(brief(client.open_session(physician_login())), suspended);
        let everybody_here = client.consult(&nurse, PATIENTS[0]);
        let way = other.as_ref().map(|other| other.way_to(&scene.establishment));
        let elsewhere = way.as_ref().map(|way| {
            let mut client = way.client().unwrap();
            let session = client.open_session(nurse_login())?;
            client.consult(&session, PATIENTS[0])
        });
        match kind {
            "practitioner" => assert!(everybody_here.is_ok() && elsewhere.is_none_or(|answer| answer.is_ok())),
            "application" => {
                assert_eq!(brief(everybody_here), suspended);
                assert!(elsewhere.is_none_or(|answer| answer.is_ok()));
            }
            _ => {
                assert_eq!(brief(everybody_here), suspended);
                assert!(elsewhere.is_none_or(|answer| brief(answer) == suspended));
            }
        }
        let status = client.status();
        assert_eq!(status["ready"], kind != "establishment");
        assert_eq!(scene.watched()["suspensions"][0]["cause"], measure);
        let [register] = scene.registers().try_into().unwrap();
        assert_eq!(register.mandate, None, "nobody ordered it");
        // The alarm has its trace: whose, of what, once; a practitioner's is in his chain.
        let told = entries(&scene.establishment);
        let physician =
            told.iter().find(|entry| entry.event.kind() == Kind::Issued).unwrap().link.unwrap().practitioner;
        let alarms: Vec<_> = told
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Alarm(alarm) => Some((alarm, entry.link.map(|link| link.practitioner))),
                _ => None,
            })
            .collect();
        // The nurse, who asked here and there, has one of her own.
        let others = alarms.iter().filter(|(_, link)| link.is_some_and(|whose| whose != physician)).count();
        let (alarm, link) = alarms[0];
        assert_eq!(
            (alarms.len() - others, others <= usize::from(kind == "practitioner")),
            (1, true),
            "{alarms:?}"
        );
        assert_eq!((alarm.subject.as_str(), alarm.measure.as_str()), (kind, measure));
        assert_eq!(link, (kind == "practitioner").then_some(physician));
        assert_eq!(alarm.application.is_some(), kind == "application");
        // Neither the log nor Status tells whose it is.
        let said = scene.daemons.sceaud.log() + &status.to_string();
        let id = Practitioner::physician().id;
        assert!(said.contains("volume-alarm") && !said.contains(&id) && !said.contains(PATIENTS[0]), "{said}");
    }
}

#[test]
fn a_suspension_outlives_restart_and_kill_and_is_lifted_by_two() {
    let scene = Scene::open(plan(PRACTITIONER_TOKENS)).with_operators();
    let session = scene.client().open_session(physician_login()).unwrap();
    exceed(&mut scene.client(), &session);
    let id = Practitioner::physician().id;
    let suspended = says("Denied", "practitioner-suspended");
    for signal in [Signal::SIGKILL, Signal::SIGTERM] {
        scene.live_again(signal);
        assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])), suspended);
    }
    assert_eq!(scene.watched()["suspensions"][0]["practitioner"], json!(id));
    let resume = ["resume", "--practitioner", "-"];
    for (signers, reason) in [(&["alice"][..], "signers-missing"), (&["bob", "carol"], "role-missing")] {
        let (code, said) = scene.sceau(&resume, signers, &id).unwrap_err();
        assert!(code == 1 && said.contains(reason), "{said}");
    }
    assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])), suspended);
    scene.sceau(&resume, &["alice", "bob"], &id).unwrap();
    // The whole budget again, and beyond it the same again.
    exceed(&mut scene.client(), &session);
    scene.sceau(&resume, &["alice", "bob"], &id).unwrap();
    scene.live_again(Signal::SIGKILL);
    exceed(&mut scene.client(), &session);
    let (code, said) = scene.sceau(&["resume", "--establishment"], &["alice", "bob"], "").unwrap_err();
    assert!(code == 1 && said.contains("not-suspended"), "{said}");
    let mandates: Vec<_> = scene.registers().iter().map(|register| register.mandate.is_some()).collect();
    assert_eq!(mandates, [false, true, false, true, false]);
    // The register names nobody, in no spelling that its hash could be tried with.
    let path = scene.establishment.folder.join("ledger/ledger.sqlite");
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT content FROM registers WHERE name = 'suspensions'";
    let content: Vec<u8> = database.query_row(sql, [], |row| row.get(0)).unwrap();
    let content = String::from_utf8(content).unwrap();
    assert!(content.contains("practitioner:") && !content.contains(&id), "{content}");
}

#[test]
fn operators_suspend_and_resume_whom_they_name() {
    let scene = Scene::open(plan(PRACTITIONER_TOKENS)).with_operators();
    let mut client = scene.client();
    let session = client.open_session(physician_login()).unwrap();
    let (id, user) = (Practitioner::physician().id, user_name());
    let subjects: [(&[&str], &str, &str); 3] = [
        (&["--practitioner", "-"], &id, "practitioner-suspended"),
        (&["--application", &user], "", "application-suspended"),
        (&["--establishment"], "", "establishment-suspended"),
    ];
    for (subject, input, reason) in subjects {
        client.consult(&session, PATIENTS[0]).unwrap();
        let (suspend, resume) = ([&["suspend"], subject].concat(), [&["resume"], subject].concat());
        let (_, said) = scene.sceau(&suspend, &["carol"], input).unwrap_err();
        assert!(said.contains("role-missing"), "{said}");
        scene.sceau(&suspend, &["bob"], input).unwrap();
        assert_eq!(brief(client.consult(&session, PATIENTS[0])), says("Denied", reason));
        let (_, said) = scene.sceau(&suspend, &["alice"], input).unwrap_err();
        assert!(said.contains("already-suspended"), "{said}");
        let watched = scene.watched();
        assert_eq!(watched["suspensions"].as_array().unwrap().len(), 1);
        assert_eq!(watched["suspensions"][0]["cause"], "order");
        assert!(!scene.troubles().is_empty());
        scene.sceau(&resume, &["alice", "bob"], input).unwrap();
    }
    client.consult(&session, PATIENTS[0]).unwrap();
    assert_eq!(scene.watched()["suspensions"], json!([]));
    assert!(scene.sceau(&["suspensions"], &[], "").unwrap().starts_with("Aucune suspension\n"));
    for (arguments, input) in [(["--application", "nobody"], ""), (["--practitioner", "-"], "899900034564")] {
        let (_, said) = scene.sceau(&[&["suspend"], &arguments[..]].concat(), &["bob"], input).unwrap_err();
        assert!(said.contains("subject-unknown"), "{said}");
    }
    let (code, said) = scene.sceau(&["suspend", "--practitioner", &id], &["bob"], "").unwrap_err();
    assert!(code == 2 && said.contains("jamais en argument"), "{said}");
    let argument = format!("practitioner={id}");
    let (code, _) =
        scene.sceau(&["order", "new", "practitioner-suspend", "--argument", &argument], &[], "").unwrap_err();
    assert_eq!(code, 2);
}

#[test]
fn an_emergency_goes_further_is_marked_and_eats_nobodys_budget() {
    let scene = Scene::open(plan(PRACTITIONER_TOKENS).edit_config(|config| {
        config["guard"].as_table_mut().unwrap().insert("emergency_factor".into(), 2.into());
        for service in config["service"].as_array_mut().unwrap() {
            let urgent = service["name"].as_str() == Some("urgences");
            service.as_table_mut().unwrap().insert("emergency".into(), urgent.into());
        }
    }));
    let mut client = scene.client();
    let urgent = client.open_session(login(&Practitioner::physician().id, "CPS", "urgences")).unwrap();
    for _ in 0..6 {
        client.consult(&urgent, PATIENTS[0]).unwrap();
    }
    until("it is marked", || scene.daemons.sceaud.log().contains("emergency-relaxed"));
    assert_eq!(scene.troubles(), ["volume-alarm", "emergency-relaxed"]);
    // The factor is what they are restarted with, too.
    scene.live_again(Signal::SIGKILL);
    let mut client = scene.client();
    let ward = client.open_session(physician_login()).unwrap();
    exceed(&mut client, &ward);
    // Breaking the glass and centre 15 are emergencies in every service.
    let other = login(&Practitioner::emergency_physician().id, "CPS", "consultation");
    let session = client.open_session(other).unwrap();
    let asking = consultation(&session, PATIENTS[0]);
    for purpose in ["bris_de_glace", "centre_15", "bris_de_glace", "centre_15", "bris_de_glace", "centre_15"] {
        client.issue(with(asking.clone(), "purpose", purpose.into())).unwrap();
    }
    assert_eq!(brief(client.issue(with(asking.clone(), "purpose", "centre_15".into()))), quota());
    assert_eq!(brief(client.issue(asking)), says("Denied", "practitioner-suspended"));
}

#[test]
fn what_is_not_issued_does_not_count() {
    let scene = Scene::open(plan(PRACTITIONER_TOKENS).edit_config(|config| {
        let limits: toml::Table =
            "requests_in_flight_per_application_max = 1\nsignature_ms = 60000".parse().unwrap();
        config.insert("limits".into(), limits.into());
    }));
    let signer = &scene.daemons.signers[0];
    let session = scene.client().open_session(physician_login()).unwrap();
    freeze(signer);
    let (told, answers) = mpsc::channel();
    std::thread::scope(|threads| {
        for _ in 0..6 {
            let (told, mut client, session) = (told.clone(), scene.client(), &session);
            threads.spawn(move || told.send(client.consult(session, PATIENTS[0])).unwrap());
        }
        // One has the place; whoever was told Busy is five.
        for _ in 0..5 {
            assert_eq!(brief(answers.recv().unwrap()).0, "Busy");
        }
        signer.signal(Signal::SIGCONT);
        answers.recv().unwrap().unwrap();
    });
    signer.kill_and_hold();
    until("the signer is gone", || scene.client().status()["ready"] == false);
    for _ in 0..4 {
        assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])).0, "Unavailable");
    }
    signer.release();
    until("it is back", || scene.client().status()["ready"] == true);
    for _ in 0..2 {
        scene.client().consult(&session, PATIENTS[0]).unwrap();
    }
    assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])), quota());
}

#[test]
fn volumes_are_counted_again_after_a_restart() {
    for place in [PRACTITIONER_TOKENS, PRACTITIONER_PATIENTS] {
        let scene = Scene::open(plan(place));
        let session = scene.client().open_session(physician_login()).unwrap();
        for patient in &PATIENTS[..2] {
            scene.client().consult(&session, patient).unwrap();
        }
        scene.live_again(Signal::SIGKILL);
        assert_eq!(scene.troubles(), ["volume-alarm"]);
        if place == PRACTITIONER_PATIENTS {
            scene.client().consult(&session, PATIENTS[0]).unwrap();
        }
        scene.client().consult(&session, PATIENTS[2]).unwrap();
        assert_eq!(brief(scene.client().consult(&session, PATIENTS[3])), quota());
    }
}

/// The guard stops at once; the ledger learns of it when its disk has room again, though nobody asks for anything more.
#[test]
fn a_suspension_on_a_full_disk_holds_and_is_written_later() {
    let establishment = plan(PRACTITIONER_TOKENS).build();
    let disk = Disk::of(&establishment);
    let scene = Scene { daemons: Daemons::start_with(&establishment, &disk.environment()), establishment };
    let session = scene.client().open_session(physician_login()).unwrap();
    for patient in &PATIENTS[..3] {
        scene.client().consult(&session, patient).unwrap();
    }
    disk.fails(Fault { operation: "write", n: 1, errno: ERRNOS[1], kind: "full" });
    assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])), says("Unavailable", "space"));
    assert!(disk.fired());
    assert_eq!(scene.watched()["suspensions"][0]["cause"], "tokens");
    assert_eq!(scene.registers(), []);
    disk.is_well();
    until("it is written", || scene.registers().len() == 1);
    scene.live_again(Signal::SIGKILL);
    assert_eq!(brief(scene.client().consult(&session, PATIENTS[0])), says("Denied", "practitioner-suspended"));
}

/// A reading of `sceau.toml` with this `[guard]`: line and cause of each fault.
fn faults(guard: &str) -> Vec<(usize, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sceau.toml");
    std::fs::write(&path, format!("mode = \"test\"\n{guard}")).unwrap();
    let faults = Config::examine(&path).faults.into_iter();
    faults.map(|fault| (fault.position.unwrap().line, fault.cause)).collect()
}

#[test]
fn levels_that_cannot_be_are_told_with_their_line() {
    let right = "[guard]\nemergency_factor = 4\n[guard.practitioner]\n\
                 tokens = { window_ms = 3600000, alarm = 1, freeze = 2 }\n\
                 patients = { window_ms = 3600000, alarm = 1, freeze = 2 }\n";
    let spoilt = [
        ("emergency_factor = 4", "emergency_factor = 0", 3, "emergency_factor"),
        ("tokens = { window_ms = 3600000, alarm = 1", "tokens = { window_ms = 3600000, alarm = 3", 5, "alarm"),
        ("patients = { window_ms = 3600000", "patients = { window_ms = 1", 6, "window_ms"),
        ("patients = { window_ms = 3600000", "patients = { windows = 3600000", 6, "windows"),
        ("alarm = 1, freeze = 2 }\npatients", "alarm = \"1\", freeze = 2 }\npatients", 5, "alarm"),
    ];
    let of_guard =
        |text: &str| faults(text).into_iter().filter(|(_, cause)| cause.contains("guard")).collect::<Vec<_>>();
    assert_eq!(of_guard(right), []);
    for (from, to, line, word) in spoilt {
        let told = of_guard(&right.replacen(from, to, 1));
        assert!(matches!(told.as_slice(), [(at, cause)] if *at == line && cause.contains(word)), "{to}: {told:?}");
    }
}
