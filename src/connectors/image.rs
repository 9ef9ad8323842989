//! A disk image as systemd's tools make it (Discoverable Partitions Specification): a root file system, its dm-verity tree, the
//! signature of the tree's root hash.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use gpt::partition::Partition;
use serde::Deserialize;

use super::vendor::Vendors;
use super::verity::{Extent, root_hash};
use crate::policy::connectors::RootHash;
use crate::sys::{file as system, peer};

/// Partition types of an x86-64 root file system, its verity tree and the tree's signature.
const ROOT: &str = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709";
const TREE: &str = "2c7357ed-ebd2-46d9-aec1-23d437ec2bf5";
const SIGNATURE: &str = "41092b05-9fc8-4523-994f-2def0408b176";
/// Longest signature partition that is read, in bytes: systemd makes 16 KiB.
const SIGNATURE_LEN_MAX: usize = 64 * 1024;
/// Bits of a file's mode by which others than its owner may write it.
const WRITABLE: u32 = 0o022;

/// Why an image is not attached.
#[derive(Debug, thiserror::Error)]
pub enum NotGood {
    /// It is not there, or cannot be read.
    #[error("l'image n'est pas lisible ({0}) ; déposez-la à cet endroit, ou détachez par un ordre")]
    Unreadable(io::Error),
    /// Somebody else could exchange it after it was judged.
    #[error("d'autres que root peuvent écrire l'image ; remettez-la à root, mode 0644")]
    Writable,
    /// No partition table, or not exactly one of each partition that is needed.
    #[error(
        "ce n'est pas une image signée pour x86-64 (une racine, son arbre dm-verity, sa signature) ; demandez au fournisseur \
         une image faite par systemd-repart ou mkosi, Verity=signed"
    )]
    Form,
    /// Its partitions name another hash than its signature, or than the ledger.
    #[error(
        "l'image est une autre : sa racine dm-verity est {found}, celle de l'ordre {wanted} ; remettez la bonne image, ou faites signer un ordre pour celle-ci"
    )]
    Other {
        /// The ledger's.
        wanted: RootHash,
        /// The image's.
        found: RootHash,
    },
    /// Its blocks, or their tree, are not those of its root hash.
    #[error(
        "le contenu de l'image n'est pas celui de sa racine dm-verity ; recopiez-la depuis ce que le fournisseur a publié"
    )]
    Spoilt,
    /// No certificate of the appliance verifies the signature.
    #[error(
        "la signature de l'image n'est d'aucun fournisseur que cette appliance connaît (/usr/lib/verity.d) ; demandez une image signée par lui"
    )]
    Unsigned,
}

/// What an image says of itself. Nothing is verified yet.
#[derive(Debug)]
pub struct Image {
    file: File,
    root: Extent,
    tree: Extent,
    hash: RootHash,
    signature: Vec<u8>,
}

/// Where its partitions are, and the root hash that their identifiers tell.
struct Partitions {
    root: Extent,
    tree: Extent,
    signature: Extent,
    hash: RootHash,
}

/// The JSON of a signature partition.
#[derive(Deserialize)]
struct Signed {
    #[serde(rename = "rootHash")]
    root_hash: RootHash,
    signature: String,
}

impl Image {
    /// Reads what an image says of itself.
    ///
    /// Trusts nothing of it: its file system is read by nobody but the kernel, below the hash.
    ///
    /// # Errors
    /// [`NotGood::Unreadable`], [`NotGood::Writable`], [`NotGood::Form`]; [`NotGood::Other`] if its partitions and its signature
    /// tell two hashes.
    pub fn read(path: &Path) -> Result<Self, NotGood> {
        // No link: what is judged is what is mounted.
        let file = system::open_itself(path).map_err(NotGood::Unreadable)?;
        let metadata = file.metadata().map_err(NotGood::Unreadable)?;
        if !metadata.is_file() {
            return Err(NotGood::Form);
        }
        if metadata.uid() != peer::own_uid() && metadata.uid() != 0 || metadata.mode() & WRITABLE != 0 {
            return Err(NotGood::Writable);
        }
        let Partitions { root, tree, signature, hash } = partitions(&file)?;
        let len = usize::try_from(signature.len).ok().filter(|len| *len <= SIGNATURE_LEN_MAX);
        let mut text = vec![0; len.ok_or(NotGood::Form)?];
        file.read_exact_at(&mut text, signature.start).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => NotGood::Form,
            _ => NotGood::Unreadable(cause),
        })?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        let signed: Signed =
            serde_json::from_slice(text.get(..end).unwrap_or_default()).map_err(|_| NotGood::Form)?;
        if signed.root_hash != hash {
            return Err(NotGood::Other { wanted: hash, found: signed.root_hash });
        }
        let signature = STANDARD.decode(signed.signature).map_err(|_| NotGood::Form)?;
        Ok(Self { file, root, tree, hash, signature })
    }

    /// Its root hash, as it says.
    #[must_use]
    pub fn hash(&self) -> RootHash {
        self.hash
    }

    /// Whether it is the wanted one, signed by a vendor that the appliance knows.
    ///
    /// # Errors
    /// [`NotGood::Other`], [`NotGood::Unsigned`].
    pub fn judge(&self, wanted: RootHash, vendors: &Vendors) -> Result<(), NotGood> {
        if self.hash != wanted {
            return Err(NotGood::Other { wanted, found: self.hash });
        }
        if vendors.signed(&self.hash, &self.signature) { Ok(()) } else { Err(NotGood::Unsigned) }
    }

    /// Whether every block of it is below its root hash: what the kernel would find at each reading, all at once.
    ///
    /// # Errors
    /// [`NotGood::Spoilt`]; [`NotGood::Unreadable`].
    pub fn verify(&self) -> Result<(), NotGood> {
        match root_hash(&self.file, self.root, self.tree) {
            Ok(found) if found.map(RootHash::from) == Some(self.hash) => Ok(()),
            Err(cause) if cause.kind() != io::ErrorKind::UnexpectedEof => Err(NotGood::Unreadable(cause)),
            Ok(_) | Err(_) => Err(NotGood::Spoilt),
        }
    }
}

fn partitions(file: &File) -> Result<Partitions, NotGood> {
    let disk = [LogicalBlockSize::Lb512, LogicalBlockSize::Lb4096].into_iter().find_map(|size| {
        let file = file.try_clone().ok()?;
        let disk = GptConfig::new().writable(false).logical_block_size(size).open_from_device(file).ok()?;
        Some((disk, size))
    });
    let (disk, size) = disk.ok_or(NotGood::Form)?;
    let only = |kind: &str| -> Result<&Partition, NotGood> {
        let of_kind = |partition: &&Partition| partition.part_type_guid.guid.to_string() == kind;
        let mut found = disk.partitions().values().filter(of_kind);
        match (found.next(), found.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(NotGood::Form),
        }
    };
    let extent = |partition: &Partition| -> Result<Extent, NotGood> {
        let start = partition.bytes_start(size).map_err(|_| NotGood::Form)?;
        let len = partition.bytes_len(size).map_err(|_| NotGood::Form)?;
        Ok(Extent { start, len })
    };
    let (root, tree) = (only(ROOT)?, only(TREE)?);
    let hash = RootHash::of_halves(root.part_guid.into_bytes(), tree.part_guid.into_bytes());
    Ok(Partitions { root: extent(root)?, tree: extent(tree)?, signature: extent(only(SIGNATURE)?)?, hash })
}
