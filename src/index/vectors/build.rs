//! Vectors on their way into a segment's file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use faiss::index::io::{read_index, write_index};
use faiss::index::{Idx, Index as _, IndexImpl};
use faiss::{MetricType, index_factory};

use super::search::{Searchable, use_threads};
use super::{allowed_threads, failed, reason, utf8};
use crate::error::{Error, Result};
use crate::index::files::{self, StoredFile};
use crate::index::manifest::{Codes, Metric, Recipe, Segment};

/// Bytes before the index that an `IDMap` holds: its kind (4), dimension (4), number of vectors (8), two numbers that mean
/// nothing (16), whether it is trained (1), metric (4).
const HEADER: usize = 37;

/// Kinds of index that end with their codes: flat with inner products and squared distances, scalar quantizers, and HNSW
/// over a flat one.
const CODES_LAST: [&[u8; 4]; 4] = [b"IxFI", b"IxF2", b"IxSQ", b"IHNf"];

/// Vectors that become a segment together.
#[derive(Default)]
pub(in crate::index) struct SegmentBuilder {
    keys: Vec<u64>,
    rows: Vec<f32>,
}

impl SegmentBuilder {
    /// How many there are.
    pub(in crate::index) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(in crate::index) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of the vectors.
    pub(in crate::index) fn bytes(&self) -> usize {
        size_of_val(self.rows.as_slice())
    }

    /// Adds one vector, whose key is larger than those before.
    pub(in crate::index) fn push(&mut self, key: u64, vector: &[f32]) {
        if self.keys.is_empty() {
            self.rows.reserve(vector.len() * 256);
        }
        self.keys.push(key);
        self.rows.extend_from_slice(vector);
    }

    /// The vector of this key, if it is among them.
    pub(in crate::index) fn get(&self, key: u64) -> Option<&[f32]> {
        let dim = self.rows.len() / self.keys.len().max(1);
        self.keys.binary_search(&key).ok().map(|at| &self.rows[at * dim..][..dim])
    }

    /// Drops the vectors of these keys.
    pub(in crate::index) fn remove(&mut self, gone: &HashSet<u64>) {
        if !self.keys.iter().any(|key| gone.contains(key)) {
            return;
        }
        let dim = self.rows.len() / self.keys.len();
        let kept = |key: &u64| !gone.contains(key);
        let rows = self.keys.iter().zip(self.rows.chunks_exact(dim)).filter(|(key, _)| kept(key));
        self.rows = rows.flat_map(|(_, row)| row).copied().collect();
        self.keys.retain(kept);
    }

    /// Writes the segment, on the disk when this returns, and tells of it. It begins as `trained`, if that is given.
    pub(in crate::index) fn write(&self, path: &Path, recipe: &Recipe, trained: Option<&Path>) -> Result<Segment> {
        let mut index = match trained {
            Some(trained) => read_index(utf8(trained)?).map_err(failed(trained, "cannot open"))?,
            None => new_index(recipe, path)?,
        };
        use_threads(allowed_threads());
        let keys: Vec<Idx> = self.keys.iter().copied().map(Idx::new).collect();
        index.add_with_ids(&self.rows, &keys).map_err(failed(path, "cannot add vectors"))?;
        let index = Searchable::new(index).map_err(|words| Error::Index {
            path: path.into(),
            what: "cannot read keys".into(),
            source: words.into(),
        })?;
        files::persist(path, |beside| {
            write_index(index.index(), utf8(beside)?).map_err(failed(beside, "cannot write"))
        })?;
        let file = StoredFile::sync(path)?;
        Ok(Segment {
            codes: codes(path, &file, self.keys.len() as u64, &index)?,
            file,
            vectors: self.keys.len() as u64,
            first_key: self.keys.first().copied().unwrap_or_default(),
            last_key: self.keys.last().copied().unwrap_or_default(),
            dead: Vec::new(),
        })
    }

