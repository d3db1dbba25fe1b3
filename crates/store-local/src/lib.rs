//! An index on disk: documents, their vectors, and one commit that names both.
//!
//! ```text
//! .semsearch/
//!   manifest.json          the commit: names every other file, with its length and checksum
//!   catalog/               tantivy: each passage's key, id, title, text, metadata, source and digests
//!   vectors/000001.faiss   FAISS: vectors and their keys, a file for each segment
//!   vectors/000001.sums    checksums of the vectors' parts
//!   lock                   held by the one writer
//! ```
//!
//! [`Index`] reads one commit and sees only that; [`IndexWriter`] makes the next. A file is on the disk before the commit
//! that names it, and is never changed afterwards; one that no commit names is garbage, and swept. What a query means is
//! left to `semsearch_engine`.

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
mod blas;
mod catalog;
mod compaction;
mod files;
mod held;
mod inputs;
mod keys;
mod lock;
mod manifest;
mod nearest;
mod processor;
mod sound;
mod vectors;
mod verify;
mod writer;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use catalog::Catalog;
pub use catalog::{Chunk, Cut, Language, LexicalQuery, Stored, Word, is_catalog_thread};
pub use files::StoredFile;
use held::part;
pub use keys::Keys;
pub use manifest::{
    Codes, Cutting, Documents, FORMAT_VERSION, Manifest, Metric, ModelIdentity, Prompts, Recipe, Segment, Store, Sums,
};
use nearest::nearer;
pub use processor::check_processor;
use vectors::VectorSegment;
pub use vectors::{Effort, Neighbour, set_threads};
use verify::check_files;
pub use verify::{Verified, verify};
pub use writer::{Change, Compared, IndexWriter, Passage, WriteOptions, Written};

use semsearch_encoder::encoder::Vectors;
use semsearch_error::{Error, Result};
use semsearch_files::Dir;
use semsearch_filter::Filter;
use semsearch_kernels::Isa;

/// The directory's usual name.
pub const DIRECTORY: &str = ".semsearch";

/// A search that compares fewer pairs of vectors is done by one thread: to start others would take as long.
const PAIRS_ALONE: usize = 50_000;

/// Fewer vectors are checked by one thread.
const KEYS_ALONE: usize = 512;

/// Queries that are compared with a segment together, at least: fewer make poor matrices.
const QUERIES_TOGETHER: usize = 64;

/// The directory of documents in an index's.
const CATALOG: &str = "catalog";

/// The directory of vectors.
const VECTORS: &str = "vectors";

