//! Semantic search as a library: documents and queries in, hits out.
//!
//! An [`Indexer`] takes documents, cuts them into passages, embeds these and writes them to a store. A [`Searcher`]
//! answers [`SearchRequest`]s over a store's newest commit; it is cheap to clone, and any number of threads may share
//! it. This crate does not know how hits are shown, or where documents come from.
//!
//! Candidates come from a [store](semsearch_store::Snapshot), and vectors from an
//! [embedder](semsearch_encoder::embedder::Embedder). The rest is the same for every store and is done here: fusion,
//! choosing each document's best passage, pages of hits.
//!
//! A session, over an index in a directory:
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use semsearch_corpus::{FieldNames, Format, Input, records};
//! use semsearch_encoder::embedder::{Embedder, Options};
//! use semsearch_encoder::model::ModelFiles;
//! use semsearch_engine::{Indexer, IndexerOptions, LoadedModel, Query, SearchRequest, Searcher, identity};
//! use semsearch_store::{IndexConfig, IndexSettings, Store, WriteOptions};
//! use semsearch_store_local::LocalStore;
//!
//! # fn main() -> Result<(), semsearch_engine::EngineError> {
//! let files = ModelFiles { dir: "all-MiniLM-L6-v2".into(), id: "all-MiniLM-L6-v2".into(), revision: None };
//! let embedder = Arc::new(Embedder::load(&files, &Options::default())?);
//! let model = LoadedModel { embedder, identity: identity(&files)? };
//!
//! // Documents in: compared, cut, embedded, committed.
//! let store = LocalStore::new("index");
//! let config = IndexConfig::new(model.identity.clone(), &model.embedder, IndexSettings::default());
//! let writer = store.writer(config.clone(), WriteOptions::default())?;
//! let mut indexer = Indexer::new(&model.embedder, &config, writer, IndexerOptions::default());
//! let documents = records(&[Input::File("passages.jsonl".into())], Format::Auto)?;
//! indexer.run(documents.map(|record| FieldNames::default().document(record?)), &mut ())?;
//! indexer.commit()?;
//!
//! // Hits out.
//! let searcher = Searcher::new(Arc::new(store.clone()), store.snapshot()?, model)?;
//! let queries = vec![Query { id: "1".into(), text: "Who headlined the halftime show?".into() }];
//! let results = searcher.search(&SearchRequest { queries, k: 3, ..SearchRequest::default() }, &mut ())?;
//! for hit in &results.hits[0] {
//!     let _ = (hit.rank, hit.score, &hit.document.id);
//! }
//! # Ok(())
//! # }
//! ```

mod copying;
mod cutter;
mod documents;
mod error;
mod fusion;
mod given;
mod identity;
mod indexer;
mod intake;
mod likeness;
pub mod long_texts;
mod pinned;
mod query_words;
mod ranking;
mod request;
mod rerank;
mod searcher;
mod sentence;
mod storing;
mod window;
mod windows;

pub use copying::{copy_index, merge_indexes};
pub use cutter::{Cutter, Piece, chunk_size};
pub use documents::{ListedDocument, WholeDocument, list_documents, whole_document};
pub use error::EngineError;
pub use fusion::Fusion;
pub use given::{EMBEDDING, GivenVectors};
pub use identity::{identity, identity_of};
pub use indexer::{IndexCounts, IndexProgress, Indexer, IndexerOptions, Stop, Truncation};
pub use likeness::Subject;
pub use pinned::{PinnedSearcher, prompted};
pub use query_words::QueryWords;
pub use request::{Hit, Mode, Query, Scores, SearchRequest, SearchResults};
pub use searcher::{LoadedModel, Searcher};
pub use window::{Filled, Window};
