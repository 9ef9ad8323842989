//! An archive, spoilt by one who can make archives: he repairs checksums, hashes and counts, and has no audit key.

use std::io::{Read as _, Write as _};

use serde_json::Value;
use zip::write::SimpleFileOptions;

use super::*;
use crate::traces::archive::record::{Facts, People, Record};

/// Name and content of each member, in order.
type Members = Vec<(String, Vec<u8>)>;

fn unpack(archive: &[u8]) -> Members {
    let mut zip = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..zip.len())
        .map(|index| {
            let mut one = zip.by_index(index).unwrap();
            let name = String::from_utf8(one.name_raw().to_vec()).unwrap();
            let mut content = Vec::new();
            one.read_to_end(&mut content).unwrap();
            (name, content)
        })
        .collect()
}

fn pack(members: &Members) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new_stream(Vec::new());
    for (name, content) in members {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Repairs what the manifest says of the other members.
fn repair(members: &mut Members) {
    let text = |name: &str| members.iter().find(|(other, _)| other == name).map(|(_, content)| content.clone());
    let lines = |name: &str| text(name).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    let mut manifest: crate::traces::archive::manifest::Manifest =
        serde_json::from_slice(&text("manifest.json").unwrap()).unwrap();
    manifest.entries = lines("entries.jsonl") as u64;
    manifest.rows = lines("traces.csv").saturating_sub(1) as u64;
    for listed in &mut manifest.members {
        if let Some(content) = text(&listed.name) {
            listed.sha256 = Digest::of(&[&content]).to_string();
            listed.bytes = content.len() as u64;
        }
    }
    let place = members.iter_mut().find(|(name, _)| name == "manifest.json").unwrap();
    place.1 = manifest.text().unwrap().into_bytes();
}

fn member<'m>(members: &'m mut Members, name: &str) -> &'m mut Vec<u8> {
    &mut members.iter_mut().find(|(other, _)| other == name).unwrap().1
}

fn edit(members: &mut Members, name: &str, change: impl FnOnce(String) -> String) {
    let content = member(members, name);
    *content = change(String::from_utf8(std::mem::take(content)).unwrap()).into_bytes();
}

/// Changes the lines of entries.
fn lines(members: &mut Members, change: impl FnOnce(&mut Vec<String>)) {
    edit(members, "entries.jsonl", |text| {
        let mut lines: Vec<String> = text.lines().map(|line| format!("{line}\n")).collect();
        change(&mut lines);
        lines.concat()
    });
}

/// Makes a line again for an entry that was changed, its people as they were.
fn forge(line: &str, change: impl FnOnce(&mut Entry)) -> String {
    let claim: crate::traces::archive::record::Claim = serde_json::from_str(line).unwrap();
    let (leaf, proof) = claim.bytes().unwrap();
    let mut entry = Entry::decode(&leaf).unwrap();
    let people = People {
        practitioner: claim.practitioner.map(|id| PsIdNat::parse(&id).unwrap()),
        patient: claim.patient.map(|_| sample::patient()),
    };
    change(&mut entry);
    let leaf = entry.encode().unwrap();
    Record::new(entry.index, claim.role, Facts::of(&entry, &people), &leaf, &proof).line().unwrap()
}

/// The rules that a repaired change breaks.
fn broken(change: impl FnOnce(&mut Members)) -> Vec<&'static str> {
    let mut members = unpack(&made(&Ledger::new(), &request(practitioners(&[1]), always())));
    change(&mut members);
    repair(&mut members);
    rules_of(&pack(&members))
}

#[test]
fn an_archive_that_was_only_packed_again_is_good() {
    assert_eq!(broken(|_| ()), [""; 0]);
}

#[test]
fn a_changed_entry_is_named() {
    for at in 0..8 {
        let rules = broken(|members| {
            lines(members, |lines| lines[at] = forge(&lines[at], |entry| entry.time = entry.time.plus_ms(1)));
        });
        assert_eq!(rules[0], "entry-not-included", "{at}: {rules:?}");
    }
}

#[test]
fn a_deleted_entry_is_named() {
    for at in 0..8 {
        let rules = broken(|members| lines(members, |lines| drop(lines.remove(at))));
        assert!(rules.contains(&"export-incomplete"), "{at}: {rules:?}");
    }
    assert!(broken(|members| lines(members, Vec::clear)).contains(&"export-incomplete"));
    // Outcomes stripped: their numbers are missing in the chain.
    let rules = broken(|members| lines(members, |lines| lines.retain(|line| !line.contains("\"outcome\""))));
    assert!(rules.contains(&"export-incomplete"), "{rules:?}");
}

