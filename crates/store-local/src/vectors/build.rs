//! Vectors that are about to be written to a segment's file.

use std::collections::HashSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use faiss::index::io::write_index;
use faiss::index::{Idx, Index as _, IndexImpl};
use faiss::index_factory;

use super::codes::WrittenSegment;
use super::metric::metric_type;
use super::search::{Searchable, use_threads};
use super::{allowed_threads, factory, failed, halves, reason, structure};
use crate::files::{self, StoredFile};
use crate::processor::check_processor;
use crate::segment::Segment;
use semsearch_files::{Dir, path_of};
use semsearch_store::{IndexConfig, StoreError};

/// From this length on, vectors have distances that no f32 holds. FAISS then writes beside its arrays or does not come to an
/// end (`Clustering.cpp`: such a vector belongs to no centroid), and a graph of them would count as damaged (`structure`).
const TOO_LONG: f64 = (1u64 << 60) as f64;

/// The same for components that are kept as floats of 16 bits: the largest of these.
const TOO_LONG_FP16: f64 = 65_504.0;

/// Vectors that become one segment.
#[derive(Default)]
pub(crate) struct SegmentBuilder {
    keys: Vec<u64>,
    rows: Vec<f32>,
}

impl SegmentBuilder {
    /// The number of vectors.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The size of the vectors in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.rows.as_slice())
    }

    /// Adds one vector. Its key is larger than all keys before.
    pub(crate) fn push(&mut self, key: u64, vector: &[f32]) {
        if self.keys.is_empty() {
            self.rows.reserve(vector.len() * 256);
        }
        self.keys.push(key);
        self.rows.extend_from_slice(vector);
    }

    /// The vector of this key, if it was added.
    pub(crate) fn get(&self, key: u64) -> Option<&[f32]> {
        let dim = self.rows.len() / self.keys.len().max(1);
        self.keys.binary_search(&key).ok().map(|at| &self.rows[at * dim..][..dim])
    }

    /// Drops the vectors of these keys.
    pub(crate) fn remove(&mut self, gone: &HashSet<u64>) {
        if !self.keys.iter().any(|key| gone.contains(key)) {
            return;
        }
        let dim = self.rows.len() / self.keys.len();
        let kept = |key: &u64| !gone.contains(key);
        let rows = self.keys.iter().zip(self.rows.chunks_exact(dim)).filter(|(key, _)| kept(key));
        self.rows = rows.flat_map(|(_, row)| row).copied().collect();
        self.keys.retain(kept);
    }

    /// Writes the segment as file `number` of `dir`, syncs it to the disk, and describes it. If `trained` is given, the
    /// segment begins as that index.
    pub(crate) fn write(
        &self,
        dir: &Dir,
        number: u64,
        config: &IndexConfig,
        trained: Option<&StoredFile>,
    ) -> Result<Segment, StoreError> {
        let name = files::new_name(number, "faiss");
        let path = dir.path_of(&name);
        let mut index = match trained {
            Some(trained) => read_trained(dir, trained, config)?,
            None => new_index(config, &path)?,
        };
        self.check_lengths(dir, config)?;
        use_threads(allowed_threads());
        let keys: Vec<Idx> = self.keys.iter().copied().map(Idx::new).collect();
        index.add_with_ids(&self.rows, &keys).map_err(failed(&path, "cannot add vectors"))?;
        let index = Searchable::new(index).map_err(|words| StoreError::Library {
            path: path.clone(),
            what: "cannot read keys".into(),
            source: words.into(),
        })?;
        files::create(dir, &name, |file, path| {
            write_index(index.index(), path_of(file)).map_err(failed(path, "cannot write"))
        })?;
        let named = |kind: &str| format!("{}.{kind}", name.trim_end_matches(".faiss"));
        let WrittenSegment { file, codes } = WrittenSegment::of(dir, &name, &named("sums"), &index)?;
        let halves = match index.is_flat() {
            true => halves::write(dir, &named("halves"), &self.rows, config.dim)?,
            false => None,
        };
        Ok(Segment {
            codes,
            halves,
            file,
            vectors: self.keys.len() as u64,
            first_key: self.keys.first().copied().unwrap_or_default(),
            last_key: self.keys.last().copied().unwrap_or_default(),
            dead: Vec::new(),
        })
    }

    /// If the config's factory needs training, trains an empty index on these vectors and writes it as file `number`.
    pub(crate) fn train(&self, dir: &Dir, number: u64, config: &IndexConfig) -> Result<Option<StoredFile>, StoreError> {
        let mut index = new_index(config, dir.path())?;
        if index.is_trained() {
            return Ok(None);
        }
        self.check_lengths(dir, config)?;
        use_threads(allowed_threads());
        index.train(&self.rows).map_err(|error| StoreError::Training {
            dir: index_of(dir),
            factory: config.factory.clone(),
            vectors: self.len(),
            source: reason(&error.to_string()).into(),
        })?;
        let name = files::new_name(number, "trained");
        files::create(dir, &name, |file, path| write_index(&index, path_of(file)).map_err(failed(path, "cannot write")))
            .map(Some)
    }

    /// Checks that FAISS can compare all vectors.
    fn check_lengths(&self, dir: &Dir, config: &IndexConfig) -> Result<(), StoreError> {
        let longest = match &config.factory[..] {
            // We search these ourselves. Longer ones may have infinite distances, which breaks nothing.
            "Flat" => return Ok(()),
            factory if factory.contains("fp16") => TOO_LONG_FP16,
            _ => TOO_LONG,
        };
        let length = |row: &[f32]| row.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
        match self.rows.chunks_exact(config.dim).map(length).find(|&length| length >= longest) {
            Some(length) => {
                Err(StoreError::TooLong { dir: index_of(dir), factory: config.factory.clone(), length, longest })
            }
            None => Ok(()),
        }
    }
}

