//! Reading an index: a store's newest commit, and the questions that it answers.

use std::path::Path;
use std::sync::Arc;

use semsearch_encoder::encoder::Vectors;
use semsearch_filter::Filter;
use serde_json::Value;

use super::{CopiedPassage, Effort, IndexConfig, StoreError, StoreWriter, StoredPassage, Verified, Word, WriteOptions};

/// A place that holds one index.
pub trait Store: Send + Sync {
    /// The place of the index, for messages.
    fn place(&self) -> &Path;

    /// The name of the newest commit ([`Facts::commit`]), which is cheap to ask for.
    ///
    /// # Errors
    /// There is no index, it is of another format, or it is damaged.
    fn commit(&self) -> Result<String, StoreError>;

    /// How the index was made; `None` if there is no index yet.
    ///
    /// # Errors
    /// The index is of another format, or it is damaged.
    fn recorded(&self) -> Result<Option<IndexConfig>, StoreError>;

    /// The newest commit, for reading.
    ///
    /// # Errors
    /// There is no index, it is of another format, or it is damaged.
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError>;

    /// Checks that the newest commit is as it was made, as a whole.
    ///
    /// # Errors
    /// There is no index. Damage is not an error here; it is listed in [`Verified::faults`].
    fn verify(&self) -> Result<Verified, StoreError>;

    /// Takes the index for writing, and makes it if there is none.
    ///
    /// # Errors
    /// Another process is writing it, it was built with other settings, it cannot be written, or it is damaged.
    fn writer(&self, config: IndexConfig, options: WriteOptions) -> Result<Box<dyn StoreWriter>, StoreError>;
}

/// A passage's key with its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// The passage's key. Keys ascend in the order in which passages were indexed.
    pub key: u64,
    /// The passage's nearness by the index's metric, or its BM25.
    pub score: f32,
}

/// Which passages a search may find, how many, and how thoroughly it looks.
#[derive(Clone, Copy, Debug)]
pub struct Among<'a> {
    /// The most candidates for each query.
    pub k: usize,
    /// The filter that a candidate's metadata must pass.
    pub filter: Option<&'a Filter>,
    /// How thoroughly an index that is not exact is searched.
    pub effort: Effort,
}

/// The facts that a commit records about itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// How the index was made.
    pub config: IndexConfig,
    /// A string that changes with every commit.
    pub commit: String,
    /// The number of documents.
    pub documents: u64,
    /// The number of passages, each of which has a vector.
    pub passages: u64,
}

/// A value of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldValue {
    /// A string, a number, a boolean or null.
    pub value: Value,
    /// How many documents have it.
    pub documents: u64,
}

/// What is called with each vector and its key.
pub type EachVector<'a> = &'a mut dyn FnMut(u64, &[f32]) -> Result<(), StoreError>;

/// One commit of an index. It never changes, whatever is committed later.
pub trait Snapshot: Send + Sync {
    /// The facts that the commit records about itself.
    fn facts(&self) -> &Facts;

    /// For each row of `queries`, the passages with the nearest vectors, nearest first. Of equal scores, the passage
    /// that was indexed first comes first.
    ///
    /// # Errors
    /// The index has no parameter for the effort, cannot be filtered, or is damaged.
    fn nearest(&self, queries: &Vectors, among: &Among<'_>) -> Result<Vec<Vec<Scored>>, StoreError>;

    /// A query by the words of `text`: BM25 over titles and texts.
    ///
    /// # Errors
    /// The index has no words, or is damaged.
    fn words<'a>(&'a self, text: &'a str) -> Result<Box<dyn WordQuery + 'a>, StoreError>;

    /// The scores of the passages under `keys` for the vector `query`. A score is NaN if the key does not exist. All
    /// scores are NaN if the index does not give vectors back.
    ///
    /// # Errors
    /// The index is damaged.
    fn scores(&self, query: &[f32], keys: &[u64]) -> Result<Vec<f32>, StoreError>;

    /// For each of `keys`, the key of the first passage of the same document.
    ///
    /// # Errors
    /// The index is damaged.
    fn documents(&self, keys: &[u64]) -> Result<Vec<u64>, StoreError>;

    /// The passages under `keys`, in the order of the keys.
    ///
    /// # Errors
    /// A passage is missing or damaged.
    fn passages(&self, keys: &[u64]) -> Result<Vec<StoredPassage>, StoreError>;

    /// The keys of the passages of the document with this id, in the order of its text; none if there is no such
    /// document.
    ///
    /// # Errors
    /// The index is damaged.
    fn find(&self, id: &str) -> Result<Vec<u64>, StoreError>;

    /// The keys of all passages that pass `filter`, ascending.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn keys(&self, filter: Option<&Filter>) -> Result<Vec<u64>, StoreError>;

    /// The vector of the passage under `key`; `None` if the index gives no vectors back.
    ///
    /// # Errors
    /// The index is damaged.
    fn vector(&self, key: u64) -> Result<Option<Vec<f32>>, StoreError>;

    /// Calls `each` with all vectors and their keys, by ascending keys.
    ///
    /// # Errors
    /// The index is damaged, its factory's kind of index does not give vectors back, or `each` fails.
    fn vectors(&self, each: EachVector<'_>) -> Result<(), StoreError>;

    /// The number of passages that pass `filter`.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn count(&self, filter: &Filter) -> Result<usize, StoreError>;

    /// The fields that `filter` tests and that no document has.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn unknown_fields<'a>(&self, filter: &'a Filter) -> Result<Vec<&'a str>, StoreError>;

    /// The names of fields that documents have, shortest first; at most `max` of them.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn fields(&self, max: usize) -> Result<Vec<String>, StoreError>;

    /// The values of `field` in the documents that pass `filter`, those of most documents first, at most `max` of them.
    /// A string that is longer than 1,024 bytes is left out.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn values(&self, field: &str, filter: Option<&Filter>, max: usize) -> Result<Vec<FieldValue>, StoreError>;

    /// The number of documents of which a passage passes `filter`.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn count_documents(&self, filter: &Filter) -> Result<u64, StoreError>;

    /// Calls `each` with every passage, by ascending keys. The passages of one document follow each other.
    ///
    /// # Errors
    /// The index is damaged, its factory's kind of index does not give vectors back, or `each` fails.
    fn copy(&self, each: &mut dyn FnMut(CopiedPassage) -> Result<(), StoreError>) -> Result<(), StoreError>;

    /// The parts of the index that could not be asked and that answers are without, each with the reason. There are none
    /// unless the store was told to answer without them.
    fn left_out(&self) -> Vec<String> {
        Vec::new()
    }

    /// The words of a text, as the index splits and stems them.
    fn split(&self, text: &str) -> Vec<Word>;
}

/// A query's words, with their weights in the index.
pub trait WordQuery {
    /// The best passages that have a word of the query, best first, with the scores of [`WordQuery::scores`]. Of equal
    /// scores, the passage that was indexed first comes first.
    ///
    /// # Errors
    /// The index cannot be filtered, or is damaged.
    fn best(&self, among: &Among<'_>) -> Result<Vec<Scored>, StoreError>;

    /// The BM25 of the passages under `keys`; 0 for a passage that has no word of the query.
    ///
    /// # Errors
    /// The index is damaged.
    fn scores(&self, keys: &[u64]) -> Result<Vec<f32>, StoreError>;

    /// The BM25 that no passage exceeds, that of endless repetition of the query's words: Σ idf · (k₁ + 1).
    fn most(&self) -> f32;
}
