//! Indexes that were built apart become one, without embedding a text again and without splitting one into words again.
//!
//! Their files are copied as they are. Keys would be the same in several indexes, so each index is moved up by the keys that
//! are there before it: in a file of vectors the keys are the last thing, and get other numbers; for a segment of documents,
//! whose keys are in several places of its files, the manifest says what to add ([`Documents::shifts`]). Every byte is
//! compared with its checksum on the way.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rayon::prelude::*;
use serde_json::Value;

use super::LocalWriter;
use crate::catalog::{Catalog, shared_id};
use crate::files::{self, StoredFile, new_name};
use crate::held::part;
use crate::latest::{recorded, with_latest};
use crate::manifest::{Documents, Manifest};
use crate::segment::{Codes, Segment};
use crate::sound;
use crate::{CATALOG, VECTORS};
use semsearch_files::Dir;
use semsearch_store::{IndexConfig, StoreError, StoreWriter, WriteOptions, Written};

/// What merging did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedIndexes {
    /// How many indexes were merged.
    pub indexes: usize,
    /// Whether their vectors were made in different precisions.
    pub is_mixed: bool,
    /// What was written.
    pub written: Written,
}

/// A commit of another index, with its files open: they can be read even if a writer removes them meanwhile.
struct Part {
    dir: PathBuf,
    manifest: Manifest,
    catalog: Catalog,
    /// Files of vectors and of documents, in the order in which the manifest names them.
    vectors: Vec<Opened>,
    documents: Vec<Opened>,
}

/// A file of a part, and its path for messages.
struct Opened {
    file: File,
    path: PathBuf,
}

impl Opened {
    fn open(dir: &Dir, stored: &StoredFile) -> Result<Self, StoreError> {
        Ok(Self { file: stored.open(dir)?, path: dir.path_of(&stored.name) })
    }
}

/// Adds the newest commits of the indexes `parts` to the index at `into`, which need not exist, in one commit. A document of
/// a part comes after those of the parts before it.
///
/// # Errors
/// There is no index in one of the directories, or it was built with other settings; two of them have a document of the same
/// id; a file is damaged; the index cannot be written.
pub fn merge(into: &Path, parts: &[PathBuf], wait: Duration) -> Result<MergedIndexes, StoreError> {
    let first = parts.first().ok_or_else(|| StoreError::Unsupported("no index to merge was named".into()))?;
    let there = recorded(into)?.or(recorded(first)?);
    let config = there.ok_or_else(|| StoreError::NoIndex { dir: first.clone() })?.config;
    let options = WriteOptions { wait, at_once: true, ..WriteOptions::default() };
    let real = |dir: &Path| dir.canonicalize().ok();
    if let Some(part) = parts.iter().find(|part| real(part).is_some_and(|part| Some(part) == real(into))) {
        let message = format!("{}: an index cannot be merged into itself", part.display());
        return Err(StoreError::Unsupported(message));
    }
    // What cannot be merged is told before the index is made.
    let parts = parts.iter().map(|part| Part::open(part)).collect::<Result<Vec<_>, _>>()?;
    for part in &parts {
        part.check(&config, into)?;
    }
    check_ids(&parts, None)?;
    let mut writer = LocalWriter::open(into, config, options)?;
    check_ids(&parts, writer.catalog()?.map(|own| (into, own)))?;
    for part in &parts {
        writer.adopt(part)?;
    }
    writer.tidies = false;
    let is_mixed = parts.iter().any(|part| part.manifest.config.precision != writer.next.config.precision);
    Ok(MergedIndexes { indexes: parts.len(), is_mixed, written: Box::new(writer).commit()? })
}

impl Part {
    fn open(dir: &Path) -> Result<Self, StoreError> {
        let none = || StoreError::NoIndex { dir: dir.into() };
        let open = |root: &Dir, bytes: &[u8]| -> Result<Self, StoreError> {
            let manifest = Manifest::parse(bytes, dir)?.ok_or_else(none)?;
            let (vectors, catalog) = (part(root, VECTORS)?, part(root, CATALOG)?);
            let of_documents = manifest.documents.files.iter();
            Ok(Self {
                dir: dir.into(),
                vectors: manifest.vector_files().map(|file| Opened::open(&vectors, file)).collect::<Result<_, _>>()?,
                documents: of_documents.map(|file| Opened::open(&catalog, file)).collect::<Result<_, _>>()?,
                catalog: Catalog::open(catalog, &manifest.documents, manifest.config.analysis())?,
                manifest,
            })
        };
        with_latest(dir, open, |_| true)
    }

