//! The one writer of a directory. It gathers documents and vectors and commits them in one step, again and again.
//!
//! At any moment the disk holds the last commit, complete, and files that no commit names. A commit writes the vectors,
//! then the documents, syncs both directories, and replaces the manifest; then it removes what the new manifest does
//! not name. If a process ends before it replaces the manifest, the last commit stays; if it ends after, the new commit
//! is in place. The next writer removes what is left over.

mod commit;
mod draft;
mod known;
mod merge;
mod prune;
mod put;

use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::catalog::{Catalog, CatalogWriter};
use crate::held::{Held, part};
use crate::manifest::{Documents, Manifest};
use crate::manifest_file::OLDEST_WRITTEN;
use crate::segment::Segment;
use crate::source;
use crate::vectors::{Opening, SegmentBuilder, VectorSegment, check_factory};
use crate::verify::check_files;
use crate::{CATALOG, VECTORS};
use commit::sweep;
use draft::Draft;
pub use merge::{MergedIndexes, merge};
use put::nameless_digest;
use semsearch_corpus::Document;
use semsearch_store::{
    Analysis, Change, ChunkSize, Compared, ContentDigest, CopiedPassage, IndexConfig, Inputs, Language, NewPassage,
    Splitting, StoreError, StoreWriter, Version, WriteOptions, Written, content_digest,
};

/// The most bytes of vectors in a segment. They are in memory twice while the segment is written.
const SEGMENT: usize = 64 << 20;

/// The most bytes for kinds of index that are slow to build and fast to search. For these, one large segment is better
/// than many small ones.
const GRAPH_SEGMENT: usize = 256 << 20;

/// A long build commits at this interval.
const COMMIT_EVERY: Duration = Duration::from_secs(30);

/// A document of this run.
struct Seen {
    /// The input, and the record's line, from 1, or 0 for the input as a whole; `None` for a document of another index.
    place: Option<(u32, u64)>,
    version: Version,
    /// The keys of its passages, once they are put.
    keys: Option<Vec<u64>>,
}

/// Writes an index. Readers see no change before a commit.
pub struct LocalWriter {
    held: Held,
    /// The directory that holds the index.
    holder: PathBuf,
    options: WriteOptions,
    /// The last commit; `None` if there is none that can be read.
    last: Option<Manifest>,
    /// Whether the build begins with nothing, even if the last commit holds something.
    afresh: bool,
    /// The documents of the last commit, opened when they are first needed.
    catalog: Option<Catalog>,
    /// The vectors of the last commit by file, opened when they are first needed.
    opened: HashMap<String, VectorSegment>,
    /// The next commit, as far as it is written.
    next: Draft,
    /// The documents of the last commit together with those of other indexes, if there are any.
    adopted: Option<Documents>,
    /// The writer of new documents, opened with the first one.
    documents: Option<CatalogWriter>,
    /// New vectors that are not written yet.
    pending: SegmentBuilder,
    /// The keys of pending vectors, by the digest of the embedded text.
    pending_texts: HashMap<ContentDigest, u64>,
    /// The keys of the last commit by input, of those inputs that were met.
    of_origin: HashMap<Arc<str>, HashSet<u64>>,
    /// Keys, of the last commit or of this one, whose documents were replaced or removed.
    gone: HashSet<u64>,
    /// The ids of this run, by their digests.
    seen: HashMap<ContentDigest, Seen>,
    inputs: Inputs,
    changed: bool,
    uncommitted: usize,
    since: Instant,
    written: Written,
    /// Whether a commit rewrites segments that are small or have many dead entries.
    tidies: bool,
    /// The bytes of a manifest that could not be read, until a rebuild replaces it.
    unreadable: Option<Vec<u8>>,
}

