//! The ZIP file: written as a stream, read with one reading.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};

use aws_lc_rs::digest::{Context, SHA256};
use zip::write::{SimpleFileOptions, StreamWriter};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::manifest::Member;
use super::member;
use crate::traces::digest::Digest;

/// Longest member, in bytes of its content. Reason: a ZIP without 64-bit extensions, which every desktop opens; judging one of
/// this length takes a minute.
pub const MEMBER_LEN_MAX: u64 = u32::MAX as u64 - 1;
/// Bytes of a central directory's end without comment (APPNOTE.TXT §4.3.16).
const END_LEN: u64 = 22;
/// Bytes of a local file header before its name, and where the lengths of name and extra field stand (§4.3.7).
const LOCAL_LEN: usize = 30;
const LOCAL_NAME_LEN: usize = 26;
/// Bytes of a data descriptor with its signature (§4.3.9).
const DESCRIPTOR_LEN: u64 = 16;

/// An archive under way; a member ends where the next one begins.
pub(super) struct Packer<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    name: &'static str,
    hash: Context,
    len: u64,
    members: Vec<Member>,
}

impl<W: Write> Packer<W> {
    /// Begins with a first member.
    pub(super) fn new(out: W, first: &'static str) -> io::Result<Self> {
        let zip = ZipWriter::new_stream(out);
        let mut packer = Self { zip, name: first, hash: Context::new(&SHA256), len: 0, members: Vec::new() };
        packer.open()?;
        Ok(packer)
    }

    fn open(&mut self) -> io::Result<()> {
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Deflated).unix_permissions(0o600);
        Ok(self.zip.start_file(self.name, options)?)
    }

    fn close(&mut self) {
        let hash = std::mem::replace(&mut self.hash, Context::new(&SHA256)).finish();
        let sha256 = Digest::from_slice(hash.as_ref()).unwrap_or_default().to_string();
        self.members.push(Member { name: self.name.to_owned(), sha256, bytes: std::mem::take(&mut self.len) });
    }

    /// Ends the member and begins the next.
    pub(super) fn next(&mut self, name: &'static str) -> io::Result<()> {
        self.close();
        self.name = name;
        self.open()
    }

    /// The members that have ended.
    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Writes to the member.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        if self.len > MEMBER_LEN_MAX {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a member of the archive is too long"));
        }
        self.hash.update(bytes);
        self.zip.write_all(bytes)
    }

    /// Ends the archive.
    pub(super) fn finish(self) -> io::Result<W> {
        Ok(self.zip.finish()?.into_inner())
    }
}

