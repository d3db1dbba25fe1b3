//! The one writer of an index: documents and vectors gathered, then committed in one step, again and again.
//!
//! What is on the disk at any moment is the last commit, complete, and files that no commit names. A commit writes the
//! vectors, then the documents, syncs both directories, and replaces the manifest; then it removes what the new manifest
//! does not name. A process that ends before the replacing leaves the last commit, one that ends after it the new one; the
//! next writer removes what is left over.

use std::collections::hash_map::Entry as MapEntry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::catalog::{Catalog, CatalogWriter, Chunk, Cut, Digest, Entry, Known, Language, Version, digest};
use super::compaction;
use super::files::StoredFile;
use super::held::{Held, part};
use super::inputs::Inputs;
use super::manifest::{FORMAT_VERSION, Manifest, OLDEST_WRITTEN, Recipe, Segment, mentions};
use super::vectors::{self, SegmentBuilder, VectorSegment, check_factory};
use super::{CATALOG, VECTORS, check_files};
use semsearch_corpus::Document;
use semsearch_error::{BadRecord, Error, Result};

/// Bytes of vectors in a segment, at most. They are in memory twice while the segment is written.
const SEGMENT: usize = 64 << 20;

/// The same for kinds of index that are searched faster than they grow, where one large one beats many small.
const GRAPH_SEGMENT: usize = 256 << 20;

/// A long build commits so often.
const COMMIT_EVERY: Duration = Duration::from_secs(30);

/// How an index is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct WriteOptions {
    /// Start afresh: what the index holds is dropped at the end, in one commit.
    pub rebuild: bool,
    /// Wait so long for another writer to finish.
    pub wait: Duration,
    /// Commit once, at the end.
    pub at_once: bool,
    /// Commit after so many documents, beside the usual times.
    pub commit_every: Option<usize>,
}

/// What a document means to the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its id is new.
    Added,
    /// Its id is there with other content.
    Updated,
    /// It is there as it is: nothing to embed, nothing to put.
    Unchanged,
}

/// A document compared with what the index has.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// What it means to the index.
    pub change: Change,
    version: Version,
}

/// What of a document has a vector of its own: all of it, or a piece.
#[derive(Clone, Copy, Debug)]
pub struct Passage<'a> {
    /// The text that hits show.
    pub text: &'a str,
    /// Which piece it is, if the document is cut.
    pub chunk: Option<Chunk>,
    /// What hits bring back, and filters look at.
    pub metadata: &'a Map<String, Value>,
    /// The text that the model made the vector of, if it did.
    pub embedded: Option<&'a str>,
    /// The vector.
    pub vector: &'a [f32],
}

/// What a run did beside what its caller knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// How many commits there were.
    pub commits: usize,
    /// Segments of vectors that were rewritten as others.
    pub compacted: usize,
    /// Bytes of what they were rewritten as.
    pub compacted_bytes: u64,
    /// Documents of the index as this run left it.
    pub documents: u64,
    /// Their passages.
    pub passages: u64,
}

/// A document of this run.
struct Seen {
    input: u32,
    /// 1-based; 0 for the input as a whole.
    line: u64,
    version: Version,
    /// Its passages', once they are put.
    keys: Option<Vec<u64>>,
}

/// Writes an index. Until a commit nothing that readers see has changed.
pub struct IndexWriter {
    held: Held,
    options: WriteOptions,
    /// The last commit; `None` if there is none that can be read.
    last: Option<Manifest>,
    /// Whether the build begins with nothing, whatever the last commit holds.
    afresh: bool,
    /// Its documents, opened when they are asked for.
    catalog: Option<Catalog>,
    /// Its vectors, by file, opened when they are asked for.
    opened: HashMap<String, VectorSegment>,
    /// The commit to come, as far as it is written.
    next: Draft,
    /// Documents to come, opened when there is one.
    documents: Option<CatalogWriter>,
    /// Vectors to come.
    pending: SegmentBuilder,
    /// Which of them are of these texts.
    pending_texts: HashMap<Digest, u64>,
    /// Keys of the last commit, or of this one, whose documents are replaced or removed.
    gone: HashSet<u64>,
    /// Ids of this run, by digest.
    seen: HashMap<Digest, Seen>,
    inputs: Inputs,
    changed: bool,
    uncommitted: usize,
    since: Instant,
    written: Written,
    /// Whether a commit rewrites what is small or worn.
    tidies: bool,
    /// The manifest that could not be read, until a rebuild takes its place.
    unreadable: Option<Vec<u8>>,
}