/// The directory of the index whose vectors are in `dir`.
fn index_of(dir: &Dir) -> PathBuf {
    dir.path().parent().unwrap_or(dir.path()).into()
}

/// Reads the empty index that the training of a factory made.
fn read_trained(dir: &Dir, trained: &StoredFile, config: &IndexConfig) -> Result<IndexImpl, StoreError> {
    structure::read_empty(&trained.open(dir)?, &dir.path_of(&trained.name), config)
}

/// An index without keys, for other programs.
pub(crate) struct Whole {
    path: PathBuf,
    index: IndexImpl,
    /// Rows that are not added yet: FAISS is faster if many are added together.
    rows: Vec<f32>,
}

impl Whole {
    /// Begins an index in the way segments begin. It is to be written to `path`; `trained` is a file of `dir`.
    pub(crate) fn begin(
        config: &IndexConfig,
        trained: Option<(&Dir, &StoredFile)>,
        path: &Path,
    ) -> Result<Self, StoreError> {
        let begun = match trained {
            Some((dir, trained)) => read_trained(dir, trained, config)?,
            None => new_index(config, path)?,
        };
        let index = begun.into_id_map().map_err(failed(path, "cannot make an index"))?.into_inner();
        Ok(Self { path: path.into(), index, rows: Vec::new() })
    }

    pub(crate) fn push(&mut self, row: &[f32]) -> Result<(), StoreError> {
        self.rows.extend_from_slice(row);
        if self.rows.len() >= 1 << 20 { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        use_threads(allowed_threads());
        self.index.add(&self.rows).map_err(failed(&self.path, "cannot add vectors"))?;
        self.rows.clear();
        Ok(())
    }

    /// Writes the index into an open file. FAISS takes only paths, so it opens the file once more.
    pub(crate) fn write(mut self, file: &File) -> Result<(), StoreError> {
        self.flush()?;
        write_index(&self.index, path_of(file)).map_err(failed(&self.path, "cannot write"))
    }
}

/// Checks that FAISS knows the config's factory, before any work is done for it. Returns whether the factory needs
/// training.
pub(crate) fn check_factory(config: &IndexConfig, dir: &Path) -> Result<bool, StoreError> {
    check_processor()?;
    let index = new_index(config, dir)?;
    factory::check_metric(config, index.metric_type())?;
    Ok(!index.is_trained())
}

fn new_index(config: &IndexConfig, path: &Path) -> Result<IndexImpl, StoreError> {
    factory::check(&config.factory, path)?;
    let what = format!("FAISS cannot make an index of the factory {:?}", config.factory);
    index_factory(config.dim as u32, format!("IDMap,{}", config.factory), metric_type(config.metric))
        .map_err(failed(path, &what))
}

#[cfg(test)]
mod tests {
    use super::super::{Opening, VectorSegment};
    use super::*;
    use crate::testing::config;
    use semsearch_store::Metric;

    #[test]
    fn vectors_too_long_for_faiss_are_refused_and_a_flat_index_takes_them() {
        let temporary = tempfile::tempdir().unwrap();
        std::fs::create_dir(temporary.path().join("vectors")).unwrap();
        let dir = Dir::open(&temporary.path().join("vectors")).unwrap();
        let builder = |scale: f32| {
            let mut builder = SegmentBuilder::default();
            (1..=300_u64).for_each(|key| builder.push(key, &[key as f32 * scale, 1.0, -scale, 0.0]));
            builder
        };
        let factories = ["HNSW4", "SQ8", "IVF2,Flat", "PQ2x2", "PCA2,Flat"].map(|factory| (factory, 1e15, 1e17));
        for (factory, short, too_long) in factories.into_iter().chain([("HNSW4_SQfp16", 100.0, 1000.0)]) {
            for metric in [Metric::Ip, Metric::L2] {
                let config = config(4, metric, factory);
                for too_long in [too_long, 1e30] {
                    let trained = builder(too_long).train(&dir, 1, &config).map(drop);
                    let written = || builder(too_long).write(&dir, 2, &config, None).map(drop);
                    let error = trained.and_then(|()| written()).unwrap_err();
                    assert!(
                        matches!(&error, StoreError::TooLong { length, longest, .. } if length >= longest),
                        "{factory}: {error}"
                    );
                }
                let short = builder(short);
                let trained = short.train(&dir, 1, &config).unwrap();
                let written = short.write(&dir, 2, &config, trained.as_ref()).unwrap();
                VectorSegment::open(&dir, &config, &written, Opening::default()).unwrap();
            }
        }
        builder(1e30).write(&dir, 3, &config(4, Metric::L2, "Flat"), None).unwrap();
    }
}