impl LocalWriter {
    /// Takes the index at `dir` for writing, and makes it if there is none.
    ///
    /// # Errors
    /// Another process is writing the index; it was built with another config; the directory holds something else,
    /// cannot be written, or is damaged; FAISS does not know the config's factory.
    pub fn open(dir: &Path, config: IndexConfig, options: WriteOptions) -> Result<Self, StoreError> {
        let needs_training = check_factory(&config, dir)?;
        let held = Held::take(dir, options.wait)?;
        let bytes = Manifest::bytes(held.root())?.unwrap_or_default();
        let (base, unreadable) = match Manifest::parse(&bytes, dir) {
            // An index that cannot be read cannot be updated, but it can be replaced.
            Err(StoreError::Damaged { .. } | StoreError::NewerFormat { .. }) if options.rebuild => (None, Some(bytes)),
            outcome => (outcome?, None),
        };
        // This removes what a killed writer left. If a manifest cannot be read, its files are not known, so all files
        // stay until there is a new manifest.
        if unreadable.is_none() {
            sweep(&held, base.as_ref(), base.as_ref())?;
        }
        // While readers can see an index, they must not see a half-done rebuild.
        let replaces = base.is_some() || unreadable.is_some();
        let options = WriteOptions { at_once: options.at_once || (options.rebuild && replaces), ..options };
        let kept = base.as_ref().filter(|_| !options.rebuild);
        if let Some(kept) = kept {
            if kept.format_version < OLDEST_WRITTEN {
                return Err(StoreError::ReadOnlyFormat { dir: dir.into(), found: kept.format_version });
            }
            kept.config.check(&config, dir)?;
            check_files(held.root(), kept)?;
        }
        let next = Draft::new(config, needs_training, base.as_ref(), kept);
        Ok(Self {
            holder: source::holder(dir),
            held,
            options,
            last: base,
            afresh: options.rebuild,
            catalog: None,
            opened: HashMap::new(),
            next,
            adopted: None,
            documents: None,
            pending: SegmentBuilder::default(),
            pending_texts: HashMap::new(),
            of_origin: HashMap::new(),
            gone: HashSet::new(),
            seen: HashMap::new(),
            inputs: Inputs::default(),
            changed: false,
            uncommitted: 0,
            since: Instant::now(),
            written: Written::default(),
            tidies: true,
            unreadable,
        })
    }

    /// The commit that this one changes.
    fn base(&self) -> Option<&Manifest> {
        self.last.as_ref().filter(|_| !self.afresh)
    }

    /// The documents of the last commit.
    fn catalog(&mut self) -> Result<Option<&Catalog>, StoreError> {
        if let (None, Some(base)) = (&self.catalog, self.base()) {
            let dir = part(self.held.root(), CATALOG)?;
            self.catalog = Some(Catalog::open(dir, &base.documents, base.config.analysis())?);
        }
        Ok(self.catalog.as_ref())
    }

    fn opened(&mut self, segment: &Segment) -> Result<&VectorSegment, StoreError> {
        match self.opened.entry(segment.file.name.clone()) {
            MapEntry::Occupied(opened) => Ok(opened.into_mut()),
            MapEntry::Vacant(entry) => {
                let dir = part(self.held.root(), VECTORS)?;
                Ok(entry.insert(VectorSegment::open(&dir, &self.next.config, segment, Opening::default())?))
            }
        }
    }

    /// The writer of documents, opened when there is something to write.
    fn documents(&mut self) -> Result<&mut CatalogWriter, StoreError> {
        let opened = match self.documents.take() {
            Some(open) => open,
            None => {
                let dir = self.held.directory(CATALOG)?;
                let analysis = self.next.config.analysis();
                let none = Analysis { language: Language::NONE, splitting: Splitting::default() };
                let base = self.adopted.as_ref().or(self.base().map(|base| &base.documents));
                CatalogWriter::open(dir, base, analysis.unwrap_or(none))?
            }
        };
        Ok(self.documents.insert(opened))
    }

