//! The one writer of an index: documents and vectors gathered, then committed in one step.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::catalog::{Catalog, CatalogWriter, content_digest};
use super::lock::WriterLock;
use super::manifest::{FORMAT_VERSION, Manifest, Recipe, Segment};
use super::vectors::{SegmentBuilder, VectorSegment, check_factory};
use super::{catalog_dir, check_file, check_segments, is_small, vectors_dir};
use crate::corpus::Document;
use crate::error::{BadRecord, Error, Place, Result};

/// More segments than this are merged into one at a commit.
const MAX_SEGMENTS: usize = 8;

/// What a document means to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its id is new.
    Added,
    /// Its id is there with other content, whose vector has this key.
    Updated {
        /// The key that dies.
        key: u64,
    },
    /// It is there as it is: nothing to embed, nothing to put.
    Unchanged,
}

/// Makes the next commit of an index. Until [`IndexWriter::commit`] nothing that readers see has changed.
pub struct IndexWriter {
    dir: PathBuf,
    /// The commit that this one follows.
    base: Option<(Catalog, Manifest)>,
    recipe: Recipe,
    catalog: Option<CatalogWriter>,
    vectors: SegmentBuilder,
    /// There is a catalog that cannot be read, to be thrown away when there is something to put in its place.
    unreadable: bool,
    /// Keys whose documents this commit replaces.
    replaced: HashSet<u64>,
    next_key: u64,
    next_file: u64,
    /// Ids of this run, by digest: where they stood.
    seen: HashMap<[u8; 16], Place>,
    undo: Undo,
    _lock: WriterLock,
}

impl IndexWriter {
    /// Takes the index at `dir` to write, making it if there is none. With `rebuild`, what it holds is dropped at the
    /// commit.
    ///
    /// # Errors
    /// Another process writes it; it was built by another recipe; the directory holds something else, cannot be
    /// written, or is damaged; FAISS does not know the recipe's factory.
    pub fn open(dir: &Path, recipe: Recipe, rebuild: bool) -> Result<Self> {
        check_factory(&recipe, dir)?;
        if !catalog_dir(dir).exists() && fs::read_dir(dir).is_ok_and(|mut entries| entries.any(|found| !ours(found))) {
            return Err(Error::NotAnIndex { dir: dir.into() });
        }
        let undo = Undo::making(dir)?;
        let lock = WriterLock::acquire(dir)?;
        let (base, unreadable) = match Catalog::open(&catalog_dir(dir), true) {
            // What cannot be read cannot be updated either, but may be replaced.
            Err(Error::Damaged { .. } | Error::NewerFormat { .. }) if rebuild => (None, true),
            outcome => (outcome?, false),
        };
        if let Some((_, manifest)) = base.as_ref().filter(|_| !rebuild) {
            manifest.recipe.check(&recipe, dir)?;
            check_segments(dir, manifest, is_small(dir)?)?;
        }
        // Keys and files go on even through a rebuild: a reader of the old commit must not meet its own with other
        // content.
        let (next_key, next_file) =
            base.as_ref().map_or((0, 1), |(_, manifest)| (manifest.next_key, manifest.next_file));
        let mut writer = Self {
            dir: dir.into(),
            base,
            recipe,
            catalog: None,
            vectors: SegmentBuilder::new(),
            unreadable,
            replaced: HashSet::new(),
            next_key,
            next_file,
            seen: HashMap::new(),
            undo,
            _lock: lock,
        };
        if rebuild && writer.base.take().is_some() {
            writer.catalog()?.clear()?;
        }
        Ok(writer)
    }

    /// What `document` means to the index. Says so once for each id: a second one is an error that names both.
    ///
    /// A document whose id was made of its content is the same document if it comes again.
    ///
    /// # Errors
    /// [`BadRecord::DuplicateId`], or the catalog is damaged.
    pub fn compare(&mut self, document: &Document) -> Result<Change> {
        match self.seen.entry(id_digest(&document.id)) {
            Entry::Occupied(_) if !document.own_id => return Ok(Change::Unchanged),
            Entry::Occupied(first) => {
                let problem = BadRecord::DuplicateId { id: document.id.clone(), first: first.get().clone() };
                return Err(Error::record(&document.place, problem));
            }
            Entry::Vacant(place) => place.insert(document.place.clone()),
        };
        let Some((catalog, _)) = &self.base else { return Ok(Change::Added) };
        Ok(match catalog.known(&document.id)? {
            None => Change::Added,
            Some(known) if known.digest == content_digest(document) => Change::Unchanged,
            Some(known) => Change::Updated { key: known.key },
        })
    }

