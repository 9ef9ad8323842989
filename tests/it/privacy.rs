//! The end of identities and the copies of the ledger, by real orders at the door of a running appliance.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sceau::ledger::Reader;
use sceau::traces::entry::event::Event;
use sceau::vihf::assertion::Patient;
use sceau::vihf::identity::{Ins, InsOid};
use serde_json::Value;

use crate::doorstep::physician_login;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::entries;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::wait::{eventually, until};

/// Deaths of the daemon during a purge.
const ROUNDS: u64 = 12;

/// An appliance with an administrator and an approver; terms are over at once, as test mode allows.
struct Scene {
    daemons: Daemons,
    establishment: Establishment,
}

impl Scene {
    fn open() -> Scene {
        let plan = Plan::new("privacy").key_type(KeyType::P256).edit_config(|config| {
            let table = |text: &str| toml::Value::Table(text.parse().unwrap());
            let ledger = config.entry("ledger").or_insert_with(|| table("")).as_table_mut().unwrap();
            ledger.insert("retention_closed_years".to_owned(), 0.into());
            ledger.insert("retention_entry_years".to_owned(), 0.into());
            config.insert("backup".to_owned(), table("readers = [\"reader.pem\"]\nrecovery = [\"recovery.pem\"]"));
        });
        let establishment = plan.build();
        let daemons = Daemons::start(&establishment);
        let scene = Scene { daemons, establishment };
        for name in ["reader", "recovery", "stranger"] {
            let arguments = format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem \
                 -days 3650 -subj /CN={name}"
            );
            scene.run("openssl", &arguments.split_whitespace().collect::<Vec<_>>(), "");
        }
        for name in ["alice", "bob"] {
            scene.run("ssh-keygen", &["-q", "-N", "", "-t", "ed25519", "-f", name], "");
        }
        let (alice, bob) = ("alice:administrator:alice.pub", "bob:approver:bob.pub");
        let both = ["--sign-with", "alice", "--sign-with", "bob"];
        let bootstrap = ["operators", "bootstrap", "--operator", alice, "--operator", bob];
        good(&scene.sceau(&[&bootstrap[..], &both].concat(), ""));
        scene
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

    fn sceau(&self, arguments: &[&str], input: &str) -> Output {
        let config = self.establishment.config();
        let arguments = [arguments, &["--config", config.to_str().unwrap()]].concat();
        self.run(program("sceau").to_str().unwrap(), &arguments, input)
    }

    fn close(&self, patient: &str) {
        let close = ["traces", "close-dmp", "--patient", "-", "--sign-with", "alice", "--json"];
        let answer = json(&self.sceau(&close, patient));
        assert_eq!(answer["done"]["known"], true);
    }

    fn due(&self) -> Value {
        json(&self.sceau(&["traces", "purge", "--dry-run", "--json"], ""))["due"].clone()
    }

    fn folder(&self) -> PathBuf {
        self.establishment.folder.join("ledger")
    }

    fn reads(&self, patient: &str) -> bool {
        let reader = Reader::open(&self.folder()).unwrap();
        InsOid::ALL.into_iter().any(|oid| {
            let lookup = reader.lookup_key().patient(&Patient { ins: Ins::parse(patient).unwrap(), oid });
            reader.data_key(&lookup).unwrap().is_some()
        })
    }

    fn purges(&self) -> usize {
        let is_purge = |event: &Event<_, _>| matches!(event, Event::Order(order) if order.verb.as_str() == "traces-purge" && order.refused.is_none());
        entries(&self.establishment).iter().filter(|entry| is_purge(&entry.event)).count()
    }
}

const PURGE: [&str; 7] = ["traces", "purge", "--json", "--sign-with", "alice", "--sign-with", "bob"];

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn good(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

#[test]
fn a_closed_dmp_is_destroyed_by_two_persons_and_nothing_else_is() {
    let scene = Scene::open();
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    for patient in &PATIENTS[..2] {
        client.consult(&session, patient).unwrap();
    }
    assert_eq!(scene.due()["patients"], 0);
    let unknown = ["traces", "close-dmp", "--patient", "-", "--sign-with", "alice", "--json"];
    assert_eq!(scene.sceau(&unknown, "123456789012345").status.code(), Some(2));
    let typed = ["traces", "close-dmp", "--patient", PATIENTS[0], "--sign-with", "alice"];
    assert_eq!(scene.sceau(&typed, "").status.code(), Some(2));
    scene.close(PATIENTS[0]);
    assert_eq!(scene.due()["patients"], 1);
    // One person alone destroys nothing.
    let alone = scene.sceau(&["traces", "purge", "--sign-with", "alice"], "");
    assert_eq!(alone.status.code(), Some(1), "{}", said(&alone));
    assert!(scene.reads(PATIENTS[0]) && scene.purges() == 0);
    let before = entries(&scene.establishment);
    let done = json(&scene.sceau(&PURGE, ""))["done"].clone();
    assert_eq!((&done["patients"], &done["epoch"], &done["complete"]), (&1.into(), &2.into(), &true.into()));
    assert!(!scene.reads(PATIENTS[0]) && scene.reads(PATIENTS[1]));
    assert!(!scene.folder().join("wrapping-1.key").exists());
    // What was written is as it was, and the purge is told.
    assert_eq!(entries(&scene.establishment)[..before.len()], before[..]);
    assert_eq!(scene.purges(), 1);
    assert_eq!(scene.due()["patients"], 0);
    // Tokens go on, for the same patient too, after a restart too.
    client.consult(&session, PATIENTS[0]).unwrap();
    scene.daemons.sceaud.kill();
    scene.daemons.sceaud.wait_ready(2);
    scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
    assert!(scene.reads(PATIENTS[0]));
}

#[test]
fn a_daemon_killed_at_any_moment_of_a_purge_destroys_all_or_nobody() {
    let scene = Scene::open();
    let session = scene.establishment.client().open_session(physician_login()).unwrap();
    let (mut decided, mut undecided) = (0, 0);
    for round in 0..ROUNDS {
        scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
        scene.close(PATIENTS[0]);
        let before = scene.purges();
        std::thread::scope(|scope| {
            let purge = scope.spawn(|| scene.sceau(&PURGE, ""));
            // The moment is the round's; two signatures and a start of the command come before.
            let until = Instant::now() + Duration::from_millis(20 + round * 11);
            while Instant::now() < until && !purge.is_finished() {
                std::thread::yield_now();
            }
            scene.daemons.sceaud.kill();
            let _ = purge.join();
        });
        scene.daemons.sceaud.wait_ready(u32::try_from(round).unwrap() + 2);
        if scene.purges() > before {
            decided += 1;
            eventually("the destruction goes on", || (!scene.reads(PATIENTS[0])).then_some(()));
            let keys = || {
                let names = std::fs::read_dir(scene.folder()).unwrap();
                names
                    .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("wrapping"))
                    .count()
            };
            eventually("the old key is erased", || (keys() == 1).then_some(()));
        } else {
            undecided += 1;
            assert!(scene.reads(PATIENTS[0]), "round {round}: destroyed without an order");
        }
    }
    println!("{decided} purges were decided before the death, {undecided} were not");
    scene.establishment.client().consult(&session, PATIENTS[0]).unwrap();
}

