//! The judge of archives: any file is judged in bounds, and none is good that shows anything but what was signed.

use std::io::{Cursor, Read as _, Write as _};
use std::sync::LazyLock;

use sceau::traces::audit::AuditPublicKey;
use sceau::traces::digest::Digest;
use sceau::traces::verify::FINDINGS_MAX;
use sceau::traces::verify::archive::judge;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Made once, of a ledger of the product's own tests.
const ARCHIVE: &[u8] = include_bytes!("../../golden/traces/archive.zip");
const MANIFEST: &str = "manifest.json";

static KEYS: LazyLock<[AuditPublicKey; 1]> =
    LazyLock::new(|| [AuditPublicKey::parse(include_str!("../../golden/traces/AUDIT.pub")).expect("a key")]);
/// The members in their order.
static MEMBERS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| members(ARCHIVE).expect("an archive"));

fn members(archive: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let mut zip = ZipArchive::new(Cursor::new(archive)).ok()?;
    let mut all = Vec::new();
    for index in 0..zip.len() {
        let mut member = zip.by_index(index).ok()?;
        let (name, mut content) = (member.name().ok()?.into_owned(), Vec::new());
        member.read_to_end(&mut content).ok()?;
        all.push((name, content));
    }
    Some(all)
}

/// The input as a file; then as changes to one member of the good archive, packed again with a manifest that covers them.
pub fn holds(input: &[u8]) {
    judged(input);
    if let Some(changed) = changed(input) {
        judged(&changed);
    }
}

/// Good is what shows what the one archive shows, however it was packed.
fn judged(archive: &[u8]) -> bool {
    let judged = judge(|| Ok(Cursor::new(archive)), &*KEYS, None, &mut |_, _| ()).expect("memory is read");
    let verdict = judged.verdict;
    assert!(verdict.findings.len() <= FINDINGS_MAX, "{} findings", verdict.findings.len());
    for finding in &verdict.findings {
        let told = finding.to_string();
        assert!(!told.is_empty() && !told.chars().any(char::is_control), "{told:?}");
    }
    if verdict.is_good() {
        assert_eq!(
            shown(&members(archive).expect("what is good can be read")),
            shown(&MEMBERS),
            "another archive is good"
        );
    }
    verdict.is_good()
}

/// What an archive shows: its entries, and its table without the local time, whose offset it chooses for itself. The period that
/// it names may be another as long as the same entries are in it, and a key may be written in several ways.
fn shown(members: &[(String, Vec<u8>)]) -> (Option<&[u8]>, Vec<Vec<&str>>) {
    let member =
        |name: &str| members.iter().find(|(known, _)| known == name).map(|(_, content)| content.as_slice());
    let table = member("traces.csv").and_then(|table| std::str::from_utf8(table).ok()).unwrap_or_default();
    (member("entries.jsonl"), table.lines().map(|row| row.split(';').skip(3).collect()).collect())
}

/// `[member, offset low, offset high, bytes taken out]`, then the bytes that are put in their place.
fn changed(input: &[u8]) -> Option<Vec<u8>> {
    let ([which, low, high, out], put) = input.split_first_chunk()?;
    let mut all = MEMBERS.clone();
    let (_, content) = all.get_mut(usize::from(*which) % MEMBERS.len())?;
    let at = usize::from(u16::from_le_bytes([*low, *high])) % (content.len() + 1);
    let end = (at + usize::from(*out)).min(content.len());
    content.splice(at..end, put.iter().copied());
    let digests = |all: &[(String, Vec<u8>)]| -> Vec<(String, usize)> {
        all.iter().map(|(_, content)| (Digest::of(&[content]).to_string(), content.len())).collect()
    };
    let (old, new) = (digests(&MEMBERS), digests(&all));
    let (_, manifest) = all.iter_mut().find(|(name, _)| name == MANIFEST)?;
    let mut text = String::from_utf8(manifest.clone()).ok()?;
    for ((old, old_len), (new, len)) in old.iter().zip(&new).filter(|(old, new)| old != new) {
        let Some(start) = text.find(old.as_str()) else { continue };
        let (before, after) = text.split_at(start);
        text = format!(
            "{before}{}",
            after.replacen(old.as_str(), new, 1).replacen(&old_len.to_string(), &len.to_string(), 1)
        );
    }
    *manifest = text.into_bytes();
    let mut zip = ZipWriter::new_stream(Vec::new());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in &all {
        zip.start_file(name.as_str(), options).ok()?;
        zip.write_all(content).ok()?;
    }
    Some(zip.finish().ok()?.into_inner())
}

/// The one good archive is good, also packed again: without this the property would hold of a judge that refuses everything.
pub fn known_is_good() {
    assert!(judged(ARCHIVE));
    assert!(judged(&changed(&[0, 0, 0, 0]).expect("packed again")));
    // A letter more in each member is named, although the manifest covers it.
    for member in 0..u8::try_from(MEMBERS.len()).expect("some members") {
        assert!(!judged(&changed(&[member, 1, 0, 0, b'x']).expect("packed again")), "{member}");
    }
}
