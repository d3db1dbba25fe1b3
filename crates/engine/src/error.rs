//! Every way in which indexing and searching can fail.

use std::path::PathBuf;

use semsearch_corpus::CorpusError;
use semsearch_encoder::EncoderError;
use semsearch_files::FileError;
use semsearch_store::StoreError;
use semsearch_vector_file::VectorFileError;

/// A failure of the engine, or of a part that it uses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A file or directory could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The inputs cannot be read.
    #[error(transparent)]
    Corpus(#[from] CorpusError),
    /// The model failed.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A file of vectors failed.
    #[error(transparent)]
    VectorFile(#[from] VectorFileError),
    /// The index failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A query has no words.
    #[error("the query is empty")]
    EmptyQuery,
    /// This searcher or indexer does not support what was asked.
    #[error("{0}")]
    Unsupported(String),
    /// The given vectors do not fit the index's model.
    #[error("{}: its rows have {found} components, the model {model} makes {expected}", .path.display())]
    GivenDim {
        /// The file of vectors.
        path: PathBuf,
        /// The number of components in its rows.
        found: usize,
        /// The index's model.
        model: String,
        /// The number of components in the index's vectors.
        expected: usize,
    },
    /// The number of given vectors is not that of the records.
    #[error("{}: {rows} rows, but there are {records} records", .path.display())]
    GivenCount {
        /// The file of vectors.
        path: PathBuf,
        /// The number of its rows.
        rows: u64,
        /// `more` or `fewer`.
        records: &'static str,
    },
}
