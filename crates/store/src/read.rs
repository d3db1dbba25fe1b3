//! Reading an index: a store's newest commit, and what can be asked of it.

use std::path::Path;
use std::sync::Arc;

use semsearch_encoder::encoder::Vectors;
use semsearch_filter::Filter;

use super::{Effort, IndexConfig, StoreError, StoreWriter, StoredPassage, WriteOptions};

/// A place that keeps one index.
pub trait Store: Send + Sync {
    /// Where the index is, for messages.
    fn place(&self) -> &Path;

    /// The newest commit, to read.
    ///
    /// # Errors
    /// There is no index, it is of another format, or it is damaged.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError>;

    /// Takes the index to write, and makes it if there is none.
    ///
    /// # Errors
    /// Somebody else writes it, it was built with other settings, it cannot be written, or it is damaged.
    fn writer(&self, config: IndexConfig, options: WriteOptions) -> Result<Box<dyn StoreWriter>, StoreError>;
}

/// A passage's key with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The passage's key. Keys ascend in the order in which passages were indexed.
    pub key: u64,
    /// How near it is by the index's metric, or its BM25.
    pub score: f32,
}

/// Which passages a search may find, how many, and how thoroughly it looks.
#[derive(Clone, Copy, Debug)]
pub struct Among<'a> {
    /// The most candidates for each query.
    pub k: usize,
    /// What a candidate's metadata must pass.
    pub filter: Option<&'a Filter>,
    /// How thoroughly an index that is not exact is searched.
    pub effort: Effort,
}

/// What a commit says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// How the index was made.
    pub config: IndexConfig,
    /// A word that changes with every commit.
    pub commit: String,
    /// Number of documents.
    pub documents: u64,
    /// Number of passages, each with a vector.
    pub passages: u64,
}

/// One commit of an index. It never changes, whatever is committed later.
pub trait Snapshot: Send + Sync {
    /// What the commit says of itself.
    fn facts(&self) -> &Facts;

    /// For each row of `queries` the passages with the nearest vectors: nearest first, of equals the one indexed first.
    ///
    /// # Errors
    /// The index cannot be searched so thoroughly, cannot be filtered, or is damaged.
    fn nearest(&self, queries: &Vectors, among: &Among<'_>) -> Result<Vec<Vec<Scored>>, StoreError>;

    /// A query by the words of `text`, by BM25 over titles and texts.
    ///
    /// # Errors
    /// The index knows no words, or is damaged.
    fn words<'a>(&'a self, text: &'a str) -> Result<Box<dyn WordQuery + 'a>, StoreError>;

    /// How near the passages under `keys` are to `query`. NaN for a key that is not there, and for all of them where
    /// the index gives no vectors back.
    ///
    /// # Errors
    /// The index is damaged.
    fn scores(&self, query: &[f32], keys: &[u64]) -> Result<Vec<f32>, StoreError>;

    /// For each of `keys` the key of the first passage of its document.
    ///
    /// # Errors
    /// The index is damaged.
    fn documents(&self, keys: &[u64]) -> Result<Vec<u64>, StoreError>;

    /// The passages under `keys`, in their order.
    ///
    /// # Errors
    /// A passage is missing or damaged.
    fn passages(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError>;

    /// How many passages pass `filter`.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn count(&self, filter: &Filter) -> Result<usize, StoreError>;

    /// The fields that `filter` asks for and no document has.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn unknown_fields<'a>(&self, filter: &'a Filter) -> Result<Vec<&'a str>, StoreError>;

    /// Names of fields that documents have, the shortest first; at most `max` of them.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn fields(&self, max: usize) -> Result<Vec<String>, StoreError>;
}

/// A query's words, weighed by the index.
pub trait WordQuery {
    /// The best passages that have a word of the query: best first, of equals the one indexed first.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn best(&self, among: &Among<'_>) -> Result<Vec<Scored>, StoreError>;

    /// The BM25 of the passages under `keys`; 0 for one that has no word of the query.
    ///
    /// # Errors
    /// The index is damaged.
    fn scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError>;
}
