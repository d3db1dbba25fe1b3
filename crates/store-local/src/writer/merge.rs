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
    vectors: Vec<File>,
    documents: Vec<File>,
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
            Ok(Self {
                dir: dir.into(),
                vectors: manifest.vector_files().map(|file| file.open(&vectors)).collect::<Result<_, _>>()?,
                documents: manifest.documents.files.iter().map(|file| file.open(&catalog)).collect::<Result<_, _>>()?,
                catalog: Catalog::open(catalog, &manifest.documents, manifest.config.analysis())?,
                manifest,
            })
        };
        with_latest(dir, open, |_| true)
    }

    /// Checks that the part can become a part of the index at `into`.
    fn check(&self, config: &IndexConfig, into: &Path) -> Result<(), StoreError> {
        self.manifest.config.check(config, &self.dir)?;
        let (own, other) = (config.analysis(), self.manifest.config.analysis());
        if own.is_none() || other.is_none() {
            return Err(StoreError::NoWords { dir: self.dir.clone() });
        }
        if own != other {
            let shown =
                |config: &IndexConfig| config.language.map_or_else(|| "none".into(), |language| language.to_string());
            return Err(StoreError::Mismatch {
                dir: self.dir.clone(),
                setting: "language",
                recorded: shown(&self.manifest.config),
                asked: shown(config),
            });
        }
        if self.catalog.holder() != crate::source::holder(into) && self.catalog.has_relative_places()? {
            let (dir, holder) = (self.dir.display(), self.catalog.holder().display());
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
        self.changed = true;
        self.adopt_vectors(part, shift)?;
        self.adopt_documents(part, shift)?;
        self.next.next_key = shift + part.manifest.next_key;
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
        let copies: Vec<_> = theirs.files.par_iter().zip(&part.documents).collect();
        let copies = copies.into_par_iter().map(|(file, opened)| copied(opened, file, &dir, &file.name));
        let copies: Vec<StoredFile> = copies.collect::<Result<_, _>>()?;
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
fn copied(file: &File, committed: &StoredFile, dir: &Dir, name: &str) -> Result<StoredFile, StoreError> {
    create(dir, name, |path, written| {
        let mut copy = Copy { from: file, to: written, path };
        let mut whole = crc32fast::Hasher::new();
        copy.bytes(committed.bytes, &mut [&mut whole], |_| ())?;
        let crc32 = whole.finalize();
        files::expect(path, crc32, committed.crc32)?;
        Ok(StoredFile { name: name.into(), bytes: committed.bytes, crc32 })
    })
}

/// Creates a file, lets `fill` write and describe it, and syncs it. If that fails, it is removed.
fn create<T>(
    dir: &Dir,
    name: &str,
    fill: impl FnOnce(&Path, &mut File) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let path = dir.path_of(name);
    let mut file = dir.create(name).map_err(StoreError::write(&path))?;
    let filled = fill(&path, &mut file).and_then(|described| {
        file.sync_all().map_err(StoreError::write(&path))?;
        Ok(described)
    });
    if filled.is_err() {
        // The error is what matters. The next writer removes what cannot be removed now.
        let _ = dir.remove(name);
    }
    filled
}

/// A file that is being copied.
struct Copy<'a> {
    from: &'a File,
    to: &'a mut File,
    path: &'a Path,
}

impl Copy<'_> {
    /// Copies the next `length` bytes. `before` has the checksums of what is read; `change` may change what is written.
    fn bytes(
        &mut self,
        length: u64,
        before: &mut [&mut crc32fast::Hasher],
        mut change: impl FnMut(&mut [u8]),
    ) -> Result<(), StoreError> {
        // A multiple of a key's bytes.
        let mut buffer = vec![0; 1 << 18];
        let mut left = length;
        while left > 0 {
            let piece = &mut buffer[..left.min(1 << 18) as usize];
            self.from.read_exact(piece).map_err(StoreError::read(self.path))?;
            before.iter_mut().for_each(|crc| crc.update(piece));
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
    fn copy(&self, file: &File, dir: &Dir, name: &str) -> Result<Segment, StoreError> {
        let Self { segment, shift } = *self;
        let keys = segment.vectors.checked_mul(8).filter(|&keys| keys <= segment.file.bytes);
        let keys = keys.ok_or_else(|| StoreError::damaged(Path::new(&segment.file.name), "it is too short"))?;
        let (start, length) = segment.codes.as_ref().map_or((0, 0), |codes| (codes.start, codes.bytes));
        let between = (segment.file.bytes - keys).checked_sub(start + length);
        let between =
            between.ok_or_else(|| StoreError::damaged(Path::new(&segment.file.name), "its codes are too long"))?;
        let (crc32, rest_crc32) = create(dir, name, |path, written| {
            let mut copy = Copy { from: file, to: written, path };
            // Of what is read; of what is written; of what is written without the codes.
            let (mut old, mut new) = (crc32fast::Hasher::new(), crc32fast::Hasher::new());
            copy.bytes(start, &mut [&mut old], |_| ())?;
            let mut rest = old.clone();
            copy.bytes(length, &mut [&mut old], |_| ())?;
            let mut tail = crc32fast::Hasher::new();
            copy.bytes(between, &mut [&mut tail], |_| ())?;
            old.combine(&tail);
            rest.combine(&tail);
            new.clone_from(&old);
            copy.bytes(keys, &mut [&mut old], |piece| {
                for key in piece.chunks_exact_mut(8) {
                    let mut word = [0; 8];
                    word.copy_from_slice(key);
                    key.copy_from_slice(&u64::from_le_bytes(word).wrapping_add(shift).to_le_bytes());
                }
                new.update(piece);
                rest.update(piece);
            })?;
            files::expect(path, old.finalize(), segment.file.crc32)?;
            Ok((new.finalize(), rest.finalize()))
        })?;
        Ok(Segment {
            file: StoredFile { name: name.into(), bytes: segment.file.bytes, crc32 },
            codes: segment.codes.clone().map(|codes| Codes { rest_crc32, ..codes }),
            vectors: segment.vectors,
            first_key: segment.first_key + shift,
            last_key: segment.last_key + shift,
            dead: segment.dead.iter().map(|key| key + shift).collect(),
        })
    }
}
