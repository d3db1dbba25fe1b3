//! An index on disk: documents, their vectors, and one commit that names both.
//!
//! ```text
//! .semsearch/
//!   catalog/               tantivy: each passage's key, id, title, text, metadata, source and content digest
//!   vectors/000001.faiss   FAISS: vectors and their keys, a file for each build or update
//!   lock                   held by the one writer
//! ```
//!
//! [`Index`] reads one commit and sees only that; [`IndexWriter`] makes the next. A file of vectors is on the disk
//! before the commit that names it, and is never changed afterwards; one that no commit names is garbage, and swept.
//! What a query means is left to [`crate::search`].

mod catalog;
mod files;
mod lock;
mod manifest;
mod vectors;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use catalog::Catalog;
pub use catalog::Stored;
pub use manifest::{FORMAT_VERSION, Manifest, Metric, ModelIdentity, Recipe, Segment, Store};
use vectors::VectorSegment;
pub use vectors::{Neighbour, set_threads};
pub use writer::{Change, IndexWriter};

use crate::encoder::Vectors;
use crate::error::{Error, Result};

/// The directory's usual name.
pub const DIRECTORY: &str = ".semsearch";

/// An index up to this many bytes has every checksum checked when it is opened; of a larger one only lengths.
const CHECKED_WHOLE: u64 = 64 << 20;

fn catalog_dir(dir: &Path) -> PathBuf {
    dir.join("catalog")
}

fn vectors_dir(dir: &Path) -> PathBuf {
    dir.join("vectors")
}

/// One commit of an index, to search.
pub struct Index {
    dir: PathBuf,
    manifest: Manifest,
    catalog: Catalog,
    segments: Vec<VectorSegment>,
}

impl Index {
    /// Opens the latest commit of the index at `dir`. The vectors are mapped, not read.
    ///
    /// # Errors
    /// There is no index, it is of a newer format, or a file of it is missing or damaged.
    pub fn open(dir: &Path) -> Result<Self> {
        loop {
            let before = Catalog::stamp(&catalog_dir(dir));
            match Self::open_commit(dir) {
                // A writer that commits meanwhile removes what its new commit does not need; that one can be opened.
                Err(Error::Damaged { .. }) if Catalog::stamp(&catalog_dir(dir)) != before => {}
                outcome => return outcome,
            }
        }
    }

    fn open_commit(dir: &Path) -> Result<Self> {
        let none = || Error::NoIndex { dir: dir.into() };
        if !catalog_dir(dir).is_dir() {
            return Err(none());
        }
        let whole = is_small(dir)?;
        let (catalog, manifest) = Catalog::open(&catalog_dir(dir), whole)?.ok_or_else(none)?;
        check_segments(dir, &manifest, whole)?;
        let open =
            |segment: &Segment| VectorSegment::open(&vectors_dir(dir).join(&segment.file), &manifest.recipe, segment);
        let segments = manifest.segments.iter().map(open).collect::<Result<_>>()?;
        Ok(Self { dir: dir.into(), manifest, catalog, segments })
    }

    /// The index's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the commit says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Number of documents.
    pub fn documents(&self) -> u64 {
        self.catalog.len()
    }

    /// Bytes of the whole directory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn bytes(&self) -> Result<u64> {
        files::size(&self.dir).map_err(Error::read(&self.dir))
    }

    /// The `k` nearest of each row of `queries`, nearest first; of equals, the one indexed first.
    ///
    /// # Errors
    /// FAISS fails.
    pub fn search(&mut self, queries: &Vectors, k: usize) -> Result<Vec<Vec<Neighbour>>> {
        let mut merged = vec![Vec::new(); queries.len()];
        for segment in &mut self.segments {
            for (all, found) in merged.iter_mut().zip(segment.search(queries, k)?) {
                all.extend(found);
            }
        }
        let metric = self.manifest.recipe.metric;
        for neighbours in &mut merged {
            neighbours.sort_by(|a, b| nearer(metric, a.score, b.score).then(a.key.cmp(&b.key)));
            neighbours.truncate(k);
        }
        Ok(merged)
    }

    /// The documents under `keys`, each read once.
    ///
    /// # Errors
    /// A document is missing or damaged.
    pub fn documents_of(&self, keys: impl IntoIterator<Item = u64>) -> Result<HashMap<u64, Stored>> {
        let mut keys: Vec<u64> = keys.into_iter().collect();
        keys.sort_unstable();
        keys.dedup();
        Ok(keys.iter().copied().zip(self.catalog.get(&keys)?).collect())
    }
}

/// Which of two scores is of the nearer vector: that one is `Less`, so that sorting puts it first.
fn nearer(metric: Metric, a: f32, b: f32) -> std::cmp::Ordering {
    match metric {
        Metric::Ip => b.total_cmp(&a),
        Metric::L2 => a.total_cmp(&b),
    }
}

/// Whether the index is checked as a whole when it is opened.
fn is_small(dir: &Path) -> Result<bool> {
    Ok(files::size(dir).map_err(Error::read(dir))? <= CHECKED_WHOLE)
}

/// Checks every file of vectors, by its length or, if `whole`, by all its bytes.
fn check_segments(dir: &Path, manifest: &Manifest, whole: bool) -> Result<()> {
    manifest.segments.iter().try_for_each(|segment| check_file(&vectors_dir(dir).join(&segment.file), segment, whole))
}

/// Checks a file against what the manifest says of it, before FAISS, which trusts its files, is given it.
fn check_file(path: &Path, segment: &Segment, whole: bool) -> Result<()> {
    let damaged = |what: String| Err(Error::Damaged { path: path.into(), what, source: None });
    let found = match path.metadata() {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return damaged("the file is missing".into()),
        Err(error) => return Err(Error::read(path)(error)),
    };
    if found != segment.bytes {
        return damaged(format!("it has {found} bytes, {} were committed", segment.bytes));
    }
    if whole && files::checksum(path)? != segment.crc32 {
        return damaged("its checksum does not match".into());
    }
    Ok(())
}

/// What the latest commit of the index at `dir` says of itself; `None` if there is no index.
///
/// # Errors
/// The index is damaged or of a newer format.
pub fn recorded(dir: &Path) -> Result<Option<Manifest>> {
    Ok(Catalog::open(&catalog_dir(dir), false)?.map(|(_, manifest)| manifest))
}

/// The index to use where none is named: `.semsearch` in `from` or its nearest parent that has one.
pub fn find(from: &Path) -> Option<PathBuf> {
    from.ancestors().map(|parent| parent.join(DIRECTORY)).find(|dir| catalog_dir(dir).is_dir())
}