    /// Checks that the part can become a part of the index at `into`.
    fn check(&self, config: &IndexConfig, into: &Path) -> Result<(), StoreError> {
        self.manifest.config.check(config, &self.dir)?;
        let (Some(own), Some(other)) = (config.analysis(), self.manifest.config.analysis()) else {
            return Err(StoreError::NoWords { dir: self.dir.clone() });
        };
        let dir = self.dir.display();
        if own.splitting != other.splitting {
            let message = format!("{dir}: a release with other rules split its texts into words");
            return Err(StoreError::Unsupported(message));
        }
        // Their names become those of files of ours, and only names of this form are removed if nobody needs them.
        if let Some(file) = self.manifest.documents.files.iter().find(|file| !files::is_new_name(&file.name)) {
            let path = self.dir.join(CATALOG).join(&file.name);
            return Err(StoreError::damaged(&path, "it has a name that semsearch does not give"));
        }
        if self.catalog.holder() != crate::source::holder(into) && self.catalog.has_relative_places()? {
            let holder = self.catalog.holder().display();
            return Err(StoreError::Unsupported(format!(
                "{dir}: its documents have their places relative to {holder}, so it can only be merged into an index there"
            )));
        }
        Ok(())
    }
}

/// Checks that no document of one part has the id of another's, or of one of the index that they are added to.
fn check_ids(parts: &[Part], own: Option<(&Path, &Catalog)>) -> Result<(), StoreError> {
    let dirs: Vec<&Path> = own.iter().map(|(dir, _)| *dir).chain(parts.iter().map(|part| part.dir.as_path())).collect();
    let own = own.iter().map(|(_, catalog)| *catalog);
    let catalogs: Vec<&Catalog> = own.chain(parts.iter().map(|part| &part.catalog)).collect();
    match shared_id(&catalogs)? {
        None => Ok(()),
        Some((id, first, second)) => {
            Err(StoreError::SharedId { id, first: dirs[first].into(), second: dirs[second].into() })
        }
    }
}

impl LocalWriter {
    /// Copies the files of a part. Nothing names them before the commit.
    fn adopt(&mut self, part: &Part) -> Result<(), StoreError> {
        let shift = self.next.next_key;
        let next_key = shift + part.manifest.next_key;
        if next_key > sound::MAX_NUMBER {
            return Err(StoreError::Unsupported(format!(
                "{}: its keys are too large to be moved up",
                part.dir.display()
            )));
        }
        self.changed = true;
        self.adopt_vectors(part, shift)?;
        self.adopt_documents(part, shift)?;
        self.next.next_key = next_key;
        self.next.documents += part.manifest.documents.count;
        Ok(())
    }

    fn adopt_vectors(&mut self, part: &Part, shift: u64) -> Result<(), StoreError> {
        let dir = self.held.directory(VECTORS)?;
        let mut opened = part.vectors.iter();
        let mut next = || opened.next().ok_or_else(|| StoreError::damaged(&part.dir, "a file is missing"));
        for segment in &part.manifest.segments {
            let file = next()?;
            let moved = Moved { segment, shift };
            let name = new_name(self.next.new_number(), "faiss");
            let mut adopted = moved.copy(file, &dir, &name)?;
            if let Some(sums) = adopted.codes.as_mut().and_then(|codes| codes.sums.as_mut()) {
                sums.file = copied(next()?, &sums.file, &dir, &new_name(self.next.new_number(), "sums"))?;
            }
            // The bytes are made from the vectors, at the commit. A copy of theirs could hide some.
            if segment.halves.is_some() {
                next()?;
            }
            self.next.segments.push(adopted);
        }
        if let (Some(trained), None) = (&part.manifest.trained, &self.next.trained) {
            let name = new_name(self.next.new_number(), "trained");
            self.next.trained = Some(copied(next()?, trained, &dir, &name)?);
        }
        Ok(())
    }

    fn adopt_documents(&mut self, part: &Part, shift: u64) -> Result<(), StoreError> {
        let dir = self.held.directory(CATALOG)?;
        let theirs = &part.manifest.documents;
        let copies = theirs.files.par_iter().zip(&part.documents);
        let copies = copies.map(|(file, opened)| copied(opened, file, &dir, &file.name)).collect::<Result<_, _>>();
        let copies: Vec<StoredFile> = copies?;
        let base = self.adopted.take().or_else(|| self.base().map(|base| base.documents.clone()));
        let Some(Documents { count, passages, mut files, mut meta, mut shifts }) = base else {
            let shifts = moved_segments(theirs, shift).collect();
            self.adopted = Some(Documents { files: copies, shifts, ..theirs.clone() });
            return Ok(());
        };
        let unlike = || StoreError::damaged(&part.dir, "its documents have other fields");
        if meta.get("schema") != theirs.meta.get("schema") {
            return Err(unlike());
        }
        let theirs_too = theirs.meta.get("segments").and_then(Value::as_array).ok_or_else(unlike)?;
        let segments = meta.get_mut("segments").and_then(Value::as_array_mut).ok_or_else(unlike)?;
        if theirs_too.iter().any(|theirs| segments.iter().any(|own| own.get("segment_id") == theirs.get("segment_id")))
        {
            return Err(StoreError::damaged(&part.dir, "a segment of its documents is in the index already"));
        }
        segments.extend(theirs_too.iter().cloned());
        // Operations that come later must have larger numbers.
        let stamp = |meta: &Value| meta.get("opstamp").and_then(Value::as_u64).unwrap_or(0);
        meta["opstamp"] = stamp(&meta).max(stamp(&theirs.meta)).into();
        files.extend(copies);
        shifts.extend(moved_segments(theirs, shift));
        let sum = |passages: Option<u64>, count: u64| passages.unwrap_or(count);
        let passages = Some(sum(passages, count) + sum(theirs.passages, theirs.count));
        self.adopted = Some(Documents { count: count + theirs.count, passages, files, meta, shifts });
        Ok(())
    }
}

