//! Files of vectors, searched by FAISS. No other file names faiss.
//!
//! A segment is an `IDMap` over whatever the factory string makes: FAISS itself keeps each vector's key, and Python's
//! `faiss.read_index` opens the file as it is. Segments are never changed once written.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use faiss::index::io::{IoFlags, read_index_with_flags, write_index};
use faiss::index::{Idx, Index as _, IndexImpl};
use faiss::{MetricType, index_factory};

use super::files;
use super::manifest::{Metric, Recipe, Segment};
use crate::encoder::Vectors;
use crate::error::{Error, Result};

/// FAISS's `IO_FLAG_MMAP_IFC`: codes stay in the file and are mapped, not read. The crate has no name for it.
const MAP_CODES: i32 = 1 << 9;

/// How many threads FAISS may use in this process; 0 for as many as OpenMP likes.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// How many threads FAISS may use in this process.
pub fn set_threads(threads: usize) {
    THREADS.store(threads.clamp(1, 1024), Ordering::Relaxed);
}

/// Has FAISS use no more threads than it has queries: it would start them all, for one to work and the others to wait.
fn limit_threads(queries: usize) {
    // SAFETY: OpenMP's functions have these signatures (OpenMP 5.0, 3.2.1 and 3.2.3), the first takes any positive number,
    // and both touch nothing but the runtime's own setting. FAISS links the runtime, and the crate has no call for it.
    #[allow(unsafe_code)]
    unsafe extern "C" {
        safe fn omp_set_num_threads(threads: std::ffi::c_int);
        safe fn omp_get_num_procs() -> std::ffi::c_int;
    }
    let allowed = match THREADS.load(Ordering::Relaxed) {
        0 => omp_get_num_procs().max(1) as usize,
        threads => threads,
    };
    omp_set_num_threads(queries.clamp(1, allowed) as std::ffi::c_int);
}

/// A vector's key and how near it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The passage's key.
    pub key: u64,
    /// Inner product or squared distance.
    pub score: f32,
}

/// An opened segment.
pub(super) struct VectorSegment {
    path: PathBuf,
    index: IndexImpl,
    dead: HashSet<u64>,
}

impl VectorSegment {
    /// Opens a segment's file, whose length has been checked, and its content where `recipe` and `segment` tell of it.
    pub(super) fn open(path: &Path, recipe: &Recipe, segment: &Segment) -> Result<Self> {
        let index =
            read_index_with_flags(utf8(path)?, IoFlags::from(MAP_CODES)).map_err(failed(path, "cannot open"))?;
        if (index.ntotal(), index.d() as usize) != (segment.vectors, recipe.dim) {
            let what = format!(
                "it holds {} vectors of {}, the manifest says {} of {}",
                index.ntotal(),
                index.d(),
                segment.vectors,
                recipe.dim
            );
            return Err(Error::Damaged { path: path.into(), what, source: None });
        }
        Ok(Self { path: path.into(), index, dead: segment.dead.iter().copied().collect() })
    }

    /// The `k` nearest of each row of `queries` among those whose documents are there, nearest first.
    pub(super) fn search(&mut self, queries: &Vectors, k: usize) -> Result<Vec<Vec<Neighbour>>> {
        // However the dead ones rank, so many more hold k that live.
        let depth = (k + self.dead.len()).min(self.index.ntotal() as usize);
        if depth == 0 {
            return Ok(vec![Vec::new(); queries.len()]);
        }
        limit_threads(queries.len());
        let found = self.index.search(queries.as_slice(), depth).map_err(failed(&self.path, "cannot search"))?;
        let rows = found.labels.chunks_exact(depth).zip(found.distances.chunks_exact(depth));
        let live = |(label, &score): (&Idx, &f32)| {
            // FAISS fills up with -1 where it found fewer.
            label.get().filter(|key| !self.dead.contains(key)).map(|key| Neighbour { key, score })
        };
        Ok(rows.map(|(labels, scores)| labels.iter().zip(scores).filter_map(live).take(k).collect()).collect())
    }