/// Why a file is no archive.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// It cannot be read.
    #[error("il ne peut pas être lu ({0})")]
    Read(#[from] io::Error),
    /// Not a ZIP.
    #[error("ce n'est pas un fichier ZIP lisible")]
    Zip,
    /// A ZIP that programs may read differently.
    #[error("il contient autre chose que ses membres ({0})")]
    Ambiguous(&'static str),
    /// A member is there twice.
    #[error("un membre y est deux fois")]
    Repeated,
}

/// An archive that was opened: its layout is the one that `Packer` makes.
#[derive(Debug)]
pub struct Container<R> {
    zip: ZipArchive<R>,
    names: Vec<String>,
}

impl<R: Read + Seek> Container<R> {
    /// Opens an archive, trusting nothing.
    ///
    /// After `Ok` the file is its members one after the other and their directory, nothing before, between or after them, no
    /// name twice, each name the same in both places: whatever program reads it sees the same members.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn open(mut file: R) -> Result<Self, ContainerError> {
        let len = file.seek(SeekFrom::End(0))?;
        let listed = end(&mut file, len)?;
        let mut zip = ZipArchive::new(file).map_err(|_| ContainerError::Zip)?;
        if zip.len() < usize::from(listed) {
            return Err(ContainerError::Repeated);
        }
        let ambiguous = ContainerError::Ambiguous;
        let mut at = 0;
        let mut names = Vec::new();
        for index in 0..zip.len() {
            let (name, start, data, packed) = {
                let one = zip.by_index_raw(index).map_err(|_| ContainerError::Zip)?;
                let name = String::from_utf8(one.name_raw().to_vec()).map_err(|_| ambiguous("un nom"))?;
                let data = one.data_start().ok_or(ContainerError::Zip)?;
                (name, one.header_start(), data, one.compressed_size())
            };
            if start != at {
                return Err(ambiguous("entre deux membres"));
            }
            at = data.saturating_add(packed).saturating_add(DESCRIPTOR_LEN);
            names.push((name, start));
        }
        if zip.central_directory_start() != at || zip.offset() != 0 {
            return Err(ambiguous("avant ou après les membres"));
        }
        let mut file = zip.into_inner();
        for (name, start) in &names {
            if local_name(&mut file, *start)? != name.as_bytes() {
                return Err(ambiguous("un membre à deux noms"));
            }
        }
        let zip = ZipArchive::new(file).map_err(|_| ContainerError::Zip)?;
        Ok(Self { zip, names: names.into_iter().map(|(name, _)| name).collect() })
    }

    /// The members' names, in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// One member's content, at most [`MEMBER_LEN_MAX`] bytes of it.
    ///
    /// # Errors
    /// [`ContainerError::Zip`] if there is none.
    pub fn member(&mut self, name: &str) -> Result<impl BufRead + '_, ContainerError> {
        let one = self.zip.by_name(name).map_err(|_| ContainerError::Zip)?;
        Ok(BufReader::with_capacity(64 * 1024, one.take(MEMBER_LEN_MAX)))
    }

    /// A whole short member.
    ///
    /// # Errors
    /// As [`Container::member`]; [`ContainerError::Zip`] too if it is longer than `len_max` or no UTF-8.
    pub fn text(&mut self, name: &str, len_max: u64) -> Result<String, ContainerError> {
        let mut text = String::new();
        self.member(name)?.take(len_max + 1).read_to_string(&mut text).map_err(|_| ContainerError::Zip)?;
        if text.len() as u64 > len_max { Err(ContainerError::Zip) } else { Ok(text) }
    }

    /// SHA-256 and length of a member.
    ///
    /// # Errors
    /// As [`Container::member`]; [`ContainerError::Zip`] if its own checksum is wrong.
    pub fn digest(&mut self, name: &str) -> Result<(Digest, u64), ContainerError> {
        let mut member = self.member(name)?;
        let (mut hash, mut len) = (Context::new(&SHA256), 0);
        loop {
            let part = member.fill_buf().map_err(|_| ContainerError::Zip)?;
            if part.is_empty() {
                break;
            }
            hash.update(part);
            let read = part.len();
            len += read as u64;
            member.consume(read);
        }
        Ok((Digest::from_slice(hash.finish().as_ref()).unwrap_or_default(), len))
    }
}

/// How many members the end of the directory lists; it ends the file.
fn end(file: &mut (impl Read + Seek), len: u64) -> Result<u16, ContainerError> {
    let mut end = [0; END_LEN as usize];
    file.seek(SeekFrom::Start(len.checked_sub(END_LEN).ok_or(ContainerError::Zip)?))?;
    file.read_exact(&mut end)?;
    match end {
        [b'P', b'K', 5, 6, _, _, _, _, _, _, low, high, .., 0, 0] => {
            let listed = u16::from_le_bytes([low, high]);
            // Some members more than ours may be there, to be named; a flood is none.
            if usize::from(listed) > 4 * member::COVERED.len() { Err(ContainerError::Zip) } else { Ok(listed) }
        }
        _ => Err(ContainerError::Zip),
    }
}

/// The name in a member's local header.
fn local_name(file: &mut (impl Read + Seek), start: u64) -> Result<Vec<u8>, ContainerError> {
    let mut header = [0; LOCAL_LEN];
    file.seek(SeekFrom::Start(start))?;
    file.read_exact(&mut header)?;
    let len = match header.get(LOCAL_NAME_LEN..) {
        Some([low, high, ..]) => u16::from_le_bytes([*low, *high]),
        _ => return Err(ContainerError::Zip),
    };
    let mut name = vec![0; usize::from(len)];
    file.read_exact(&mut name)?;
    Ok(name)
}
