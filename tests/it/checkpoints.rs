//! The ledger is signed: checkpoints appear, hold together, and outlive the daemon; receipts prove one entry each.

use std::collections::HashSet;
use std::thread;

use nix::sys::signal::Signal;
use sceau::traces::checkpoint::Checkpoint;
use sceau::traces::entry::Entry;
use sceau::traces::entry::event::Event;
use sceau::traces::entry::kind::Kind;
use sceau::traces::entry::outcome::Outcome;
use sceau::traces::map;
use sceau::traces::merkle::{prove, verify};
use sceau::traces::note::Note;
use sceau::traces::note::key::VerifierKey;
use sceau::traces::receipt::Receipt;
use serde_json::json;
use toml::Table;

use crate::doorstep::{brief, consultation, physician_login, says, with};
use crate::support::audit::ORIGIN;
use crate::support::daemons::{Daemons, run_until_exit};
use crate::support::establishment::{Establishment, write};
use crate::support::key_kind::KeyType;
use crate::support::ledger::{Tree, checkpoints, entries, issued, leaves};
use crate::support::outside;
use crate::support::plan::Plan;
use crate::support::practitioners::PATIENTS;
use crate::support::program::program;
use crate::support::varlink::{Client, Issued, Refused, nonce};
use crate::support::wait::{DEADLINE, eventually, freeze, until};

/// Checkpoints come quickly: every `entries` entries, or twenty times a second.
pub(crate) fn often(entries: i64) -> impl FnOnce(&mut Table) {
    move |config| {
        let limits = [("checkpoint_entries_max", entries), ("checkpoint_ms_max", 50)];
        let limits = limits.map(|(name, value)| (name.to_owned(), value.into()));
        config.insert("limits".into(), Table::from_iter(limits).into());
    }
}

fn plan() -> Plan {
    Plan::new("checkpoints").key_type(KeyType::P256).edit_config(often(4))
}

fn with_receipt(client: &mut Client, session: &str) -> Result<Issued, Refused> {
    client.issue(with(consultation(session, PATIENTS[0]), "receipt", true.into()))
}

/// Waits until everything on the disk is signed.
fn signed(of: &Establishment) {
    until("a checkpoint of everything", || {
        let size = leaves(of).len() as u64;
        checkpoints(of).last().is_some_and(|(newest, _)| *newest == size)
    });
}

/// Every note verifies, is of the tree and map that the entries make, and each extends the one before.
pub(crate) fn hold(of: &Establishment, notes: &[(u64, String)]) {
    let public = &of.audit.as_ref().unwrap().public;
    let (tree, ledger) = (Tree::of(&leaves(of)), entries(of));
    let (mut heads, mut counted, mut before) = (map::tree::Tree::default(), 0, None);
    for (size, note) in notes {
        let judged = outside::checkpoint(note, public);
        let ours = Checkpoint::parse(Note::parse(note).unwrap().text()).unwrap();
        assert_eq!((judged.size, ours.size), (*size, *size));
        let root =
            tree.root(*size).unwrap_or_else(|| panic!("{size} entries were signed, {} are there", ledger.len()));
        assert_eq!((judged.root.0, ours.root), (*root.as_bytes(), root), "{size}");
        for entry in &ledger[counted..usize::try_from(*size).unwrap()] {
            if let Some(link) = entry.link {
                heads.set(link.practitioner, link.head(entry.index));
            }
        }
        counted = usize::try_from(*size).unwrap();
        assert_eq!(judged.extension, format!("sceau-map-v1 {}\n", heads.root().to_base64()), "{size}");
        if let Some((first, first_root)) = before {
            let proof = prove::consistency(&tree, first, *size).unwrap();
            assert!(verify::consistency(first, *size, &proof, &first_root, &root), "{first} to {size}");
        }
        before = Some((*size, root));
    }
}

#[test]
fn everything_is_signed_soon_and_at_the_stop_and_holds_together() {
    for kind in [KeyType::Ed25519, KeyType::P256] {
        let establishment = plan().audit(Some(kind)).build();
        let mut daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        let session = client.open_session(physician_login()).unwrap();
        signed(&establishment);
        for _ in 0..12 {
            client.consult(&session, PATIENTS[0]).unwrap();
        }
        signed(&establishment);
        let status = client.status();
        assert_eq!((&status["audit"]["key"], &status["audit"]["ready"]), (&"audit".into(), &true.into()));
        assert_eq!(status["audit"]["checkpoint"], checkpoints(&establishment).last().unwrap().0);
        client.consult(&session, PATIENTS[1]).unwrap();
        daemons.sceaud.stop();
        let (notes, size) = (checkpoints(&establishment), leaves(&establishment).len() as u64);
        assert_eq!(entries(&establishment).last().unwrap().event.kind(), Kind::Stop);
        assert!(notes.len() >= 3 && notes.last().unwrap().0 == size - 1, "all but the stop: {size}");
        hold(&establishment, &notes);
    }
}