    /// The keys of all vectors, in their order.
    pub(super) fn keys(self) -> Result<Vec<u64>> {
        let mapped = self.index.into_id_map().map_err(failed(&self.path, "cannot read keys"))?;
        Ok(mapped.id_map().iter().filter_map(|key| key.get()).collect())
    }

    /// The vectors whose documents are there, with their keys; as the index gives them back, so exact for `Flat`.
    pub(super) fn live(self) -> Result<(Vec<u64>, Vectors)> {
        let gather = || -> faiss::error::Result<_> {
            let (dim, count) = (self.index.d() as usize, self.index.ntotal() as usize);
            let mapped = self.index.into_id_map()?;
            let keys: Vec<u64> = mapped.id_map().iter().filter_map(|key| key.get()).collect();
            let mut all = Vectors::zeros(count, dim);
            mapped.into_inner().reconstruct_n(Idx::new(0), count, all.rows_mut(0, count))?;
            Ok((keys, all))
        };
        let (keys, all) = gather().map_err(failed(&self.path, "cannot read vectors back"))?;
        let alive = || keys.iter().zip(all.iter()).filter(|(key, _)| !self.dead.contains(key));
        let rows = alive().flat_map(|(_, row)| row).copied().collect();
        Ok((alive().map(|(&key, _)| key).collect(), Vectors::new(rows, all.dim())))
    }
}

/// Vectors on their way into a segment.
pub(super) struct SegmentBuilder {
    keys: Vec<Idx>,
    rows: Vec<f32>,
}

