//! Semantic search as a library: documents and queries in, hits out.
//!
//! An [`Indexer`] takes documents, cuts them into passages, embeds these and writes them to a store. A [`Searcher`] answers
//! [`SearchRequest`]s over a store's newest commit; it is cheap to clone, and any number of threads may share it. How hits are
//! shown, and where documents come from, is left to others.
//!
//! Candidates come from a [store](semsearch_store::Snapshot), vectors from an [embedder](semsearch_encoder::embedder::Embedder). What is
//! done here is the same for every store: fusion, each document by its best passage, pages of hits.

mod cutter;
mod embed_window;
mod error;
mod fusion;
mod given;
mod identity;
mod indexer;
pub mod long_texts;
mod ranking;
mod request;
mod searcher;
mod sentence;
mod window;

pub use cutter::{Cutter, Piece, chunk_size};
pub use error::EngineError;
pub use fusion::Fusion;
pub use given::GivenVectors;
pub use identity::identity;
pub use indexer::{IndexCounts, IndexProgress, Indexer, IndexerOptions, Stop, Truncation};
pub use request::{Hit, Mode, Query, Scores, SearchRequest, SearchResults};
pub use searcher::{LoadedModel, Searcher};
pub use window::{Filled, Window};
