//! The end of identities and the copies of the ledger, by real orders at the door of a running appliance.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use sceau::ledger::Reader;
use sceau::traces::entry::Entry;
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
use crate::support::wait::eventually;

/// Deaths of the daemon during a purge.
const ROUNDS: u64 = 12;

/// An appliance with an administrator and an approver; terms are over at once, as test mode allows.
pub(crate) struct Scene {
    pub(crate) daemons: Daemons,
    pub(crate) establishment: Establishment,
}

impl Scene {
    fn open() -> Scene {
        Scene::over(Plan::new("privacy").key_type(KeyType::P256))
    }

    /// The same on another plan.
    pub(crate) fn over(plan: Plan) -> Scene {
        let plan = plan.edit_config(|config| {
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

    pub(crate) fn run(&self, program: &str, arguments: &[&str], input: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.establishment.folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Who refuses its words may not read them.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    pub(crate) fn sceau(&self, arguments: &[&str], input: &str) -> Output {
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

pub(crate) fn good(output: &Output) {
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
    // The folder of the generation before is not added to, in words and before anything is recorded; a new one is.
    let before = orders_of(&folder.join("restored-2"));
    let refused = scene.sceau(&back_up, "");
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(said(&refused).contains("dossier vide"), "{}", said(&refused));
    assert_eq!(orders_of(&folder.join("restored-2")), before);
    // The state is lost: both generations are in one folder, and the newest is the one that is restored.
    std::fs::remove_file(folder.join("copies/etat.txt")).unwrap();
    good(&scene.sceau(&back_up, ""));
    good(&scene.sceau(&[&escrow[..], &["escrow-3"]].concat(), ""));
    let restored = json(&restore("escrow-3", "recovery.key", "restored-3"));
    assert_eq!(restored["generation"], 3);
}

/// Orders that a ledger has recorded.
fn orders_of(folder: &std::path::Path) -> usize {
    let reader = Reader::open(folder).unwrap();
    let size = reader.edge().frontier.size();
    let entry = |index| Entry::decode(&reader.leaf(index).unwrap()).unwrap();
    (0..size).filter(|index| matches!(entry(*index).event, Event::Order(_))).count()
}

/// A backup that lacks what the officer has seen: it is restored on purpose, and the ledger says for ever what was lost and
/// which two persons know of it.
#[test]
fn a_restoration_that_lost_traces_is_told_and_two_persons_acknowledge_it() {
    let scene = Scene::open();
    let folder = &scene.establishment.folder;
    let mut client = scene.establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    let keep = |name: &str| {
        let keep = ["traces", "checkpoint", "--out", name];
        eventually("a checkpoint", || scene.sceau(&keep, "").status.success().then_some(()));
    };
    let back_up = |to: &str, escrow: &str| {
        std::fs::create_dir(folder.join(to)).unwrap();
        good(&scene.sceau(&["traces", "backup", "--to", to, "--sign-with", "alice"], ""));
        good(&scene.sceau(&["traces", "backup", "--escrow", "--sign-with", "alice", "--out", escrow], ""));
    };
    let restore = |from: &str, escrow: &str, into: &str, more: &[&str]| {
        let keys = ["--escrow", escrow, "--key", "recovery.key", "--segments-key", "reader.key"];
        let arguments =
            [&["traces", "restore", "--json", "--from", from, "--into", into], &keys[..], more].concat();
        scene.run(program("sceau").to_str().unwrap(), &arguments, "")
    };
    let verify = |since: &str| {
        let output = scene.sceau(&["traces", "verify", "--json", "--since", since], "");
        let report = json(&output);
        let rules: Vec<String> =
            report["findings"].as_array().unwrap().iter().map(|one| one["rule"].to_string()).collect();
        (output.status.code().unwrap(), rules.concat(), report)
    };
    client.consult(&session, PATIENTS[0]).unwrap();
    keep("early.txt");
    back_up("copies", "escrow-1");
    (0..8).for_each(|_| drop(client.consult(&session, PATIENTS[1]).unwrap()));
    keep("kept.txt");
    assert_eq!(verify("kept.txt").0, 0);
    // Officers have one line of the key, of generation 1.
    let since = ["--since", "kept.txt", "--audit-key", "pki/AUDIT.pub"];
    let behind = restore("copies", "escrow-1", "restored", &since);
    assert!(behind.status.code() == Some(1) && said(&behind).contains("perdues"), "{}", said(&behind));
    let restored = json(&restore("copies", "escrow-1", "restored", &[&since[..], &["--accept-loss"]].concat()));
    let entries = restored["entries"].as_u64().unwrap();
    scene.establishment.edit_file("sceau.toml", |config| {
        config["ledger"]["folder"] = folder.join("restored").to_str().unwrap().into();
    });
    scene.daemons.sceaud.kill();
    scene.daemons.sceaud.wait_ready(2);
    keep("second.txt");
    // The history that was lost is not called a forged one; what was seen before the loss is as it was.
    let (code, rules, report) = verify("kept.txt");
    assert_eq!((code, rules.as_str()), (1, "\"ledger-restored\""), "{report}");
    let told = report["findings"][0]["message"].as_str().unwrap();
    assert!(told.contains(&format!("les entrées {entries} à ")) && told.contains("perdues"), "{told}");
    let declared = |report: &Value| {
        let one = &report["restorations"][0];
        (one["generation"].as_u64(), one["entries"].as_u64(), one["acknowledged"].as_u64())
    };
    assert_eq!(declared(&report), (Some(2), Some(entries), None));
    for since in ["early.txt", "second.txt"] {
        let (code, rules, report) = verify(since);
        assert_eq!((code, rules.as_str()), (0, ""), "{report}");
    }
    let acknowledge = |generation: &str, signers: &[&str]| {
        let argument = format!("generation={generation}");
        let order = scene.sceau(&["order", "new", "ledger-restore", "--argument", &argument], "");
        std::fs::write(folder.join("order.json"), &order.stdout).unwrap();
        let mut submit = vec!["order".to_owned(), "submit".to_owned(), "order.json".to_owned()];
        for signer in signers {
            let signature = format!("order.json.{signer}.sig");
            let _ = std::fs::remove_file(folder.join(&signature));
            good(&scene.run(
                program("sceau").to_str().unwrap(),
                &["order", "sign", "--key", signer, "order.json"],
                "",
            ));
            submit.extend(["--signature".to_owned(), signature]);
        }
        scene.sceau(&submit.iter().map(String::as_str).collect::<Vec<_>>(), "")
    };
    assert!(said(&acknowledge("2", &["alice"])).contains("signers-missing"));
    assert!(said(&acknowledge("1", &["alice", "bob"])).contains("nothing-to-accept"));
    assert_eq!(declared(&verify("early.txt").2).2, None);
    good(&acknowledge("2", &["alice", "bob"]));
    assert!(declared(&verify("early.txt").2).2.is_some_and(|entry| entry > entries));
    // A checkpoint of the second generation is one of the same key: the next restore is held against it.
    back_up("copies-2", "escrow-2");
    let since = ["--since", "second.txt", "--audit-key", "pki/AUDIT.pub"];
    assert_eq!(json(&restore("copies-2", "escrow-2", "restored-2", &since))["generation"], 3);
}
