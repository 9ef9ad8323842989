//! Images as a vendor makes them, with cryptsetup, fdisk and OpenSSL; what `sceau connectors inspect` says of good and spoilt ones.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::ran;
use crate::support::program::program;
use crate::support::softhsm::run;

/// Partition types of the Discoverable Partitions Specification, x86-64: root, its verity tree, the tree's signature.
const TYPES: [&str; 3] = [
    "4f68bce3-e8cd-4db1-96e7-fbcaf984b709",
    "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5",
    "41092b05-9fc8-4523-994f-2def0408b176",
];
const SECTOR: u64 = 512;

/// A vendor with a key of his own.
pub(crate) struct Vendor {
    key: PathBuf,
    pub(crate) certificate: PathBuf,
}

impl Vendor {
    pub(crate) fn new(folder: &Path, name: &str, algorithm: &[&str]) -> Vendor {
        let (key, certificate) = (folder.join(format!("{name}.key")), folder.join(format!("{name}.crt")));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-nodes", "-days", "2", "-subj", &format!("/CN={name}")]);
        run(command.args(algorithm).arg("-keyout").arg(&key).arg("-out").arg(&certificate));
        Vendor { key, certificate }
    }

    pub(crate) fn rsa(folder: &Path, name: &str) -> Vendor {
        Vendor::new(folder, name, &["-newkey", "rsa:2048"])
    }

    /// A detached signature of that text, as systemd's tools make it for root hashes.
    fn sign(&self, folder: &Path, text: &str) -> Vec<u8> {
        let (content, signature) = (folder.join("content"), folder.join("signature"));
        fs::write(&content, text).unwrap();
        let mut command = Command::new("openssl");
        command.args(["smime", "-sign", "-nocerts", "-noattr", "-binary", "-outform", "der", "-in"]);
        command.arg(&content).arg("-out").arg(&signature).arg("-inkey").arg(&self.key);
        run(command.arg("-signer").arg(&self.certificate));
        fs::read(signature).unwrap()
    }
}

/// What goes into an image; a test spoils one part.
pub(crate) struct Parts {
    pub(crate) data: Vec<u8>,
    pub(crate) tree: Vec<u8>,
    /// Root hash that the partitions' identifiers tell.
    pub(crate) hash: String,
    pub(crate) signature: Value,
}

impl Parts {
    /// A good image with that content.
    pub(crate) fn good(folder: &Path, content: &str, vendor: &Vendor) -> Parts {
        let folder = tempfile::tempdir_in(folder).unwrap();
        let (data, tree) = (folder.path().join("data"), folder.path().join("tree"));
        let mut bytes = content.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(64 * 1024), 0);
        fs::write(&data, &bytes).unwrap();
        let said = run(Command::new("veritysetup").arg("format").arg(&data).arg(&tree));
        let hash = said.lines().find_map(|line| line.strip_prefix("Root hash:")).unwrap().trim().to_owned();
        let signature = STANDARD.encode(vendor.sign(folder.path(), &hash));
        let signature = json!({ "rootHash": hash, "certificateFingerprint": "00", "signature": signature });
        Parts { data: bytes, tree: fs::read(tree).unwrap(), hash, signature }
    }

    /// Writes the image.
    pub(crate) fn write(&self, path: &Path) {
        let uuid = |digits: &str| {
            let part = |from: usize, to: usize| &digits[from..to];
            [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
        };
        let text = self.signature.to_string().into_bytes();
        let contents = [&self.data, &self.tree, &text];
        let sizes = contents.map(|content| (content.len() as u64).div_ceil(4096).max(4) * 4096 / SECTOR);
        let uuids = [uuid(&self.hash[..32]), uuid(&self.hash[32..]), uuid(&"5".repeat(32))];
        let mut script = "label: gpt\nunit: sectors\nfirst-lba: 2048\n".to_owned();
        let mut start = 2048;
        let mut starts = Vec::new();
        for at in 0..3 {
            script += &format!("start={start}, size={}, type={}, uuid={}\n", sizes[at], TYPES[at], uuids[at]);
            starts.push(start);
            start += sizes[at];
        }
        let mut file = fs::File::create(path).unwrap();
        file.set_len((start + 64) * SECTOR).unwrap();
        let mut sfdisk = Command::new("sfdisk");
        sfdisk.args(["--quiet", "--no-reread", "--no-tell-kernel"]).arg(path);
        let mut child = sfdisk.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{script}");
        for (start, content) in starts.iter().zip(contents) {
            file.seek(SeekFrom::Start(start * SECTOR)).unwrap();
            file.write_all(content).unwrap();
        }
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
}

/// `sceau connectors inspect`.
fn inspect(image: &Path, vendors: &Path) -> (i32, String, String) {
    let mut command = Command::new(program("sceau"));
    command.args(["connectors", "inspect", "--json"]).arg(image).arg("--vendors").arg(vendors);
    ran(&mut command)
}

#[test]
fn an_image_is_known_by_its_root_hash_and_its_vendor() {
    let folder = tempfile::tempdir().unwrap();
    let (vendors, image) = (folder.path().join("verity.d"), folder.path().join("image.raw"));
    fs::create_dir(&vendors).unwrap();
    let vendor = Vendor::rsa(folder.path(), "vendor");
    let parts = Parts::good(folder.path(), "one", &vendor);
    parts.write(&image);
    let (code, out, said) = inspect(&image, &vendors);
    assert_eq!((code, serde_json::from_str(&out).unwrap()), (1, json!({ "image": parts.hash, "signed": false })));
    assert!(said.contains("aucun fournisseur"), "{said}");
    fs::copy(&vendor.certificate, vendors.join("vendor.crt")).unwrap();
    // What is no certificate is nobody, and keeps nobody else out.
    fs::write(vendors.join("a.crt"), "nonsense").unwrap();
    fs::write(vendors.join("README"), "nonsense").unwrap();
    let (code, out, said) = inspect(&image, &vendors);
    assert_eq!((code, said.as_str()), (0, ""));
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), json!({ "image": parts.hash, "signed": true }));
    for algorithm in [&["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"][..], &["-newkey", "rsa:3072"]] {
        let other = Vendor::new(folder.path(), "other", algorithm);
        fs::copy(&other.certificate, vendors.join("other.crt")).unwrap();
        Parts::good(folder.path(), "two", &other).write(&image);
        assert_eq!(inspect(&image, &vendors).0, 0, "{algorithm:?}");
    }
}