#[test]
fn changed_order_and_repetition_are_named() {
    for at in 0..7 {
        assert!(broken(|members| lines(members, |lines| lines.swap(at, at + 1))).contains(&"entry-out-of-order"));
    }
    let twice = |members: &mut Members| lines(members, |lines| lines.insert(1, lines[0].clone()));
    assert!(broken(twice).contains(&"entry-out-of-order"));
}

#[test]
fn spliced_entries_are_named() {
    // Another practitioner's, and another ledger's.
    let other = unpack(&made(&Ledger::new(), &request(practitioners(&[2]), always())));
    let mut strange = Ledger { now: 1_800_000_500_000, ..Ledger::new() };
    strange.open(1);
    let strange = unpack(&made(&strange, &request(practitioners(&[1]), always())));
    let last = |members: &Members| {
        let text = String::from_utf8(members[0].1.clone()).unwrap();
        format!("{}\n", text.lines().last().unwrap())
    };
    let insert = |line: String| {
        broken(|members| {
            lines(members, |lines| {
                lines.push(line);
                lines.sort_by_key(|line| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64());
            })
        })
    };
    assert!(insert(last(&other)).contains(&"entry-outside-selection"));
    assert!(insert(last(&strange)).contains(&"entry-not-included"));
}

#[test]
fn an_altered_identity_or_fact_is_named() {
    let ins = sample::patient().ins.as_str().to_owned();
    let change = |from: &str, to: &str, name: &str| {
        broken(|members| {
            edit(members, name, |text| {
                assert!(text.contains(from), "{from}");
                text.replacen(from, to, 1)
            })
        })
    };
    let who = sample::practitioner(1).as_str().to_owned();
    let other = sample::practitioner(2).as_str().to_owned();
    for (from, to) in [(ins.as_str(), "180032A00100165"), (&who, &other)] {
        assert_eq!(change(from, to, "entries.jsonl"), ["identity-altered", "facts-altered"]);
        assert_eq!(change(from, to, "traces.csv"), ["table-altered"]);
    }
    for (from, to) in [("TD3.1", "TD0.1"), ("cardiologie", "urgences"), ("\"released\"", "\"failed\"")] {
        assert_eq!(change(from, to, "entries.jsonl"), ["facts-altered"], "{from}");
    }
    for (from, to) in
        [("remise", "non remise"), ("15/01/2027", "16/01/2027"), ("TD3.1", "=1+1"), ("Suite", "suite")]
    {
        assert_eq!(change(from, to, "traces.csv"), ["table-altered"], "{from}");
    }
    // A true instant under another offset stays true; the manifest of somebody else does not.
    assert_eq!(change("\"id\": \"", "\"id\": \"1", "manifest.json")[0], "identity-altered");
}

#[test]
fn an_altered_table_is_named() {
    let row = |change: fn(&mut Vec<&str>)| {
        broken(|members| {
            edit(members, "traces.csv", |text| {
                let mut rows: Vec<&str> = text.split_inclusive('\n').collect();
                change(&mut rows);
                rows.concat()
            })
        })
    };
    assert!(row(|rows| rows.retain(|row| !row.contains("remise"))).contains(&"table-altered"));
    assert!(row(|rows| rows.push(rows[1])).contains(&"table-altered"));
    assert!(row(|rows| rows.swap(1, 2)).contains(&"table-altered"));
    assert!(row(|rows| rows.truncate(1)).contains(&"table-altered"));
}

#[test]
fn a_swapped_a_missing_and_a_strange_key_are_named() {
    let keys = |change: fn(&mut Vec<Value>)| {
        broken(|members| {
            edit(members, "keys.jsonl", |text| {
                let mut keys: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                change(&mut keys);
                keys.iter().map(|key| format!("{key}\n")).collect()
            })
        })
    };
    let swapped = keys(|keys| {
        let one = keys[0]["key"].take();
        keys[0]["key"] = std::mem::replace(&mut keys[1]["key"], one);
    });
    assert!(swapped.contains(&"data-key-wrong"), "{swapped:?}");
    assert!(keys(|keys| drop(keys.remove(0))).contains(&"facts-altered"));
    let strange = |keys: &mut Vec<Value>| {
        let mut strange = keys[0].clone();
        strange["lookup"] = Digest::of(&[b"somebody"]).to_base64().into();
        keys.push(strange);
    };
    assert_eq!(keys(strange), ["data-key-foreign"]);
    assert!(keys(|keys| keys.push(keys[0].clone())).contains(&"member-altered"));
}

