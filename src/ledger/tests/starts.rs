//! A start after anything that a crash leaves has the same ledger; after anything else it halts.

use rusqlite::Connection;

use super::*;
use crate::traces::entry::kind::Kind;

/// Leaves, heads, tree and patients.
fn shown(reader: &Reader) -> (Vec<Entry>, HashMap<Digest, Head>, Digest, Vec<u64>) {
    let all = entries(reader);
    let patient = all.iter().find_map(|entry| Some(entry.event.patient()?.lookup)).unwrap();
    let root = crate::traces::merkle::prove::root(&reader.tree(), all.len() as u64).unwrap();
    assert_eq!(root, reader.edge().frontier.root());
    (all, reader.heads().unwrap(), root, reader.of_patient(&patient).unwrap())
}

/// Opens what was left, and gives it with the entries of before.
fn reopened(folder: &Path, size: usize) -> Restored {
    let (ledger, restored) = open(folder).unwrap();
    let all = entries(&ledger.reader().unwrap());
    assert_eq!(all.len(), size + 1);
    assert_eq!(all[size].event.kind(), Kind::Start);
    assert_eq!(all[size].boot, all[size - 1].boot + 1);
    assert_eq!(ledger.reader().unwrap().heads().unwrap(), heads(&all, all.len() as u64));
    restored
}

fn execute(folder: &Path, sql: &str) {
    Connection::open(folder.join(FILE)).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn an_unfolded_tail_is_replayed_and_missing_views_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 4700);
    let (before, left) = (shown(&ledger.reader().unwrap()), crash(folder.path()));
    let (_, folded) = Store::snapshot(&left.path().join(FILE)).unwrap().edge().unwrap();
    assert!(folded.size >= 4096 && (folded.size as usize) < before.0.len(), "{folded:?}");
    let again = crash(left.path());
    let restored = reopened(left.path(), before.0.len());
    let reader = Reader::open(left.path()).unwrap();
    let now = shown(&reader);
    assert!(now.0[..before.0.len()] == before.0[..] && now.1 == before.1 && now.3 == before.3);
    // A copy that brought no views along.
    execute(
        again.path(),
        "DELETE FROM tiles; DELETE FROM heads; DELETE FROM nonces; DELETE FROM patients; DELETE FROM pending;
         UPDATE edge SET folded = 0",
    );
    let remade = reopened(again.path(), before.0.len());
    let other = shown(&Reader::open(again.path()).unwrap());
    assert!(other.0[..before.0.len()] == before.0[..] && other.1 == before.1 && other.3 == before.3);
    // Nonces, and what may be reported on.
    let nonces = before.0.iter().filter(|entry| entry.event.kind() == Kind::Issued).count();
    for restored in [&restored, &remade] {
        let marks = |of: &str| -> usize {
            let spent = restored.nonces.iter().filter(|spent| spent.application.as_str() == of);
            spent.map(|spent| spent.marks.len()).sum()
        };
        // What opened a session with a proof spent that too.
        let opened = before.0.iter().filter(|entry| entry.event.kind() == Kind::SessionOpened).count();
        assert_eq!((marks("dpi"), marks(SPENT_PROOFS)), (nonces, opened));
        let newest = before.0.last().unwrap().time.plus_ms(WINDOW_MS);
        assert_eq!(restored.nonces.last().unwrap().until, newest);
        assert_eq!(restored.issued.len(), nonces);
    }
    assert_eq!(restored.issued, remade.issued);
    let released: Vec<u64> =
        restored.issued.iter().filter(|one| one.until.is_none()).map(|one| one.written.index).collect();
    assert!(!released.is_empty());
    assert!(released.iter().all(|of| outcomes(&before.0, *of) == [Outcome::Released]));
}

#[test]
fn log_edge_and_views_that_contradict_each_other_halt() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    fill(&ledger, 4700);
    let left = crash(folder.path());
    for spoilt in [
        // The log, folded and not.
        "DELETE FROM entries WHERE idx = (SELECT max(idx) FROM entries)",
        "DELETE FROM entries WHERE idx = (SELECT folded FROM edge)",
        "DELETE FROM entries WHERE idx = (SELECT folded - 9 FROM edge)",
        "UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 9) WHERE idx = (SELECT folded + 9 FROM edge)",
        "UPDATE entries SET leaf = (SELECT leaf FROM entries WHERE idx = 9) WHERE idx = (SELECT folded - 9 FROM edge)",
        "INSERT INTO entries SELECT max(idx) + 1, leaf FROM entries",
        // Views ahead of the log.
        "UPDATE edge SET folded = (SELECT max(idx) + 2 FROM entries)",
        "UPDATE edge SET folded = folded + 1",
        "UPDATE heads SET last = (SELECT max(idx) FROM entries)",
        // Views that say something else.
        "UPDATE heads SET count = count + 1",
        "DELETE FROM heads",
        "DELETE FROM tiles WHERE level = 0 AND idx = (SELECT folded / 256 FROM edge)",
        "UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 15",
        "UPDATE tiles SET hashes = zeroblob(512) WHERE level = 1",
        "UPDATE edge SET folded = 0",
    ] {
        let copy = crash(left.path());
        execute(copy.path(), spoilt);
        let refused = open(copy.path()).unwrap_err();
        assert!(matches!(refused, StoreError::Broken(_)), "{spoilt}: {refused}");
    }
    assert!(open(left.path()).is_ok());
}

#[test]
fn a_ledger_has_one_writer_and_any_readers() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    let refused = open(folder.path()).unwrap_err();
    assert!(matches!(&refused, StoreError::Locked(_)) && refused.to_string().contains("un autre sceaud"));
    assert!(Reader::open(folder.path()).is_ok());
    drop(ledger);
    assert!(open(folder.path()).is_ok());
    // A reader makes nothing where nothing is.
    let empty = tempfile::tempdir().unwrap();
    assert!(Reader::open(empty.path()).is_err());
    assert_eq!(fs::read_dir(empty.path()).unwrap().count(), 0);
}
