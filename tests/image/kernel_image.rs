//! The signed kernel image as it is published: its command line, the root that it names, the PCR policies that it carries.

use std::path::Path;

use super::artefacts::{self, VERSION};
use super::disk::Disk;
use super::support::softhsm::run;
use super::tools::tool;
use super::uki::Uki;
use super::{contents, scratch};

/// Verity's tree of hashes on x86-64 (Discoverable Partitions Specification).
const HASHES: &str = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";

fn published() -> Uki {
    let folder = scratch::folder();
    let path = folder.path().join("uki");
    Disk::of(&artefacts::disk(VERSION)).esp().take(&format!("EFI/Linux/sceau_{VERSION}.efi"), &path);
    Uki::read(&path)
}

fn text(uki: &Uki, section: &str) -> String {
    String::from_utf8(uki.section(section).to_vec()).unwrap().trim_end_matches('\0').to_owned()
}

#[test]
fn its_command_line_is_the_source_s_and_the_root_it_names_is_the_disk_s() {
    let line = text(&published(), ".cmdline");
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("image/cmdline")).unwrap();
    let wanted: Vec<&str> =
        source.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    assert!(wanted.len() > 10, "{wanted:?}");
    let (roots, words): (Vec<&str>, Vec<&str>) =
        line.split_whitespace().partition(|word| word.starts_with("roothash="));
    assert_eq!(words, wanted);
    let [root] = roots[..] else { panic!("{roots:?}") };
    // Judged by cryptsetup's own code, over the partitions as they are on the disk.
    let (disk, folder) = (Disk::of(&artefacts::disk(VERSION)), scratch::folder());
    let cut = |kind: &str, name: &str| {
        let partition = disk.partition(kind, &format!("sceau_{VERSION}"));
        let path = folder.path().join(name);
        let len = usize::try_from(partition.len_bytes).unwrap();
        std::fs::write(&path, disk.read(&partition, 0, len)).unwrap();
        path
    };
    let (data, tree) = (cut(contents::ROOT, "data"), cut(HASHES, "tree"));
    let verify = |root: &str| {
        let mut verify = tool("veritysetup");
        verify.arg("verify").arg(&data).arg(&tree).arg(root).output().unwrap()
    };
    let root = root.trim_start_matches("roothash=");
    let good = verify(root);
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    // The canary: it does judge.
    let other =
        root.replacen(|digit: char| digit.is_ascii_hexdigit(), if root.starts_with('0') { "1" } else { "0" }, 1);
    assert!(!verify(&other).status.success());
}

#[test]
fn it_is_signed_by_the_firmware_s_key_and_by_no_other() {
    let folder = scratch::folder();
    let path = folder.path().join("uki");
    std::fs::write(&path, published().0).unwrap();
    let verify = |certificate: &Path| tool("sbverify").arg("--cert").arg(certificate).arg(&path).output().unwrap();
    assert!(verify(&artefacts::key("db").with_extension("crt")).status.success());
    assert!(!verify(&artefacts::key("KEK").with_extension("crt")).status.success());
}

#[test]
fn disk_and_pins_are_opened_in_phases_of_their_own() {
    let uki = published();
    let signatures: serde_json::Value = serde_json::from_str(&text(&uki, ".pcrsig")).unwrap();
    let entries = signatures["sha256"].as_array().unwrap();
    let keys: std::collections::BTreeSet<&str> =
        entries.iter().map(|entry| entry["pkfp"].as_str().unwrap()).collect();
    assert_eq!(
        (entries.len(), keys.len()),
        (2, 2),
        "one policy for each of the two phases, each under a key of its own"
    );
    let policies: std::collections::BTreeSet<&str> =
        entries.iter().map(|entry| entry["pol"].as_str().unwrap()).collect();
    assert_eq!(policies.len(), 2);
    for entry in entries {
        assert_eq!(entry["pcrs"], serde_json::json!([11]));
    }
    // What a machine that is up binds PINs to; the disk's key is in the initial file system alone.
    let published = std::fs::read_to_string(artefacts::key("pcr-ready").with_extension("pub")).unwrap();
    assert_eq!(text(&uki, ".pcrpkey").trim(), published.trim());
}

#[test]
fn the_published_partitions_are_those_of_the_disk() {
    let folder = scratch::folder();
    let path = folder.path().join("uki");
    std::fs::write(&path, published().0).unwrap();
    let shipped = artefacts::built_for(VERSION, "efi");
    run(std::process::Command::new("cmp").args([&path, &shipped]));
}