#[test]
fn a_backup_grows_and_is_restored_as_a_declared_generation() {
    let scene = Scene::open();
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    let folder = &scene.establishment.folder;
    std::fs::create_dir(folder.join("copies")).unwrap();
    let segments = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.join("copies"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "p7m"))
            .collect();
        names.sort();
        names.into_iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>()
    };
    let back_up = ["traces", "backup", "--to", "copies", "--sign-with", "alice"];
    good(&scene.sceau(&back_up, ""));
    let first = segments();
    assert_eq!(first.len(), 1);
    client.consult(&session, PATIENTS[1]).unwrap();
    good(&scene.sceau(&back_up, ""));
    assert_eq!((segments().len(), &segments()[..1]), (2, &first[..]));
    let escrow = ["traces", "backup", "--escrow", "--sign-with", "alice", "--out"];
    good(&scene.sceau(&[&escrow[..], &["escrow-1"]].concat(), ""));
    // Of no use to a stranger.
    let restore = |escrow: &str, key: &str, into: &str| {
        let arguments =
            ["traces", "restore", "--from", "copies", "--escrow", escrow, "--key", key, "--into", into];
        let more = ["--segments-key", "reader.key", "--json"];
        scene.run(program("sceau").to_str().unwrap(), &[&arguments[..], &more].concat(), "")
    };
    let stranger = restore("escrow-1", "stranger.key", "stolen");
    assert!(!stranger.status.success() && !folder.join("stolen").exists(), "{}", said(&stranger));
    let restored = json(&restore("escrow-1", "recovery.key", "restored"));
    assert_eq!(restored["generation"], 2);
    let again = restore("escrow-1", "recovery.key", "restored");
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    let (old, new) = (Reader::open(&scene.folder()).unwrap(), Reader::open(&folder.join("restored")).unwrap());
    let count = restored["entries"].as_u64().unwrap();
    assert!((0..count).all(|index| old.leaf(index).unwrap() == new.leaf(index).unwrap()));
    assert_eq!(new.edge().frontier.size(), count + 1);
    drop((old, new));
    // After a purge the escrow of before is refused, in words.
    scene.close(PATIENTS[0]);
    good(&scene.sceau(&PURGE, ""));
    let after = scene.sceau(&back_up, "");
    assert!(said(&after).contains("nouveau séquestre") && said(&after).contains("détruisez"), "{}", said(&after));
    let refused = restore("escrow-1", "recovery.key", "stale");
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("époque 2"), "{}", said(&refused));
    good(&scene.sceau(&[&escrow[..], &["escrow-2"]].concat(), ""));
    good(&restore("escrow-2", "recovery.key", "restored-2"));
    // The appliance goes on with it: the session of before is gone with its machine, and with it every nonce.
    scene.establishment.edit_file("sceau.toml", |config| {
        config["ledger"]["folder"] = folder.join("restored-2").to_str().unwrap().into();
    });
    scene.daemons.sceaud.kill();
    scene.daemons.sceaud.wait_ready(2);
    let mut client = scene.establishment.client();
    assert!(client.consult(&session, PATIENTS[1]).is_err());
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[1]).unwrap();
    // And it is restored once more, held against what an officer kept of this second life.
    until("the audit key signs", || client.status()["audit"]["ready"] == true);
    good(&scene.sceau(&["traces", "checkpoint", "--out", "kept-2"], ""));
    std::fs::create_dir(folder.join("copies-2")).unwrap();
    good(&scene.sceau(&["traces", "backup", "--to", "copies-2", "--sign-with", "alice"], ""));
    let arguments = ["traces", "restore", "--from", "copies-2", "--escrow", "escrow-2", "--key", "recovery.key"];
    let against = ["--segments-key", "reader.key", "--since", "kept-2", "--audit-key", "pki/AUDIT.pub"];
    let into = ["--into", "restored-3", "--json"];
    let sceau = program("sceau");
    let third = json(&scene.run(sceau.to_str().unwrap(), &[&arguments[..], &against, &into].concat(), ""));
    assert_eq!((&third["generation"], &third["since_checked"]), (&3.into(), &true.into()));
}