    /// If the recipe's factory needs training, trains an empty index on these vectors and writes it.
    pub(in crate::index) fn train(&self, path: &Path, recipe: &Recipe) -> Result<Option<StoredFile>> {
        let mut index = new_index(recipe, path)?;
        if index.is_trained() {
            return Ok(None);
        }
        use_threads(allowed_threads());
        index.train(&self.rows).map_err(|error| Error::Training {
            dir: path.parent().and_then(Path::parent).unwrap_or(path).into(),
            factory: recipe.factory.clone(),
            vectors: self.len(),
            source: reason(&error.to_string()).into(),
        })?;
        files::persist(path, |beside| write_index(&index, utf8(beside)?).map_err(failed(beside, "cannot write")))?;
        StoredFile::sync(path).map(Some)
    }
}

/// An index without keys, for others to use.
pub(in crate::index) struct Whole {
    path: PathBuf,
    index: IndexImpl,
    /// Rows on their way in: FAISS likes them together.
    rows: Vec<f32>,
}

impl Whole {
    /// Begins one as segments begin.
    pub(in crate::index) fn begin(recipe: &Recipe, trained: Option<&Path>, path: &Path) -> Result<Self> {
        let begun = match trained {
            Some(trained) => read_index(utf8(trained)?).map_err(failed(trained, "cannot open"))?,
            None => new_index(recipe, path)?,
        };
        let index = begun.into_id_map().map_err(failed(path, "cannot make an index"))?.into_inner();
        Ok(Self { path: path.into(), index, rows: Vec::new() })
    }

    pub(in crate::index) fn push(&mut self, row: &[f32]) -> Result<()> {
        self.rows.extend_from_slice(row);
        if self.rows.len() >= 1 << 20 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        use_threads(allowed_threads());
        self.index.add(&self.rows).map_err(failed(&self.path, "cannot add vectors"))?;
        self.rows.clear();
        Ok(())
    }

    pub(in crate::index) fn write(mut self) -> Result<()> {
        self.flush()?;
        write_index(&self.index, utf8(&self.path)?).map_err(failed(&self.path, "cannot write"))
    }
}

/// Where the codes are in a file just written: the last thing before the keys, which are the last of all; before either
/// stands its length. The length is that of the codes in bytes, or in floats where they are floats.
fn codes(path: &Path, file: &StoredFile, vectors: u64, index: &Searchable) -> Result<Option<Codes>> {
    use std::io::{Read, Seek, SeekFrom};

    let mut opened = std::fs::File::open(path).map_err(Error::read(path))?;
    let mut at = |position: u64| -> Result<[u8; 8]> {
        let mut bytes = [0; 8];
        opened.seek(SeekFrom::Start(position)).map_err(Error::read(path))?;
        opened.read_exact(&mut bytes).map_err(Error::read(path))?;
        Ok(bytes)
    };
    let kind = at(HEADER as u64)?;
    if !CODES_LAST.iter().any(|last| kind.starts_with(*last)) {
        return Ok(None);
    }
    // FAISS does not say for HNSW, whose codes are the vectors.
    let code = index.code_size().unwrap_or(u64::from(index.index().d()) * 4);
    let bytes = vectors * code;
    let Some(end) = file.bytes.checked_sub(8 + 8 * vectors) else { return Ok(None) };
    let Some(start) = end.checked_sub(bytes).filter(|&start| start >= 8) else { return Ok(None) };
    let lengths = (u64::from_le_bytes(at(start - 8)?), u64::from_le_bytes(at(end)?));
    if ![(bytes, vectors), (bytes / 4, vectors)].contains(&lengths) {
        return Ok(None);
    }
    Ok(Some(Codes { start, bytes, rest_crc32: files::checksum_without(path, start..end)? }))
}

/// Checks that FAISS knows the recipe's factory, before any work is done for it. Says whether it needs training.
pub(in crate::index) fn check_factory(recipe: &Recipe, dir: &Path) -> Result<bool> {
    new_index(recipe, dir).map(|index| !index.is_trained())
}

fn new_index(recipe: &Recipe, path: &Path) -> Result<IndexImpl> {
    let metric = match recipe.metric {
        Metric::Ip => MetricType::InnerProduct,
        Metric::L2 => MetricType::L2,
    };
    let what = format!("FAISS cannot make an index by the factory {:?}", recipe.factory);
    index_factory(recipe.dim as u32, format!("IDMap,{}", recipe.factory), metric).map_err(failed(path, &what))
}
