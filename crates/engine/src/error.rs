//! Every way indexing and searching can fail.

use semsearch_encoder::EncoderError;
use semsearch_files::FileError;
use semsearch_store::StoreError;

/// A failure of the engine, or of a part that it is made of.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The library failed.
    #[error(transparent)]
    Library(#[from] semsearch_error::Error),
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// The index failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A query without a word.
    #[error("the query is empty")]
    EmptyQuery,
    /// What this searcher or indexer cannot do.
    #[error("{0}")]
    Unsupported(String),
}
