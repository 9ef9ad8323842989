//! The dm-verity tree over a file system's blocks, as veritysetup(8) lays it out: whether blocks and tree are those of a root hash.
//!
//! The kernel judges each block when it is read; this judges all of them at once, so that an image which a bad stick spoilt is
//! refused before it takes the place of a good one. Format: superblock version 1, hash type 1, SHA-256
//! (cryptsetup, <https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity>).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use aws_lc_rs::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

/// Length of the superblock in bytes; salt and all before it.
const SUPERBLOCK_LEN: usize = 512;
/// Sizes of blocks that the kernel takes on x86-64, in bytes.
const BLOCK_LENS: [usize; 4] = [512, 1024, 2048, 4096];
/// Longest salt in bytes.
const SALT_LEN_MAX: usize = 256;

/// A part of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    /// Where it begins, in bytes.
    pub(super) start: u64,
    /// Its length in bytes.
    pub(super) len: u64,
}

/// What a superblock says; nothing of it is believed before the root hash comes out.
#[derive(Debug)]
struct Superblock {
    data_block_len: usize,
    hash_block_len: usize,
    data_blocks: u64,
    salt: Vec<u8>,
}

/// The root hash of what is there; none: the tree is of another form, or is not the one over this data.
///
/// # Errors
/// The file cannot be read, or ends early.
pub(super) fn root_hash(file: &File, data: Extent, tree: Extent) -> io::Result<Option<[u8; SHA256_OUTPUT_LEN]>> {
    let mut superblock = [0; SUPERBLOCK_LEN];
    tree.read(file, 0, &mut superblock)?;
    let Some(told) = Superblock::parse(&superblock) else { return Ok(None) };
    if told.data_len().is_none_or(|len| len == 0 || len > data.len) {
        return Ok(None);
    }
    let (mut level, mut block) = (Vec::new(), vec![0; told.data_block_len]);
    let mut at = 0;
    for _ in 0..told.data_blocks {
        data.read(file, at, &mut block)?;
        level.extend_from_slice(&told.digest(&block));
        at += wide(block.len());
    }
    // From the leaves up, each level as it lies on the disk: in whole blocks.
    let mut levels = Vec::new();
    while level.len() > SHA256_OUTPUT_LEN {
        level.resize(level.len().next_multiple_of(told.hash_block_len), 0);
        let above = level.chunks(told.hash_block_len).flat_map(|block| told.digest(block)).collect();
        levels.push(std::mem::replace(&mut level, above));
    }
    // The highest level comes first, behind the superblock's own block.
    let mut at = wide(told.hash_block_len);
    for expected in levels.iter().rev() {
        let mut found = vec![0; expected.len()];
        tree.read(file, at, &mut found)?;
        if found != *expected {
            return Ok(None);
        }
        at += wide(found.len());
    }
    Ok(level.try_into().ok())
}

impl Extent {
    /// Fills `bytes` from there on.
    fn read(self, file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        let is_inside = at.checked_add(wide(bytes.len())).is_some_and(|end| end <= self.len);
        match self.start.checked_add(at) {
            Some(start) if is_inside => file.read_exact_at(bytes, start),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Superblock {
    fn parse(bytes: &[u8; SUPERBLOCK_LEN]) -> Option<Self> {
        let number = |at: usize, len: usize| {
            bytes.get(at..at + len)?.iter().rev().try_fold(0_u64, |sum, byte| Some(sum << 8 | u64::from(*byte)))
        };
        let block_len = |at| BLOCK_LENS.into_iter().find(|len| Some(wide(*len)) == number(at, 4));
        let is_known = bytes.starts_with(b"verity\0\0") && number(8, 4)? == 1 && number(12, 4)? == 1;
        let is_sha256 = bytes.get(32..64)?.starts_with(b"sha256\0");
        let salt_len = usize::try_from(number(80, 2)?).ok().filter(|len| *len <= SALT_LEN_MAX)?;
        (is_known && is_sha256).then_some(())?;
        Some(Self {
            data_block_len: block_len(64)?,
            hash_block_len: block_len(68)?,
            data_blocks: number(72, 8)?,
            salt: bytes.get(88..88 + salt_len)?.to_vec(),
        })
    }

    /// Bytes that the tree is over.
    fn data_len(&self) -> Option<u64> {
        self.data_blocks.checked_mul(wide(self.data_block_len))
    }

    /// A block's digest, its salt in front.
    fn digest(&self, block: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
        let mut context = Context::new(&SHA256);
        context.update(&self.salt);
        context.update(block);
        let mut digest = [0; SHA256_OUTPUT_LEN];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