/// The segments of documents, by the names of their files, with what is to be added to their keys.
fn moved_segments(documents: &Documents, shift: u64) -> impl Iterator<Item = (String, u64)> + '_ {
    let segments = documents.meta.get("segments").and_then(Value::as_array).into_iter().flatten();
    let names = segments.filter_map(|segment| Some(segment.get("segment_id")?.as_str()?.replace('-', "")));
    names.filter_map(move |name| {
        let shift = shift + documents.shifts.get(&name).copied().unwrap_or(0);
        (shift > 0).then_some((name, shift))
    })
}

/// Copies a file to `name` in `dir`. Its bytes must be those that were committed.
fn copied(from: &Opened, committed: &StoredFile, dir: &Dir, name: &str) -> Result<StoredFile, StoreError> {
    files::fill(dir, name, |to, path| {
        let mut copy = Copy { from, to, path };
        let mut whole = crc32fast::Hasher::new();
        copy.bytes(committed.bytes, &mut whole, |_| ())?;
        let crc32 = whole.finalize();
        files::expect(&from.path, crc32, committed.crc32)?;
        to.sync_all().map_err(StoreError::write(path))?;
        Ok(StoredFile { name: name.into(), bytes: committed.bytes, crc32 })
    })
}

/// A file that is being copied.
struct Copy<'a> {
    from: &'a Opened,
    to: &'a File,
    /// The path of the copy.
    path: &'a Path,
}

impl Copy<'_> {
    /// Copies the next `length` bytes. `read` gets the checksum of what is read; `change` may change what is written.
    fn bytes(
        &mut self,
        length: u64,
        read: &mut crc32fast::Hasher,
        mut change: impl FnMut(&mut [u8]),
    ) -> Result<(), StoreError> {
        // A multiple of a key's bytes.
        let mut buffer = vec![0; 1 << 18];
        let mut left = length;
        while left > 0 {
            let piece = &mut buffer[..left.min(1 << 18) as usize];
            (&self.from.file).read_exact(piece).map_err(StoreError::read(&self.from.path))?;
            read.update(piece);
            change(piece);
            self.to.write_all(piece).map_err(StoreError::write(self.path))?;
            left -= piece.len() as u64;
        }
        Ok(())
    }
}

/// A segment of vectors whose keys are moved.
struct Moved<'a> {
    segment: &'a Segment,
    shift: u64,
}

impl Moved<'_> {
    /// Copies the segment's file to `name` in `dir`. Keys are the last thing in it, 8 bytes each.
    fn copy(&self, from: &Opened, dir: &Dir, name: &str) -> Result<Segment, StoreError> {
        let Self { segment, shift } = *self;
        let damaged = |what: &str| StoreError::damaged(&from.path, what);
        let keys = segment.vectors.checked_mul(8).filter(|&keys| keys <= segment.file.bytes);
        let keys = keys.ok_or_else(|| damaged("it is too short for its vectors"))?;
        let (start, length) = segment.codes.as_ref().map_or((0, 0), |codes| (codes.start, codes.bytes));
        let between = (segment.file.bytes - keys).checked_sub(start + length);
        let between = between.ok_or_else(|| damaged("its codes are too long"))?;
        let (crc32, rest_crc32) = files::fill(dir, name, |to, path| {
            let mut copy = Copy { from, to, path };
            let mut read = crc32fast::Hasher::new();
            copy.bytes(start, &mut read, |_| ())?;
            // The checksum without the codes.
            let mut rest = read.clone();
            copy.bytes(length, &mut read, |_| ())?;
            let mut tail = crc32fast::Hasher::new();
            copy.bytes(between, &mut tail, |_| ())?;
            read.combine(&tail);
            rest.combine(&tail);
            let mut written = read.clone();
            copy.bytes(keys, &mut read, |piece| {
                for key in piece.chunks_exact_mut(8) {
                    let mut word = [0; 8];
                    word.copy_from_slice(key);
                    key.copy_from_slice(&u64::from_le_bytes(word).wrapping_add(shift).to_le_bytes());
                }
                written.update(piece);
                rest.update(piece);
            })?;
            files::expect(&from.path, read.finalize(), segment.file.crc32)?;
            to.sync_all().map_err(StoreError::write(path))?;
            Ok((written.finalize(), rest.finalize()))
        })?;
        Ok(Segment {
            file: StoredFile { name: name.into(), bytes: segment.file.bytes, crc32 },
            codes: segment.codes.clone().map(|codes| Codes { rest_crc32, ..codes }),
            halves: None,
            vectors: segment.vectors,
            first_key: segment.first_key + shift,
            last_key: segment.last_key + shift,
            dead: segment.dead.iter().map(|key| key + shift).collect(),
        })
    }
}