/// Opens an index's directory to read; `None` if there is none.
fn opened(dir: &Path) -> Result<Option<Dir>> {
    match Dir::open(dir) {
        Ok(root) => Ok(Some(root)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(Error::read(dir)(error)),
    }
}

/// Reads the latest commit of the index at `dir`, and does so again if the outcome is not good and there is a newer one: a
/// writer removes what its new commit does not need, at whatever moment, and whatever error that is for a reader.
fn with_latest<T>(dir: &Path, read: impl Fn(&Dir, &[u8]) -> Result<T>, is_good: impl Fn(&T) -> bool) -> Result<T> {
    let none = || Error::NoIndex { dir: dir.into() };
    loop {
        let root = opened(dir)?.ok_or_else(none)?;
        let before = Manifest::bytes(&root)?.ok_or_else(none)?;
        let changed = || -> Result<bool> {
            let now = opened(dir)?.ok_or_else(none)?;
            Ok(Manifest::bytes(&now)?.as_ref() != Some(&before))
        };
        let outcome = read(&root, &before);
        if outcome.as_ref().is_ok_and(&is_good) || !changed()? {
            return outcome;
        }
    }
}

/// One commit of an index, to search.
pub struct Index {
    root: Dir,
    manifest: Manifest,
    catalog: Catalog,
    segments: Vec<VectorSegment>,
    /// What vectors are compared with, where that is not FAISS's work.
    isa: Isa,
}

impl Index {
    /// Opens the latest commit of the index at `dir`. The vectors are mapped, not read.
    ///
    /// # Errors
    /// There is no index, it is of another format, or a file of it is missing or damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        let open = |root: &Dir, bytes: &[u8]| {
            let manifest = Manifest::parse(bytes, dir)?.ok_or_else(|| Error::NoIndex { dir: dir.into() })?;
            Self::open_commit(root.again().map_err(Error::read(dir))?, manifest)
        };
        with_latest(dir, open, |_| true)
    }

    fn open_commit(root: Dir, manifest: Manifest) -> Result<Self> {
        check_files(&root, &manifest)?;
        let catalog = Catalog::open(part(&root, CATALOG)?, &manifest.documents, manifest.recipe.language)?;
        let vectors = part(&root, VECTORS)?;
        let open = |segment| VectorSegment::open(&vectors, &manifest.recipe, segment);
        let segments = manifest.segments.iter().map(open).collect::<Result<_>>()?;
        Ok(Self { root, catalog, segments, manifest, isa: Isa::best() })
    }

    /// The index's directory.
    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    /// What the commit says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of documents.
    pub fn documents(&self) -> u64 {
        self.manifest.documents.count
    }

    /// Whether some documents are cut into several passages.
    pub fn has_chunks(&self) -> bool {
        self.catalog.len() > self.documents()
    }

    /// Has searches be so thorough.
    ///
    /// # Errors
    /// [`Error::Unsupported`]: the index's factory knows no such thing.
    pub fn set_effort(&mut self, effort: Effort) -> Result<()> {
        self.segments.iter_mut().try_for_each(|segment| segment.set_effort(effort, &self.manifest.recipe))
    }

    /// Compares vectors with this instruction set instead of the processor's best.
    pub fn set_isa(&mut self, isa: Isa) {
        self.isa = isa;
        self.segments.iter_mut().for_each(|segment| segment.set_isa(isa));
    }

    /// Of the fields that `filter` asks for those that no document has.
    ///
    /// # Errors
    /// The index is damaged, or of a format that cannot be filtered.
    pub fn unknown_fields<'a>(&self, filter: &'a Filter) -> Result<Vec<&'a str>> {
        let mut unknown = Vec::new();
        for field in filter.fields() {
            if !self.catalog.has_field(field)? {
                unknown.push(field);
            }
        }
        Ok(unknown)
    }

    /// Fields that documents have, those of the shortest names first; at most `max` of them.
    ///
    /// # Errors
    /// The index is damaged, or of a format that cannot be filtered.
    pub fn fields(&self, max: usize) -> Result<Vec<String>> {
        self.catalog.fields(max)
    }

    /// The `k` nearest of each row of `queries`, among `allowed` keys if they are given; nearest first, and of equals the
    /// one indexed first. The vectors behind the scores are as they were committed.
    ///
    /// # Errors
    /// FAISS fails, a file cannot be read, or one of these vectors is damaged.
    pub fn search(&self, queries: &Vectors, k: usize, allowed: Option<&Keys>) -> Result<Vec<Vec<Neighbour>>> {
        let found = self.search_unchecked(queries, k, allowed)?;
        let mut keys: Vec<u64> = found.iter().flatten().map(|near| near.key).collect();
        keys.sort_unstable();
        keys.dedup();
        let check = |segment: &VectorSegment| segment.check_vectors(&keys);
        if keys.len() < KEYS_ALONE {
            self.segments.iter().try_for_each(check)?;
        } else {
            self.segments.par_iter().try_for_each(check)?;
        }
        Ok(found)
    }

    fn search_unchecked(&self, queries: &Vectors, k: usize, allowed: Option<&Keys>) -> Result<Vec<Vec<Neighbour>>> {
        let metric = self.manifest.recipe.metric;
        if vectors::is_better(self.isa, &self.segments, queries, k, allowed.is_some()) {
            return vectors::scan(self.isa, &self.segments, queries, k, metric, allowed);
        }
        let tasks = self.tasks(queries.len());
        let pairs = self.manifest.vectors() as usize * queries.len();
        let run = |task: &Task| -> Result<(usize, Vec<Vec<Neighbour>>)> {
            let (rows, segment) = (queries.rows(task.first, task.first + task.count), &self.segments[task.segment]);
            let found = match allowed {
                None => segment.search(rows, task.count, k)?,
                Some(allowed) => segment.search_among(rows, task.count, k, allowed, metric)?,
            };
            Ok((task.first, found))
        };
        let found: Vec<_> = if pairs < PAIRS_ALONE {
            tasks.iter().map(run).collect::<Result<_>>()?
        } else {
            tasks.par_iter().map(run).collect::<Result<_>>()?
        };
        let mut merged = vec![Vec::new(); queries.len()];
        for (first, neighbours) in found {
            for (all, found) in merged[first..].iter_mut().zip(neighbours) {
                all.extend(found);
            }
        }
        for neighbours in &mut merged {
            neighbours.sort_by(|a, b| nearer(metric, a.score, b.score).then(a.key.cmp(&b.key)));
            neighbours.truncate(k);
        }
        Ok(merged)
    }

    /// How near the passages under `keys` are to `query`, as their vectors come back; not a number for a key that is not
    /// there, and for all of them where the factory's kind of index gives no vectors back.
    ///
    /// # Errors
    /// One of these vectors is damaged, or cannot be read.
    pub fn scores(&self, query: &[f32], keys: &[u64]) -> Result<Vec<f32>> {
        let isa = self.isa;
        let score = |key: &u64| -> Result<f32> {
            for (segment, named) in self.segments.iter().zip(&self.manifest.segments) {
                if (named.first_key..=named.last_key).contains(key)
                    && segment.gives_vectors()
                    && let Some(vector) = segment.get(*key)?
                {
                    return Ok(match self.manifest.recipe.metric {
                        Metric::Ip => isa.inner_product(&vector, query),
                        Metric::L2 => isa.squared_distance(&vector, query),
                    });
                }
            }
            Ok(f32::NAN)
        };
        keys.iter().map(score).collect()
    }

    /// A query by the words of `text`, by BM25 over titles and texts.
    ///
    /// # Errors
    /// [`Error::NoWords`], or the index is damaged.
    pub fn lexical(&self, text: &str) -> Result<LexicalQuery<'_>> {
        self.catalog.lexical(text)
    }

    /// The keys of all passages that pass `filter`, to search among.
    ///
    /// # Errors
    /// [`Error::NoWords`], or the index is damaged.
    pub fn matching(&mut self, filter: &Filter) -> Result<Keys> {
        self.segments.iter_mut().try_for_each(VectorSegment::prepare_to_filter)?;
        self.catalog.matching(&filter.plan())
    }

    /// The key of the first passage of the document that the passage under `key` belongs to.
    ///
    /// # Errors
    /// The index is damaged.
    pub fn document_of(&self, key: u64) -> Result<u64> {
        self.catalog.document_of(key)
    }

    /// A search cut into parts of like size, segment by segment, and within one, where there are few, by queries.
    fn tasks(&self, queries: usize) -> Vec<Task> {
        let wanted = 2 * rayon::current_num_threads();
        let parts = wanted.div_ceil(self.segments.len().max(1)).min(queries.div_ceil(QUERIES_TOGETHER)).max(1);
        let together = queries.div_ceil(parts).max(1);
        let of_segment = |segment| {
            let starts = (0..queries).step_by(together);
            starts.map(move |first| Task { segment, first, count: together.min(queries - first) })
        };
        (0..self.segments.len()).flat_map(of_segment).collect()
    }

    /// The documents under `keys`, each read once.
    ///
    /// # Errors
    /// A document is missing or damaged.
    pub fn documents_of(&self, keys: impl IntoIterator<Item = u64>) -> Result<HashMap<u64, Stored>> {
        let mut keys: Vec<u64> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let documents = self.catalog.get(&keys)?;
        self.catalog.check_maps()?;
        Ok(keys.iter().copied().zip(documents).collect())
    }

    /// Hands over all living vectors with their keys, which ascend: in the order in which they were indexed. As the index
    /// gives them back, so exact for `Flat`. All of them are checked first.
    ///
    /// # Errors
    /// A file is damaged, the factory's kind of index gives no vectors back, or `each` fails.
    pub fn vectors(&self, each: impl FnMut(u64, &[f32]) -> Result<()>) -> Result<()> {
        let dir = part(&self.root, VECTORS)?;
        self.manifest.segments.par_iter().try_for_each(|segment| vectors::check(&dir, segment, true))?;
        vectors::merged(&self.segments, each)?;
        self.segments.iter().try_for_each(VectorSegment::check_maps)
    }
}