/// Entries alone make one due, long before the time does.
#[test]
fn so_many_entries_make_a_checkpoint_due() {
    let slow = |config: &mut Table| {
        often(4)(config);
        config["limits"]["checkpoint_ms_max"] = 3_600_000.into();
    };
    let establishment = Plan::new("checkpoints").key_type(KeyType::P256).edit_config(slow).build();
    let _daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    until("the one of the start", || !checkpoints(&establishment).is_empty());
    for _ in 0..4 {
        client.consult(&session, PATIENTS[0]).unwrap();
    }
    until("the next one", || checkpoints(&establishment).len() >= 2);
    hold(&establishment, &checkpoints(&establishment));
}

/// The entry that a receipt proves, judged by ours and by others' code.
fn proved(of: &Establishment, issued: &Issued) -> Entry {
    let public = &of.audit.as_ref().unwrap().public;
    let text = issued.receipt.as_ref().unwrap();
    let entry = Receipt::parse(text).unwrap().verify(&format!("{ORIGIN}/1"), &[public.of_generation(1)]).unwrap();
    let (leaf, index) = outside::receipt(text, public);
    assert_eq!((index, Entry::decode(&leaf).unwrap()), (issued.entry, entry.clone()));
    let Event::Issued(of_entry) = &entry.event else { panic!("{entry:?}") };
    assert_eq!(of_entry.assertion_id.as_str(), issued.id);
    let digest = issued.assertion.split_once("DigestValue>").unwrap().1.split_once('<').unwrap().0;
    assert_eq!(of_entry.assertion.to_base64(), digest);
    entry
}

#[test]
fn a_receipt_proves_its_entry_first_last_and_side_by_side() {
    for kind in [KeyType::Ed25519, KeyType::P256] {
        let establishment = plan().audit(Some(kind)).build();
        let _daemons = Daemons::start(&establishment);
        let mut client = establishment.client();
        let session = client.open_session(physician_login()).unwrap();
        let first = with_receipt(&mut client, &session).unwrap();
        let ask = || {
            let mut client = establishment.client();
            (0..5).map(|_| with_receipt(&mut client, &session).unwrap()).collect::<Vec<_>>()
        };
        let concurrent: Vec<_> = thread::scope(|scope| {
            let callers: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
            callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
        });
        let last = with_receipt(&mut client, &session).unwrap();
        let all: Vec<_> = [first].into_iter().chain(concurrent).chain([last]).collect();
        let ledger = entries(&establishment);
        let mut seen = HashSet::new();
        for issued in &all {
            let entry = proved(&establishment, issued);
            assert_eq!(ledger[usize::try_from(entry.index).unwrap()], entry);
            assert!(seen.insert(entry.index));
        }
        // Its checkpoint is one of this ledger, whether it was kept or not.
        let notes = all.iter().map(|issued| {
            let note = issued.receipt.as_ref().unwrap().split_once("\n\n").unwrap().1.to_owned();
            (outside::checkpoint(&note, &establishment.audit.as_ref().unwrap().public).size, note)
        });
        let mut notes: Vec<_> = notes.collect();
        notes.sort();
        hold(&establishment, &notes);
        assert_eq!(client.consult(&session, PATIENTS[0]).unwrap().receipt, None);
    }
}

#[test]
fn without_its_audit_signer_tokens_go_on_and_receipts_do_not() {
    let establishment = plan().build();
    let daemons = Daemons::start(&establishment);
    let audit = daemons.audit.as_ref().unwrap();
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    with_receipt(&mut client, &session).unwrap();
    audit.kill_and_hold();
    until("it is missed", || client.status()["audit"]["ready"] == false);
    assert_eq!(client.status()["ready"], true, "every structure can be sealed for");
    let before = issued(&establishment);
    let used = nonce();
    let asked = with(with(consultation(&session, PATIENTS[0]), "receipt", true.into()), "nonce", used.into());
    assert_eq!(brief(client.issue(asked.clone())), says("Unavailable", "ledger"));
    assert_eq!(issued(&establishment), before, "nothing was issued");
    assert_eq!(brief(client.issue(with(asked, "receipt", false.into()))), says("Replayed", ""));
    client.consult(&session, PATIENTS[0]).unwrap();
    let mut check = std::process::Command::new(program("sceau"));
    let check = check.args(["check", "--json", "--config"]).arg(establishment.config()).output().unwrap();
    assert!(String::from_utf8(check.stdout).unwrap().contains("audit-not-ready"));
    audit.release();
    let healed = eventually("receipts again", || with_receipt(&mut client, &session).ok());
    proved(&establishment, &healed);
    assert!(daemons.sceaud.log().contains("tokens go on"), "{}", daemons.sceaud.log());
    signed(&establishment);
    hold(&establishment, &checkpoints(&establishment));
}