/// The signature is of this hash by this vendor, or of nothing.
#[test]
fn a_signature_of_something_else_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let vendors = folder.path().join("verity.d");
    fs::create_dir(&vendors).unwrap();
    let (vendor, stranger) = (Vendor::rsa(folder.path(), "vendor"), Vendor::rsa(folder.path(), "stranger"));
    fs::copy(&vendor.certificate, vendors.join("vendor.crt")).unwrap();
    let image = folder.path().join("image.raw");
    let good = || Parts::good(folder.path(), "one", &vendor);
    let refused = |parts: Parts, words: &str| {
        parts.write(&image);
        let (code, out, said) = inspect(&image, &vendors);
        assert_ne!(code, 0, "{words}: {out}");
        assert!(said.contains(words), "{words} is not in {said}");
    };
    let other = Parts::good(folder.path(), "two", &vendor);
    refused(Parts { signature: other.signature.clone(), ..good() }, "l'image est une autre");
    let mut stolen = good();
    stolen.signature["signature"] = other.signature["signature"].clone();
    refused(stolen, "aucun fournisseur");
    let mut by_stranger = good();
    by_stranger.signature["signature"] = STANDARD.encode(stranger.sign(folder.path(), &by_stranger.hash)).into();
    refused(by_stranger, "aucun fournisseur");
    let mut with_newline = good();
    let text = format!("{}\n", with_newline.hash);
    with_newline.signature["signature"] = STANDARD.encode(vendor.sign(folder.path(), &text)).into();
    refused(with_newline, "aucun fournisseur");
    for nonsense in ["", "AAAA", "%"] {
        let mut parts = good();
        parts.signature["signature"] = nonsense.into();
        refused(parts, if nonsense == "%" { "ce n'est pas une image signée" } else { "aucun fournisseur" });
    }
    refused(Parts { signature: json!({}), ..good() }, "ce n'est pas une image signée");
    refused(
        Parts { signature: json!({ "rootHash": "x", "signature": "" }), ..good() },
        "ce n'est pas une image signée",
    );
    refused(Parts { hash: "ab".repeat(32), ..good() }, "l'image est une autre");
}

/// Every block is looked at: the header alone says nothing of a copy that a bad stick made.
#[test]
fn a_block_that_is_not_below_the_root_hash_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (vendors, image) = (folder.path().join("verity.d"), folder.path().join("image.raw"));
    fs::create_dir(&vendors).unwrap();
    let vendor = Vendor::rsa(folder.path(), "vendor");
    fs::copy(&vendor.certificate, vendors.join("vendor.crt")).unwrap();
    // More than one level of hashes: 128 digests fit a block.
    let content = "block ".repeat(130 * 4096 / 6);
    let good = || Parts::good(folder.path(), &content, &vendor);
    good().write(&image);
    assert_eq!(inspect(&image, &vendors).0, 0);
    let refused = |parts: Parts| {
        parts.write(&image);
        let (code, _, said) = inspect(&image, &vendors);
        assert!(code == 1 && said.contains("le contenu de l'image n'est pas"), "{said}");
    };
    for at in [0, 64 * 4096 + 17, content.len() - 1] {
        let mut parts = good();
        parts.data[at] ^= 1;
        refused(parts);
    }
    // The superblock's magic, version, kind of hash, blocks and salt; then a digest of each level.
    for at in [0, 8, 12, 32, 64, 72, 80, 88, 4096, 2 * 4096 + 40] {
        let mut parts = good();
        parts.tree[at] ^= 1;
        refused(parts);
    }
    let mut endless = good();
    endless.tree[72..80].fill(0xff);
    refused(endless);
}

#[test]
fn what_is_no_image_is_told_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image.raw");
    let says = |words: &str| {
        let (code, out, said) = inspect(&image, folder.path());
        assert_eq!((code, out.as_str()), (2, ""), "{said}");
        assert!(said.contains(words), "{words} is not in {said}");
    };
    says("n'est pas lisible");
    for bytes in [vec![], vec![0; 100], vec![0xff; 100_000], b"EFI PART".repeat(10_000)] {
        fs::write(&image, bytes).unwrap();
        says("ce n'est pas une image signée");
    }
    let parts = Parts::good(folder.path(), "one", &Vendor::rsa(folder.path(), "vendor"));
    parts.write(&image);
    let whole = fs::read(&image).unwrap();
    for length in [512, 1024, 20_000, whole.len() / 2] {
        fs::write(&image, &whole[..length]).unwrap();
        says("ce n'est pas une image signée");
    }
    fs::write(&image, &whole).unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o664)).unwrap();
    says("chmod go-w");
    let elsewhere = folder.path().join("elsewhere");
    fs::rename(&image, &elsewhere).unwrap();
    symlink(&elsewhere, &image).unwrap();
    says("n'est pas lisible");
    fs::remove_file(&image).unwrap();
    run(Command::new("mkfifo").arg(&image));
    says("ce n'est pas une image signée");
}