/// Writes the living vectors of `index` into an open, empty file, which messages call `path`, as one index of its factory,
/// FAISS's ids being their positions in the order of [`Index::vectors`]. It is put together in memory.
///
/// # Errors
/// FAISS fails, or the file cannot be written.
pub fn export_faiss(index: &Index, file: &File, path: &Path) -> Result<()> {
    let vectors = part(&index.root, VECTORS)?;
    let trained = index.manifest.trained.as_ref().map(|trained| (&vectors, trained));
    let mut whole = vectors::Whole::begin(&index.manifest.recipe, trained, path)?;
    index.vectors(|_, row| whole.push(row))?;
    whole.write(file)
}

/// A part of a search: some queries in one segment.
#[derive(Clone, Copy)]
struct Task {
    segment: usize,
    first: usize,
    count: usize,
}

/// What the latest commit of the index at `dir` says of itself; `None` if there is no index.
///
/// # Errors
/// The index is damaged or of another format, or the directory holds something else.
pub fn recorded(dir: &Path) -> Result<Option<Manifest>> {
    match opened(dir)? {
        Some(root) => Manifest::read(&root),
        None => Ok(None),
    }
}

/// What [`find`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The index to use.
    pub index: Option<PathBuf>,
    /// Indexes that were nearer, but belong to somebody else.
    pub passed_over: Vec<PathBuf>,
}