    /// The vector that is stored under `key`, if one is.
    fn stored_vector(&mut self, key: u64) -> Result<Option<Vec<f32>>, StoreError> {
        let holding = self.next.segments.iter().filter(|segment| (segment.first_key..=segment.last_key).contains(&key));
        for segment in holding.cloned().collect::<Vec<_>>() {
            if let Some(row) = self.opened(&segment)?.get(key)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn segment_bytes(&self) -> usize {
        let scanned = ["Flat", "SQ"].iter().any(|kind| self.next.config.factory.starts_with(kind));
        if scanned { SEGMENT } else { GRAPH_SEGMENT }
    }

    /// What was done. This is asked for while the lock is held, because another writer may be waiting for it.
    fn told(&self) -> Written {
        let (documents, passages) = self.last.as_ref().map_or((0, 0), |last| (last.documents.count, last.vectors()));
        Written { documents, passages, ..self.written }
    }
}

impl StoreWriter for LocalWriter {
    fn compare(
        &mut self,
        document: &Document,
        chunks: Option<ChunkSize>,
        given: Option<&[f32]>,
    ) -> Result<Compared, StoreError> {
        let input = self.inputs.number(&document.place.input);
        let line = document.place.line.unwrap_or(0);
        let here = self.seen.get(&content_digest(document.id.as_bytes())).and_then(|seen| seen.place);
        if let Some((there, at)) = here.filter(|(there, _)| *there == input && document.own_id) {
            let first = self.inputs.place(there, at);
            return Err(StoreError::RepeatedId { place: document.place.clone(), id: document.id.clone(), first });
        }
        let origin = self.inputs.origin(&document.place.input);
        let version = Version::of(document, chunks, given);
        self.meet(&document.id, version, Some((input, line)), &origin)
    }

    fn vector_of(&mut self, text: &str) -> Result<Option<Vec<f32>>, StoreError> {
        let text = content_digest(text.as_bytes());
        if let Some(row) = self.pending_texts.get(&text).and_then(|&key| self.pending.get(key)) {
            return Ok(Some(row.to_vec()));
        }
        if self.next.config.factory != "Flat" {
            return Ok(None);
        }
        let Some(catalog) = self.catalog()? else { return Ok(None) };
        match catalog.embedded(text)? {
            Some(key) => self.stored_vector(key),
            None => Ok(None),
        }
    }

    fn renamed_vector(&mut self, nameless: &str) -> Result<Option<Vec<f32>>, StoreError> {
        if self.next.config.factory != "Flat" {
            return Ok(None);
        }
        let Some(catalog) = self.catalog()? else { return Ok(None) };
        match catalog.renamed(nameless_digest(nameless))? {
            Some(key) => self.stored_vector(key),
            None => Ok(None),
        }
    }

    fn put(&mut self, document: &Document, compared: Compared, passages: &[NewPassage<'_>]) -> Result<(), StoreError> {
        self.put_document(document, compared, passages)
    }

    fn put_copied(&mut self, passages: &[CopiedPassage]) -> Result<Change, StoreError> {
        self.put_copies(passages)
    }

    fn note_empty(&mut self, input: &Arc<str>) {
        self.inputs.number(input);
    }

    fn remove(&mut self, id: &str) -> Result<bool, StoreError> {
        let there = self.replace(id)?;
        self.next.documents -= u64::from(there);
        self.changed |= there;
        Ok(there)
    }

    fn prune(
        &mut self,
        places: &[PathBuf],
        gone: &dyn Fn(&Path) -> bool,
        spared: &dyn Fn(&Path) -> bool,
    ) -> Result<usize, StoreError> {
        self.remove_absent(places, gone, spared)
    }

    fn gone(&mut self, places: &[PathBuf], gone: &dyn Fn(&Path) -> bool) -> Result<usize, StoreError> {
        let of_this_run: HashSet<String> = self.inputs.origins().collect();
        Ok(self.gone_origins(places, gone)?.iter().filter(|origin| !of_this_run.contains(*origin)).count())
    }

    fn checkpoint(&mut self) -> Result<(), StoreError> {
        let due =
            self.since.elapsed() >= COMMIT_EVERY || self.options.commit_every.is_some_and(|n| self.uncommitted >= n);
        // An index that must be trained is trained better on all vectors, up to a segment.
        let trained = !self.next.needs_training || self.next.trained.is_some();
        if due && trained && self.changed && !self.options.at_once {
            self.commit_now()?;
        }
        Ok(())
    }

    fn commit(mut self: Box<Self>) -> Result<Written, StoreError> {
        if self.changed || self.base().is_none() {
            self.commit_now()?;
        }
        Ok(self.told())
    }

    fn commit_untidied(mut self: Box<Self>) -> Result<Written, StoreError> {
        self.tidies = false;
        if self.changed {
            self.commit_now()?;
        }
        Ok(self.told())
    }

    fn abandon(self: Box<Self>) -> Written {
        self.told()
    }
}

impl Drop for LocalWriter {
    /// Removes what was put and not committed.
    fn drop(&mut self) {
        // This ends tantivy's thread, so it writes nothing more.
        self.documents = None;
        // The next writer removes what cannot be removed now. The files of a manifest that cannot be read stay.
        if self.changed && self.unreadable.is_none() {
            let _ = sweep(&self.held, self.last.as_ref(), self.last.as_ref());
        }
    }
}
