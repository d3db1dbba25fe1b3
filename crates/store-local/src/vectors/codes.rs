//! A segment's codes: where they are in its file, and whether the codes of a vector are as they were committed.
//!
//! The codes are most of an index's bytes, and reading all of them would take longer than searching them. So each part
//! of the codes has its own checksum. Before a vector is used, the parts in which it lies are checked.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use faiss::index::Index as _;

use super::search::Searchable;
use crate::files::{self, StoredFile};
use crate::segment::{Codes, Segment, Sums};
use semsearch_files::Dir;
use semsearch_store::StoreError;

/// The bytes of a part. A vector of 384 floats lies in one or two parts. A million of these vectors have 187,500 parts,
/// whose checksums are 750 kB.
const PART: u64 = 8 << 10;

/// The length of an `IDMap`'s header, in bytes, before the index that the `IDMap` holds: kind (4), dimension (4),
/// number of vectors (8), two unused numbers (16), whether it is trained (1), metric (4).
const HEADER: u64 = 37;

/// Kinds of index that end with their codes: flat with inner products and with squared distances, scalar quantizers,
/// and HNSW over a flat index.
const CODES_LAST: [&[u8; 4]; 4] = [b"IxFI", b"IxF2", b"IxSQ", b"IHNf"];

/// A file of vectors that was just written, as a commit names it.
pub(super) struct WrittenSegment {
    pub(super) file: StoredFile,
    pub(super) codes: Option<Codes>,
}

impl WrittenSegment {
    /// Describes the file `name` of `dir`, which holds `index`, and writes the checksums of its codes to the file
    /// `sums`.
    pub(super) fn of(dir: &Dir, name: &str, sums: &str, index: &Searchable) -> Result<Self, StoreError> {
        let path = dir.path_of(name);
        let opened = dir.read(name).map_err(StoreError::read(&path))?;
        let vectors = index.keys().len() as u64;
        let bytes = opened.metadata().map_err(StoreError::read(&path))?.len();
        // FAISS gives no code size for HNSW, whose codes are the vectors.
        let code = index.code_size().unwrap_or(u64::from(index.index().d()) * 4);
        let start = start(&opened, bytes, vectors, code).map_err(StoreError::read(&path))?;
        let Some(start) = start else { return Ok(Self { file: StoredFile::sync(dir, name)?, codes: None }) };
        let digests = Digests::of(&opened, start, vectors * code).map_err(StoreError::read(&path))?;
        opened.sync_all().map_err(StoreError::write(&path))?;
        let sums = Some(digests.write(dir, sums)?);
        let codes = Codes { start, bytes: vectors * code, rest_crc32: digests.rest, sums };
        Ok(Self { file: StoredFile { name: name.into(), bytes, crc32: digests.whole }, codes: Some(codes) })
    }
}

/// Where the codes begin in a file of this many `bytes`. The keys are the last thing in the file, and the codes stand
/// before them. The length of each stands before it. The length of the codes is given in bytes, or in floats if they
/// are floats.
fn start(file: &File, bytes: u64, vectors: u64, code: u64) -> io::Result<Option<u64>> {
    let at = |position: u64| -> io::Result<[u8; 8]> {
        let mut word = [0; 8];
        file.read_exact_at(&mut word, position)?;
        Ok(word)
    };
    let kind = at(HEADER)?;
    let end = bytes.checked_sub(8 + 8 * vectors);
    let start = end.and_then(|end| end.checked_sub(vectors * code)).filter(|&start| start >= 8);
    let (Some(start), Some(end)) = (start, end) else { return Ok(None) };
    if !CODES_LAST.iter().any(|last| kind.starts_with(*last)) {
        return Ok(None);
    }
    let lengths = (u64::from_le_bytes(at(start - 8)?), u64::from_le_bytes(at(end)?));
    let expected = [(vectors * code, vectors), (vectors * code / 4, vectors)];
    Ok(expected.contains(&lengths).then_some(start))
}

/// The checksums of a file with codes.
struct Digests {
    /// The checksum of the whole file.
    whole: u32,
    /// The checksum of everything except the codes.
    rest: u32,
    /// The checksum of each part of the codes.
    parts: Vec<u32>,
}

impl Digests {
    /// Computes all checksums in one pass over the file.
    fn of(mut file: &File, start: u64, bytes: u64) -> io::Result<Self> {
        let mut reader = io::BufReader::with_capacity(1 << 18, &mut file);
        reader.seek(SeekFrom::Start(0))?;
        let mut whole = crc32fast::Hasher::new();
        let mut buffer = vec![0; PART as usize];
        let mut take = |whole: &mut crc32fast::Hasher, length: u64| -> io::Result<u32> {
            let part = &mut buffer[..length as usize];
            reader.read_exact(part)?;
            let mut crc = crc32fast::Hasher::new();
            crc.update(part);
            whole.combine(&crc);
            Ok(crc.finalize())
        };
        let mut before = start;
        while before > 0 {
            let length = before.min(PART);
            take(&mut whole, length)?;
            before -= length;
        }
        let mut rest = whole.clone();
        let (mut parts, mut left) = (Vec::with_capacity(bytes.div_ceil(PART) as usize), bytes);
        while left > 0 {
            let length = left.min(PART);
            parts.push(take(&mut whole, length)?);
            left -= length;
        }
        let mut after = Vec::new();
        reader.read_to_end(&mut after)?;
        whole.update(&after);
        rest.update(&after);
        Ok(Self { whole: whole.finalize(), rest: rest.finalize(), parts })
    }

