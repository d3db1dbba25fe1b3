//! The file of a prepared form.
//!
//! ```text
//! magic (16 bytes)   length of the header   its checksum   header (JSON)   sections, each from a multiple of 64
//! ```

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use semsearch_files::{FileError, Map, is_own, open_regular, write_whole};
use serde::{Deserialize, Serialize};

/// What every such file begins with.
const MAGIC: &[u8; 16] = b"semsearch model\n";

/// Where the header begins: after the magic and two numbers of 32 bits.
const HEADER: usize = MAGIC.len() + 8;

/// Sections begin at multiples of this number of bytes.
const ALIGNMENT: usize = 64;

/// So many bytes are written at once: the system keeps them in large pages then.
const TOGETHER: usize = 4 << 20;

/// What was made of which files, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PreparedKey {
    /// The numbers of the layouts of sections, and of this file's.
    pub(super) layouts: Vec<u32>,
    /// The order of a number's bytes.
    pub(super) big_endian: bool,
    /// The format of the products.
    pub(super) format: String,
    /// The stamps of the model's files.
    pub(super) stamps: Vec<[i64; 7]>,
}

/// The header of the file.
#[derive(Serialize, Deserialize)]
struct PreparedHeader {
    key: PreparedKey,
    fingerprint: String,
    sections: Vec<Section>,
}

/// A part of the file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Section {
    pub(super) name: String,
    /// Its place, counted from the end of the header.
    start: usize,
    length: usize,
    checksum: u32,
    /// For weights: whether all of them are finite.
    pub(super) finite: bool,
    /// Whether the bytes have the checksum, once somebody looked.
    #[serde(skip)]
    is_whole: OnceLock<bool>,
}

/// A section that is to be written.
pub(crate) struct NewSection {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) finite: bool,
}

/// Why there is no prepared form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unprepared {
    /// There is none yet.
    #[error("there was none")]
    Missing,
    /// It was made of other files, or by another version.
    #[error("the one that was there was made of other files, or by another version")]
    Stale,
    /// It cannot be read, or its content is not what was written.
    #[error("the one that was there cannot be used: {0}")]
    Damaged(String),
}

/// A mapped file.
#[derive(Debug)]
pub(super) struct PreparedFile {
    map: Map,
    fingerprint: String,
    sections: Vec<Section>,
    /// Where the sections begin.
    start: usize,
}

impl PreparedFile {
    /// Maps the file, if it was made with this key.
    pub(super) fn find(path: &Path, key: &PreparedKey) -> Result<Self, Unprepared> {
        let damaged = |error: io::Error| Unprepared::Damaged(error.to_string());
        let file = match open_regular(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unprepared::Missing),
            Err(error) => return Err(damaged(error)),
        };
        if !is_own(&file).map_err(damaged)? {
            return Err(Unprepared::Damaged("it belongs to another user".into()));
        }
        let map = Map::to_read_all(&file).map_err(damaged)?;
        let header = header(&map).ok_or_else(|| Unprepared::Damaged("its header is damaged".into()))?;
        let start = HEADER + header;
        let read = serde_json::from_slice::<PreparedHeader>(&map[HEADER..start]);
        // A version with other keys wrote it, since the header is what was written.
        let PreparedHeader { key: found, fingerprint, sections } = read.map_err(|_| Unprepared::Stale)?;
        if found != *key {
            return Err(Unprepared::Stale);
        }
        let start = start.next_multiple_of(ALIGNMENT);
        match sections.last() {
            Some(last) if start + last.start + last.length == map.len() => {
                Ok(Self { map, fingerprint, sections, start })
            }
            _ => Err(Unprepared::Damaged("it has another length than it had".into())),
        }
    }

    pub(super) fn map(&self) -> &Map {
        &self.map
    }

    /// The model's fingerprint.
    pub(super) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The bytes of a section in the map, if they have its checksum. Only the first call computes it; others wait.
    pub(super) fn bytes(&self, section: &Section) -> Option<Range<usize>> {
        let start = self.start.checked_add(section.start)?;
        let range = start..start.checked_add(section.length)?;
        let bytes = self.map.get(range.clone())?;
        section.is_whole.get_or_init(|| crc32fast::hash(bytes) == section.checksum).then_some(range)
    }

    /// Reads all sections and checks them, in their order.
    pub(super) fn read(&self) {
        for section in &self.sections {
            self.bytes(section);
        }
    }

    /// Writes a file in place of one that this function wrote, or where there is none.
    pub(super) fn write(
        path: &Path,
        key: PreparedKey,
        fingerprint: String,
        new: &[NewSection],
    ) -> Result<(), FileError> {
        let failed = |error: io::Error| FileError::write(path)(error);
        if path.symlink_metadata().is_ok() && !is_ours(path).map_err(failed)? {
            return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "another file is there")));
        }
        let mut at = 0;
        let sections = new.iter().map(|section| {
            let (start, length) = (at, section.bytes.len());
            at = (at + length).next_multiple_of(ALIGNMENT);
            let (name, checksum) = (section.name.clone(), crc32fast::hash(&section.bytes));
            Section { name, start, length, checksum, finite: section.finite, is_whole: OnceLock::new() }
        });
        let header = PreparedHeader { sections: sections.collect(), fingerprint, key };
        let header = serde_json::to_vec(&header).map_err(|error| failed(error.into()))?;
        write_whole(path, |file: &File| {
            let mut file = BufWriter::with_capacity(TOGETHER, file);
            let written = (|| {
                file.write_all(MAGIC)?;
                file.write_all(&(header.len() as u32).to_ne_bytes())?;
                file.write_all(&crc32fast::hash(&header).to_ne_bytes())?;
                file.write_all(&header)?;
                let mut length = HEADER + header.len();
                for section in new {
                    file.write_all(&[0; ALIGNMENT][..length.next_multiple_of(ALIGNMENT) - length])?;
                    file.write_all(&section.bytes)?;
                    length = section.bytes.len();
                }
                file.flush()
            })();
            written.map_err(failed)
        })
    }
}

/// The length of the header, if the file begins as it should.
fn header(bytes: &[u8]) -> Option<usize> {
    let number = |at: usize| Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?));
    let (length, checksum) = (number(MAGIC.len())? as usize, number(MAGIC.len() + 4)?);
    let header = bytes.get(HEADER..)?.get(..length)?;
    (bytes.starts_with(MAGIC) && crc32fast::hash(header) == checksum).then_some(length)
}

/// Whether a file is no link, is this user's and begins as ours do, so far as it goes: a power cut may have taken its content.
fn is_ours(path: &Path) -> io::Result<bool> {
    if !path.symlink_metadata()?.is_file() {
        return Ok(false);
    }
    let (file, mut start) = (open_regular(path)?, Vec::new());
    let is_own = is_own(&file)?;
    file.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(is_own && MAGIC.starts_with(&start))
}
