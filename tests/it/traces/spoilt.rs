//! Ledger files that real daemons wrote and signed, spoilt as who has root could: each way is named by `sceau traces verify`.

use std::path::PathBuf;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use rusqlite::{Connection, params};
use sceau::traces::checkpoint::Checkpoint;
use sceau::traces::digest::Digest;
use sceau::traces::entry::Entry;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::kind::Kind;
use sceau::traces::merkle::frontier::Frontier;
use sceau::traces::merkle::leaf_hash;
use sceau::traces::note::key::VerifierKey;
use serde_json::Value;

use super::orders::{done, sceau};
use crate::counter::copy;
use crate::doorstep::physician_login;
use crate::support::daemons::Daemons;
use crate::support::establishment::Establishment;
use crate::support::key_kind::KeyType;
use crate::support::ledger::{checkpoints, entries, leaves};
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::wait::eventually;

/// A ledger at rest after two lives, as it was after the first, and another second life.
struct Scene {
    of: Establishment,
    ledger: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let of = Plan::new("traces-spoilt").key_type(KeyType::P256).build();
        let ledger = of.folder.join("ledger");
        let scene = Self { of, ledger };
        scene.live(2, "first.txt");
        copy(&scene.ledger, &scene.folder("old"));
        // Another history from there on: two starts where the officer's has one, and longer than his.
        scene.live(1, "other-1.txt");
        scene.live(8, "other.txt");
        copy(&scene.ledger, &scene.folder("other"));
        copy(&scene.folder("old"), &scene.ledger);
        scene.live(4, "kept.txt");
        copy(&scene.ledger, &scene.folder("whole"));
        scene
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.of.folder.join(name)
    }

    /// A life of the daemon with so many consultations; the officer keeps its last checkpoint.
    fn live(&self, consultations: usize, keep: &str) {
        let mut daemons = Daemons::start(&self.of);
        let mut client = self.of.client();
        let session = client.open_session(physician_login()).unwrap();
        for n in 0..consultations {
            client.consult(&session, PATIENTS[n % 2]).unwrap();
        }
        eventually("a checkpoint", || (sceau(&self.of, &["traces", "checkpoint"]).0 == Some(0)).then_some(()));
        daemons.sceaud.stop();
        done(&self.of, &["traces", "checkpoint", "--out", keep]);
    }

    fn connection(&self) -> Connection {
        Connection::open(self.ledger.join("ledger.sqlite")).unwrap()
    }

    /// Rules that the spoilt ledger breaks; then it is whole again.
    fn rules(&self, since: Option<&str>, spoil: impl FnOnce(&Self)) -> Vec<String> {
        spoil(self);
        let mut arguments = vec!["traces", "verify", "--json"];
        arguments.extend(since.iter().flat_map(|kept| ["--since", kept]));
        let (code, said) = sceau(&self.of, &arguments);
        let json: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
        let rules: Vec<_> = json["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["rule"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(code, Some(i32::from(!rules.is_empty())), "{said}");
        copy(&self.folder("whole"), &self.ledger);
        rules
    }

    /// The index of the newest entry of a kind that a checkpoint of the whole ledger covers.
    fn newest(&self, kind: Kind) -> u64 {
        let covered = checkpoints(&self.of).last().unwrap().0;
        entries(&self.of).iter().rfind(|entry| entry.index < covered && entry.event.kind() == kind).unwrap().index
    }

    /// Writes an entry anew, with a change.
    fn edit(&self, index: u64, change: impl FnOnce(&mut Entry)) {
        let mut entry = entries(&self.of).swap_remove(usize::try_from(index).unwrap());
        change(&mut entry);
        self.set(index, &entry.encode().unwrap());
    }

    fn set(&self, index: u64, leaf: &[u8]) {
        let sql = "UPDATE entries SET leaf = ?1 WHERE idx = ?2";
        assert_eq!(self.connection().execute(sql, params![leaf, i64::try_from(index).unwrap()]).unwrap(), 1);
    }

    /// Cuts the end off; a careful forger also has the ledger say that it ends there.
    fn cut(&self, size: u64, carefully: bool) {
        let connection = self.connection();
        connection.execute("DELETE FROM entries WHERE idx >= ?1", [i64::try_from(size).unwrap()]).unwrap();
        if carefully {
            let mut frontier = Frontier::new();
            leaves(&self.of).iter().for_each(|leaf| frontier.append(leaf_hash(leaf), |_| ()));
            connection.execute("UPDATE edge SET frontier = ?1", [frontier.to_bytes()]).unwrap();
        }
    }

    fn sql(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }
}

fn has(rules: &[String], rule: &str) {
    assert!(rules.iter().any(|one| one == rule), "{rule}: {rules:?}");
}