    /// Writes the checksums of the parts to the file `name`.
    fn write(&self, dir: &Dir, name: &str) -> Result<Sums, StoreError> {
        let content: Vec<u8> = self.parts.iter().flat_map(|crc| crc.to_le_bytes()).collect();
        let file =
            files::create(dir, name, |mut file, path| file.write_all(&content).map_err(StoreError::write(path)))?;
        Ok(Sums { file, part: PART })
    }
}

/// Whether a segment has its codes in one piece, but no checksums of their parts. Format 3 has such segments.
pub(crate) fn lacks_sums(segment: &Segment) -> bool {
    segment.codes.as_ref().is_some_and(|codes| codes.sums.is_none())
}

/// Writes the checksums that a segment [lacks](lacks_sums) to file `number` of `dir`. The whole segment is checked in
/// the same pass.
pub(crate) fn add_sums(dir: &Dir, number: u64, segment: &mut Segment) -> Result<(), StoreError> {
    let path = dir.path_of(&segment.file.name);
    let file = segment.file.open(dir)?;
    let Some(codes) = &mut segment.codes else { return Ok(()) };
    let digests = Digests::of(&file, codes.start, codes.bytes).map_err(StoreError::read(&path))?;
    files::expect(&path, digests.whole, segment.file.crc32)?;
    codes.sums = Some(digests.write(dir, &files::new_name(number, "sums"))?);
    Ok(())
}

/// The checksums of an opened segment's codes, and the file to read them from.
pub(super) struct CheckedCodes {
    path: PathBuf,
    file: File,
    start: u64,
    bytes: u64,
    /// The bytes of a vector's code.
    code: u64,
    part: u64,
    sums: Vec<u32>,
}

impl CheckedCodes {
    /// Opens the checksums of a segment whose `file` is open; `None` if the parts have no checksums.
    pub(super) fn open(dir: &Dir, segment: &Segment, file: File) -> Result<Option<Self>, StoreError> {
        let Some((codes, sums)) = segment.codes.as_ref().and_then(|codes| Some((codes, codes.sums.as_ref()?))) else {
            return Ok(None);
        };
        let read = sums.file.read(dir)?;
        let parts = if sums.part == 0 { 0 } else { codes.bytes.div_ceil(sums.part) };
        if segment.vectors == 0 || !codes.bytes.is_multiple_of(segment.vectors) || read.len() as u64 != 4 * parts {
            return Err(StoreError::damaged(&dir.path_of(&sums.file.name), "it is not for these vectors"));
        }
        let sums_of = |word: &[u8]| u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
        Ok(Some(Self {
            path: dir.path_of(&segment.file.name),
            file,
            start: codes.start,
            bytes: codes.bytes,
            code: codes.bytes / segment.vectors,
            part: sums.part,
            sums: read.chunks_exact(4).map(sums_of).collect(),
        }))
    }

    /// Checks the vectors at these positions, which ascend.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the file cannot be read.
    pub(super) fn check(&self, positions: impl IntoIterator<Item = usize>) -> Result<(), StoreError> {
        let mut next = 0;
        let mut buffer = Vec::new();
        for position in positions {
            let first = position as u64 * self.code;
            let parts = first / self.part..(first + self.code).div_ceil(self.part);
            for part in parts.start.max(next)..parts.end {
                self.check_part(part, &mut buffer)?;
            }
            next = next.max(parts.end);
        }
        Ok(())
    }

    /// Reads codes that are floats, from the vector at `first` on until `rows` is full.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or the file cannot be read.
    pub(super) fn read(&self, first: usize, rows: &mut [f32]) -> Result<(), StoreError> {
        self.read_bytes(bytemuck::cast_slice_mut(rows), first as u64 * self.code)
    }

    fn read_bytes(&self, bytes: &mut [u8], from: u64) -> Result<(), StoreError> {
        match self.file.read_exact_at(bytes, self.start + from) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(StoreError::damaged(&self.path, "it became shorter while it was read"))
            }
            read => read.map_err(StoreError::read(&self.path)),
        }
    }

    fn check_part(&self, part: u64, buffer: &mut Vec<u8>) -> Result<(), StoreError> {
        let first = part * self.part;
        buffer.resize(self.part.min(self.bytes - first) as usize, 0);
        self.read_bytes(buffer, first)?;
        files::expect(&self.path, crc32fast::hash(buffer), self.sums[part as usize])
    }
}

/// Checks a segment's files: all of them if `whole` is set, otherwise everything except the codes. The length of the
/// codes is checked in either case. Codes whose parts have no checksums are checked too.
pub(crate) fn check(dir: &Dir, segment: &Segment, whole: bool) -> Result<(), StoreError> {
    if let Some(halves) = segment.halves.as_ref().filter(|_| whole) {
        halves.check(dir)?;
    }
    match &segment.codes {
        Some(codes @ Codes { sums: Some(sums), .. }) => {
            sums.file.check(dir)?;
            if whole { segment.file.check(dir) } else { check_rest(dir, segment, codes) }
        }
        _ => segment.file.check(dir),
    }
}

fn check_rest(dir: &Dir, segment: &Segment, codes: &Codes) -> Result<(), StoreError> {
    let path: &Path = &dir.path_of(&segment.file.name);
    let hole = codes.start..codes.start + codes.bytes;
    files::expect(path, files::checksum_without(&segment.file.open(dir)?, path, hole)?, codes.rest_crc32)
}
