//! The interface of an index, wherever it is stored.
//!
//! A [`Store`] holds an index, in a directory or in a database. Its newest commit is read as a [`Snapshot`], which
//! never changes and which any number of threads may share. A [`StoreWriter`] makes the next commit.
//!
//! | type | what it says |
//! | --- | --- |
//! | [`IndexConfig`] | everything that an index records of how it was made |
//! | [`Metric`] | how two vectors are compared, and which of two scores is better |
//! | [`NewPassage`], [`StoredPassage`] | a passage on its way into an index, and as it comes back |
//! | [`CopiedPassage`] | a passage on its way from one index into another |
//! | [`Scored`] | a passage's key with its score: a candidate |
//! | [`Among`] | which passages a search may find, how many, and how thoroughly it looks |
//!
//! A store finds candidates and scores them. The engine does the rest (fusion, choosing each document's best passage,
//! offsets), so that every store gives the same answer. The encoder turns texts into vectors.

mod analysis;
mod config;
mod effort;
mod error;
mod inputs;
mod language;
mod metric;
mod passage;
mod read;
mod values;
mod verified;
mod version;
mod write;

pub use analysis::{Analysis, Splitting, Word};
pub use config::{ChunkPolicy, FileIds, IndexConfig, IndexSettings, ModelIdentity, Prompts, SETTINGS, Setting};
pub use effort::Effort;
pub use error::{ServerFailure, StoreError};
pub use inputs::Inputs;
pub use language::Language;
pub use metric::Metric;
pub use passage::{ChunkPlace, ChunkSize, CopiedPassage, NewPassage, Source, StoredPassage};
pub use read::{Among, EachVector, Facts, FieldValue, Scored, Snapshot, Store, WordQuery};
pub use values::most_frequent;
pub use verified::Verified;
pub use version::{ContentDigest, Version, content_digest, digest_of};
pub use write::{Change, Compared, StoreWriter, WriteOptions, Written};