#[test]
fn every_way_to_spoil_a_ledger_file_is_named() {
    let scene = Scene::new();
    let nothing = |_: &Scene| ();
    let said = done(&scene.of, &["traces", "verify"]);
    assert!(said.contains("BON") && said.contains("retour en arrière"), "{said}");
    for since in ["first.txt", "kept.txt"] {
        assert_eq!(scene.rules(Some(since), nothing), [""; 0]);
    }
    let issued = scene.newest(Kind::Issued);
    let outcome = entries(&scene.of).iter().find(|entry| entry.event.kind() == Kind::Outcome).unwrap().index;
    let size = entries(&scene.of).len() as u64;
    // Changed, and changed so that it is no entry.
    has(
        &scene.rules(None, |scene| scene.edit(issued, |entry| entry.time = entry.time.minus_ms(1))),
        "entries-altered",
    );
    has(&scene.rules(None, |scene| scene.set(issued, b"spoilt")), "entry-unreadable");
    // Deleted, at the end too; in another order; twice.
    let gone = format!("DELETE FROM entries WHERE idx = {issued}");
    has(&scene.rules(None, |scene| scene.sql(&gone)), "entries-missing");
    let swapped = |scene: &Scene| {
        let all = leaves(&scene.of);
        let at = usize::try_from(issued).unwrap();
        scene.set(issued, &all[at + 1]);
        scene.set(issued + 1, &all[at]);
    };
    has(&scene.rules(None, swapped), "entry-out-of-order");
    let twice = |scene: &Scene| scene.set(issued + 1, &leaves(&scene.of)[usize::try_from(issued).unwrap()]);
    has(&scene.rules(None, twice), "entry-out-of-order");
    // Cut off, behind the last checkpoint as before it.
    let covered = checkpoints(&scene.of).last().unwrap().0;
    for (to, carefully, rule) in [
        (size - 1, false, "entries-missing"),
        (covered - 1, false, "ledger-truncated"),
        (covered - 1, true, "ledger-truncated"),
    ] {
        has(&scene.rules(None, |scene| scene.cut(to, carefully)), rule);
    }
    // Cut off with its checkpoints, or an old copy: consistent in itself, and not what the officer has seen.
    let first = checkpoints(&scene.of)[0].0;
    let surgery = |scene: &Scene| {
        scene.cut(first, true);
        scene.sql(&format!("DELETE FROM checkpoints WHERE size > {first}"));
    };
    let old = |scene: &Scene| copy(&scene.folder("old"), &scene.ledger);
    assert_eq!(scene.rules(None, surgery), [""; 0]);
    assert_eq!(scene.rules(Some("kept.txt"), surgery), ["ledger-rolled-back"]);
    assert_eq!(scene.rules(Some("kept.txt"), old), ["ledger-rolled-back"]);
    // Two histories, each signed.
    let other = |scene: &Scene| copy(&scene.folder("other"), &scene.ledger);
    assert_eq!(scene.rules(None, other), [""; 0]);
    assert_eq!(scene.rules(Some("first.txt"), other), [""; 0]);
    assert_eq!(scene.rules(Some("kept.txt"), other), ["ledger-forked"]);
    // An entry of the other history, of the same index.
    let spliced = |scene: &Scene| {
        let file = scene.folder("other").join("ledger.sqlite");
        let sql = "SELECT leaf FROM entries WHERE idx = ?1";
        let row = i64::try_from(issued).unwrap();
        let leaf: Vec<u8> = Connection::open(file).unwrap().query_row(sql, [row], |row| row.get(0)).unwrap();
        scene.set(issued, &leaf);
    };
    has(&scene.rules(None, spliced), "ledger-spliced");
    // An outcome taken out, its place filled.
    let stripped = |scene: &Scene| {
        scene.edit(outcome, |entry| *entry = Entry { event: Event::Stop, link: None, ..entry.clone() });
    };
    let rules = scene.rules(None, stripped);
    has(&rules, "entries-altered");
    has(&rules, "practitioner-chain-broken");
    // Checkpoints: none, altered, of another key, of an origin or a generation that is not this ledger's.
    assert_eq!(scene.rules(None, |scene| scene.sql("DELETE FROM checkpoints")), ["checkpoint-missing"]);
    let altered = "UPDATE checkpoints SET note = replace(note, 'sceau-map', 'sceau-nap')";
    has(&scene.rules(None, |scene| scene.sql(altered)), "checkpoint-forged");
    assert_eq!(scene.rules(None, forged), ["checkpoint-forged"]);
    let elsewhere = |scene: &Scene| {
        let note = &checkpoints(&scene.of)[0].1;
        scene.sql(&format!("UPDATE checkpoints SET note = '{note}' WHERE size = {covered}"));
    };
    // A checkpoint that is signed, in another's place: it is judged for what it says.
    assert_eq!(scene.rules(None, elsewhere), [""; 0]);
    assert_eq!(scene.rules(Some("kept.txt"), nothing), [""; 0]);
}

/// The ledger's newest checkpoint, as somebody with a key of his own would sign it.
fn forged(scene: &Scene) {
    let (size, note) = checkpoints(&scene.of).pop().unwrap();
    let origin = note.lines().next().unwrap();
    let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
    let key = VerifierKey::ed25519(origin, pair.public_key().as_ref()).unwrap();
    let sign = |text: &[u8]| Ok::<_, std::convert::Infallible>(pair.sign(text).as_ref().to_vec());
    let checkpoint = Checkpoint::new(origin, size, Digest::of(&[b"root"]), Digest::of(&[b"map"])).unwrap();
    let note = checkpoint.sign(&key, sign).unwrap().note().to_string();
    let sql = "UPDATE checkpoints SET note = ?1 WHERE size = ?2";
    scene.connection().execute(sql, params![note, i64::try_from(size).unwrap()]).unwrap();
}