#[test]
fn a_frozen_audit_signer_costs_the_receipt_and_its_assertion_alone() {
    let establishment = plan().build();
    let daemons = Daemons::start(&establishment);
    let audit = daemons.audit.as_ref().unwrap();
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    with_receipt(&mut client, &session).unwrap();
    freeze(audit);
    // Whether it is known to hang or found to hang under the request: no receipt, no assertion, and tokens go on beside.
    let mut other = establishment.client();
    let refused = thread::scope(|scope| {
        let refused = scope.spawn(|| brief(with_receipt(&mut client, &session)));
        other.consult(&session, PATIENTS[1]).unwrap();
        refused.join().unwrap()
    });
    assert_eq!(refused, says("Unavailable", "ledger"));
    audit.signal(Signal::SIGCONT);
    let healed = eventually("receipts again", || with_receipt(&mut client, &session).ok());
    proved(&establishment, &healed);
    until("each has its outcome", || {
        let ledger = entries(&establishment);
        let of = |outcome: Outcome| {
            ledger.iter().filter(|e| matches!(&e.event, Event::Outcome(o) if o.outcome == outcome)).count()
        };
        of(Outcome::Released) == 3 && of(Outcome::Released) + of(Outcome::Failed) == issued(&establishment)
    });
}

/// A ledger that is older than what was signed of it, or another, is not taken up.
#[test]
fn a_ledger_that_is_not_what_was_signed_halts_the_start() {
    let establishment = plan().build();
    let mut daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    daemons.sceaud.stop();
    let file = establishment.folder.join("ledger/ledger.sqlite");
    let whole = std::fs::read(&file).unwrap();
    let (size, note) = checkpoints(&establishment).pop().unwrap();
    let public = &establishment.audit.as_ref().unwrap().public;
    let beyond = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 5), 1);
    let other = Checkpoint::new(
        &format!("{ORIGIN}/1"),
        size,
        sceau::traces::digest::Digest::of(&[b"x"]),
        sceau::traces::digest::Digest::of(&[b"y"]),
    );
    let other = format!("{}\n{}", other.unwrap(), note.split_once("\n\n").unwrap().1);
    outside::checkpoint(&note, public);
    for (at, note) in [(size + 5, beyond), (size, other), (size, "nothing".to_owned())] {
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection.execute("INSERT OR REPLACE INTO checkpoints VALUES (?1, ?2)", (at as i64, &note)).unwrap();
        drop(connection);
        let refusal = run_until_exit(&establishment, "sceaud", &[], DEADLINE);
        assert_eq!((refusal.code, refusal.was_ready), (Some(4), false), "{note}: {}", refusal.said);
        assert!(refusal.said.contains("point de contrôle"), "{}", refusal.said);
        for left in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(establishment.folder.join(format!("ledger/ledger.sqlite{left}")));
        }
        std::fs::write(&file, &whole).unwrap();
    }
}

#[test]
fn an_audit_key_that_is_not_of_its_public_file_refuses_the_start() {
    let establishment = plan().build();
    let other = VerifierKey::ed25519(&format!("{ORIGIN}/1"), &[7; 32]).unwrap();
    write(&establishment.folder.join("pki/AUDIT.pub"), &format!("{other}\n"), 0o644);
    let audit = crate::support::daemon::Daemon::signer(&establishment, "audit-1", &[]);
    audit.wait_ready(1);
    let refusal = run_until_exit(&establishment, "sceaud", &[], DEADLINE);
    assert_eq!((refusal.code, refusal.was_ready), (Some(2), false), "{}", refusal.said);
    assert!(refusal.said.contains("AUDIT.pub"), "{}", refusal.said);
}

#[test]
fn an_officer_gets_the_newest_checkpoint() {
    let establishment = plan().build();
    let run = |more: &[&str]| {
        let mut sceau = std::process::Command::new(program("sceau"));
        sceau.args(["traces", "checkpoint", "--config"]).arg(establishment.config()).args(more);
        let output = sceau.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    assert_eq!(run(&[]).0, Some(3), "there is no ledger yet");
    let daemons = Daemons::start(&establishment);
    let mut client = establishment.client();
    let session = client.open_session(physician_login()).unwrap();
    client.consult(&session, PATIENTS[0]).unwrap();
    signed(&establishment);
    let (code, note, said) = run(&[]);
    assert_eq!(code, Some(0), "{said}");
    let public = &establishment.audit.as_ref().unwrap().public;
    let judged = outside::checkpoint(&note, public);
    assert!(judged.size >= 3);
    let out = establishment.folder.join("officer.note");
    let out = out.to_str().unwrap();
    assert_eq!(run(&["--out", out]).0, Some(0));
    let kept = std::fs::read_to_string(out).unwrap();
    assert!(outside::checkpoint(&kept, public).size >= judged.size);
    let (code, _, said) = run(&["--out", out]);
    assert!(code == Some(2) && said.contains("n'est pas remplacé"), "{said}");
    let file = establishment.folder.join("pki/AUDIT.pub");
    let other = VerifierKey::ed25519(&format!("{ORIGIN}/1"), &[7; 32]).unwrap();
    write(&file, &format!("{other}\n"), 0o644);
    let (code, _, said) = run(&[]);
    assert!(code == Some(1) && said.contains("AUDIT.pub"), "{said}");
    establishment.edit_file("sceau.toml", |config| drop(config.remove("audit")));
    let (code, _, said) = run(&[]);
    assert!(code == Some(2) && said.contains("[audit]"), "{said}");
    assert_eq!(client.call("fr.sceau.Token.CloseSession", json!({ "session": session })).unwrap(), json!({}));
    drop(daemons);
}