/// The index to use where none is named: `.semsearch` in `from` or its nearest parent that has one of this user's.
///
/// One of another user's is passed over, as git does: whoever may write to a parent directory, as anybody may to `/tmp`,
/// would otherwise say which model is run and what is found.
pub fn find(from: &Path) -> Found {
    let mut found = Found::default();
    for dir in from.ancestors().map(|parent| parent.join(DIRECTORY)).filter(|dir| Manifest::path(dir).is_file()) {
        if is_own(&dir) {
            found.index = Some(dir);
            break;
        }
        found.passed_over.push(dir);
    }
    found
}

/// Whether this user made the directory, and the link that leads to it, if one does.
fn is_own(dir: &Path) -> bool {
    let me = nix::unistd::geteuid().as_raw();
    [dir.metadata(), dir.symlink_metadata()].iter().flatten().filter(|there| there.uid() == me).count() == 2
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, symlink};

    use super::*;

    #[test]
    #[allow(clippy::print_stderr, reason = "a test that skips says so")]
    fn an_index_of_another_owner_is_passed_over_for_the_nearest_of_ones_own() {
        let root = tempfile::tempdir().unwrap();
        let index = |below: &str| {
            let dir = root.path().join(below).join(DIRECTORY);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(Manifest::path(&dir), "").unwrap();
            dir
        };
        let (mine, theirs) = (index("a"), index("a/b"));
        let here = root.path().join("a/b/c");
        std::fs::create_dir(&here).unwrap();
        assert_eq!(find(&here), Found { index: Some(theirs.clone()), passed_over: Vec::new() });
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: only root can give a directory to another user");
            return;
        }
        chown(&theirs, Some(1), None).unwrap();
        assert_eq!(find(&here), Found { index: Some(mine.clone()), passed_over: vec![theirs.clone()] });
        // Nor is one to which a link leads, whoever made the link.
        symlink(&theirs, here.join(DIRECTORY)).unwrap();
        assert_eq!(find(&here).passed_over, [here.join(DIRECTORY), theirs]);
    }
}