/// What a commit says of vectors.
struct Draft {
    recipe: Recipe,
    segments: Vec<Segment>,
    trained: Option<StoredFile>,
    needs_training: bool,
    documents: u64,
    next_key: u64,
    next_file: u64,
    created: Option<String>,
}

impl IndexWriter {
    /// Takes the index at `dir` to write, making it if there is none.
    ///
    /// # Errors
    /// Another process writes it; it was built by another recipe; the directory holds something else, cannot be
    /// written, or is damaged; FAISS does not know the recipe's factory.
    pub fn open(dir: &Path, recipe: Recipe, options: WriteOptions) -> Result<Self> {
        let needs_training = check_factory(&recipe, dir)?;
        let held = Held::take(dir, options.wait)?;
        let bytes = Manifest::bytes(held.root())?.unwrap_or_default();
        let (base, unreadable) = match Manifest::parse(&bytes, dir) {
            // What cannot be read cannot be updated either, but may be replaced.
            Err(Error::Damaged { .. } | Error::NewerFormat { .. }) if options.rebuild => (None, Some(bytes)),
            outcome => (outcome?, None),
        };
        // What a killed writer left. Which files are those of a manifest that cannot be read is not known: they stay until
        // there is another.
        if unreadable.is_none() {
            sweep(&held, base.as_ref(), base.as_ref())?;
        }
        // Keys and files go on even through a rebuild: a reader of the old commit must not meet its own with other
        // content.
        let (next_key, next_file) = base.as_ref().map_or((0, 1), |base| (base.next_key, base.next_file));
        let mut next = Draft {
            recipe,
            segments: Vec::new(),
            trained: None,
            needs_training,
            documents: 0,
            next_key,
            next_file,
            created: None,
        };
        // A rebuild must not be seen half done where there is something to be seen.
        let replaces = base.is_some() || unreadable.is_some();
        let options = WriteOptions { at_once: options.at_once || (options.rebuild && replaces), ..options };
        if let Some(base) = base.as_ref().filter(|_| !options.rebuild) {
            if base.format_version < OLDEST_WRITTEN {
                return Err(Error::ReadOnlyFormat { dir: dir.into(), found: base.format_version });
            }
            base.recipe.check(&next.recipe, dir)?;
            check_files(held.root(), base)?;
            next.segments.clone_from(&base.segments);
            next.trained.clone_from(&base.trained);
            next.documents = base.documents.count;
            next.created = Some(base.created.clone());
        }
        Ok(Self {
            held,
            options,
            last: base,
            afresh: options.rebuild,
            catalog: None,
            opened: HashMap::new(),
            next,
            documents: None,
            pending: SegmentBuilder::default(),
            pending_texts: HashMap::new(),
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

    /// What `document`, `cut` as it will be, means to the index, with the vector that was `given` for it, if one was. Says
    /// so once for each id of an input: a second one is an error that names both. In another input it is an update.
    ///
    /// A document whose id was made of its content is the same document if it comes again.
    ///
    /// # Errors
    /// [`BadRecord::DuplicateId`], or the catalog is damaged.
    pub fn compare(&mut self, document: &Document, cut: Option<Cut>, given: Option<&[f32]>) -> Result<Compared> {
        let version = Version::of(document, cut, given);
        let input = self.inputs.number(&document.place.input);
        let line = document.place.line.unwrap_or(0);
        let id = digest(document.id.as_bytes());
        let known = match self.seen.get(&id) {
            Some(seen) if seen.input == input && document.own_id => {
                let first = self.inputs.place(seen.input, seen.line);
                let problem = BadRecord::DuplicateId { id: document.id.clone(), first };
                return Err(Error::record(&document.place, problem));
            }
            Some(seen) => Some(seen.version),
            None => self.known(&document.id)?.map(|known| known.version),
        };
        let keys = self.seen.remove(&id).and_then(|seen| seen.keys);
        self.seen.insert(id, Seen { input, line, version, keys });
        let change = match known {
            Some(there) if there == version => Change::Unchanged,
            Some(_) => Change::Updated,
            None => Change::Added,
        };
        Ok(Compared { change, version })
    }

    /// The commit that this one changes.
    fn base(&self) -> Option<&Manifest> {
        self.last.as_ref().filter(|_| !self.afresh)
    }

    /// A document of the last commit.
    fn known(&mut self, id: &str) -> Result<Option<Known>> {
        let Some(catalog) = self.catalog()? else { return Ok(None) };
        catalog.known(id)
    }

    /// The documents of the last commit.
    fn catalog(&mut self) -> Result<Option<&Catalog>> {
        if let (None, Some(base)) = (&self.catalog, self.base()) {
            let dir = part(self.held.root(), CATALOG)?;
            self.catalog = Some(Catalog::open(dir, &base.documents, base.recipe.language)?);
        }
        Ok(self.catalog.as_ref())
    }

    /// The vector that the model made of this text before, where the index has it unrounded.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn vector_of(&mut self, text: &str) -> Result<Option<Vec<f32>>> {
        let text = digest(text.as_bytes());
        if let Some(row) = self.pending_texts.get(&text).and_then(|&key| self.pending.get(key)) {
            return Ok(Some(row.to_vec()));
        }
        if self.next.recipe.factory != "Flat" {
            return Ok(None);
        }
        let Some(catalog) = self.catalog()? else { return Ok(None) };
        let Some(key) = catalog.embedded(text)? else { return Ok(None) };
        let holding = self.next.segments.iter().filter(|segment| (segment.first_key..=segment.last_key).contains(&key));
        for segment in holding.cloned().collect::<Vec<_>>() {
            if let Some(row) = self.opened(&segment)?.get(key)? {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }

    fn opened(&mut self, segment: &Segment) -> Result<&VectorSegment> {
        match self.opened.entry(segment.file.name.clone()) {
            MapEntry::Occupied(opened) => Ok(opened.into_mut()),
            MapEntry::Vacant(entry) => {
                let dir = part(self.held.root(), VECTORS)?;
                Ok(entry.insert(VectorSegment::open(&dir, &self.next.recipe, segment)?))
            }
        }
    }

    /// Puts a document as its `passages`, all of them, as [`IndexWriter::compare`] found it to be.
    ///
    /// # Errors
    /// The catalog cannot be written.
    pub fn put(&mut self, document: &Document, compared: Compared, passages: &[Passage<'_>]) -> Result<()> {
        if compared.change == Change::Unchanged {
            return Ok(());
        }
        if compared.change == Change::Added || !self.replace(&document.id)? {
            self.next.documents += 1;
        }
        let origin = self.inputs.origin(&document.place.input);
        let first = self.next.next_key;
        for (key, passage) in (first..).zip(passages) {
            let &Passage { text, chunk, metadata, embedded, vector } = passage;
            let embedded = embedded.map(|text| digest(text.as_bytes()));
            let version = compared.version;
            let entry = Entry { key, first, document, version, text, chunk, metadata, embedded, origin: &origin };
            self.documents()?.put(&entry)?;
            self.pending.push(key, vector);
            if let Some(text) = embedded {
                self.pending_texts.insert(text, key);
            }
        }
        self.next.next_key += passages.len() as u64;
        if let Some(seen) = self.seen.get_mut(&digest(document.id.as_bytes())) {
            seen.keys = Some((first..self.next.next_key).collect());
        }
        self.changed = true;
        self.uncommitted += 1;
        if self.pending.bytes() >= self.segment_bytes() {
            self.flush()?;
        }
        Ok(())
    }

    /// Removes what stands under `id`; says whether anything did.
    fn replace(&mut self, id: &str) -> Result<bool> {
        let of_this_run = self.seen.get_mut(&digest(id.as_bytes())).and_then(|seen| seen.keys.take());
        let old = match of_this_run {
            Some(keys) => keys,
            None => self.known(id)?.map(|known| known.keys).unwrap_or_default(),
        };
        self.documents()?.remove(id);
        let there = !old.is_empty();
        self.gone.extend(old);
        Ok(there)
    }

    /// Notes an input of this run that has no documents, for [`IndexWriter::prune`].
    pub fn note_empty(&mut self, input: &Arc<str>) {
        self.inputs.number(input);
    }

    /// Removes every document that came from the inputs of this run, or from a file that is `gone`, and was not met in it;
    /// says how many. An input named by another path is the same input; below each of `directories` files are looked for
    /// that are gone.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn prune(&mut self, directories: &[PathBuf], gone: impl Fn(&Path) -> bool) -> Result<usize> {
        let mut origins: HashSet<String> = self.inputs.origins().collect();
        let Some(catalog) = self.catalog()? else { return Ok(0) };
        for directory in directories {
            let below = directory.join("");
            let there = catalog.origins(&below.to_string_lossy())?;
            origins.extend(there.into_iter().filter(|origin| gone(Path::new(origin))));
        }
        let mut candidates = Vec::new();
        for origin in &origins {
            candidates.extend(catalog.of_origin(origin)?);
        }
        candidates.retain(|(id, key)| !self.seen.contains_key(&digest(id.as_bytes())) && !self.gone.contains(key));
        let ids: HashSet<&str> = candidates.iter().map(|(id, _)| id.as_str()).collect();
        for id in &ids {
            self.documents()?.remove(id);
        }
        let removed = ids.len();
        self.next.documents -= removed as u64;
        self.changed |= removed > 0;
        self.gone.extend(candidates.into_iter().map(|(_, key)| key));
        Ok(removed)
    }

    /// The documents to write, opened when there is something to write.
    fn documents(&mut self) -> Result<&mut CatalogWriter> {
        let opened = match self.documents.take() {
            Some(open) => open,
            None => {
                let dir = self.held.directory(CATALOG)?;
                let language = self.next.recipe.language.unwrap_or(Language::NONE);
                CatalogWriter::open(dir, self.base().map(|base| &base.documents), language)?
            }
        };
        Ok(self.documents.insert(opened))
    }

    fn segment_bytes(&self) -> usize {
        let scanned = ["Flat", "SQ"].iter().any(|kind| self.next.recipe.factory.starts_with(kind));
        if scanned { SEGMENT } else { GRAPH_SEGMENT }
    }

    /// Commits what was put, if it is time to. To be called between documents.
    ///
    /// # Errors
    /// Something cannot be written; the last commit stands then.
    pub fn checkpoint(&mut self) -> Result<()> {
        let due =
            self.since.elapsed() >= COMMIT_EVERY || self.options.commit_every.is_some_and(|n| self.uncommitted >= n);
        // What has to be trained is better trained on all there is, up to a segment.
        let trained = !self.next.needs_training || self.next.trained.is_some();
        if due && trained && self.changed && !self.options.at_once {
            self.commit_now()?;
        }
        Ok(())
    }

    /// Makes everything put since the last commit durable and visible, in one step, and removes what no commit needs.
    /// Without a change there is no new commit.
    ///
    /// # Errors
    /// Something cannot be written; the last commit stands then.
    pub fn commit(mut self) -> Result<Written> {
        if self.changed || self.base().is_none() {
            self.commit_now()?;
        }
        Ok(self.told())
    }

    /// What was done, as long as the lock is held: another writer may be waiting for it.
    fn told(&self) -> Written {
        let (documents, passages) = self.last.as_ref().map_or((0, 0), |last| (last.documents.count, last.vectors()));
        Written { documents, passages, ..self.written }
    }

    /// Commits what was put as it is, for a process that has no time left: what is small or worn is rewritten by the next
    /// run. Where nothing was put there is no commit.
    ///
    /// # Errors
    /// As of [`IndexWriter::commit`].
    pub fn commit_untidied(mut self) -> Result<Written> {
        self.tidies = false;
        if self.changed {
            self.commit_now()?;
        }
        Ok(self.told())
    }

    /// Gives up what was put since the last commit.
    pub fn abandon(self) -> Written {
        self.told()
    }

    fn commit_now(&mut self) -> Result<()> {
        self.flush()?;
        self.bury()?;
        if self.tidies {
            self.compact()?;
        }
        let vectors = self.held.directory(VECTORS)?;
        for segment in &mut self.next.segments {
            if vectors::lacks_sums(segment) {
                vectors::add_sums(&vectors, self.next.next_file, segment)?;
                self.next.next_file += 1;
            }
        }
        // The keys that died are in the catalog's files as deletions, so these come last.
        let count = self.next.documents;
        let tidies = self.tidies;
        let documents = self.documents()?.flush(count, tidies)?;
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
        let manifest = Manifest {
            format_version: FORMAT_VERSION,
            recipe: self.next.recipe.clone(),
            segments: self.next.segments.clone(),
            trained: self.next.trained.clone(),
            documents,
            next_key: self.next.next_key,
            next_file: self.next.next_file,
            created: self.next.created.get_or_insert_with(|| now.clone()).clone(),
            updated: now,
        };
        for dir in [vectors, self.held.directory(CATALOG)?] {
            dir.sync().map_err(Error::write(dir.path()))?;
        }
        match self.held.commit(&manifest) {
            // It is there all the same, and so are the files of the commit before, which may be needed again.
            Err(error @ Error::Unsynced { .. }) => {
                self.committed(manifest);
                return Err(error);
            }
            committed => committed?,
        }
        let unreadable = self.unreadable.take();
        let old = self.committed(manifest);
        let named = |name: &str| {
            old.as_ref().is_some_and(|old| old.names_somewhere(name))
                || unreadable.as_ref().is_some_and(|bytes| mentions(bytes, name))
        };
        let current = self.last.as_ref();
        self.held.sweep(named, |dir, name| current.is_some_and(|current| current.names(dir, name)))
    }

    /// From here on `manifest` is what there is, whatever else fails. Gives the commit before.
    fn committed(&mut self, manifest: Manifest) -> Option<Manifest> {
        self.catalog = None;
        self.opened.clear();
        self.gone.clear();
        (self.changed, self.uncommitted, self.since) = (false, 0, Instant::now());
        self.written.commits += 1;
        self.afresh = false;
        self.last.replace(manifest)
    }

    /// Writes the vectors that wait as a segment.
    fn flush(&mut self) -> Result<()> {
        self.pending_texts.clear();
        let mut pending = std::mem::take(&mut self.pending);
        pending.remove(&self.gone);
        if !pending.is_empty() {
            let segment = self.write(&pending)?;
            self.next.segments.push(segment);
        }
        Ok(())
    }

    fn write(&mut self, vectors: &SegmentBuilder) -> Result<Segment> {
        let dir = self.held.directory(VECTORS)?;
        if self.next.needs_training && self.next.trained.is_none() {
            let number = self.next.new_number();
            self.next.trained = vectors.train(&dir, number, &self.next.recipe)?;
        }
        let number = self.next.new_number();
        vectors.write(&dir, number, &self.next.recipe, self.next.trained.as_ref())
    }

    /// Notes the keys that are gone as dead in the segments that hold them.
    fn bury(&mut self) -> Result<()> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let gone = std::mem::take(&mut self.gone);
        for at in 0..self.next.segments.len() {
            let segment = self.next.segments[at].clone();
            if !gone.iter().any(|key| (segment.first_key..=segment.last_key).contains(key)) {
                continue;
            }
            let dead = self.opened(&segment)?.among(&gone);
            let segment = &mut self.next.segments[at];
            segment.dead.extend(dead);
            segment.dead.sort_unstable();
            segment.dead.dedup();
        }
        self.gone = gone;
        // They were opened with those that were dead before.
        self.opened.clear();
        Ok(())
    }

    /// Rewrites segments that are small and many, or worn, until none are.
    fn compact(&mut self) -> Result<()> {
        let large = (self.segment_bytes() / (4 * self.next.recipe.dim)).max(1) as u64;
        loop {
            let size = |segment: &Segment| compaction::Size { all: segment.vectors, live: segment.live() };
            let sizes: Vec<_> = self.next.segments.iter().map(size).collect();
            let Some(group) = compaction::choose(&sizes, large) else { return Ok(()) };
            let dir = part(self.held.root(), VECTORS)?;
            let mut opened = Vec::with_capacity(group.len());
            for &at in &group {
                // Its codes are about to get a checksum of their own.
                vectors::check(&dir, &self.next.segments[at], true)?;
                opened.push(VectorSegment::open(&dir, &self.next.recipe, &self.next.segments[at])?);
            }
            let mut merged = SegmentBuilder::default();
            vectors::merged(&opened, |key, row| {
                merged.push(key, row);
                Ok(())
            })?;
            opened.iter().try_for_each(VectorSegment::check_maps)?;
            drop(opened);
            let mut position = 0..;
            self.next.segments.retain(|_| position.next().is_some_and(|at: usize| !group.contains(&at)));
            self.written.compacted += group.len();
            if !merged.is_empty() {
                let segment = self.write(&merged)?;
                self.written.compacted_bytes += segment.file.bytes;
                self.next.segments.push(segment);
            }
        }
    }
}

impl Draft {
    /// The number of the next file of vectors.
    fn new_number(&mut self) -> u64 {
        self.next_file += 1;
        self.next_file - 1
    }
}

impl Drop for IndexWriter {
    /// Without a commit, what was put is gone.
    fn drop(&mut self) {
        // tantivy's thread ends here, so that it writes nothing more.
        self.documents = None;
        // What cannot be removed now is swept by the next writer. Files of a manifest that cannot be read stay.
        if self.changed && self.unreadable.is_none() {
            let _ = sweep(&self.held, self.last.as_ref(), self.last.as_ref());
        }
    }
}

/// Removes what was named by the `old` commit, or by none, and is not named by the `current` one.
fn sweep(held: &Held, old: Option<&Manifest>, current: Option<&Manifest>) -> Result<()> {
    held.sweep(
        |name| old.is_some_and(|old| old.names_somewhere(name)),
        |dir, name| current.is_some_and(|current| current.names(dir, name)),
    )
}