impl SegmentBuilder {
    pub(super) fn new() -> Self {
        Self { keys: Vec::new(), rows: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Adds one vector.
    pub(super) fn push(&mut self, key: u64, vector: &[f32]) {
        self.keys.push(Idx::new(key));
        self.rows.extend_from_slice(vector);
    }

    /// Writes the segment, durably, and tells of it.
    pub(super) fn write(&self, path: &Path, recipe: &Recipe) -> Result<Segment> {
        let mut index = new_index(recipe, path)?;
        if !index.is_trained() {
            index.train(&self.rows).map_err(failed(path, &format!("cannot train {}", recipe.factory)))?;
        }
        index.add_with_ids(&self.rows, &self.keys).map_err(failed(path, "cannot add vectors"))?;
        files::persist(path, |beside| write_index(&index, utf8(beside)?).map_err(failed(beside, "cannot write")))?;
        Ok(Segment {
            file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            vectors: self.keys.len() as u64,
            bytes: path.metadata().map_err(Error::read(path))?.len(),
            crc32: files::checksum(path)?,
            dead: Vec::new(),
        })
    }
}

/// Checks that FAISS knows the recipe's factory, before any work is done for it.
pub(super) fn check_factory(recipe: &Recipe, dir: &Path) -> Result<()> {
    new_index(recipe, dir).map(drop)
}

fn new_index(recipe: &Recipe, path: &Path) -> Result<IndexImpl> {
    let metric = match recipe.metric {
        Metric::Ip => MetricType::InnerProduct,
        Metric::L2 => MetricType::L2,
    };
    let what = format!("FAISS cannot make an index by the factory {:?}", recipe.factory);
    index_factory(recipe.dim as u32, format!("IDMap,{}", recipe.factory), metric).map_err(failed(path, &what))
}

fn failed(path: &Path, what: &str) -> impl FnOnce(faiss::error::Error) -> Error {
    let (path, what) = (path.to_owned(), what.to_owned());
    move |source| Error::Index { path, what, source: reason(&source.to_string()).into() }
}

/// What FAISS has to say, without the C++ function and source line that it begins with.
fn reason(message: &str) -> &str {
    let tail = message.rsplit_once("Error: ").map_or(message, |(_, tail)| tail);
    tail.split_once("failed: ").map_or(tail, |(_, tail)| tail).trim()
}

/// FAISS takes a file's name as a C string by way of a Rust one.
fn utf8(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::Unsupported(format!("{}: FAISS needs a path in UTF-8", path.display())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::encoder::Precision;
    use crate::index::manifest::ModelIdentity;
    use crate::model::Pooling;

    fn recipe(dim: usize, metric: Metric, factory: &str) -> Recipe {
        Recipe {
            model: ModelIdentity { id: "a/b".into(), revision: None, fingerprint: String::new() },
            pooling: Pooling::Mean,
            normalized: false,
            max_length: 256,
            precision: Precision::F32,
            dim,
            with_title: true,
            metric,
            factory: factory.into(),
        }
    }

    fn segment(dir: &Path, recipe: &Recipe, rows: &[Vec<f32>], dead: &[u64]) -> VectorSegment {
        let mut builder = SegmentBuilder::new();
        rows.iter().zip(100..).for_each(|(row, key)| builder.push(key, row));
        let path = dir.join("000001.faiss");
        let mut written = builder.write(&path, recipe).unwrap();
        written.dead = dead.to_vec();
        VectorSegment::open(&path, recipe, &written).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_flat_search_is_the_plain_scan_without_the_dead(
            rows in prop::collection::vec(prop::collection::vec(-8i8..8, 3), 1..40),
            query in prop::collection::vec(-8i8..8, 3),
            dead in prop::collection::hash_set(100..140u64, 0..20),
            k in 1..50usize,
            metric in prop::sample::select(vec![Metric::Ip, Metric::L2]),
        ) {
            let float = |row: &Vec<i8>| row.iter().map(|&value| f32::from(value)).collect::<Vec<_>>();
            let rows: Vec<_> = rows.iter().map(float).collect();
            let query = float(&query);
            let dir = tempfile::tempdir().unwrap();
            let dead: Vec<u64> = dead.into_iter().filter(|&key| key < 100 + rows.len() as u64).collect();
            let mut segment = segment(dir.path(), &recipe(3, metric, "Flat"), &rows, &dead);
            let found = segment.search(&Vectors::new(query.clone(), 3), k).unwrap().remove(0);

            let score = |row: &Vec<f32>| -> f32 { match metric {
                Metric::Ip => row.iter().zip(&query).map(|(a, b)| a * b).sum(),
                Metric::L2 => row.iter().zip(&query).map(|(a, b)| (a - b) * (a - b)).sum(),
            }};
            let mut expected: Vec<f32> =
                rows.iter().zip(100..).filter(|(_, key)| !dead.contains(key)).map(|(row, _)| score(row)).collect();
            expected.sort_by(|a, b| if metric == Metric::Ip { b.total_cmp(a) } else { a.total_cmp(b) });
            expected.truncate(k);
            // Scores, not keys: equal ones may come in any order.
            prop_assert_eq!(found.iter().map(|hit| hit.score).collect::<Vec<_>>(), expected);
            prop_assert!(found.iter().all(|hit| hit.score == score(&rows[hit.key as usize - 100])));
        }
    }

    #[test]
    fn live_vectors_come_back_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let rows = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0, 6.0]];
        let (keys, vectors) = segment(dir.path(), &recipe(2, Metric::Ip, "Flat"), &rows, &[101]).live().unwrap();
        assert_eq!((keys, vectors.as_slice()), (vec![100, 102], &[1.0, 2.0, 5.0, 6.0][..]));
    }

    #[test]
    fn a_factory_that_faiss_does_not_know_is_an_error() {
        let message = check_factory(&recipe(4, Metric::Ip, "Nonsense"), Path::new("ix")).unwrap_err().to_string();
        assert_eq!(message, "ix: FAISS cannot make an index by the factory \"Nonsense\"");
    }

    #[test]
    fn faisss_words_come_without_its_source_lines() {
        let native =
            "Native faiss error: Error in void faiss::f(int) at /src/F.cpp:27: Error: 'n >= k' failed: too few";
        assert_eq!(reason(native), "too few");
        assert_eq!(reason("Invalid index description"), "Invalid index description");
    }

    #[test]
    fn too_few_vectors_to_train_on_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let mut builder = SegmentBuilder::new();
        builder.push(1, &[1.0, 2.0]);
        let error = builder.write(&dir.path().join("1.faiss"), &recipe(2, Metric::Ip, "IVF16,Flat")).unwrap_err();
        assert!(error.to_string().ends_with("cannot train IVF16,Flat"), "{error}");
    }
}