#[test]
fn a_forged_checkpoint_is_named() {
    let forge = |change: fn(String) -> String| broken(|members| edit(members, "checkpoint.txt", change));
    assert_eq!(forge(|text| text.replace("\n16\n", "\n17\n")), ["checkpoint-forged"]);
    // Another key of the same name.
    let other = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let sign = |text: &[u8]| Ok::<_, Infallible>(other.sign(text).as_ref().to_vec());
    let note = Ledger::new().unsigned().sign(&key(8), sign).unwrap().note().to_string();
    assert_eq!(broken(|members| edit(members, "checkpoint.txt", |_| note)), ["checkpoint-forged"]);
    // A true one of another size: nothing leads to it.
    let older = Ledger::new().notes[1].clone();
    let rules = broken(|members| edit(members, "checkpoint.txt", |_| older));
    assert!(rules.contains(&"manifest-altered") && rules.contains(&"entry-not-included"), "{rules:?}");
}

#[test]
fn an_older_map_hides_nobody() {
    let mut old = Stored::default();
    old.set([(lookup(1), Head { last: 6, count: 6 }), (lookup(2), Head { last: 9, count: 3 })]);
    let proof = MapProof::of(&old, &lookup(1)).unwrap().to_string();
    let rules = broken(|members| {
        lines(members, |lines| lines.truncate(6));
        edit(members, "proofs.json", |text| {
            let mut proofs: Value = serde_json::from_str(&text).unwrap();
            proofs["map"][0] = proof.into();
            proofs.to_string()
        });
    });
    assert!(rules.contains(&"export-incomplete"), "{rules:?}");
}

#[test]
fn a_period_cut_short_or_widened_is_named() {
    let second = |n: i64| Instant::from_ms(1_800_000_000_000 + 1000 * n);
    let period = Period { from: second(4), to: second(9) };
    let archive = made(&Ledger::new(), &request(practitioners(&[1]), period));
    assert_eq!(rules_of(&archive), [""; 0]);
    let widened = |from: Instant, to: Instant| {
        let mut members = unpack(&archive);
        edit(&mut members, "manifest.json", |text| {
            text.replace(&period.from.to_string(), &from.to_string())
                .replace(&period.to.to_string(), &to.to_string())
        });
        rules_of(&pack(&members))
    };
    for (from, to) in [(1, 9), (4, 16), (5, 9), (4, 6), (0, 99)] {
        let rules = widened(second(from), second(to));
        assert!(
            rules.contains(&"entry-outside-selection") || rules.contains(&"export-incomplete"),
            "{from} {to}: {rules:?}"
        );
    }
}

#[test]
fn members_that_are_dropped_doubled_added_or_changed_are_named() {
    let archive = made(&Ledger::new(), &request(practitioners(&[1]), always()));
    let members = unpack(&archive);
    for at in 0..members.len() {
        let mut fewer = members.clone();
        let (name, _) = fewer.remove(at);
        assert!(rules_of(&pack(&fewer)).contains(&"member-missing"), "{name}");
        if name == "manifest.json" {
            continue;
        }
        let mut changed = members.clone();
        changed[at].1.push(b'\n');
        assert!(rules_of(&pack(&changed)).contains(&"member-altered"), "{name}");
    }
    let mut more = members.clone();
    more.push(("notice.txt".to_owned(), b"signez ici".to_vec()));
    assert_eq!(rules_of(&pack(&more)), ["member-foreign"]);
    // Twice the same name: the library writes none, so the name of another is changed in both of its places.
    let mut doubled = members.clone();
    doubled.push(("traces.csw".to_owned(), b"faux".to_vec()));
    let mut bytes = pack(&doubled);
    while let Some(at) = bytes.windows(10).position(|window| window == b"traces.csw") {
        bytes[at + 9] = b'v';
    }
    assert_eq!(rules_of(&bytes), ["member-repeated"]);
    // Only in its own place: two programs would read two names.
    let at = archive.windows(10).position(|window| window == b"traces.csv").unwrap();
    let mut two_names = archive.clone();
    two_names[at] = b'T';
    assert_eq!(rules_of(&two_names), ["archive-unreadable"]);
    for spoilt in
        [[b"x".as_slice(), &archive].concat(), [&archive, b"x".as_slice()].concat(), b"text".to_vec(), vec![]]
    {
        assert_eq!(rules_of(&spoilt), ["archive-unreadable"]);
    }
}

/// A prefix is never an archive, and no changed byte leaves one good that says something else.
#[test]
fn every_byte_of_an_archive_counts() {
    let archive = made(&Ledger::new(), &request(practitioners(&[1]), always()));
    let whole = unpack(&archive);
    for at in (0..archive.len()).step_by(7) {
        assert!(!rules_of(&archive[..at]).is_empty(), "{at}");
        let mut spoilt = archive.clone();
        spoilt[at] ^= 0x20;
        // What a ZIP says of dates, permissions and versions is nobody's content.
        assert!(!rules_of(&spoilt).is_empty() || unpack(&spoilt) == whole, "{at}");
    }
}