    /// Puts a document with its vector, as the `change` that [`IndexWriter::compare`] found it to be.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn put(&mut self, document: &Document, change: Change, vector: &[f32]) -> Result<()> {
        if let Change::Updated { key } = change {
            self.replaced.insert(key);
        }
        let key = self.next_key;
        self.catalog()?.put(key, &content_digest(document), document)?;
        self.vectors.push(key, vector);
        self.next_key += 1;
        Ok(())
    }

    /// The catalog to write, opened when there is something to write.
    fn catalog(&mut self) -> Result<&mut CatalogWriter> {
        if self.unreadable {
            fs::remove_dir_all(catalog_dir(&self.dir)).map_err(Error::write(&self.dir))?;
            self.unreadable = false;
        }
        let opened = match self.catalog.take() {
            Some(open) => open,
            None => CatalogWriter::open(&catalog_dir(&self.dir))?,
        };
        Ok(self.catalog.insert(opened))
    }

    /// Makes everything put since the last commit durable and visible, in one step, and removes what no commit needs.
    /// Without a change there is no new commit.
    ///
    /// # Errors
    /// Something cannot be written; the last commit stands then.
    pub fn commit(mut self) -> Result<()> {
        if self.catalog.is_some() || self.base.is_none() {
            let manifest = self.next_manifest()?;
            self.catalog()?.commit(&manifest)?;
            self.undo.keep();
            sweep(&vectors_dir(&self.dir), &manifest.segments)?;
        }
        self.catalog.take().map_or(Ok(()), CatalogWriter::close)
    }

    /// Writes the vectors, and says what the commit will say.
    fn next_manifest(&mut self) -> Result<Manifest> {
        let vectors = vectors_dir(&self.dir);
        fs::create_dir_all(&vectors).map_err(Error::write(&vectors))?;
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
        let (mut segments, created) = match &self.base {
            Some((_, manifest)) => (manifest.segments.clone(), manifest.created.clone()),
            None => (Vec::new(), now.clone()),
        };
        self.bury(&mut segments)?;
        self.merge(&mut segments)?;
        if !self.vectors.is_empty() {
            let path = vectors.join(format!("{:06}.faiss", self.next_file));
            segments.push(self.vectors.write(&path, &self.recipe)?);
            self.next_file += 1;
        }
        Ok(Manifest {
            format_version: FORMAT_VERSION,
            recipe: self.recipe.clone(),
            segments,
            next_key: self.next_key,
            next_file: self.next_file,
            created,
            updated: now,
        })
    }

    /// Notes the keys that this commit replaces as dead in the segments that hold them.
    fn bury(&mut self, segments: &mut [Segment]) -> Result<()> {
        if self.replaced.is_empty() {
            return Ok(());
        }
        for segment in segments {
            let keys = self.open_segment(segment)?.keys()?;
            segment.dead.extend(keys.iter().filter(|key| self.replaced.contains(key)));
        }
        Ok(())
    }

    /// Moves into the new segment what lives in segments that are a quarter dead, or in all where they are too many.
    fn merge(&mut self, segments: &mut Vec<Segment>) -> Result<()> {
        let too_many = segments.len() >= MAX_SEGMENTS;
        let worn = |segment: &Segment| too_many || segment.dead.len() as u64 * 4 > segment.vectors;
        let (merged, kept): (Vec<_>, Vec<_>) = segments.drain(..).partition(worn);
        *segments = kept;
        for segment in merged {
            let (keys, rows) = self.open_segment(&segment)?.live()?;
            keys.iter().zip(rows.iter()).for_each(|(&key, row)| self.vectors.push(key, row));
        }
        Ok(())
    }

    fn open_segment(&self, segment: &Segment) -> Result<VectorSegment> {
        let path = vectors_dir(&self.dir).join(&segment.file);
        check_file(&path, segment, true)?;
        VectorSegment::open(&path, &self.recipe, segment)
    }
}

impl Drop for IndexWriter {
    /// Without a commit, what was put is gone.
    fn drop(&mut self) {
        if let Some(catalog) = self.catalog.take() {
            catalog.abandon();
        }
    }
}

/// Whether a directory's entry may stand in an index that was never committed.
fn ours(entry: std::io::Result<fs::DirEntry>) -> bool {
    entry.is_ok_and(|entry| ["lock", "vectors"].iter().any(|name| entry.file_name() == *name))
}

fn id_digest(id: &str) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(id)[..16]);
    short
}

/// The directory that this writer made, to be removed if nothing comes to be committed in it.
struct Undo(Option<PathBuf>);

impl Undo {
    /// Makes `dir` if it is not there.
    fn making(dir: &Path) -> Result<Self> {
        if dir.is_dir() {
            return Ok(Self(None));
        }
        fs::create_dir_all(dir).map_err(Error::write(dir))?;
        Ok(Self(Some(dir.into())))
    }

    fn keep(&mut self) {
        self.0 = None;
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(dir) = &self.0 {
            // What cannot be removed is an empty index, which every command understands.
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Removes the files of vectors that the commit does not name.
fn sweep(vectors: &Path, segments: &[Segment]) -> Result<()> {
    for entry in fs::read_dir(vectors).map_err(Error::read(vectors))? {
        let entry = entry.map_err(Error::read(vectors))?;
        if !segments.iter().any(|segment| entry.file_name() == segment.file.as_str()) {
            fs::remove_file(entry.path()).map_err(Error::write(&entry.path()))?;
        }
    }
    Ok(())
}
