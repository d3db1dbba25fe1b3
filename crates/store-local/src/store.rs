//! A directory as a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use semsearch_kernels::Isa;

use super::latest::{recorded, with_latest};
use super::snapshot::{LocalSnapshot, commit_of};
use super::verify::verify;
use super::writer::LocalWriter;
use semsearch_store::{Effort, IndexConfig, Snapshot, Store, StoreError, StoreWriter, Verified, WriteOptions};

/// An index in a directory.
#[derive(Clone, Debug)]
pub struct LocalStore {
    dir: PathBuf,
    isa: Isa,
    effort: Effort,
}

impl LocalStore {
    /// The index at `dir`, which need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), isa: Isa::best(), effort: Effort::default() }
    }

    /// Compares vectors with this instruction set instead of the processor's best.
    pub fn with_isa(self, isa: Isa) -> Self {
        Self { isa, ..self }
    }

    /// Opens the index so that searches with this effort cost nothing extra. A search with another effort opens the
    /// vectors once more.
    pub fn with_effort(self, effort: Effort) -> Self {
        Self { effort, ..self }
    }

    /// Opens the newest commit, as the type that has everything a directory can offer.
    ///
    /// # Errors
    /// There is no index, it is of another format, a file of it is missing or damaged, or its factory has no parameter
    /// for the effort.
    pub fn open(&self) -> Result<LocalSnapshot, StoreError> {
        LocalSnapshot::open(&self.dir, self.isa, self.effort)
    }
}

impl Store for LocalStore {
    fn place(&self) -> &Path {
        &self.dir
    }

    fn commit(&self) -> Result<String, StoreError> {
        with_latest(&self.dir, |_, manifest| Ok(commit_of(manifest)), |_| true)
    }

    fn recorded(&self) -> Result<Option<IndexConfig>, StoreError> {
        Ok(recorded(&self.dir)?.map(|manifest| manifest.config))
    }

    fn verify(&self) -> Result<Verified, StoreError> {
        verify(&self.dir)
    }

    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        Ok(Arc::new(self.open()?))
    }

    fn writer(&self, config: IndexConfig, options: WriteOptions) -> Result<Box<dyn StoreWriter>, StoreError> {
        Ok(Box::new(LocalWriter::open(&self.dir, config, options)?))
    }
}
